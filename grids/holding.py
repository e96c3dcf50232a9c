"""Which teams answer for a cell and which of them leads. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import or_, select

from grids.inheritance import Held, joined
from grids.models import Assignment, Cell, Level, Team
from grids.queries import cell as find_cell
from grids.staffing import (
    IdTaken,
    check_day,
    check_period,
    starts_otherwise,
    stored_once,
    writable,
)
from gridserve import events
from gridserve.db import db
from gridserve.errors import Conflict, Invalid, NotFound
from gridserve.people import User


class HoldsAlready(Conflict):
    """A team holds a cell once at a time."""

    code = "team.holds_cell"


class NoSuchAssignment(NotFound):
    code = "assignment.not_found"


def assign(team: Team, said: dict[str, Any], *, by: User) -> Assignment:
    """Let a locked team answer for a cell: id, cell (code), lead, from_date (today), to_date.

    One that leads takes the lead from whoever had it, from that day on; the other goes on as a
    supporting team. The first team of a cell leads. Raises NoSuchCell, Invalid, HoldsAlready,
    IdTaken.
    """
    cell = _locked(find_cell(by, said["cell"]), by)
    known = db.session.get(Assignment, said["id"], populate_existing=True)
    if known is not None:
        other = (known.team_id, known.cell_id) != (team.id, cell.id)
        # The first team of a cell leads whatever was said.
        if other or starts_otherwise(known, said) or (said["lead"] and not known.lead):
            raise IdTaken(_("This id is already used for another cell; make a new one."))
        return known
    if cell.village_code[: Level.TOWNSHIP] != team.jurisdiction_code[: Level.TOWNSHIP]:
        raise Invalid(errors={"/cell": [_("The cell lies in another township than the team.")]})
    first, last = check_period(said)
    if not cell.held_on(first) or (cell.to_date and (last is None or last > cell.to_date)):
        raise Invalid(errors={"/cell": [_("This cell is not valid on these days.")]})
    others = _rows(cell.id, first)
    if any(row.team_id == team.id for row in others if last is None or row.from_date < last):
        raise HoldsAlready(_("The team answers for this cell already on some of these days."))
    new = Held(team.id, first, last, said["lead"])
    before = [_from(row, first) for row in others]
    order = [[new], before] if said["lead"] else [before, [new]]
    _settle(cell.id, joined(order), others, first, new_id=(team.id, said["id"]))
    _told("team.cell_given", cell, team, by, lead=said["lead"], from_date=first.isoformat())
    return db.session.get_one(Assignment, said["id"])


def lead(team: Team, assignment_id: uuid.UUID, on: date, *, by: User) -> None:
    """Let a locked team that supports for a cell lead for it from `on`."""
    row, cell = _row(team, assignment_id, by)
    check_day(on, "/on")
    if row.lead:
        return
    since = max(on, row.from_date)
    if row.to_date is not None and row.to_date <= since:
        raise Conflict(_("This team no longer answers for the cell on that day."))
    rows = _rows(cell.id, since)
    others = [_from(other, since) for other in rows if other.id != row.id]
    _settle(cell.id, joined([[Held(team.id, since, row.to_date, True)], others]), rows, since)
    _told("team.cell_led", cell, team, by, on=since.isoformat())


def end_assignment(team: Team, assignment_id: uuid.UUID, on: date, *, by: User) -> None:
    """Let a locked team answer for a cell no longer from `on`.

    Where it led, the supporting team that began first leads from then on.
    """
    row, cell = _row(team, assignment_id, by)
    check_day(on, "/on")
    if row.to_date is not None and row.to_date <= on:
        return
    on = max(on, row.from_date)
    rows = _rows(cell.id, on)
    others = [_from(other, on) for other in rows if other.id != row.id]
    _settle(cell.id, joined([others]), rows, on)
    _told("team.cell_taken", cell, team, by, on=on.isoformat())


def _locked(cell: Cell, by: User) -> Cell:
    writable(cell.village_code, by)
    rows = select(Cell).where(Cell.id == cell.id).with_for_update(key_share=True)
    return db.session.scalars(rows.execution_options(populate_existing=True)).one()


def _no_such_assignment() -> NoSuchAssignment:
    return NoSuchAssignment(_("The team answers for no such cell."))


def _row(team: Team, assignment_id: uuid.UUID, by: User) -> tuple[Assignment, Cell]:
    row = db.session.get(Assignment, assignment_id, populate_existing=True)
    if row is None or row.team_id != team.id:
        raise _no_such_assignment()
    cell = _locked(db.session.get_one(Cell, row.cell_id), by)
    # Read anew: a change of cells that this waited for may have been taken back, with the row.
    row = db.session.get(Assignment, assignment_id, populate_existing=True)
    if row is None:
        raise _no_such_assignment()
    return row, cell


def _rows(cell_id: uuid.UUID, since: date) -> Sequence[Assignment]:
    """What holds for the cell on `since` or later, who began first before others."""
    return db.session.scalars(
        select(Assignment)
        .where(
            Assignment.cell_id == cell_id,
            or_(Assignment.to_date.is_(None), Assignment.to_date > since),
            or_(Assignment.to_date.is_(None), Assignment.to_date > Assignment.from_date),
        )
        .order_by(Assignment.from_date, Assignment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _from(row: Assignment, since: date) -> Held:
    return Held(row.team_id, max(row.from_date, since), row.to_date, row.lead)


def _settle(
    cell_id: uuid.UUID, wanted: Sequence[Held], rows: Sequence[Assignment], since: date,
    *, new_id: tuple[uuid.UUID, uuid.UUID] | None = None,
) -> None:  # fmt: skip
    """Let `wanted` hold from `since` on, instead of what `rows` say; the days before stay.

    A row that goes on as it was is kept, another one ends and a new one begins. `new_id` is the id
    for the first new row of a team, (team's id, id).
    """
    left = {(row.team_id, max(row.from_date, since), row.lead): row for row in rows}
    fresh: list[Held] = []
    ends: list[tuple[Assignment, date | None]] = []
    for each in wanted:
        row = left.pop((each.team_id, each.first, each.lead), None)
        if row is None:
            fresh.append(each)
        else:
            ends.append((row, each.last))
    for row in left.values():
        row.to_date = max(since, row.from_date)
    db.session.flush()
    with stored_once(HoldsAlready(_("Somebody assigned the cell meanwhile. Look again."))):
        for row, last in ends:
            row.to_date = last
        for each in sorted(fresh, key=lambda held: held.first):
            row_id = uuid.uuid4()
            if new_id and each.team_id == new_id[0]:
                row_id, new_id = new_id[1], None
            db.session.add(
                Assignment(
                    id=row_id, team_id=each.team_id, cell_id=cell_id, from_date=each.first,
                    to_date=each.last, lead=each.lead,
                )
            )  # fmt: skip


def end_team(team: Team, on: date, *, by: User) -> None:
    """Let a locked team, whose members have left, answer for nothing from `on`; it is kept."""
    for assignment_id in _locked_with_cells(team, on):
        end_assignment(team, assignment_id, on, by=by)
    team.to_date = on
    data = {"name": team.name, "on": on.isoformat()}
    events.record("team.ended", team.id, by=by.id, jurisdiction=team.jurisdiction_code, data=data)


def _locked_with_cells(team: Team, on: date) -> list[uuid.UUID]:
    """The ids of what a locked team answers for after `on`; the cells are locked.

    In the order of codes, so that teams that end at once do not wait in a ring. A cell that was
    being split is waited for, and what came of it is locked too.
    """
    held = (
        select(Assignment.id, Cell.id.label("cell"))
        .join(Cell, Cell.id == Assignment.cell_id)
        .where(
            Assignment.team_id == team.id,
            or_(Assignment.to_date.is_(None), Assignment.to_date > on),
        )
        .order_by(Cell.code, Assignment.from_date)
    )
    locked: set[uuid.UUID] = set()
    while True:
        rows = db.session.execute(held).all()
        new = {row.cell for row in rows} - locked
        if not new:
            return [row.id for row in rows]
        cells = select(Cell.id).where(Cell.id.in_(new)).order_by(Cell.code)
        db.session.execute(cells.with_for_update(key_share=True))
        locked |= new


def _told(action: str, cell: Cell, team: Team, by: User, **data: Any) -> None:
    said = {"name": team.name, "cell": cell.code, **data}
    events.record(action, team.id, by=by.id, jurisdiction=cell.code, data=said)

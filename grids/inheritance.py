"""Who answers for new cells: the teams that answered for the old ones, from the same day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest
from typing import Any

from sqlalchemy import and_, delete, or_, select

from grids.models import Assignment, Cell
from gridserve.db import db


@dataclass(frozen=True)
class Held:
    """A team holds a cell from `first` up to, not including, `last` (None: without end)."""

    team_id: uuid.UUID
    first: date
    last: date | None
    lead: bool

    def on(self, day: date) -> bool:
        return self.first <= day and (self.last is None or day < self.last)


@dataclass(frozen=True)
class Passed:
    """Assignments to the old cells as they were, and to the new cells as they were made.

    Each as plain values {id, team, cell, from, to, lead}, so that it can be kept.
    """

    ended: list[dict[str, Any]]
    made: list[dict[str, Any]]

    def teams_of(self, cell_id: uuid.UUID) -> set[uuid.UUID]:
        """The teams that answered for an old cell from the day of the change on."""
        return {uuid.UUID(row["team"]) for row in self.ended if row["cell"] == str(cell_id)}

    @property
    def team_ids(self) -> set[uuid.UUID]:
        return {uuid.UUID(row["team"]) for row in (*self.ended, *self.made)}


def plain(row: Assignment) -> dict[str, Any]:
    """An assignment in plain values."""
    return {
        "id": str(row.id), "team": str(row.team_id), "cell": str(row.cell_id), "lead": row.lead,
        "from": row.from_date.isoformat(), "to": row.to_date and row.to_date.isoformat(),
    }  # fmt: skip


def pass_on(
    old: Sequence[Cell], new: Sequence[Cell], on: date, parents: Mapping[uuid.UUID, Sequence[Cell]]
) -> Passed:
    """End the teams' assignments to old cells on the day and begin them for the new ones.

    `parents` says from which old cells each new one inherits; the lead team is that of the first.
    An assignment that would have begun on the day or later goes over with its own dates.
    """
    ids = [cell.id for cell in old]
    rows = db.session.scalars(
        select(Assignment)
        .where(
            Assignment.cell_id.in_(ids), or_(Assignment.to_date.is_(None), Assignment.to_date > on)
        )
        .order_by(Assignment.from_date, Assignment.id)
        .with_for_update()
    ).all()
    held: dict[uuid.UUID, list[Held]] = {cell.id: [] for cell in old}
    ended = [plain(row) for row in rows]
    for row in rows:
        held[row.cell_id].append(Held(row.team_id, max(row.from_date, on), row.to_date, row.lead))
        if row.from_date >= on:
            db.session.delete(row)  # it never held
        else:
            row.to_date = on
    db.session.flush()
    made = [
        Assignment(
            id=uuid.uuid4(), team_id=each.team_id, cell_id=child.id, from_date=each.first,
            to_date=each.last, lead=each.lead,
        )
        for child in new
        for each in joined([held[parent.id] for parent in parents[child.id]])
    ]  # fmt: skip
    db.session.add_all(made)
    db.session.flush()
    return Passed(ended, [plain(row) for row in made])


def changed_since(passed: Passed, old: Sequence[Cell], new: Sequence[Cell], on: date) -> bool:
    """Whether somebody changed assignments of these cells since they were passed on."""
    here = Assignment.cell_id.in_([cell.id for cell in new])
    left = and_(
        Assignment.cell_id.in_([cell.id for cell in old]),
        or_(Assignment.to_date.is_(None), Assignment.to_date > on),
    )
    rows = select(Assignment).where(here | left).with_for_update()
    now = sorted((plain(row) for row in db.session.scalars(rows)), key=lambda row: row["id"])
    return now != sorted(passed.made, key=lambda row: row["id"])


def give_back(passed: Passed) -> None:
    """Put the old cells' assignments as they were before, in place of those that were made."""
    made = [uuid.UUID(row["id"]) for row in passed.made]
    db.session.execute(delete(Assignment).where(Assignment.id.in_(made)))
    for row in passed.ended:
        there = db.session.get(Assignment, uuid.UUID(row["id"])) or Assignment(
            id=uuid.UUID(row["id"]), team_id=uuid.UUID(row["team"]),
            cell_id=uuid.UUID(row["cell"]), from_date=date.fromisoformat(row["from"]),
            lead=row["lead"],
        )  # fmt: skip
        there.to_date = date.fromisoformat(row["to"]) if row["to"] else None
        db.session.add(there)
    db.session.flush()


def joined(of_parents: Sequence[Iterable[Held]]) -> list[Held]:
    """What several parents' teams hold together: every team once a day, one of them as lead.

    On each day the lead is that of the first parent that has one; where none has, the first team.
    """
    every = [each for parent in of_parents for each in parent]
    starts = sorted({e.first for e in every} | {e.last for e in every if e.last})
    found: list[Held] = []
    open_: dict[uuid.UUID, Held] = {}
    for first, last in zip_longest(starts, starts[1:]):
        there = [each for each in every if each.on(first)]
        lead = next((each.team_id for each in there if each.lead), None)
        going: dict[uuid.UUID, Held] = {}
        for team in dict.fromkeys(each.team_id for each in there):
            leads = team == (lead or there[0].team_id)
            before = open_.get(team)
            since = before.first if before and before.lead == leads else first
            going[team] = Held(team, since, last, leads)
        found += [
            each for team, each in open_.items()
            if team not in going or going[team].first != each.first
        ]  # fmt: skip
        open_ = going
    return found + list(open_.values())

"""Taking households, issues and visits back when a change of cells is undone."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from flask_babel import ngettext
from sqlalchemy import and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from grids.models import Cell
from grids.queries import teams_by_cell
from grids.undoing import TakenBack
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.issues.models import Issue, IssueStay
from visits.life import moving
from visits.models import Household, Stay, Visit, VisitMove


def depending(undoing: TakenBack) -> list[str]:
    """What was done since and would be lost or left behind, in words; [] where nothing was.

    The households are locked first: who visits or moves one right now is waited for, and seen.
    """
    new = [cell.id for cell in undoing.new]
    change = undoing.change
    moved = select(Stay.household_id).where(Stay.change_id == change.id)
    lock = select(Household.id).where(Household.cell_id.in_(new) | Household.id.in_(moved))
    db.session.execute(lock.order_by(Household.id).with_for_update())
    reasons = []
    if n := _count(_visits_since(undoing, new, moved)):
        reasons.append(
            ngettext(
                "%(num)s visit was recorded since.", "%(num)s visits were recorded since.", n
            )
        )  # fmt: skip
    if n := _count(_households_since(undoing, new)):
        reasons.append(
            ngettext(
                "%(num)s household was added or moved since.",
                "%(num)s households were added or moved since.", n,
            )
        )  # fmt: skip
    if n := _count(_issues_since(undoing, new, moved)):
        reasons.append(
            ngettext(
                "%(num)s issue was reported or closed since.",
                "%(num)s issues were reported or closed since.", n,
            )
        )  # fmt: skip
    return reasons


def _count(rows: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _visits_since(undoing: TakenBack, new: list[uuid.UUID], moved: Any) -> Any:
    change = undoing.change
    later = and_(
        Visit.household_id.in_(moved),
        Visit.received_at > change.at,
        Visit.started_at >= workdays.start_of(change.on_date),
    )
    taken = exists().where(VisitMove.visit_id == Visit.id, VisitMove.change_id == change.id)
    return select(Visit.id).where(or_(Visit.cell_id.in_(new), later), ~taken)


def _households_since(undoing: TakenBack, new: list[uuid.UUID]) -> Any:
    mine = and_(Stay.household_id == Household.id, Stay.change_id == undoing.change.id)
    left = Stay.next_id.is_distinct_from(Household.cell_id)
    came = and_(Stay.household_id.is_(None), Household.cell_id.in_(new))
    rows = select(Household.id).join(Stay, mine, isouter=True)
    # Who came back after all has been away: the days in between are counted elsewhere.
    other = aliased(Stay)
    been = exists().where(
        other.household_id == Household.id, other.change_id.is_(None), other.cell_id.in_(new)
    )
    return rows.where(or_(and_(Stay.household_id.is_not(None), left), came, been))


def _issues_since(undoing: TakenBack, new: list[uuid.UUID], moved: Any) -> Any:
    change = undoing.change
    mine = and_(IssueStay.issue_id == Issue.id, IssueStay.change_id == change.id)
    gone = or_(IssueStay.next_id.is_distinct_from(Issue.cell_id), Issue.closed_at.is_not(None))
    later = and_(Issue.household_id.in_(moved), Issue.reported_at > change.at)
    rows = select(Issue.id).join(IssueStay, mine, isouter=True)
    return rows.where(
        or_(
            and_(IssueStay.issue_id.is_not(None), gone),
            and_(IssueStay.issue_id.is_(None), or_(Issue.cell_id.in_(new), later)),
        )
    )


def households(undoing: TakenBack) -> Counter[uuid.UUID]:
    """Put the households back into the cells they came from: how many by cell."""
    stays = db.session.scalars(select(Stay).where(Stay.change_id == undoing.change.id)).all()
    db.session.execute(
        update(Household)
        .where(Household.id == Stay.household_id, Stay.change_id == undoing.change.id)
        .values(cell_id=Stay.cell_id)
        .execution_options(synchronize_session=False)
    )
    homes = Counter(stay.cell_id for stay in stays)
    for stay in stays:
        db.session.delete(stay)
    db.session.flush()
    db.session.expire_all()
    return homes


def issues(undoing: TakenBack, by: User) -> tuple[Counter[uuid.UUID], int]:
    """Take the issues back, each with a step: how many by cell, how many to other teams."""
    rows = db.session.execute(
        select(Issue, IssueStay)
        .join(IssueStay, IssueStay.issue_id == Issue.id)
        .where(IssueStay.change_id == undoing.change.id)
        .order_by(Issue.id)
        .with_for_update(of=Issue)
        .execution_options(populate_existing=True)
    ).all()
    ids = {cell for _issue, stay in rows for cell in (stay.cell_id, stay.next_id) if cell}
    cells = {cell.id: cell for cell in db.session.scalars(select(Cell).where(Cell.id.in_(ids)))}
    after = teams_by_cell(ids, workdays.today())
    before = {uuid.UUID(row["team"]) for row in undoing.passed.made}
    moved: Counter[uuid.UUID] = Counter()
    reassigned = 0
    for issue, stay in rows:
        if stay.next_id is None:
            continue  # an open issue never leaves all cells
        old, new = cells[stay.next_id], cells[stay.cell_id]
        reassigned += moving.move(
            issue, old, new, before, after, change=undoing.undo_id, by=by
        )  # fmt: skip
        moved[new.id] += 1
        db.session.delete(stay)
    db.session.flush()
    return moved, reassigned


def visits(undoing: TakenBack) -> int:
    """Judge the visits that the change had moved as they were judged before; how many."""
    rows = db.session.execute(
        select(Visit, VisitMove)
        .join(VisitMove, VisitMove.visit_id == Visit.id)
        .where(VisitMove.change_id == undoing.change.id)
        .order_by(Visit.id)
        .with_for_update(of=Visit)
    ).all()
    for visit, moved in rows:
        visit.cell_id, visit.team_id = moved.cell_id, moved.team_id
        visit.for_id, visit.in_scope = moved.for_id, moved.in_scope
        db.session.delete(moved)
    db.session.flush()
    return len(rows)

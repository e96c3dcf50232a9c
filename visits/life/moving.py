"""Moving what belongs to old cells into new ones: households, open issues, visits made since."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from grids.life import Made
from grids.models import Cell, Team
from grids.permissions import answered
from grids.queries import teams_by_cell
from gridserve import events, workdays
from gridserve.db import db
from gridserve.people import User
from visits import past
from visits.issues import operations as issue_operations
from visits.issues.models import Issue, IssueStay
from visits.models import Household, Visit, VisitMove

_IDS = ARRAY(Uuid())

# A point on a shared edge belongs to the lower code, as everywhere. What has no point, or one that
# no heir covers, goes to the heir that has most of the old cell.
HOUSEHOLDS = text("""
    UPDATE household SET cell_id = found.heir FROM (
        SELECT h.id, coalesce(
            (SELECT c.id FROM cell AS c WHERE c.id = ANY(:heirs) AND ST_Covers(c.polygon, h.point)
             ORDER BY c.code LIMIT 1), main.heir) AS heir
        FROM household AS h
        LEFT JOIN unnest(:old, :main) AS main (old, heir) ON main.old = h.cell_id
        WHERE h.id = ANY(:ids)
    ) AS found
    WHERE household.id = found.id
    RETURNING household.id, household.cell_id
""").bindparams(*(bindparam(name, type_=_IDS) for name in ("heirs", "old", "main", "ids")))

LEAVE = (
    "SELECT * FROM unnest(CAST(:homes AS uuid[]), CAST(:cells AS uuid[]), CAST(:heirs AS uuid[]))"
)

# An issue without a point of its own goes with its household.
ISSUES = text("""
    SELECT i.id, coalesce(
        (SELECT c.id FROM cell AS c WHERE c.id = ANY(:heirs) AND ST_Covers(c.polygon, i.point)
         ORDER BY c.code LIMIT 1),
        (SELECT h.cell_id FROM household AS h
         WHERE h.id = i.household_id AND h.cell_id = ANY(:heirs)),
        main.heir) AS heir
    FROM issue AS i JOIN unnest(:old, :main) AS main (old, heir) ON main.old = i.cell_id
    WHERE i.id = ANY(:ids)
""").bindparams(*(bindparam(name, type_=_IDS) for name in ("heirs", "old", "main", "ids")))

# A visit goes with its household; where that lives elsewhere by now, to the main heir of the cell.
VISITS = text("""
    SELECT v.id, coalesce(
        (SELECT h.cell_id FROM household AS h
         WHERE h.id = v.household_id AND h.cell_id = ANY(:heirs)),
        main.heir) AS heir
    FROM visit AS v JOIN unnest(:old, :main) AS main (old, heir) ON main.old = v.cell_id
    WHERE v.id = ANY(:ids)
""").bindparams(*(bindparam(name, type_=_IDS) for name in ("heirs", "old", "main", "ids")))


def _ids(made: Made, ids: Sequence[uuid.UUID]) -> dict[str, Any]:
    return {
        "heirs": [cell.id for cell in made.heirs],
        "old": list(made.main),
        "main": list(made.main.values()),
        "ids": list(ids),
    }


def households(made: Made) -> Sequence[Row[Any]]:
    """Put the households of old cells into new ones; gives (id, cell_id) of each.

    The cell of the days before is kept, so that figures of an old day stay as they were.
    """
    # Locked first: who is moving one of them right now is waited for, and then seen.
    locked = db.session.execute(
        select(Household.id, Household.cell_id)
        .where(Household.cell_id.in_([cell.id for cell in made.old]))
        .order_by(Household.id)
        .with_for_update()
    ).all()
    if not locked:
        return []
    moved = db.session.execute(HOUSEHOLDS, _ids(made, [row.id for row in locked])).all()
    heirs = {row.id: row.cell_id for row in moved}
    past.keep_cells(
        LEAVE, day=made.on, change=made.change_id,
        homes=[row.id for row in locked], cells=[row.cell_id for row in locked],
        heirs=[heirs[row.id] for row in locked],
    )  # fmt: skip
    db.session.expire_all()  # what is loaded already does not know its new cell
    return moved


def issues(made: Made, by: User) -> tuple[Counter[uuid.UUID], int]:
    """Put open issues of old cells into new ones: how many by new cell, how many to other teams.

    A team that held an issue as one of its cell's teams gives it to the lead team of the new cell
    where it does not answer for that one. Each issue takes a step that says so; closed ones stay.
    """
    found = db.session.scalars(
        select(Issue)
        .where(Issue.cell_id.in_(made.main), Issue.closed_at.is_(None))
        .order_by(Issue.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    rows = db.session.execute(ISSUES, _ids(made, [issue.id for issue in found]))
    heirs = {row.id: row.heir for row in rows}
    after = teams_by_cell([cell.id for cell in made.heirs], workdays.today())
    cells = {cell.id: cell for cell in (*made.old, *made.heirs)}
    moved: Counter[uuid.UUID] = Counter()
    reassigned = 0
    for issue in found:
        if issue.cell_id is None:
            continue
        old, new = cells[issue.cell_id], cells[heirs[issue.id]]
        db.session.add(
            IssueStay(
                issue_id=issue.id, change_id=made.change_id, to_date=made.on, cell_id=old.id,
                next_id=new.id,
            )
        )  # fmt: skip
        moved[new.id] += 1
        before = made.passed.teams_of(old.id)
        reassigned += move(issue, old, new, before, after, change=made.change_id, by=by)
    db.session.flush()
    return moved, reassigned


def move(
    issue: Issue, old: Cell, new: Cell, before: set[uuid.UUID],
    after: Mapping[uuid.UUID, Sequence[Team]], *, change: uuid.UUID, by: User,
) -> bool:  # fmt: skip
    """Take a locked, open issue to another cell with a step; whether it went to another team.

    `before` are the teams of the old cell, `after` those of cells today, the lead team first.
    """
    issue.cell_id = new.id
    data = {"change": str(change), "from": old.code, "to": new.code}
    events.record("issue.moved", issue.id, by=by.id, jurisdiction=issue.village_code, data=data)
    teams, held_by = after.get(new.id, ()), issue.team_id
    leaves = held_by in before and held_by not in {team.id for team in teams}
    issue_operations.reassign(
        issue,
        {"id": uuid.uuid5(change, str(issue.id)), "data": data},
        team=teams[0] if leaves and teams else None,
        by=by,
    )
    return issue.team_id != held_by


def visits(made: Made) -> int:
    """Give visits on or after the day of a back-dated change to the cell that held; how many.

    Team and scope are judged anew by the assignments of the day on which each happened.
    """
    found = db.session.scalars(
        select(Visit)
        .where(
            Visit.cell_id.in_(made.main),
            Visit.started_at >= workdays.start_of(made.on),
        )
        .order_by(Visit.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    rows = db.session.execute(VISITS, _ids(made, [visit.id for visit in found]))
    heirs = {row.id: row.heir for row in rows}
    for visit in found:
        if visit.cell_id is None:
            continue
        db.session.add(
            VisitMove(
                visit_id=visit.id, change_id=made.change_id, cell_id=visit.cell_id,
                team_id=visit.team_id, for_id=visit.for_id, in_scope=visit.in_scope,
            )
        )  # fmt: skip
        visit.cell_id = heirs[visit.id]
        visitor = db.session.get_one(User, visit.visitor_id)
        day = workdays.day_of(visit.started_at)
        teams = answered(visitor, [visit.cell_id], day)
        visit.team_id, visit.for_id = teams.get(visit.cell_id, (None, None))
        visit.in_scope = visit.team_id is not None
    db.session.flush()
    return len(found)

"""What follows when cells change: households, open issues and figures go to the new cells."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from grids import life
from grids.life import Made
from grids.models import Assignment, Cell, Membership, Team
from grids.permissions import holds_on
from grids.queries import teams_by_cell
from grids.schemas import geojson
from gridserve import events, workdays
from gridserve.db import db
from gridserve.people import User
from visits import figures
from visits.issues import operations as issue_operations
from visits.issues.models import Issue, IssueStay
from visits.models import Household, HouseholdStatus, Stay
from visits.operations import digest

_IDS = ARRAY(Uuid())

# A point on a shared edge belongs to the lower code, as everywhere. What has no point, or one that
# no heir covers, goes to the heir that has most of the old cell.
HOUSEHOLDS = text("""
    UPDATE household SET cell_id = found.heir FROM (
        SELECT h.id, coalesce(
            (SELECT c.id FROM cell AS c WHERE c.id = ANY(:heirs) AND ST_Covers(c.polygon, h.point)
             ORDER BY c.code LIMIT 1), main.heir) AS heir
        FROM household AS h
        JOIN unnest(:old, :main) AS main (old, heir) ON main.old = h.cell_id
    ) AS found
    WHERE household.id = found.id
    RETURNING household.id, household.cell_id
""").bindparams(*(bindparam(name, type_=_IDS) for name in ("heirs", "old", "main")))

# An issue without a point of its own goes with its household.
ISSUES = text("""
    SELECT i.id, coalesce(
        (SELECT c.id FROM cell AS c WHERE c.id = ANY(:heirs) AND ST_Covers(c.polygon, i.point)
         ORDER BY c.code LIMIT 1),
        (SELECT h.cell_id FROM household AS h
         WHERE h.id = i.household_id AND h.cell_id = ANY(:heirs)),
        main.heir) AS heir
    FROM issue AS i JOIN unnest(:old, :main) AS main (old, heir) ON main.old = i.cell_id
    WHERE i.id = ANY(:issues)
""").bindparams(*(bindparam(name, type_=_IDS) for name in ("heirs", "old", "main", "issues")))


def change(said: dict[str, Any], *, by: User) -> dict[str, Any]:
    """Change cells and move what belongs to them, once, however often it is sent.

    `said` as in `grids.life.carry_out`, which raises the errors. Gives the change with its effect.
    """
    result, _repeat = life.carry_out(
        said, digest(said), by=by, weigh=_households, follow=lambda made: _follow(made, by)
    )
    return _with_shapes(result)


def preview(said: dict[str, Any], *, by: User) -> dict[str, Any]:
    """What `change` would do, found by doing it and taking it back; nothing is stored.

    The new codes are those that are free at present.
    """
    attempt = db.session.begin_nested()
    try:
        return change(said, by=by)
    finally:
        attempt.rollback()


def _with_shapes(result: dict[str, Any]) -> dict[str, Any]:
    """The result with the polygons of the new cells, which never change."""
    codes = [cell["code"] for cell in result["cells"]]
    rows = select(Cell.code, Cell.polygon).where(Cell.code.in_(codes))
    shapes = {code: geojson(polygon) for code, polygon in db.session.execute(rows)}
    return result | {
        "cells": [cell | {"polygon": shapes[cell["code"]]} for cell in result["cells"]]
    }


def _follow(made: Made, by: User) -> dict[str, Any]:
    """Move what belongs to the old cells; gives what was moved, in plain values."""
    households = _move_households(made)
    moved, reassigned = _move_issues(made, by)
    touched = [*made.old, *made.heirs] if made.new or households else made.old
    figures.mark(cell.id for cell in touched)
    teams = teams_by_cell([cell.id for cell in made.new], made.on)
    homes = Counter(row.cell_id for row in households)
    return {
        "id": str(made.change_id),
        "kind": str(made.kind),
        "on": made.on.isoformat(),
        "village": made.village.code,
        "ended": [cell.code for cell in made.old],
        "cells": [
            {
                "code": cell.code, "name": cell.name, "kind": str(cell.kind),
                "households": homes[cell.id], "open_issues": moved[cell.id],
                "teams": [{"id": str(t.id), "name": t.name} for t in teams.get(cell.id, [])],
            }
            for cell in made.new
        ],
        "households_moved": len(households),
        "issues_moved": sum(moved.values()),
        "issues_reassigned": reassigned,
        "cadres": _cadres([*made.old, *made.new], made),
    }  # fmt: skip


def _households(cells: Sequence[Cell]) -> dict[uuid.UUID, int]:
    """How many active households each cell has; those without any are missing."""
    rows = (
        select(Household.cell_id, func.count())
        .where(
            Household.cell_id.in_([cell.id for cell in cells]),
            Household.status == HouseholdStatus.ACTIVE,
        )
        .group_by(Household.cell_id)
    )
    return {cell: count for cell, count in db.session.execute(rows) if cell is not None}


def _ids(made: Made) -> dict[str, Any]:
    return {
        "heirs": [cell.id for cell in made.heirs],
        "old": list(made.main),
        "main": list(made.main.values()),
    }


def _move_households(made: Made) -> Sequence[Row[Any]]:
    """Put the households of old cells into new ones; gives (id, cell_id) of each.

    The cell of the days before is kept, so that figures of an old day stay as they were.
    """
    # Locked first: who is moving one of them right now is waited for, and then seen.
    locked = db.session.execute(
        select(Household.id, Household.cell_id)
        .where(Household.cell_id.in_(made.main))
        .order_by(Household.id)
        .with_for_update()
    ).all()
    if not locked:
        return []
    db.session.execute(
        insert(Stay),
        [{"household_id": h, "to_date": made.on, "cell_id": cell} for h, cell in locked],
    )
    moved = db.session.execute(HOUSEHOLDS, _ids(made)).all()
    db.session.flush()
    db.session.expire_all()  # what is loaded already does not know its new cell
    return moved


def _move_issues(made: Made, by: User) -> tuple[Counter[uuid.UUID], int]:
    """Put open issues of old cells into new ones: how many by new cell, how many to other teams.

    A team that held an issue as one of its cell's teams gives it to the lead team of the new cell
    where it does not answer for that one. Each issue takes a step that says so; closed ones stay.
    """
    issues = db.session.scalars(
        select(Issue)
        .where(Issue.cell_id.in_(made.main), Issue.closed_at.is_(None))
        .order_by(Issue.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    heirs = {
        row.id: row.heir
        for row in db.session.execute(ISSUES, _ids(made) | {"issues": [i.id for i in issues]})
    }
    before = _answering([cell.id for cell in made.old], made)
    after = teams_by_cell([cell.id for cell in made.heirs], workdays.today())
    codes = {cell.id: cell.code for cell in [*made.old, *made.heirs]}
    moved: Counter[uuid.UUID] = Counter()
    reassigned = 0
    for issue in issues:
        if issue.cell_id is None:
            continue
        old, new = issue.cell_id, heirs[issue.id]
        issue.cell_id = new
        db.session.add(IssueStay(issue_id=issue.id, to_date=made.on, cell_id=old))
        moved[new] += 1
        data = {"change": str(made.change_id), "from": codes[old], "to": codes[new]}
        events.record("issue.moved", issue.id, by=by.id, jurisdiction=issue.village_code, data=data)
        teams, team = after.get(new, []), issue.team_id
        leaves = team in before.get(old, ()) and team not in {each.id for each in teams}
        issue_operations.reassign(
            issue,
            {"id": uuid.uuid5(made.change_id, str(issue.id)), "data": data},
            team=teams[0] if leaves and teams else None,
            by=by,
        )
        reassigned += issue.team_id != team
    db.session.flush()
    return moved, reassigned


def _answering(cell_ids: Iterable[uuid.UUID], made: Made) -> dict[uuid.UUID, set[uuid.UUID]]:
    """The teams that answered for each old cell up to the change: cell's id → teams' ids."""
    rows = select(Assignment.cell_id, Assignment.team_id).where(
        Assignment.cell_id.in_(list(cell_ids)), Assignment.to_date == made.on
    )
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    for cell_id, team_id in db.session.execute(rows):
        found.setdefault(cell_id, set()).add(team_id)
    return found


def _cadres(cells: Sequence[Cell], made: Made) -> list[dict[str, Any]]:
    """Who serves today in the teams of old and new cells, by name: those to be told."""
    ends = func.coalesce(Assignment.to_date, made.on) >= made.on
    rows = (
        select(User.id, User.name, Team.name.label("team"))
        .join(Membership, Membership.user_id == User.id)
        .join(Team, Team.id == Membership.team_id)
        .where(
            holds_on(Membership, workdays.today()),
            select(Assignment.id)
            .where(
                Assignment.team_id == Team.id,
                Assignment.cell_id.in_([cell.id for cell in cells]),
                ends,
            )
            .exists(),
        )
        .order_by(User.name, User.id, Team.name)
        .distinct()
    )
    return [
        {"id": str(row.id), "name": row.name, "team": row.team} for row in db.session.execute(rows)
    ]

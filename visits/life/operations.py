"""Changing cells with all that belongs to them, taking a change back, and seeing it before."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from grids import life, undoing
from grids.inheritance import Passed
from grids.life import Made
from grids.models import Cell, ChangeKind, Membership, Team
from grids.permissions import holds_on
from grids.queries import teams_by_cell
from grids.schemas import geojson
from grids.undoing import TakenBack
from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Conflict
from gridserve.people import User
from visits import figures
from visits.issues.models import Issue
from visits.life import moving, returning
from visits.models import Household, HouseholdStatus
from visits.operations import digest

Said = dict[str, Any]


class InUse(Conflict):
    """Somebody lives in the cells, or something is open there, and no cell takes it over."""

    code = "cell.in_use"


def change(said: Said, *, by: User) -> dict[str, Any]:
    """Change cells and move what belongs to them, once, however often it is sent.

    `said` as in `grids.life.carry_out`, which raises the errors; InUse besides. Gives the change
    with its effect.
    """
    result, _repeat = life.carry_out(
        said, digest(said), by=by, weigh=_households, follow=lambda made: _follow(made, by)
    )
    return _with_shapes(result)


def undo(said: Said, *, by: User) -> dict[str, Any]:
    """Take the last change of some cells back, once; `said` and errors as in `grids.undoing`."""
    result, _repeat = undoing.take_back(
        said, digest({"kind": "undo", **said}), by=by, depending=returning.depending,
        follow=lambda taken: _return(taken, by),
    )  # fmt: skip
    return _with_shapes(result)


def preview(does: Callable[..., dict[str, Any]], said: Said, *, by: User) -> dict[str, Any]:
    """What `change` or `undo` would do, found by doing it and taking it back; nothing is stored.

    The new codes are those that are free at present.
    """
    attempt = db.session.begin_nested()
    try:
        return does(said, by=by)
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
    if made.kind is ChangeKind.RETIRE and not made.heirs:
        _check_empty(made.old)
    households = moving.households(made)
    visits = moving.visits(made)
    issues, reassigned = moving.issues(made, by)
    touched = [*made.old, *made.heirs] if made.new or households else made.old
    figures.mark(cell.id for cell in touched)
    return {
        "id": str(made.change_id),
        "kind": str(made.kind),
        "on": made.on.isoformat(),
        "village": made.village.code,
        "ended": [cell.code for cell in made.old],
        "cells": _listed(made.new, Counter(row.cell_id for row in households), issues),
        "households_moved": len(households),
        "issues_moved": sum(issues.values()),
        "issues_reassigned": reassigned,
        "visits_moved": visits,
        "cadres": _cadres(made.passed),
        "undoes": None,
    }


def _return(taken: TakenBack, by: User) -> dict[str, Any]:
    """Take back what the change had moved; gives what was moved, in plain values."""
    households = returning.households(taken)
    visits = returning.visits(taken)
    issues, reassigned = returning.issues(taken, by)
    figures.mark([cell.id for cell in (*taken.old, *taken.new)] + _heirs(taken))
    return {
        "id": str(taken.undo_id),
        "kind": str(ChangeKind.UNDO),
        "on": taken.change.on_date.isoformat(),
        "village": taken.village.code,
        "ended": [cell.code for cell in taken.new],
        "cells": _listed(taken.old, households, issues),
        "households_moved": households.total(),
        "issues_moved": issues.total(),
        "issues_reassigned": reassigned,
        "visits_moved": visits,
        "cadres": _cadres(taken.passed),
        "undoes": str(taken.change.id),
    }


def _heirs(taken: TakenBack) -> list[uuid.UUID]:
    """The cells that had taken over what belonged to retired ones."""
    if taken.new or not taken.old:
        return []
    rows = select(Cell.id).where(Cell.village_code == taken.village.code, Cell.to_date.is_(None))
    return list(db.session.scalars(rows))


def _listed(
    cells: Sequence[Cell], homes: Counter[Any], issues: Counter[uuid.UUID]
) -> list[dict[str, Any]]:
    teams = teams_by_cell([cell.id for cell in cells], workdays.today())
    return [
        {
            "code": cell.code, "name": cell.name, "kind": str(cell.kind),
            "households": homes[cell.id], "open_issues": issues[cell.id],
            "teams": [{"id": str(t.id), "name": t.name} for t in teams.get(cell.id, [])],
        }
        for cell in cells
    ]  # fmt: skip


def _check_empty(cells: Sequence[Cell]) -> None:
    """Raise InUse where a village would lose its cells while somebody lives in them."""
    homes = sum(_households(cells).values())
    open_ = db.session.scalar(
        select(func.count()).where(
            Issue.cell_id.in_([cell.id for cell in cells]), Issue.closed_at.is_(None)
        )
    )
    if homes or open_:
        raise InUse(
            _(
                "%(households)s active households and %(issues)s open issues are left in these "
                "cells, and no other cell of the village takes them over. Move the households and "
                "close the issues first.",
                households=homes,
                issues=open_,
            )
        )


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


def _cadres(passed: Passed) -> list[dict[str, Any]]:
    """Who serves today in the teams of old and new cells, by name: those to be told."""
    rows = (
        select(User.id, User.name, Team.name.label("team"))
        .join(Membership, Membership.user_id == User.id)
        .join(Team, Team.id == Membership.team_id)
        .where(holds_on(Membership, workdays.today()), Team.id.in_(passed.team_ids))
        .order_by(User.name, User.id, Team.name)
        .distinct()
    )
    return [
        {"id": str(row.id), "name": row.name, "team": row.team} for row in db.session.execute(rows)
    ]

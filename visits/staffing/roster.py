"""What the pages of teams show: history, deputies, who may be chosen, a small drawing of cells."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
from geoalchemy2.shape import to_shape
from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from grids import queries
from grids import staffing as ground
from grids.absences import people_in
from grids.models import Assignment, Cell, Jurisdiction, Level, Membership, Team
from grids.permissions import holds_on
from grids.standins import Deputy
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, may
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues

CHOICES = 300  # people or cells to choose from in a form
SIZE = 320  # width and height of the drawing, in pixels


def names(teams: Iterable[Team]) -> dict[str, str]:
    """The short names of the teams' jurisdictions, by code."""
    codes = {team.jurisdiction_code for team in teams}
    rows = db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes)))
    return {row.code: row.short_name for row in rows}


def history(team_id: uuid.UUID) -> Sequence[Membership]:
    """Who serves and served in a team, the present ones first."""
    return db.session.scalars(
        select(Membership)
        .where(Membership.team_id == team_id)
        .options(joinedload(Membership.user))
        .order_by(Membership.to_date.desc().nulls_first(), Membership.from_date, Membership.id)
    ).all()


def deputies(team_id: uuid.UUID, day: date) -> dict[uuid.UUID, list[Deputy]]:
    """Present and coming deputies by membership."""
    rows = db.session.scalars(
        select(Deputy)
        .join(Membership, Membership.id == Deputy.membership_id)
        .where(Membership.team_id == team_id, or_(Deputy.to_date.is_(None), Deputy.to_date > day))
        .options(joinedload(Deputy.user))
        .order_by(Deputy.from_date)
    )
    found: dict[uuid.UUID, list[Deputy]] = {}
    for row in rows:
        found.setdefault(row.membership_id, []).append(row)
    return found


def candidates(code: str, day: date) -> Sequence[User]:
    """Who may be put into a team of the jurisdiction, by name."""
    rows = ground.candidates(code, day).order_by(User.name, User.login).limit(CHOICES)
    return db.session.scalars(rows).all()


def free_cells(user: User, team: Team, day: date) -> Sequence[Cell]:
    """The cells of the township for which the team does not answer yet."""
    held = select(Assignment.cell_id).where(
        Assignment.team_id == team.id, holds_on(Assignment, day)
    )
    near = team.jurisdiction_code[: Level.TOWNSHIP]
    rows = queries.cells(user, {"jurisdiction": near}, day).where(Cell.id.not_in(held))
    own = Cell.village_code.startswith(team.jurisdiction_code).desc()
    return db.session.scalars(rows.order_by(own, Cell.code).limit(CHOICES)).all()


def open_issues(user: User, team_id: uuid.UUID) -> int | None:
    """How many open issues a team holds, of those that `user` may see; None for who sees none."""
    if not may(user, Permission.ISSUE_READ):
        return None
    held = visible_issues(user).where(Issue.team_id == team_id, Issue.closed_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(held.subquery())) or 0


def may_say(user: User, user_id: uuid.UUID) -> bool:
    """Whether `user` may put down an absence of the person."""
    kept = people_in(user, Permission.GROUND_WRITE).where(User.id == user_id)
    return db.session.scalar(select(kept.exists())) or False


def drawing(team: Team) -> dict[str, Any] | None:
    """A team's cells as paths of a picture: {width, height, cells [{path, name, code, x, y}]}."""
    rows = [(row, to_shape(row.cell.polygon)) for row in team.assignments]
    if not rows:
        return None
    bounds = np.array([shape.bounds for _row, shape in rows])
    west, south = bounds[:, 0].min(), bounds[:, 1].min()
    east, north = bounds[:, 2].max(), bounds[:, 3].max()
    narrow = float(np.cos(np.radians((south + north) / 2)))  # a degree of longitude is shorter
    scale = (SIZE - 20) / max((east - west) * narrow, north - south)

    def put(pairs: Any) -> Any:
        xy = np.asarray(pairs)[:, :2]
        return np.column_stack(
            [10 + (xy[:, 0] - west) * narrow * scale, 10 + (north - xy[:, 1]) * scale]
        )

    cells = []
    for row, shape in rows:
        rings = [shape.exterior, *shape.interiors]
        path = " ".join(
            "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in put(ring.coords)) + "Z" for ring in rings
        )
        spot = shape.representative_point()
        x, y = put([(spot.x, spot.y)])[0]
        cells.append(
            {"path": path, "name": row.cell.name, "code": row.cell.code, "lead": row.lead,
             "x": f"{x:.0f}", "y": f"{y:.0f}"}
        )  # fmt: skip
    return {
        "width": round((east - west) * narrow * scale) + 20,
        "height": round((north - south) * scale) + 20,
        "cells": cells,
    }

"""The administrator's overview: what there is below each jurisdiction, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from grids.models import Assignment, Cell, CellKind, Jurisdiction, Level, Membership, Team
from grids.permissions import holds_on, visible_jurisdictions
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within


@dataclass(frozen=True)
class Counts:
    """One jurisdiction with the numbers below it, itself included."""

    code: str
    name: str
    level: Level
    villages: int
    without_boundary: int
    without_cells: int
    cells: int
    without_team: int
    teams: int
    members: int


def start(user: User) -> str:
    """Where the overview begins: the user's jurisdiction, "" for the whole installation.

    An installation of one county has nothing to choose from above it, so it begins there.
    """
    held = scopes(user, Permission.GROUND_READ)
    code = held[0] if len(set(held)) == 1 else ""
    while len(code) < Level.COUNTY:
        below = db.session.scalars(children(user, code).limit(2)).all()
        if len(below) != 1:
            break
        code = below[0].code
    return code


def children(user: User, code: str) -> Select[Any]:
    above = Jurisdiction.parent_code == code if code else Jurisdiction.parent_code.is_(None)
    return visible_jurisdictions(user).where(above).order_by(Jurisdiction.code)


def below(user: User, code: str, day: date) -> list[Counts]:
    """The jurisdictions directly below `code` ("": the provinces) with their counts on `day`.

    Five queries, however many there are. Only what lies in the user's scope is counted.
    """
    rows = list(db.session.scalars(children(user, code)))
    if not rows:
        return []
    digits = rows[0].level
    prefixes = scopes(user, Permission.GROUND_READ)

    def here(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        return column.startswith(code) & within(column, prefixes)

    villages = _grouped(
        digits,
        Jurisdiction.code,
        func.count(),
        func.count().filter(Jurisdiction.boundary.is_(None)),
        func.count().filter(~_has_cells(day)),
        where=(Jurisdiction.level == Level.VILLAGE, here(Jurisdiction.code)),
    )
    cells = _grouped(
        digits,
        Cell.village_code,
        func.count(),
        func.count().filter(~_has_team(day)),
        where=(holds_on(Cell, day), here(Cell.village_code)),
    )
    teams = _grouped(
        digits,
        Team.jurisdiction_code,
        func.count(),
        where=(here(Team.jurisdiction_code), Team.to_date.is_(None)),
    )
    members = _grouped(
        digits,
        Team.jurisdiction_code,
        func.count(func.distinct(Membership.user_id)),
        where=(
            Membership.team_id == Team.id,
            holds_on(Membership, day),
            here(Team.jurisdiction_code),
        ),
    )
    return [
        Counts(
            row.code, row.name, Level(row.level), *villages.get(row.code, (0, 0, 0)),
            *cells.get(row.code, (0, 0)), *teams.get(row.code, (0,)),
            *members.get(row.code, (0,)),
        )
        for row in rows
    ]  # fmt: skip


def members(user: User, code: str, day: date) -> int:
    """How many people serve in teams below `code` on `day`; who serves twice counts once."""
    counted = select(func.count(func.distinct(Membership.user_id))).where(
        Membership.team_id == Team.id,
        holds_on(Membership, day),
        Team.jurisdiction_code.startswith(code),
        within(Team.jurisdiction_code, scopes(user, Permission.GROUND_READ)),
    )
    return db.session.scalar(counted) or 0


def _grouped(
    digits: int, column: InstrumentedAttribute[str], *counts: ColumnElement[int],
    where: tuple[ColumnElement[bool], ...],
) -> dict[str, tuple[int, ...]]:  # fmt: skip
    """The counts of rows grouped by the first digits of a code."""
    group = func.left(column, digits).label("part")
    rows = select(group, *counts).where(*where).group_by("part")
    return {row[0]: tuple(row[1:]) for row in db.session.execute(rows)}


def _has_cells(day: date) -> ColumnElement[bool]:
    return (
        select(Cell.id)
        .where(
            Cell.village_code == Jurisdiction.code, Cell.kind == CellKind.BASIC, holds_on(Cell, day)
        )
        .exists()
    )


def _has_team(day: date) -> ColumnElement[bool]:
    return (
        select(Assignment.id)
        .where(Assignment.cell_id == Cell.id, holds_on(Assignment, day))
        .exists()
    )

"""Finding a place or a person by what a caller says: parts of names, addresses and numbers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy import cast as sql_cast

from grids.models import Cell, Jurisdiction, Level, Membership, Team
from grids.permissions import holds_on, reach
from gridserve import workdays
from gridserve.db import db
from gridserve.people import Post, User
from gridserve.permissions import Permission, within
from visits.models import Household
from visits.permissions import visible_households

SHOWN, MOST_PARTS = 8, 4


@dataclass(frozen=True)
class Found:
    """A place: `kind` household, cell or village, `key` what the issue is reported with."""

    kind: str
    key: str
    name: str
    note: str
    village: str
    lon: float | None = None
    lat: float | None = None


def places(user: User, words: str) -> list[Found]:
    """Villages, cells and households of the user's jurisdictions in which each part of `words` is
    found: 田坝 12 is number 12 of 田坝村. At most eight, villages first."""
    parts = words.split()[:MOST_PARTS]
    if not parts:
        return []
    villages = _villages(user, parts)
    names = {row.code: row.short_name for row in villages}
    # Where a part names no village, all of the scope is looked at.
    among = {part: [row.code for row in villages if part in row.name] for part in parts}
    found = [
        Found("village", row.code, row.short_name, row.code, row.short_name)
        for row in villages
        if all(row.code in among[part] for part in parts)
    ][: SHOWN // 2]
    found += _cells(user, parts, among, names)[: SHOWN // 2]
    return found + _households(user, parts, among)[: SHOWN - len(found)]


def _villages(user: User, parts: list[str]) -> list[Jurisdiction]:
    scope = within(Jurisdiction.code, reach(user, Permission.ISSUE_REPORT))
    named = or_(*(Jurisdiction.name.contains(part, autoescape=True) for part in parts))
    rows = select(Jurisdiction).where(scope, func.length(Jurisdiction.code) == Level.VILLAGE, named)
    return list(db.session.scalars(rows.order_by(Jurisdiction.code).limit(50)))


def _each(
    parts: list[str], among: dict[str, list[str]], village: Any, *columns: Any,
) -> ColumnElement[bool]:  # fmt: skip
    """Each part names the village or is in one of the columns."""
    return and_(
        *(
            or_(
                village.in_(among[part]),
                *(column.contains(part, autoescape=True) for column in columns),
            )
            for part in parts
        )
    )


def _cells(
    user: User, parts: list[str], among: dict[str, list[str]], names: dict[str, str]
) -> list[Found]:
    if not names:
        return []
    rows = (
        select(Cell)
        .where(Cell.village_code.in_(names), holds_on(Cell, workdays.today()))
        .where(_each(parts, among, Cell.village_code, Cell.name, Cell.code))
        .order_by(Cell.code)
    )
    return [
        Found("cell", cell.code, f"{names[cell.village_code]} {cell.name}", cell.code,
              names[cell.village_code])
        for cell in db.session.scalars(rows.limit(SHOWN))
    ]  # fmt: skip


def _households(user: User, parts: list[str], among: dict[str, list[str]]) -> list[Found]:
    place = sql_cast(Household.point, Geometry)
    rows = (
        visible_households(user)
        .join(Jurisdiction, Jurisdiction.code == Household.village_code)
        .where(
            _each(parts, among, Household.village_code, Household.address, Household.number,
                  func.coalesce(Household.group_name, ""))
        )
        .with_only_columns(
            Household.id, Household.address, Household.group_name, Household.number,
            Jurisdiction, func.ST_X(place), func.ST_Y(place),
        )
        .order_by(Household.village_code, Household.number)
    )  # fmt: skip
    return [
        Found("household", str(key), address, " · ".join(filter(None, (group, number))),
              village.short_name, lon, lat)
        for key, address, group, number, village, lon, lat in db.session.execute(rows.limit(SHOWN))
    ]  # fmt: skip


@dataclass(frozen=True)
class Colleague:
    """Somebody who serves here, with the teams of today."""

    id: uuid.UUID
    name: str
    note: str


def colleagues(user: User, words: str) -> list[Colleague]:
    """People with a post or in a team in the user's jurisdictions whose name holds `words`."""
    today, scope = workdays.today(), reach(user, Permission.ISSUE_REPORT)
    posted = select(Post.user_id).where(
        holds_on(Post, today), within(func.coalesce(Post.jurisdiction_code, ""), scope)
    )
    served = (
        select(Membership.user_id)
        .join(Team, Team.id == Membership.team_id)
        .where(holds_on(Membership, today), within(Team.jurisdiction_code, scope))
    )
    rows = (
        select(User)
        .where(User.name.contains(words.strip(), autoescape=True))
        .where(or_(User.id.in_(posted), User.id.in_(served)))
        .order_by(User.name, User.id)
        .limit(SHOWN)
    )
    people = db.session.scalars(rows).all()
    teams = db.session.execute(
        select(Membership.user_id, Team.name)
        .join(Team, Team.id == Membership.team_id)
        .where(Membership.user_id.in_([p.id for p in people]), holds_on(Membership, today))
        .order_by(Team.name)
    ).all()
    return [
        Colleague(p.id, p.name, "、".join(name for who, name in teams if who == p.id))
        for p in people
    ]

"""What is asked of the ground: jurisdictions, cells and teams within a person's scope."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext as _
from geoalchemy2.functions import ST_Covers, ST_Intersects, ST_MakeEnvelope, ST_Point
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from grids.models import Assignment, Cell, CellKind, Change, Jurisdiction, Level, Membership, Team
from grids.permissions import (
    holds_on,
    visible_cells,
    visible_changes,
    visible_jurisdictions,
    visible_teams,
)
from grids.standins import Absence, Deputy
from gridserve.db import SRID, db
from gridserve.errors import NotFound
from gridserve.people import User


class NoSuchJurisdiction(NotFound):
    code = "jurisdiction.not_found"


class NoSuchCell(NotFound):
    code = "cell.not_found"


class NoCellHere(NotFound):
    code = "cell.none_here"


class NoSuchTeam(NotFound):
    code = "team.not_found"


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdigit()


def jurisdiction(user: User, code: str) -> Jurisdiction:
    """One jurisdiction in the user's scope or on the path to it; raises `NoSuchJurisdiction`."""
    found = None
    if _is_code(code):
        found = db.session.scalar(visible_jurisdictions(user).where(Jurisdiction.code == code))
    if found is None:
        raise NoSuchJurisdiction(
            _("No jurisdiction %(code)s in your scope. Check the code.", code=code[:20])
        )
    return found


def jurisdictions(user: User, args: dict[str, Any]) -> Select[Any]:
    """Jurisdictions by `parent` (code), `level` and `q` (part of the name, start of the code)."""
    query = visible_jurisdictions(user)
    if args.get("parent"):
        parent = jurisdiction(user, args["parent"])
        query = query.where(Jurisdiction.parent_code == parent.code)
    if args.get("level"):
        query = query.where(Jurisdiction.level == args["level"])
    words = args.get("q")
    if words:
        query = query.where(_named(words))
    return query


def _named(words: str) -> ColumnElement[bool]:
    by_name = Jurisdiction.name.contains(words, autoescape=True)
    return or_(by_name, Jurisdiction.code.startswith(words)) if _is_code(words) else by_name


def count_children(codes: Iterable[str]) -> dict[str, int]:
    """How many jurisdictions lie directly below each of these; those without any are missing."""
    rows = (
        select(Jurisdiction.parent_code, func.count())
        .where(Jurisdiction.parent_code.in_(list(codes)))
        .group_by(Jurisdiction.parent_code)
    )
    return {code: count for code, count in db.session.execute(rows) if code is not None}


def cells(user: User, args: dict[str, Any], day: date) -> Select[Any]:
    """The cells valid on `day`, by `jurisdiction` (code) and `bbox` (west, south, east, north)."""
    query = visible_cells(user).where(holds_on(Cell, day))
    if args.get("jurisdiction"):
        prefix = jurisdiction(user, args["jurisdiction"]).code
        query = query.where(Cell.village_code.startswith(prefix))
    if args.get("bbox"):
        query = query.where(ST_Intersects(Cell.polygon, ST_MakeEnvelope(*args["bbox"], SRID)))
    return query


def cell(user: User, code: str) -> Cell:
    """One cell in the user's scope, whenever it was valid; raises `NoSuchCell`."""
    found = None
    if _is_code(code):
        found = db.session.scalar(visible_cells(user).where(Cell.code == code))
    if found is None:
        raise NoSuchCell(_("No cell %(code)s in your scope. Check the code.", code=code[:20]))
    return found


def changes(user: User, args: dict[str, Any]) -> Select[Any]:
    """The changes of cells by `jurisdiction` (code), with who made and who undid them."""
    query = visible_changes(user).options(joinedload(Change.actor), joinedload(Change.undo))
    if args.get("jurisdiction"):
        prefix = jurisdiction(user, args["jurisdiction"]).code
        query = query.where(Change.village_code.startswith(prefix))
    return query


def cells_at(user: User, lon: float, lat: float, day: date) -> list[Cell]:
    """The cells that cover a point (WGS 84) on `day`, basic ones first; raises `NoCellHere`.

    On a shared edge there are several: the first one counts, everywhere.
    """
    here = ST_Covers(Cell.polygon, ST_Point(lon, lat, SRID))
    found = db.session.scalars(
        visible_cells(user).where(holds_on(Cell, day), here).order_by(Cell.kind, Cell.code)
    ).all()
    if not found:
        raise NoCellHere(
            _(
                "There was no cell here on %(day)s within your scope. Check the place and the "
                "coordinate system (crs) that it was given in.",
                day=day.isoformat(),
            )
        )
    return list(found)


def teams_by_cell(cell_ids: Iterable[uuid.UUID], day: date) -> dict[uuid.UUID, list[Team]]:
    """The teams that answer for each cell on `day`, the lead team first, then by name."""
    rows = (
        select(Assignment.cell_id, Team)
        .join(Team, Team.id == Assignment.team_id)
        .where(Assignment.cell_id.in_(list(cell_ids)), holds_on(Assignment, day))
        .order_by(Assignment.lead.desc(), Team.name, Team.id)
    )
    found: dict[uuid.UUID, list[Team]] = defaultdict(list)
    for cell_id, team in db.session.execute(rows):
        found[cell_id].append(team)
    return found


def lead_teams(cell_ids: Iterable[uuid.UUID], day: date) -> dict[uuid.UUID, Team]:
    """The lead team 主责团队 of each cell on `day`; a cell without one is missing."""
    rows = (
        select(Assignment.cell_id, Team)
        .join(Team, Team.id == Assignment.team_id)
        .where(Assignment.cell_id.in_(list(cell_ids)), holds_on(Assignment, day), Assignment.lead)
    )
    return {row.cell_id: row.Team for row in db.session.execute(rows)}


def responsible(cells: Sequence[Cell], day: date) -> dict[str, Any]:
    """Who answered on `day` for a point that `cells` cover, as `cells_at` gives them: one answer.

    It is the lead team of the first basic cell, with those who served in it on that day; where
    there is none, the township's desk.
    """
    basic = next((cell for cell in cells if cell.kind is CellKind.BASIC), None)
    team = lead_teams([basic.id], day).get(basic.id) if basic else None
    people: Sequence[Membership] = ()
    if team is not None:
        people = db.session.scalars(
            select(Membership)
            .where(Membership.team_id == team.id, holds_on(Membership, day))
            .join(Membership.user)
            .options(contains_eager(Membership.user))
            .order_by(User.name, User.id)
        ).all()
    return {
        "cell": basic.code if basic else None,
        "team": team,
        "people": people,
        "desk": cells[0].village_code[: Level.TOWNSHIP],
    }


def _as_on(day: date) -> tuple[Any, ...]:
    """Loads a team's members and cells as they are on `day`."""
    members = Team.memberships.and_(holds_on(Membership, day))
    assigned = Team.assignments.and_(holds_on(Assignment, day))
    return (
        selectinload(members).joinedload(Membership.user),
        selectinload(assigned).joinedload(Assignment.cell),
    )


def teams(user: User, args: dict[str, Any], day: date) -> Select[Any]:
    """The teams by `jurisdiction` (code), with members and cells of `day`."""
    query = visible_teams(user).where(Team.to_date.is_(None)).options(*_as_on(day))
    if args.get("jurisdiction"):
        prefix = jurisdiction(user, args["jurisdiction"]).code
        query = query.where(Team.jurisdiction_code.startswith(prefix))
    return query


def team(user: User, team_id: uuid.UUID, day: date) -> Team:
    """One team in the user's scope, with members and cells of `day`; raises `NoSuchTeam`."""
    query = visible_teams(user).where(Team.id == team_id).options(*_as_on(day))
    found = db.session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NoSuchTeam(_("No such team in your scope."))
    with_standins([found], day)
    return found


def with_standins(teams: Iterable[Team], day: date) -> None:
    """Tell the members of teams, as loaded, who is `away` on `day`, their `deputy`, and
    whether that one is there instead (`stood_in`)."""
    members = {member.id: member for team in teams for member in team.memberships}
    if not members:
        return
    deputies = {
        deputy.membership_id: deputy
        for deputy in db.session.scalars(
            select(Deputy)
            .where(Deputy.membership_id.in_(members), holds_on(Deputy, day))
            .options(joinedload(Deputy.user))
        )
    }
    people = {m.user_id for m in members.values()} | {d.user_id for d in deputies.values()}
    away = set(
        db.session.scalars(
            select(Absence.user_id).where(Absence.user_id.in_(people), holds_on(Absence, day))
        )
    )
    for member in members.values():
        deputy = deputies.get(member.id)
        there = deputy is not None and deputy.user_id not in away
        member.stood_in = there and member.user_id in away  # type: ignore[misc]
        member.away = member.user_id in away  # type: ignore[misc]
        member.deputy = deputy  # type: ignore[misc]


def teams_of_village(user: User, code: str, cell_ids: Iterable[uuid.UUID], day: date) -> list[Team]:
    """The teams of a village and those that answer for its cells, with members of `day`."""
    answering = select(Assignment.team_id).where(
        Assignment.cell_id.in_(list(cell_ids)), holds_on(Assignment, day)
    )
    here = or_(Team.jurisdiction_code.startswith(code), Team.id.in_(answering))
    here &= Team.to_date.is_(None)
    rows = visible_teams(user).where(here).options(*_as_on(day)).order_by(Team.name, Team.id)
    return list(db.session.scalars(rows.execution_options(populate_existing=True)))


def path(user: User, code: str) -> list[Jurisdiction]:
    """The jurisdictions above `code` and itself, from the top, in the user's scope."""
    codes = [code[:level] for level in Level if level <= len(code)]
    rows = visible_jurisdictions(user).where(Jurisdiction.code.in_(codes))
    return list(db.session.scalars(rows.order_by(Jurisdiction.code)))

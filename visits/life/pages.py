"""The map on which cells are changed, and the page of one cell with what it came from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import marshmallow as ma
import shapely
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from grids import lineage, overview, queries
from grids.models import (
    Assignment,
    Cell,
    Change,
    ChangeKind,
    Jurisdiction,
    Level,
    Membership,
    Team,
)
from grids.permissions import holds_on, in_scope
from grids.schemas import CodeIn
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.http import Day, Schema, page_args
from gridserve.people import User
from gridserve.permissions import Permission, may, scopes, within
from visits.division import queries as division
from visits.division.ground import settled
from visits.labels import label
from visits.life import picture
from visits.models import Household, HouseholdStatus

bp = Blueprint("ground", __name__, template_folder="../templates")

MOST_CELLS = 500  # drawn and listed at once: the largest townships have some 300
CHANGES = 10  # listed beside the map


class CellsPageIn(Schema):
    jurisdiction = CodeIn()
    as_of = Day()
    done = ma.fields.UUID()


@bp.get("/maps/cells")
@requires(Permission.GROUND_READ)
def cells() -> ResponseReturnValue:
    """The cells of a village or township on a map and in a list, and the tools to change them."""
    args = page_args(CellsPageIn())
    code = args.get("jurisdiction") or overview.start(current_user)
    path = queries.path(current_user, code)
    here = queries.jurisdiction(current_user, code) if code else None
    if here is None or here.level < Level.TOWNSHIP:
        return _choose(here, path)
    today = workdays.today()
    day = args.get("as_of") or today
    found = db.session.scalars(
        queries.cells(current_user, {"jurisdiction": code}, day)
        .order_by(Cell.code)
        .limit(MOST_CELLS)
    ).all()
    ids = [cell.id for cell in found]
    may_write = day == today and may(current_user, Permission.GROUND_WRITE, code)
    return render_template(
        "ground/cells.html",
        here=here,
        crumbs=_crumbs(path),
        day=day,
        today=today,
        cells=found,
        full=len(found) == MOST_CELLS,
        villages=_villages(found),
        teams=queries.teams_by_cell(ids, day),
        households=households(current_user, ids) if day == today else {},
        changes=changes(code),
        homes=_homes(here) if may_write and here.level == Level.VILLAGE else None,
        done=_done(args.get("done"), code),
        may_write=may_write,
        Level=Level,
    )


def _choose(here: Jurisdiction | None, path: Sequence[Jurisdiction]) -> str:
    """What lies below a county or more: a map of all its cells would be too full to work on."""
    rows = db.session.scalars(overview.children(current_user, here.code if here else "")).all()
    return render_template("ground/choose.html", here=here, crumbs=_crumbs(path), rows=rows)


def _crumbs(path: Sequence[Jurisdiction]) -> list[dict[str, str]]:
    return [
        {"name": row.short_name, "href": url_for("ground.cells", jurisdiction=row.code)}
        for row in path
    ]


def _villages(found: Sequence[Cell]) -> dict[str, str]:
    """The short names of the cells' villages, by code."""
    codes = {cell.village_code for cell in found}
    rows = db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes)))
    return {row.code: row.short_name for row in rows}


def households(user: User, cell_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Households by cell, of the cells whose figures `user` may see; all that a change would move.

    Who keeps the ground sees the numbers too, as in the preview of a change, and no household.
    """
    seen = in_scope(user, Permission.FIGURES_READ, Cell.village_code, Cell.id) | within(
        Cell.village_code, scopes(user, Permission.GROUND_WRITE)
    )
    rows = (
        select(Cell.id, func.count(Household.id).label("homes"))
        .outerjoin(Household, Household.cell_id == Cell.id)
        .where(Cell.id.in_(list(cell_ids)), seen)
        .group_by(Cell.id)
    )
    return {row.id: row.homes for row in db.session.execute(rows)}


def _homes(village: Jurisdiction) -> list[dict[str, Any]]:
    """Where households live, as counts: without them a line would be drawn over empty ground."""
    return [
        division.point(row) for row in settled(village, shapely.Polygon(), derived=False).clusters()
    ]


def changes(code: str) -> list[dict[str, Any]]:
    """The latest changes within a jurisdiction, newest first, in words to list."""
    undo = aliased(Change)
    rows = db.session.execute(
        select(Change, User.name, undo.id)
        .join(User, User.id == Change.actor_id)
        .outerjoin(undo, undo.undoes_id == Change.id)
        .where(Change.village_code.startswith(code))
        .order_by(Change.at.desc(), Change.id)
        .limit(CHANGES)
    ).all()
    found = []
    last: set[str] = set()  # villages whose last change stands in the list already
    for change, name, undone in rows:
        counts = change.kind is not ChangeKind.UNDO and undone is None
        may_undo = counts and change.village_code not in last
        last |= {change.village_code} if counts else set()
        found.append(
            _told(change) | {"by": name, "undone": undone is not None, "may_undo": may_undo}
        )
    return found


def _told(change: Change) -> dict[str, Any]:
    return {
        "id": str(change.id),
        "kind": change.kind,
        "on": change.on_date,
        "at": change.at,
        "village": change.village_code,
        "old": change.result["ended"],
        "new": [cell["code"] for cell in change.result["cells"]],
        "households": change.result["households_moved"],
        "issues": change.result["issues_moved"],
    }


def _done(change_id: uuid.UUID | None, code: str) -> dict[str, Any] | None:
    """The change that was just made here, for the notice above the map."""
    change = db.session.get(Change, change_id) if change_id else None
    if change is None or not change.village_code.startswith(code):
        return None
    return _told(change)


class CellPageIn(Schema):
    on = Day()


@bp.get("/cells/<code>")
@requires(Permission.GROUND_READ)
def cell(code: str) -> ResponseReturnValue:
    """One cell: its place, its teams today and on a day, what it came from and what came of it."""
    found = queries.cell(current_user, code)
    today = workdays.today()
    ended = found.to_date is not None and found.to_date <= today
    last = max(found.from_date, found.to_date - timedelta(days=1)) if found.to_date else today
    day = page_args(CellPageIn()).get("on") or (last if ended else today)
    path = queries.path(current_user, found.village_code)
    return render_template(
        "ground/cell.html",
        cell=found,
        village=path[-1].short_name if path else found.village_code,
        crumbs=[*_crumbs(path), {"name": found.name, "href": ""}],
        day=day,
        today=today,
        ended=ended,
        teams=_teams(found, today),
        teams_then=_teams(found, day) if ended or day != today else [],
        households=None if ended else _counted(found),  # an ended cell gave them away
        links=_links(found),
        family=_family(found),
    )


def _teams(cell: Cell, day: date) -> list[dict[str, Any]]:
    """The teams that answer for the cell on `day`, the lead team first, with who serves then."""
    rows = db.session.execute(
        select(Team.id, Team.name, User.name, Membership.duty)
        .select_from(Assignment)
        .join(Team, Team.id == Assignment.team_id)
        .outerjoin(Membership, (Membership.team_id == Team.id) & holds_on(Membership, day))
        .outerjoin(User, User.id == Membership.user_id)
        .where(Assignment.cell_id == cell.id, holds_on(Assignment, day))
        .order_by(Assignment.lead.desc(), Team.name, Team.id, Membership.duty, User.name)
    ).all()
    found: dict[uuid.UUID, dict[str, Any]] = {}
    for team_id, name, person, duty in rows:
        team = found.setdefault(team_id, {"id": team_id, "name": name, "members": []})
        if duty is not None:
            team["members"].append({"name": person, "duty": duty})
    return list(found.values())


def _counted(cell: Cell) -> dict[str, int] | None:
    """How many households the cell has, all and lived in; None where the viewer may not know."""
    if cell.id not in (seen := households(current_user, [cell.id])):
        return None
    active = select(func.count(Household.id)).where(
        Household.cell_id == cell.id, Household.status == HouseholdStatus.ACTIVE
    )
    return {"all": seen[cell.id], "active": db.session.scalar(active) or 0}


def _links(cell: Cell) -> list[dict[str, str]]:
    """Where the viewer finds more on the cell."""
    village = cell.village_code
    links = [(_("All cells of the village"), url_for("ground.cells", jurisdiction=village))]
    if may(current_user, Permission.FIGURES_READ, village):
        links.append((_("Visit coverage"), f"/maps/coverage?jurisdiction={village}&by=cell"))
    if may(current_user, Permission.HOUSEHOLD_READ, village):
        links.append((_("Households"), url_for("visits.listing", cell=cell.code)))
    return [{"label": words, "href": href} for words, href in links]


def _family(cell: Cell) -> dict[str, Any]:
    """The lineage of a cell as a picture and as a list of changes, oldest first."""
    found = lineage.of(cell)
    cells = {c.code: c for c in [*found["ancestors"], cell, *found["descendants"]]}
    links = [
        picture.Link(
            row["parent"], row["child"], str(row["change"]), label(row["kind"]), row["on"],
            row.get("undone", False),
        )
        for row in found["changes"]
    ]  # fmt: skip
    changes: dict[str, dict[str, Any]] = {}
    for link in links:
        told = changes.setdefault(
            link.change,
            {"words": link.words, "on": link.on, "undone": link.undone, "parents": [],
             "children": []},
        )  # fmt: skip
        for name, code in (("parents", link.parent), ("children", link.child)):
            told[name] += [code] if code not in told[name] else []
    return {
        "cells": cells,
        "links": links,
        "picture": picture.lay_out(list(cells), links),
        "changes": list(changes.values()),
        "undone": {link.child for link in links if link.undone},
    }

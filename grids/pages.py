"""The administrator's overview of the ground."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids import overview, queries
from grids.models import Cell, Jurisdiction, Level
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.permissions import Permission

bp = Blueprint("grids", __name__, template_folder="templates")


@bp.get("/admin")
@requires(Permission.GROUND_WRITE)
def home() -> ResponseReturnValue:
    """What there is below a jurisdiction, and what is missing."""
    asked = request.args.get("jurisdiction", "")
    code = queries.jurisdiction(current_user, asked).code if asked else overview.start(current_user)
    path = queries.path(current_user, code)
    here = path[-1] if path else None
    day = workdays.today()
    rows = overview.below(current_user, code, day)
    if here is not None and here.level == Level.VILLAGE:
        return _village(here, path, day)
    # Whom the cells lack is known further up: the application says where to ask.
    missing, words = current_app.extensions["gridserve.warnings"]
    return render_template(
        "grids/home.html", warnings=missing(current_user, code, day), words=words,
        here=here, rows=rows, day=day, crumbs=_crumbs(path),
        totals=_totals(rows) | {"members": overview.members(current_user, code, day)},
        Level=Level, level_name=_level_name(rows),
    )  # fmt: skip


def _village(here: Jurisdiction, path: list[Any], day: date) -> str:
    """A village: its cells with their teams, and its teams with their members."""
    cells = db.session.scalars(
        queries.cells(current_user, {"jurisdiction": here.code}, day).order_by(Cell.code)
    ).all()
    ids = [cell.id for cell in cells]
    return render_template(
        "grids/village.html", here=here, crumbs=_crumbs(path), day=day, cells=cells,
        teams_by_cell=queries.teams_by_cell(ids, day),
        teams=queries.teams_of_village(current_user, here.code, ids, day),
    )  # fmt: skip


def _crumbs(path: list[Any]) -> list[dict[str, str]]:
    return [
        {"name": row.short_name, "href": url_for("grids.home", jurisdiction=row.code)}
        for row in path
    ]


def _level_name(rows: list[overview.Counts]) -> str:
    names = {
        Level.PROVINCE: _("Province"), Level.CITY: _("City"), Level.COUNTY: _("County"),
        Level.TOWNSHIP: _("Township"), Level.VILLAGE: _("Village"),
    }  # fmt: skip
    return names[rows[0].level] if rows else ""


def _totals(rows: list[overview.Counts]) -> dict[str, int]:
    names = ("villages", "without_boundary", "without_cells", "cells", "without_team", "teams")
    return {name: sum(getattr(row, name) for row in rows) for name in names}

"""Asking for a division of a village, and the draft on a map to adjust and adopt."""

from __future__ import annotations

import uuid

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from grids import queries as ground
from grids.models import Jurisdiction
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.http import Schema, page_args
from gridserve.permissions import Permission
from visits.division import queries
from visits.division.ground import NoBoundary, check_ground, find_village
from visits.division.models import Draft
from visits.division.schemas import VillageCode

bp = Blueprint("division", __name__, template_folder="../templates")

DRAFTS = 20  # listed


class VillageIn(Schema):
    village = VillageCode(required=True)


@bp.get("/divisions")
@requires(Permission.GROUND_WRITE)
def start() -> ResponseReturnValue:
    """What to divide a village by, and the drafts that there are."""
    village = find_village(
        ground.jurisdiction(current_user, page_args(VillageIn())["village"]).code
    )
    drafts = db.session.scalars(
        queries.drafts(current_user, {"village": village.code})
        .order_by(Draft.created_at.desc(), Draft.id)
        .limit(DRAFTS)
    ).all()
    return render_template(
        "ground/divide.html",
        village=village,
        crumbs=_crumbs(village.code),
        drafts=queries.summaries(list(drafts)),
        cells=_cells(village.code),
        refusal=_refusal(village),
    )


@bp.get("/divisions/<uuid:division_id>")
@requires(Permission.GROUND_WRITE)
def draft(division_id: uuid.UUID) -> ResponseReturnValue:
    """One draft on the map, with its figures, the tools to adjust it, and its adoption."""
    found = queries.draft(current_user, division_id)
    return render_template(
        "ground/division.html",
        draft=queries.summary(found, None),
        name=found.village.short_name,
        crumbs=_crumbs(found.village_code),
        cells=_cells(found.village_code),
        today=workdays.today(),
    )


def _crumbs(code: str) -> list[dict[str, str]]:
    return [
        {"name": row.short_name, "href": url_for("grids.home", jurisdiction=row.code)}
        for row in ground.path(current_user, code)
    ]


def _cells(code: str) -> int:
    """How many cells the village has today."""
    rows = ground.cells(current_user, {"jurisdiction": code}, workdays.today())
    return db.session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _refusal(village: Jurisdiction) -> str:
    """Why the village cannot be divided as yet, and what to do; "" where it can."""
    try:
        check_ground(village)
    except NoBoundary as problem:
        return str(problem.detail)
    return ""

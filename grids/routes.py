"""Jurisdictions, cells and teams over the API."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import date
from functools import wraps
from typing import Any

from flask import Response
from flask_babel import gettext as _

from grids import lineage, queries
from grids.coordinates import BadPosition, to_wgs84
from grids.models import Cell, Change, Jurisdiction, Team
from grids.schemas import (
    CellFeature,
    CellPage,
    CellsAtOut,
    CellsIn,
    ChangesIn,
    ChangesPage,
    JurisdictionDetail,
    JurisdictionPage,
    JurisdictionsIn,
    LineageOut,
    PlaceIn,
    TeamOut,
    TeamPage,
    TeamsIn,
    geojson,
)
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.errors import Invalid
from gridserve.http import API, Blueprint, ProblemSchema, paged, with_etag
from gridserve.permissions import Permission

bp = Blueprint(
    "grids_api", __name__, url_prefix=API, description="The ground: jurisdictions, cells, teams"
)

_missing = bp.alt_response(
    404, schema=ProblemSchema, content_type="application/problem+json",
    description="Not there, or not in the caller's scope.",
)  # fmt: skip


def _etagged(view: Callable[..., Response]) -> Callable[..., Response]:
    """Answer 304 to callers who have the same answer already: phones keep cells for long."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        return with_etag(view(*args, **kwargs))

    documented: Callable[..., Response] = bp.alt_response(
        304, description="Not changed since the answer whose ETag was sent.", success=True
    )(wrapper)
    return documented


def _features(cells: Sequence[Cell], day: date) -> list[dict[str, Any]]:
    """Cells as GeoJSON features, with the teams that answer for them on `day`."""
    teams = queries.teams_by_cell([cell.id for cell in cells], day)
    return [
        {
            "type": "Feature", "id": cell.code, "geometry": geojson(cell.polygon),
            "properties": {
                "code": cell.code, "name": cell.name, "kind": cell.kind,
                "village": cell.village_code, "from_date": cell.from_date,
                "to_date": cell.to_date, "teams": teams.get(cell.id, []),
            },
        }
        for cell in cells
    ]  # fmt: skip


@bp.get("/jurisdictions")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(JurisdictionsIn, location="query")
@bp.response(200, JurisdictionPage)
def list_jurisdictions(args: dict[str, Any]) -> dict[str, Any]:
    """The caller's jurisdictions from the own ones down, and those on the path to them."""
    return paged(queries.jurisdictions(current_user, args), (Jurisdiction.code,), args)


@bp.get("/jurisdictions/<code>")
@requires(Permission.GROUND_READ)
@_etagged
@bp.response(200, JurisdictionDetail)
def get_jurisdiction(code: str) -> dict[str, Any]:
    """One jurisdiction with its boundary."""
    found = queries.jurisdiction(current_user, code)
    return {
        "code": found.code, "name": found.name, "level": found.level,
        "parent_code": found.parent_code, "year": found.year, "source": found.source,
        "children": queries.count_children([found.code]).get(found.code, 0),
        "boundary": geojson(found.boundary),
    }  # fmt: skip


@bp.get("/cells")
@requires(Permission.GROUND_READ)
@_missing
@_etagged
@bp.arguments(CellsIn, location="query")
@bp.response(200, CellPage)
def list_cells(args: dict[str, Any]) -> dict[str, Any]:
    """Cells as GeoJSON, by code. The member `next` is the address of the following page."""
    day = args.get("as_of") or workdays.today()
    page = paged(queries.cells(current_user, args, day), (Cell.code,), args)
    return {
        "type": "FeatureCollection", "features": _features(page["items"], day),
        "next": page["next"],
    }  # fmt: skip


@bp.get("/cells/at")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(PlaceIn, location="query")
@bp.response(200, CellsAtOut)
def cells_at(args: dict[str, Any]) -> dict[str, Any]:
    """Which cell is here, and who answers for this point on that day: the lead team of its cell.

    On a shared edge there are two cells, and the first counts.
    """
    day = args.get("on") or workdays.today()
    try:
        lon, lat = to_wgs84(args["lon"], args["lat"], args["crs"])
    except BadPosition as wrong:
        raise Invalid(errors={"/lon": [_(wrong.msgid, **wrong.values)]}) from wrong
    found = queries.cells_at(current_user, lon, lat, day)
    return {
        "type": "FeatureCollection", "features": _features(found, day), "on": day,
        "responsible": queries.responsible(found, day),
    }  # fmt: skip


@bp.get("/cells/changes")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(ChangesIn, location="query")
@bp.response(200, ChangesPage)
def list_changes(args: dict[str, Any]) -> dict[str, Any]:
    """What was changed, the newest first: split, merged, redrawn, retired, added, taken back."""
    keys = (Change.at, Change.id)
    return paged(queries.changes(current_user, args), keys, args, descending=True)


@bp.get("/cells/<code>")
@requires(Permission.GROUND_READ)
@_etagged
@bp.response(200, CellFeature)
def get_cell(code: str) -> dict[str, Any]:
    """One cell, valid or not any more, with the teams that answer for it today."""
    return _features([queries.cell(current_user, code)], workdays.today())[0]


@bp.get("/cells/<code>/lineage")
@requires(Permission.GROUND_READ)
@bp.response(200, LineageOut)
def get_lineage(code: str) -> dict[str, Any]:
    """What a cell came from and what came of it."""
    return lineage.of(queries.cell(current_user, code))


@bp.get("/teams")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(TeamsIn, location="query")
@bp.response(200, TeamPage)
def list_teams(args: dict[str, Any]) -> dict[str, Any]:
    """Teams with today's members and cells, by jurisdiction and name."""
    keys = (Team.jurisdiction_code, Team.name, Team.id)
    day = workdays.today()
    page = paged(queries.teams(current_user, args, day), keys, args)
    queries.with_standins(page["items"], day)
    return page


@bp.get("/teams/<uuid:team_id>")
@requires(Permission.GROUND_READ)
@bp.response(200, TeamOut)
def get_team(team_id: uuid.UUID) -> Team:
    """One team with today's members and cells."""
    return queries.team(current_user, team_id, workdays.today())

"""Searching while somebody tells: similar issues, places, people."""

from __future__ import annotations

from typing import Any

from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint
from gridserve.permissions import Permission
from visits.intake import places, similar
from visits.intake.schemas import ColleagueList, PlaceList, SearchIn, SimilarIn, SimilarList

bp = Blueprint("intake_api", __name__, url_prefix=API, description="Taking issues down")


@bp.get("/issues/similar")
@requires(Permission.ISSUE_READ)
@bp.arguments(SimilarIn, location="query")
@bp.response(200, SimilarList)
def list_similar(args: dict[str, Any]) -> dict[str, Any]:
    """Issues that are likely the same: of the category's family, near, and in similar words.

    At most six, the likeliest first; none where no place is given.
    """
    spot = similar.spot_of(args, current_user)
    return {"items": similar.find(current_user, args.get("category"), args["words"], spot)}


@bp.get("/places")
@requires(Permission.ISSUE_REPORT)
@bp.arguments(SearchIn, location="query")
@bp.response(200, PlaceList)
def list_places(args: dict[str, Any]) -> dict[str, Any]:
    """Villages, cells and households by parts of names, addresses and numbers; at most eight."""
    return {"items": places.places(current_user, args["q"])}


@bp.get("/colleagues")
@requires(Permission.ISSUE_REPORT)
@bp.arguments(SearchIn, location="query")
@bp.response(200, ColleagueList)
def list_colleagues(args: dict[str, Any]) -> dict[str, Any]:
    """People who serve in the caller's jurisdictions, by name; at most eight."""
    return {"items": places.colleagues(current_user, args["q"])}

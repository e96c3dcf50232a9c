"""Coverage and ageing figures over the API."""

from __future__ import annotations

from typing import Any

from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import API, Blueprint, ProblemSchema
from gridserve.permissions import Permission
from maps import aging, asked, coverage, places
from maps.schemas import AgingIn, AgingOut, CoverageIn, CoverageOut
from visits.issues.clock import Light

bp = Blueprint("maps_api", __name__, url_prefix=API, description="Figures")

_missing = bp.alt_response(
    404, schema=ProblemSchema, content_type="application/problem+json",
    description="No such jurisdiction, or not in the caller's scope.",
)  # fmt: skip


@bp.get("/coverage")
@requires(Permission.FIGURES_READ)
@_missing
@bp.arguments(CoverageIn, location="query")
@bp.response(200, CoverageOut)
def get_coverage(args: dict[str, Any]) -> dict[str, Any]:
    """Households met at least once in the days from–to ÷ active households, in all and by part.

    A household counts in the cell in which it was on the day whose cells are shown.
    """
    place = places.find(current_user, args.get("jurisdiction"))
    by, window = places.divided(place, args.get("by")), asked.window(args)
    found = coverage.coverage(place, by, window.first, window.last, as_of=window.day)
    cases = asked.cases(current_user, API)
    return {
        "jurisdiction": place.code, "by": by, "from": window.first, "to": window.last,
        "as_of": window.day, "boundaries": window.boundaries,
        "formula": coverage.FORMULA, "computed_at": now(),
        "total": _figures(found.met, found.households), "elsewhere": found.elsewhere,
        "areas": [
            {"code": row.area.code, "name": row.area.name, **_figures(row.met, row.households),
             "cases": cases.met(row.area.code, window, False)}
            for row in found.rows
        ],
    }  # fmt: skip


@bp.get("/aging")
@requires(Permission.FIGURES_READ)
@_missing
@bp.arguments(AgingIn, location="query")
@bp.response(200, AgingOut)
def get_aging(args: dict[str, Any]) -> dict[str, Any]:
    """Open issues by light, in all, by part and by place.

    The weight of an issue is its age ÷ its limit, pauses taken out: green under 0.8, amber to 1,
    red to 2, deep red over 2.
    """
    place = places.find(current_user, args.get("jurisdiction"))
    category = args.get("category")
    moment, live = asked.moment(args)
    found = aging.aging(place, moment, category=category, live=live)
    issues = aging.open_issues(
        current_user, place, moment, limit=args["limit"], category=category, live=live
    )
    cases = asked.cases(current_user, API)
    return {
        "jurisdiction": place.code, "by": place.below, "category": category, "as_of": moment,
        "formula": aging.FORMULA, "total": found.total, "bands": _bands(found.counts),
        "areas": [
            {"code": row.area.code, "name": row.area.name, "total": row.total,
             "bands": _bands(row.counts),
             # the lists know the present only
             "cases": cases.open(row.area.code, category=category) if live else None}
            for row in found.rows
        ],
        "places": [
            {"id": issue.id, "lon": issue.lon, "lat": issue.lat,
             "weight": round(issue.weight, 3), "light": issue.light}
            for issue in issues if issue.lon is not None
        ],
    }  # fmt: skip


def _figures(met: int, households: int) -> dict[str, Any]:
    return {"met": met, "households": households, "share": coverage.share(met, households)}


def _bands(counts: dict[Light, int]) -> list[dict[str, Any]]:
    return [{"light": light, "count": counts[light]} for light in Light]

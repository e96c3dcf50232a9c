"""Coverage and ageing figures over the API."""

from __future__ import annotations

from typing import Any

from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import API, Blueprint, ProblemSchema
from gridserve.permissions import Permission
from gridserve.replica import from_replica
from maps import aging, asked, coverage, places
from maps.measures import MEASURES, Measure
from maps.narrowing import Narrowing
from maps.schemas import AgingIn, AgingOut, CoverageIn, CoverageOut
from visits import counting
from visits.issues.clock import Light

bp = Blueprint("maps_api", __name__, url_prefix=API, description="Figures")

_missing = bp.alt_response(
    404, schema=ProblemSchema, content_type="application/problem+json",
    description="No such jurisdiction, or not in the caller's scope.",
)  # fmt: skip


@bp.get("/coverage")
@requires(Permission.FIGURES_READ)
@from_replica
@_missing
@bp.arguments(CoverageIn, location="query")
@bp.response(200, CoverageOut)
def get_coverage(args: dict[str, Any]) -> dict[str, Any]:
    """A share of households in all and by part: of those active (or of the register) who were met
    at least once in the days from–to, or of those who fell due by then who were visited in time.

    A household counts in the cell in which it was on the day whose cells are shown.
    """
    place = places.find(current_user, args.get("jurisdiction"))
    by, window = places.divided(place, args.get("by")), asked.window(args)
    measure, tag = MEASURES[args["measure"]], args.get("tag")
    found = coverage.coverage(
        place, by, window.first, window.last, as_of=window.day, due=measure.due, tag=tag
    )
    cases = asked.cases(current_user, API)
    return {
        "jurisdiction": place.code, "by": by, "from": window.first, "to": window.last,
        "as_of": window.day, "boundaries": window.boundaries,
        "measure": measure.key, "tag": tag,
        "formula": measure.formula, "computed_at": now(),
        "total": _figures(found, measure), "elsewhere": found.elsewhere,
        "areas": [
            {"code": row.area.code, "name": row.area.name, **_figures(row, measure),
             "cases": cases.those(row.area.code, window, measure.filters(tag))}
            for row in found.rows
        ],
    }  # fmt: skip


@bp.get("/aging")
@requires(Permission.FIGURES_READ)
@from_replica
@_missing
@bp.arguments(AgingIn, location="query")
@bp.response(200, AgingOut)
def get_aging(args: dict[str, Any]) -> dict[str, Any]:
    """Open issues by light, in all, by part and by place.

    The weight of an issue is its age ÷ its limit, pauses taken out: green under 0.8, amber to 1,
    red to 2, deep red over 2.
    """
    place = places.find(current_user, args.get("jurisdiction"))
    narrowing = Narrowing.of(args)
    moment, live = asked.moment(args)
    found = aging.aging(place, moment, narrowing=narrowing, live=live)
    issues = aging.open_issues(
        current_user, place, moment, limit=args["limit"], narrowing=narrowing, live=live
    )
    cases = asked.cases(current_user, API)
    return {
        "jurisdiction": place.code, "by": place.below, **narrowing.asked, "as_of": moment,
        "formula": aging.FORMULA, "total": found.total, "bands": _bands(found.counts),
        "areas": [
            {"code": row.area.code, "name": row.area.name, "total": row.total,
             "bands": _bands(row.counts),
             # the lists know the present only
             "cases": cases.open(row.area.code, **narrowing.asked) if live else None}
            for row in found.rows
        ],
        "places": [
            {"id": issue.id, "lon": issue.lon, "lat": issue.lat,
             "weight": round(issue.weight, 3), "light": issue.light}
            for issue in issues if issue.lon is not None
        ],
    }  # fmt: skip


def _figures(found: coverage.Figures, measure: Measure) -> dict[str, Any]:
    figures = {name: getattr(found, name) for name in counting.FIGURES}
    return figures | {"share": coverage.share(*measure.pair(found))}


def _bands(counts: dict[Light, int]) -> list[dict[str, Any]]:
    return [{"light": light, "count": counts[light]} for light in Light]

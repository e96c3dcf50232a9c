"""The leader's page and the map of open issues by age."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids.models import short_name
from gridserve.auth import current_user, requires
from gridserve.http import page_args
from gridserve.permissions import Permission, may
from gridserve.replica import from_replica
from maps import aging as ageing
from maps import asked, hotspots, overview, parts, places
from maps import coverage as covering
from maps.bands import AGE_BANDS, HEAT_CAP, HEAT_COLOURS
from maps.crumbs import crumbs, others
from maps.mapparts import MapParts
from maps.narrowing import Narrowing
from maps.places import Area, Place
from maps.rows import AgingPoint, CoverageArea
from maps.schemas import AgingPageIn, OverviewIn
from maps.words import category_name
from visits.issues import held
from visits.issues.chain import Tier
from visits.issues.clock import Light, light
from visits.issues.models import Category
from visits.issues.words import where
from visits.labels import amount, label

bp = Blueprint("maps", __name__, template_folder="templates")

OLDEST = 10  # cases listed beside the map
SCREEN_SECONDS = 300  # after which a big screen asks anew
DRAWN = 500  # cases that a page holds one by one; more come as tiles


@bp.get("/overview")
@requires(Permission.FIGURES_READ)
@from_replica
def home() -> ResponseReturnValue:
    """A leader's start: key figures, what needs a word today, and the parts compared."""
    args = page_args(OverviewIn())
    place = places.find(current_user, args.get("jurisdiction"))
    shown = overview.figures(current_user, place)
    kept = {"screen": 1} if args["screen"] else {}
    return render_template(
        "maps/overview.html",
        name=short_name(place.name),
        crumbs=crumbs(place, "maps.home", **kept),
        others=others(place, "maps.home"),
        screen=args["screen"],
        screen_href=url_for(
            "maps.home", jurisdiction=place.code or None, screen=None if args["screen"] else 1
        ),
        refresh=SCREEN_SECONDS,
        covered=_covered(shown["found"]),
        aged=_tiled(
            place, [row.area for row in shown["found"].rows], {}, asked.cases(current_user),
            {each: label(each) for each in Light},
        ),
        **shown,
    )  # fmt: skip


def _covered(found: covering.Coverage) -> MapParts:
    """The parts of a place by the share of their households that were met."""
    from maps import draw

    areas = [
        CoverageArea(
            row.area.code, short_name(row.area.name), row.area.shape, row.met, row.households,
            url_for("coverage.show", jurisdiction=row.area.code, days=overview.DAYS)
            if len(row.area.code) < places.CELL else None,
        )
        for row in found.rows
    ]  # fmt: skip
    return draw.coverage_map(areas, translate=_, static_url=parts.static)


@bp.get("/maps/aging")
@requires(Permission.FIGURES_READ)
@from_replica
def aging() -> ResponseReturnValue:
    """The map of open issues by age, with the oldest and the figures of each part as tables."""
    args = page_args(AgingPageIn())
    place = places.find(current_user, args.get("jurisdiction"))
    narrowing, only = Narrowing.of(args), args.get("light")
    narrowed: asked.Args = {**narrowing.asked}
    moment, live = asked.moment(args)
    day = asked.window(args).day
    found = ageing.aging(place, moment, narrowing=narrowing, live=live)
    shown = found.counts[only] if only else found.total
    many = live and shown > DRAWN
    issues = ageing.open_issues(
        current_user,
        place,
        moment,
        limit=OLDEST if many else DRAWN,
        narrowing=narrowing,
        only=only,
        live=live,
    )
    kinds, cases = ageing.categories(), asked.cases(current_user)
    drawn = [point for issue in issues if (point := _point(issue, kinds))]
    lights = {each: label(each) for each in Light}
    as_of = args["as_of"].isoformat() if "as_of" in args else None
    kept = {**narrowed, "light": only.value if only else None, "as_of": as_of}
    spots = hotspots.hot_spots(place, moment, narrowing=narrowing, only=only, live=live)
    holding = hotspots.holders(place, moment, live=live)
    named = held.holders([*holding, *(spot.holder for spot in spots)])
    if narrowing.holder:
        named.setdefault(narrowing.holder, held.holder_asked(current_user, narrowing.holder))

    def listed(code: str, **filters: Any) -> str | None:
        return cases.open(code, **narrowing.asked, **filters) if live else None

    return render_template(
        "maps/aging.html",
        map=_tiled(place, parts.ground(place, day), kept, cases, lights)
        if many else _one_by_one(drawn, places.shapes(place, place.below, day), lights),
        many=many, circles=[(colour, _(band.range)) for colour, band in
                            zip(HEAT_COLOURS.values(), AGE_BANDS, strict=True)],
        bare=ageing.in_no_cell(place, moment, narrowing=narrowing, only=only) if many else 0,
        bare_href=listed(place.code, in_cell=0, light=kept["light"]),
        jurisdiction=short_name(place.name), crumbs=crumbs(place, "maps.aging", **kept),
        others=others(place, "maps.aging"),
        bands=[
            {"key": band.key, "label": lights[band.key], "range": _(band.range),
             "count": found.counts[band.key], "href": listed(place.code, light=band.key.value)}
            for band in AGE_BANDS
        ],
        heat_colours=HEAT_COLOURS.items(), heat_cap=HEAT_CAP,
        places=sorted(
            (_place_row(row, listed, kept) for row in found.rows if row.total),
            key=lambda row: (-row["overdue"], -row["total"]),
        ),
        spots=[_spot_row(spot, kinds, named, listed, only) for spot in spots],
        oldest=[overview.case_line(issue, kinds) for issue in issues[:OLDEST]],
        all_href=listed(place.code),
        categories=[
            {"value": code, "label": category_name(kind)} for code, kind in kinds.items()
        ],
        lights=[{"value": each.value, "label": words} for each, words in lights.items()],
        tiers=[{"value": tier.value, "label": label(tier)} for tier in Tier],
        holders=[{"value": key, "label": named[key]}
                 for key in dict.fromkeys([*holding, *filter(None, [narrowing.holder])])],
        weeks_href=url_for("weeks.show", jurisdiction=place.code or None, **narrowed),
        narrowing=narrowing, only=only, hidden={"jurisdiction": place.code, "as_of": as_of},
        unplaced=0 if many else len(issues) - len(drawn),
        unseen=0 if many else shown - len(issues),
        as_of=moment, formula=ageing.FORMULA,
    )  # fmt: skip


def _one_by_one(
    drawn: list[AgingPoint], areas: list[Area], lights: Mapping[Light, str]
) -> MapParts:
    """The map of issues over the outlines of `areas`."""
    from maps import draw

    return draw.aging_map(
        drawn, lights=lights, translate=_, static_url=parts.static, boundaries=parts.named(areas)
    )


def _tiled(
    place: Place, areas: list[Area], kept: asked.Args, cases: asked.Cases,
    lights: Mapping[Light, str],
) -> MapParts:  # fmt: skip
    """The map of more issues than a page holds over the outlines of `areas`: circles from tiles,
    single cases when near."""
    from maps import draw

    kept = {name: value for name, value in kept.items() if name != "as_of"}

    def tiles(layer: str) -> str:
        return parts.tiles_address(f"tiles.{layer}", jurisdiction=place.code or None, **kept)

    opens = cases.open_in_cell("{cell}", **kept) if cases.issues.to(place.code) else None
    return draw.issues_map(
        tiles("aging"), tiles("issues") if may(current_user, Permission.ISSUE_READ) else None,
        opens, None, lights=lights,
        boundaries=parts.named(areas), translate=_, static_url=parts.static,
    )  # fmt: skip


def _point(issue: ageing.OpenIssue, kinds: Mapping[str, Category]) -> AgingPoint | None:
    """The issue as a marker; None where it has no place."""
    if issue.lon is None or issue.lat is None:
        return None
    return AgingPoint(
        str(issue.id),
        issue.number,
        issue.lon,
        issue.lat,
        issue.weight,
        category_name(kinds.get(issue.category_code)),
        amount(issue.age, issue.limit.unit),
        amount(issue.limit.amount, issue.limit.unit),
        url_for("issues.show", issue_id=issue.id),
        issue.words,
    )


def _spot_row(
    spot: hotspots.HotSpot, kinds: Mapping[str, Category], named: Mapping[str, str],
    listed: Any, only: Light | None,
) -> dict[str, Any]:  # fmt: skip
    """A hot spot in words; what a sensitive case is stays with those who may open it."""
    late = {"light": only.value} if only else {"overdue": 1}
    bare = {} if spot.cell else {"in_cell": 0}
    href = listed(spot.cell or spot.village, **late, **bare)
    kind = kinds[spot.category_code]
    return {
        "where": where(spot.village_name, spot.cell_name or _("Not in a cell")),
        "what": "" if kind.sensitive and not href else category_name(kind),
        "kinds": spot.kinds - 1,
        "count": spot.count,
        "oldest": amount(spot.age, spot.limit.unit),
        "limit": amount(spot.limit.amount, spot.limit.unit),
        "light": {"key": light(spot.weight).value, "label": label(light(spot.weight))},
        "holder": named[spot.holder],
        "holders": spot.holders - 1,
        "href": href,
    }


def _place_row(row: ageing.Row, listed: Any, kept: asked.Args) -> dict[str, Any]:
    code = row.area.code
    deeper = len(code) < places.CELL
    return {
        "name": short_name(row.area.name),
        "counts": row.counts,
        "total": row.total,
        "href": url_for("maps.aging", jurisdiction=code, **kept) if deeper else None,
        "cases_href": listed(code),
        "overdue": row.counts[Light.RED] + row.counts[Light.DEEP_RED],
    }

"""The leader's page and the two maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids.models import short_name
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import page_args
from gridserve.permissions import Permission
from maps import aging as ageing
from maps import asked, draw, overview, places, tiles
from maps import coverage as covering
from maps.bands import AGE_BANDS, HEAT_CAP, NO_DATA, SHARE_CLASSES, percent, share_class
from maps.crumbs import crumbs, others
from maps.places import Area, Place
from maps.rows import AgingPoint, CoverageArea, Outline
from maps.schemas import MOST_PLACES, AgingPageIn, CoveragePageIn, OverviewIn
from maps.words import LEVELS, category_name
from visits.figures import WINDOWS
from visits.issues.clock import Light
from visits.issues.models import Category
from visits.labels import amount, label

bp = Blueprint("maps", __name__, template_folder="templates")

OLDEST, LOWEST = 10, 300  # cases and areas listed beside the maps
LOW = 60  # per cent: areas under it are counted


@bp.get("/overview")
@requires(Permission.FIGURES_READ)
def home() -> ResponseReturnValue:
    """A leader's start: key figures, what needs a word today, and the parts compared."""
    args = page_args(OverviewIn())
    place = places.find(current_user, args.get("jurisdiction"))
    return render_template(
        "maps/overview.html",
        name=short_name(place.name),
        crumbs=crumbs(place, "maps.home"),
        others=others(place, "maps.home"),
        **overview.figures(current_user, place),
    )


@bp.get("/maps/coverage")
@requires(Permission.FIGURES_READ)
def coverage() -> ResponseReturnValue:
    """The map of coverage, with the same figures as a table."""
    args = page_args(CoveragePageIn())
    place = places.find(current_user, args.get("jurisdiction"))
    by, window = places.divided(place, args.get("by")), asked.window(args)
    many = by == "cell" and places.count_cells(place, window.day) > LOWEST
    found = covering.coverage(
        place, by, window.first, window.last, as_of=window.day, drawn=not many
    )
    cases = asked.cases(current_user)
    span: asked.Args = (
        {"days": window.days}
        if window.kept
        else {"from": window.first.isoformat(), "to": window.last.isoformat(),
              "boundaries": None if window.boundaries == asked.THEN else window.boundaries}
    )  # fmt: skip

    above = _above(place, by, window.day)

    shown = {"jurisdiction": place.code or None, "by": by, **span}

    def here(**changes: Any) -> str:
        return url_for("maps.coverage", **{**shown, **changes})

    def row(each: covering.Row) -> dict[str, Any]:
        code = each.area.code
        deeper = by != "cell"
        return {
            "name": short_name(each.area.name),
            "above": above(code),
            "href": here(jurisdiction=code, by=None) if deeper else None,
            "cases_href": cases.met(code, window, False),
            **_share(each.met, each.households),
        }

    rows = [row(each) for each in found.rows]
    sorted_rows = sorted(
        rows, key=lambda r: (not r["households"], r["met"] / (r["households"] or 1))
    )
    if many:
        day = {} if window.day == workdays.today() else {"as_of": window.day.isoformat()}
        map_ = draw.cells_map(
            _template("tiles.cells", **day), url_for("maps.coverage_cells", **shown),
            tiles.bounds(current_user), outlines=_outlines(place, by, window, places.ROUGH),
            translate=_, static_url=_static,
        )  # fmt: skip
    else:
        map_ = draw.coverage_map(
            _drawn_areas(found, rows), outlines=_outlines(place, by, window),
            translate=_, static_url=_static,
        )  # fmt: skip
    return render_template(
        "maps/coverage.html", map=map_, jurisdiction=short_name(place.name),
        rows=sorted_rows[:LOWEST], unlisted=max(len(rows) - LOWEST, 0), areas=len(rows),
        low=sum(r["households"] > 0 and r["cls"].high <= LOW for r in rows),
        total={**_share(found.met, found.households),
               "cases_href": cases.met(place.code, window, True)},
        elsewhere=found.elsewhere, others=others(place, "maps.coverage"),
        crumbs=crumbs(place, "maps.coverage", **span),
        by_choices=[
            {"label": LEVELS[level], "href": here(by=level), "active": level == by}
            for level in places.BY if places.may_show(place, level)
        ],
        presets=[
            {"label": _("%(n)s days", n=n), "href": here(**{"from": None, "to": None, "days": n}),
             "active": window.kept and window.days == n}
            for n in WINDOWS
        ],
        window={"start": window.first, "end": window.last}, custom_window=not window.kept,
        boundaries=[
            {"label": words, "href": here(boundaries=whose), "active": window.boundaries == whose}
            for whose, words in ((asked.THEN, _("Of that day")), (asked.TODAY, _("Today's")))
        ] if window.last < workdays.today() else [], drawn_on=window.day,
        hidden={"jurisdiction": place.code, "by": by}, classes=SHARE_CLASSES, no_data=NO_DATA,
        as_of=now(), formula=covering.FORMULA,
    )  # fmt: skip


def _drawn_areas(found: covering.Coverage, rows: list[dict[str, Any]]) -> list[CoverageArea]:
    """The areas with what their rows of the table say."""
    return [
        CoverageArea(
            each.area.code,
            f"{line['above']} {short_name(each.area.name)}".strip(),
            each.area.shape,
            each.met,
            each.households,
            line["href"] or line["cases_href"],
            label=f"{line['above']} {short_name(each.area.name)}".strip(),
        )
        for each, line in zip(found.rows, rows, strict=True)
    ]


@bp.get("/maps/coverage/cells")
@requires(Permission.FIGURES_READ)
def coverage_cells() -> ResponseReturnValue:
    """The figures of all cells of a place, as small as they can be, for the map that asks them."""
    args = page_args(CoveragePageIn())
    place, window = places.find(current_user, args.get("jurisdiction")), asked.window(args)
    found = covering.coverage(place, "cell", window.first, window.last, as_of=window.day)
    above = _above(place, "cell", window.day)
    cases = asked.cases(current_user)
    whole = cases.households.to(place.code)
    own = None if whole else sorted(cases.households.cells)
    some = place.code if whole else next(iter(cases.households.cells), None)
    return jsonify(
        areas={
            row.area.code: [
                f"{above(row.area.code)} {row.area.name}".strip(), row.met, row.households
            ]
            for row in found.rows
        },
        own=own,
        cases=cases.met_in_cell("{code}", window) if some else None,
    )  # fmt: skip


@bp.get("/maps/aging")
@requires(Permission.FIGURES_READ)
def aging() -> ResponseReturnValue:
    """The map of open issues by age, with the oldest and the figures of each part as tables."""
    args = page_args(AgingPageIn())
    place = places.find(current_user, args.get("jurisdiction"))
    category, only = args.get("category"), args.get("light")
    moment, live = asked.moment(args)
    day = asked.window(args).day
    found = ageing.aging(place, moment, category=category, live=live)
    issues = ageing.open_issues(
        current_user, place, moment, limit=MOST_PLACES, category=category, only=only, live=live
    )
    kinds, cases = ageing.categories(), asked.cases(current_user)
    drawn = [point for issue in issues if (point := _point(issue, kinds))]
    shown = found.counts[only] if only else found.total
    lights = {light: label(light) for light in Light}
    kept = {"category": category, "as_of": args["as_of"].isoformat() if "as_of" in args else None}

    def listed(code: str, **filters: Any) -> str | None:
        return cases.open(code, category=category, **filters) if live else None

    return render_template(
        "maps/aging.html",
        map=draw.aging_map(
            drawn, lights=lights, translate=_, static_url=_static,
            boundaries=_named(places.shapes(place, place.below, day)),
        ),
        jurisdiction=short_name(place.name), crumbs=crumbs(place, "maps.aging", **kept),
        others=others(place, "maps.aging"),
        bands=[
            {"key": band.key, "label": lights[band.key], "range": _(band.range),
             "count": found.counts[band.key], "href": listed(place.code, light=band.key.value)}
            for band in AGE_BANDS
        ],
        heat_colours=draw.HEAT_COLOURS.items(), heat_cap=HEAT_CAP,
        places=sorted(
            (_place_row(row, listed, kept) for row in found.rows if row.total),
            key=lambda row: (-row["overdue"], -row["total"]),
        ),
        oldest=[overview.case_line(issue, kinds) for issue in issues[:OLDEST]],
        all_href=listed(place.code),
        categories=[
            {"value": code, "label": category_name(kind)} for code, kind in kinds.items()
        ],
        lights=[{"value": light.value, "label": words} for light, words in lights.items()],
        category=category, only=only, hidden={"jurisdiction": place.code, "as_of": kept["as_of"]},
        unplaced=len(issues) - len(drawn), unseen=shown - len(issues),
        as_of=moment, formula=ageing.FORMULA,
    )  # fmt: skip


def _template(endpoint: str, **args: Any) -> str:
    """The address of a layer of tiles with {z}, {x} and {y} to be filled in."""
    return url_for(endpoint, z=0, x=0, y=0, **args).replace("/0/0/0.", "/{z}/{x}/{y}.")


def _static(name: str) -> str:
    return url_for("static", filename=name)


def _outlines(
    place: Place, by: str, window: asked.Window, detail: int = places.DETAIL
) -> list[Outline]:
    """The next larger division over the areas, with names; else the place's own boundary."""
    if by == place.below:
        return [Outline(a.shape) for a in places.outline(place, window.day) if a.shape]
    return _named(places.shapes(place, place.below, window.day, detail))


def _named(areas: list[Area]) -> list[Outline]:
    return [Outline(area.shape, short_name(area.name)) for area in areas if area.shape]


def _above(place: Place, by: str, day: date) -> Callable[[str], str]:
    """The name of what an area lies in, by the area's code; "" where that is the place itself."""
    level = list(places.BY)[list(places.BY).index(by) - 1] if by != place.below else ""
    digits = places.BY.get(level, 0)
    found = {a.code: short_name(a.name) for a in places.names(place, level, day)} if level else {}
    return lambda code: found.get(code[:digits], "")


def _share(met: int, households: int) -> dict[str, Any]:
    return {
        "met": met,
        "households": households,
        "share": percent(met, households),
        "cls": share_class(met, households),
    }


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

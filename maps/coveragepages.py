"""The map of coverage: what is shown, of which days, beside which earlier ones."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from grids.models import short_name
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.documents.kinds import kinds_of
from gridserve.http import page_args
from gridserve.permissions import Permission
from gridserve.replica import from_replica
from maps import asked, parts, places, tiles
from maps.bands import (
    CHANGE_CLASSES,
    NO_DATA,
    SHARE_CLASSES,
    change,
    change_class,
    percent,
    points,
    share_class,
)
from maps.coverage import ANY, Coverage, Row
from maps.crumbs import crumbs, others
from maps.mapparts import MapParts
from maps.measures import MEASURES, MET
from maps.places import Place
from maps.question import Question
from maps.rows import CoverageArea
from maps.schemas import CoveragePageIn
from maps.words import LEVELS
from visits.figures import WINDOWS, kept_days
from visits.labels import label
from visits.models import Tag

bp = Blueprint("coverage", __name__)

FEW = 300  # so many cells are drawn and listed by the page itself; more by the script of the map
LOWEST = 100  # of those the lowest are listed
LOW = 60  # per cent: areas under it are counted


def _offered(window: asked.Window) -> bool:
    """Whether the window is one of those offered."""
    return window.days in WINDOWS and window.boundaries == asked.THEN


def _address(q: Question, endpoint: str = "coverage.show", **changes: Any) -> str:
    """The address of the same question with some of it changed; None takes a part away.

    `from_` stands for from, which Python keeps for itself.
    """
    window, offered = q.window, _offered(q.window)
    said = {
        "jurisdiction": q.place.code or None,
        "by": None if q.by == q.place.below else q.by,
        "measure": None if q.measure is MET else q.measure.key,
        "tag": q.tag,
        "days": window.days if offered else None,
        "from": None if offered else window.first.isoformat(),
        "to": None if window.last == workdays.today() else window.last.isoformat(),
        "boundaries": None if window.boundaries == asked.THEN else window.boundaries,
        "compare": q.earlier.last.isoformat() if q.earlier else None,
    }
    changes = {name.rstrip("_"): value for name, value in changes.items()}
    return url_for(endpoint, **{**said, **changes})


@bp.get("/maps/coverage")
@requires(Permission.FIGURES_READ)
@from_replica
def show() -> ResponseReturnValue:
    """The map of coverage, with the same figures as a table."""
    q = Question.of(current_user, page_args(CoveragePageIn()))
    cells = places.count_cells(q.place, q.window.day) if q.by == "cell" else 0
    cases = asked.cases(current_user)
    shown = _many(q, cells) if cells > FEW else _few(q, cases)
    found = shown["total"]
    return render_template(
        "maps/coverage.html",
        **shown, q=q, jurisdiction=short_name(q.place.name),
        told={**_told(q.pair(found), shown["before"]),
              "cases_href": cases.those(q.place.code, q.window, q.filters)},
        overdue_href=cases.those(
            q.place.code, q.window, q.filters | {"missed": None, "overdue": 1}
        ),
        crumbs=crumbs(q.place, "coverage.show", **_kept(q)),
        others=others(q.place, "coverage.show"),
        choices=_choices(q), months=_months(q), fields=_fields(q),
        classes=CHANGE_CLASSES if q.earlier else SHARE_CLASSES, no_data=NO_DATA,
        drawn_on=q.window.day, as_of=now(), files=_files(q), new_id=uuid.uuid4,
    )  # fmt: skip


def _few(q: Question, cases: asked.Cases) -> dict[str, Any]:
    """The parts of a place, each drawn and listed by the page."""
    found, before = q.found(q.window, drawn=True), q.before()
    above = _above(q.place, q.by, q.window.day)
    ordered = sorted(found.rows, key=lambda row: _lowest(q.pair(row), before(row.area.code)))
    rows = {row.area.code: _row(q, row, before(row.area.code), above, cases) for row in ordered}
    return {
        "map": _map(q, found, rows), "rows": list(rows.values()), "areas": len(rows), "unlisted": 0,
        "low": sum(_is_low(*q.pair(row)) for row in ordered), "total": found, "before": before(""),
    }  # fmt: skip


def _many(q: Question, cells: int) -> dict[str, Any]:
    """More cells than a page can hold: its script draws and lists them, from `areas`."""
    total = q.summed(q.window, LOW)
    before = q.pair(q.summed(q.earlier, LOW)) if q.earlier else None
    return {
        "map": _cells_map(q), "rows": None, "areas": cells, "unlisted": max(cells - LOWEST, 0),
        "low": total.low, "total": total, "before": before,
    }  # fmt: skip


@bp.get("/maps/coverage/areas")
@requires(Permission.FIGURES_READ)
@from_replica
def areas() -> ResponseReturnValue:
    """The figures of all cells of a place, as small as they can be, for the map that asks them."""
    q = Question.of(current_user, page_args(CoveragePageIn()) | {"by": "cell"})  # as far as may be
    cases = asked.cases(current_user)
    before = {code: pair for code, _n, *pair in q.cells(q.earlier)} if q.earlier else None
    found, may_open = q.cells(q.window), cases.households.to
    whole = may_open(q.place.code)
    own = None if whole else [code for code, *_rest in found if may_open(code)]
    # By msgspec: of so many rows the usual way takes ten times as long.
    said = msgspec.json.encode({
        "areas": {
            code: (short_name(name), *pair)
            if before is None
            else (short_name(name), *pair, *before.get(code, (0, 0)))
            for code, name, *pair in found
        },
        "villages": _villages(q),
        "own": own,
        "cases": cases.in_cell("{code}", q.window, q.filters) if whole or own else None,
    })  # fmt: skip
    return Response(said, mimetype="application/json")


def _villages(q: Question) -> dict[str, str]:
    """The names of the villages in which the cells lie, by code; none where they share one."""
    if q.place.below == "cell":
        return {}
    found = places.names(q.place, "village", q.window.day)
    return {area.code: short_name(area.name) for area in found}


def _files(q: Question) -> dict[str, Any] | None:
    """What can be taken away, and with which words it is asked for; None where nothing may be."""
    kind = next((kind for kind in kinds_of(current_user) if kind.key == "coverage"), None)
    if kind is None:
        return None
    said = {
        "jurisdiction": q.place.code, "by": q.by, "measure": q.measure.key,
        "from": q.window.first.isoformat(), "to": q.window.last.isoformat(),
        "boundaries": q.window.boundaries, "tag": q.tag,
        "compare": q.earlier.last.isoformat() if q.earlier else None,
    }  # fmt: skip
    return {"formats": kind.formats, "said": {k: v for k, v in said.items() if v is not None}}


def _told(pair: tuple[int, int], before: tuple[int, int] | None) -> dict[str, Any]:
    """A share in words and class, with its change where an earlier one is known."""
    told = {
        "part": pair[0], "whole": pair[1], "share": percent(*pair),
        "share_cls": share_class(*pair), "cls": share_class(*pair), "before": before,
    }  # fmt: skip
    if before is not None:
        by = change(pair, before)
        told |= {"change": points(by), "by": by, "cls": change_class(by),
                 "share_before": percent(*before)}  # fmt: skip
    return told


def _row(
    q: Question, row: Row, before: tuple[int, int] | None,
    above: Callable[[str], str], cases: asked.Cases,
) -> dict[str, Any]:  # fmt: skip
    code = row.area.code
    return {
        "name": short_name(row.area.name), "above": above(code),
        "href": _address(q, jurisdiction=code, by=None) if q.by != "cell" else None,
        "cases_href": cases.those(code, q.window, q.filters),
        **_told(q.pair(row), before),
    }  # fmt: skip


def _lowest(pair: tuple[int, int], before: tuple[int, int] | None) -> tuple[Any, ...]:
    """The lowest first, or what fell most; without data last."""
    part, whole = pair
    if before is not None:
        by = change(pair, before)
        return (by is None, by)
    return (not whole, part / (whole or 1))


def _is_low(part: int, whole: int) -> bool:
    """Whether a share lies in a class that ends at LOW or below."""
    return whole > 0 and 100 * part < LOW * whole


def _given(q: Question) -> dict[str, Any]:
    """What both ways of drawing need."""
    words = [str(q.measure.value), str(q.measure.counted)]
    if q.earlier:
        words += [_("Before"), _("Change in points")]
    return {"words": words, "translate": _, "static_url": parts.static}


def _cells_map(q: Question) -> MapParts:
    from maps import draw

    day = {} if q.window.day == workdays.today() else {"as_of": q.window.day.isoformat()}
    outlines = parts.named(q.outlines(places.ROUGH))
    return draw.cells_map(
        parts.tiles_address("tiles.cells", **day), _address(q, "coverage.areas", by=q.by),
        None if outlines else tiles.bounds(current_user), compared=q.earlier is not None,
        listed=LOWEST, outlines=outlines, **_given(q),
    )  # fmt: skip


def _map(q: Question, found: Coverage, rows: dict[str, dict[str, Any]]) -> MapParts:
    from maps import draw

    drawn = [
        CoverageArea(
            each.area.code, name, each.area.shape, line["part"], line["whole"],
            line["href"] or line["cases_href"], label=name, before=line["before"],
        )
        for each in found.rows
        for line in [rows[each.area.code]]
        for name in [f"{line['above']} {line['name']}".strip()]
    ]  # fmt: skip
    return draw.coverage_map(drawn, outlines=parts.named(q.outlines()), **_given(q))


def _above(place: Place, by: str, day: date) -> Callable[[str], str]:
    """The name of what an area lies in, by the area's code; "" where that is the place itself."""
    level = list(places.BY)[list(places.BY).index(by) - 1] if by != place.below else ""
    digits = places.BY.get(level, 0)
    found = {a.code: short_name(a.name) for a in places.names(place, level, day)} if level else {}
    return lambda code: found.get(code[:digits], "")


def _kept(q: Question) -> dict[str, Any]:
    """What stays when another jurisdiction is looked at."""
    span: asked.Args = (
        {"days": q.window.days} if _offered(q.window) else {"from": q.window.first.isoformat()}
    )
    if q.window.last < workdays.today():
        span["to"] = q.window.last.isoformat()
    if q.measure is not MET:
        span["measure"] = q.measure.key
    return span | {key: q.args[key] for key in ("tag", "compare") if q.args.get(key)}


def _choices(q: Question) -> list[tuple[str, list[dict[str, Any]]]]:
    """What stands side by side above the map."""
    rows = [
        (_("What is shown"), [
            {"label": m.name, "href": _address(q, measure=m.key), "active": m is q.measure}
            for m in MEASURES.values()
        ]),
        (_("Window"), [
            {"label": _("%(n)s days", n=n), "href": _address(q, from_=None, days=n),
             "active": _offered(q.window) and q.window.days == n}
            for n in WINDOWS
        ]),
        (_("Shown by"), [
            {"label": LEVELS[level], "href": _address(q, by=level), "active": level == q.by}
            for level in places.BY if places.may_show(q.place, level)
        ]),
    ]  # fmt: skip
    if q.window.last < workdays.today():
        whose = ((asked.THEN, _("Of that day")), (asked.TODAY, _("Today's")))
        rows.append((_("Boundaries"), [
            {"label": words, "href": _address(q, boundaries=value),
             "active": q.window.boundaries == value}
            for value, words in whose
        ]))  # fmt: skip
    return [row for row in rows if row[1]]


def _months(q: Question) -> list[dict[str, Any]]:
    """The stops of the slider, the oldest first: the ends of the last months, and today."""
    today = workdays.today()
    length: asked.Args = {} if _offered(q.window) else {"days": WINDOWS[2], "from_": None}
    return [
        {
            "label": _("Today") if day == today else format_date(day, "yMMM"),
            "href": _address(q,
                to=None if day == today else day.isoformat(), compare=None, boundaries=None,
                **length,
            ),
            "active": day == q.window.last,
        }
        for day in reversed(kept_days())
    ]  # fmt: skip


def _fields(q: Question) -> dict[str, Any]:
    """The filters that are folded away."""
    earlier = [day for day in kept_days() if day < q.window.last]
    return {
        "tags": [{"value": ANY, "label": _("All with a tag")},
                 *({"value": tag.value, "label": label(tag)} for tag in Tag)],
        "compare": [{"value": day.isoformat(), "label": format_date(day, "long")}
                    for day in earlier],
        "used": not _offered(q.window) or bool(q.tag) or q.earlier is not None,
        "hidden": {"jurisdiction": q.place.code, "by": q.by, "measure": q.measure.key},
    }  # fmt: skip

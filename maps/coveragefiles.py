"""The map of coverage as files that a job makes: on paper, as a picture, as tables, for a GIS."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import short_name
from gridserve import workdays
from gridserve.db import SRID
from gridserve.documents import pdf, xlsx
from gridserve.documents.kinds import Asked, Kind
from gridserve.documents.schemas import PlaceArguments
from gridserve.http import Day
from gridserve.permissions import Permission
from maps import paper, places
from maps.bands import CHANGE_CLASSES, SHARE_CLASSES, percent, points, share_class
from maps.coverage import ANY, Coverage
from maps.question import Question
from maps.rows import CoverageArea
from maps.schemas import CoverageIn
from maps.sheets.registers import at
from visits import counting
from visits.labels import label
from visits.models import Tag

MAP = (186.0, 205.0)  # millimetres of the map on A4
LISTED = 200  # areas in the table on paper; a file for spreadsheets lists all
PIXELS = 200 / 72  # of a picture for a point of the paper: 200 to the inch
LEADS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


class CoverageArguments(CoverageIn, PlaceArguments):
    """The map that is wanted, as its page is asked for it."""

    compare = Day()


def _question(asked: Asked) -> Question:
    """What the page was showing; up to the day of the moment unless a last day is said."""
    return Question.of(asked.by, {"to": workdays.day_of(asked.as_of), **asked.arguments})


def _areas(q: Question, *, drawn: bool) -> tuple[Coverage, list[CoverageArea]]:
    """The figures and the areas, beside those of the earlier window where one is asked for."""
    now, before = q.found(q.window, drawn=drawn), q.before()
    return now, [
        CoverageArea(
            row.area.code, short_name(row.area.name), row.area.shape, *q.pair(row),
            before=before(row.area.code),
        )
        for row in now.rows
    ]  # fmt: skip


def _period(q: Question) -> str:
    return f"{format_date(q.window.first, 'long')} – {format_date(q.window.last, 'long')}"


def _notes(q: Question, asked: Asked) -> list[str]:
    """What stands below the map and the tables."""
    tag = _("All with a tag") if q.tag == ANY else label(Tag(q.tag)) if q.tag else ""
    return [
        " · ".join(filter(None, [
            _("Jurisdiction: %(name)s %(code)s", name=short_name(q.place.name), code=q.place.code),
            _period(q), tag,
            _("beside the same days up to %(day)s", day=format_date(q.earlier.last, "long"))
            if q.earlier else "",
        ])),
        _("As of %(time)s", time=at(asked.as_of))
        + f" · {_('Formula')} {q.measure.formula} · GridServe",
    ]  # fmt: skip


def make(asked: Asked) -> bytes:
    """The file in the format that was asked for."""
    asked.say(_("Counting…"))
    q = _question(asked)
    if asked.format in ("xlsx", "csv"):
        return _table(q, asked)
    if asked.format == "gpkg":
        return _for_gis(q, asked)
    page = _on_paper(q, asked)
    return page if asked.format == "pdf" else _picture(page)


def _columns(q: Question) -> list[str]:
    names = counting.FIGURES if q.measure.due else counting.FIGURES[:3]
    return ["code", "name", *names, "share", *(["share_before", "change"] if q.earlier else [])]


def _rows(q: Question, *, drawn: bool = False) -> tuple[list[list[Any]], list[CoverageArea]]:
    figures, areas = _areas(q, drawn=drawn)
    names = _columns(q)[2:]
    rows = []
    for row, area in zip(figures.rows, areas, strict=True):
        values = {name: getattr(row, name, None) for name in names}
        values["share"] = round(area.met / area.households, 4) if area.households else None
        if area.before:
            met, of = area.before
            values["share_before"] = round(met / of, 4) if of else None
            values["change"] = None if area.change is None else round(area.change, 2)
        rows.append([area.code, area.name, *values.values()])
    return rows, areas


def _table(q: Question, asked: Asked) -> bytes:
    rows, _areas = _rows(q)
    notes = _notes(q, asked)
    if asked.format == "csv":
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(_columns(q))
        writer.writerows([_plain(value) for value in row] for row in rows)
        return b"\xef\xbb\xbf" + out.getvalue().encode()  # with the mark that spreadsheets need
    titles = {
        "code": _("Code"), "name": _("Area"), "households": _("Active households"),
        "registered": _("On the register"), "met": _("Households met"), "due": _("Due households"),
        "in_time": _("Met in time"), "overdue": _("Overdue before"), "caught_up": _("Caught up"),
        "share": str(q.measure.value), "share_before": _("Before"),
        "change": _("Change in points"),
    }  # fmt: skip
    columns = [(titles[name], 18 if name in ("code", "name") else 12) for name in _columns(q)]
    sheet = xlsx.Sheet(_("Visit coverage"), columns, rows, notes)
    return xlsx.workbook([sheet], asked.as_of)


def _plain(value: Any) -> Any:
    """A name that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(LEADS) else value


def _for_gis(q: Question, asked: Asked) -> bytes:
    import pyogrio.raw  # loads GDAL

    rows, areas = _rows(q, drawn=True)
    names = _columns(q)
    shapes = [area.geometry for area in areas]
    multi = [
        shapely.MultiPolygon([s]) if getattr(s, "geom_type", "") == "Polygon" else s for s in shapes
    ]
    texts = {"code", "name"}
    data = [
        np.array(
            [row[n] if name in texts else np.nan if row[n] is None else row[n] for row in rows],
            dtype=object if name in texts else np.float64,
        )
        for n, name in enumerate(names)
    ]
    # Nothing in the file says when it was written but this.
    said = asked.as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.gpkg"
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": said})
        try:
            pyogrio.raw.write(
                path, geometry=np.array(shapely.to_wkb(multi), dtype=object), field_data=data,
                fields=names, layer="coverage", driver="GPKG", geometry_type="MultiPolygon",
                crs=f"EPSG:{SRID}",
            )  # fmt: skip
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
        return path.read_bytes()


def _on_paper(q: Question, asked: Asked) -> bytes:
    figures, areas = _areas(q, drawn=True)
    asked.say(_("The map is drawn…"))
    many = len(areas) > paper.NAMED
    patches = [
        paper.Patch(
            area.geometry, None if area.cls.key == "no-data" else area.cls.colour,
            () if many else (area.name, _said(area)),
        )
        for area in areas if area.geometry is not None
    ]  # fmt: skip
    drawing = paper.draw(
        patches, [area.shape for area in q.outlines() if area.shape is not None], *MAP
    )
    part, whole = q.pair(figures)
    lowest = sorted(areas, key=lambda a: (not a.households, a.met / (a.households or 1)))
    return pdf.render(
        "maps/coverage_pdf.html", title=q.measure.name, place=short_name(q.place.name),
        drawing=drawing, classes=CHANGE_CLASSES if q.earlier else SHARE_CLASSES,
        compared=q.earlier is not None, measure=q.measure, period=_period(q),
        share=percent(part, whole), part=part, whole=whole, notes=_notes(q, asked),
        rows=[
            {"name": area.name, "share": percent(area.met, area.households), "said": _said(area),
             "met": area.met, "of": area.households,
             "cls": share_class(area.met, area.households)}
            for area in lowest[:LISTED]
        ],
        unlisted=max(len(areas) - LISTED, 0),
    )  # fmt: skip


def _said(area: CoverageArea) -> str:
    if area.before is not None:
        return points(area.change)
    return percent(area.met, area.households) if area.households else _("No data")


def _picture(page: bytes) -> bytes:
    """The first page as a PNG."""
    import pypdfium2  # only jobs need it

    document = pypdfium2.PdfDocument(page)
    try:
        out = io.BytesIO()
        document[0].render(scale=PIXELS).to_pil().save(out, "PNG", optimize=True)
        return out.getvalue()
    finally:
        document.close()


def _title(arguments: dict[str, Any]) -> str:
    name = short_name(places.named(arguments["jurisdiction"]).name)
    return " ".join(filter(None, [str(_("Visit coverage")), name, str(arguments.get("to") or "")]))


KINDS = (
    Kind(
        key="coverage", label=_l("Map of coverage"), permission=Permission.FIGURES_READ,
        formats=("pdf", "png", "xlsx", "csv", "gpkg"), arguments=CoverageArguments,
        formula=f"{counting.FORMULA} · {counting.DUE_FORMULA}", title=_title, make=make,
        check=_question, page="coverage.show",
        hint=_l("The map as it is shown, for a meeting or to work on."),
    ),
)  # fmt: skip

"""The map of coverage as files that a job makes: on paper, as a picture, as tables, for a GIS."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
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
from maps import asked as asking
from maps import paper, places
from maps.bands import CHANGE_CLASSES, SHARE_CLASSES, percent, points, share_class
from maps.coverage import Coverage, coverage
from maps.measures import MEASURES
from maps.places import Place
from maps.rows import CoverageArea
from maps.schemas import CoverageIn
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


class _Map:
    """What was asked for, found."""

    def __init__(self, asked: Asked) -> None:
        args = asked.arguments
        self.place: Place = places.find(asked.by, args["jurisdiction"])
        self.by = places.divided(self.place, args.get("by"))
        self.measure, self.tag = MEASURES[args["measure"]], args.get("tag")
        self.window = asking.window({"to": workdays.day_of(asked.as_of), **args})
        self.earlier = self.window.ending(args["compare"]) if args.get("compare") else None

    def found(self, window: asking.Window, *, drawn: bool) -> Coverage:
        return coverage(
            self.place, self.by, window.first, window.last, as_of=window.day, drawn=drawn,
            due=self.measure.due, tag=self.tag,
        )  # fmt: skip

    def areas(self, *, drawn: bool) -> tuple[Coverage, list[CoverageArea]]:
        """The figures and the areas, beside those of the earlier window where one is asked for."""
        now = self.found(self.window, drawn=drawn)
        before: dict[str, tuple[int, int]] = {}
        if self.earlier:
            rows = self.found(self.earlier, drawn=False).rows
            before = {r.area.code: (self.measure.part(r), self.measure.whole(r)) for r in rows}
        return now, [
            CoverageArea(
                row.area.code, short_name(row.area.name), row.area.shape,
                self.measure.part(row), self.measure.whole(row),
                before=before.get(row.area.code, (0, 0)) if self.earlier else None,
            )
            for row in now.rows
        ]  # fmt: skip

    @property
    def period(self) -> str:
        first, last = format_date(self.window.first, "long"), format_date(self.window.last, "long")
        return f"{first} – {last}"

    def notes(self, asked: Asked) -> list[str]:
        """What stands below the map and the tables."""
        tag = _("All with a tag") if self.tag == "any" else label(Tag(self.tag)) if self.tag else ""
        return [
            " · ".join(filter(None, [
                _("Jurisdiction: %(name)s %(code)s", name=short_name(self.place.name),
                  code=self.place.code),
                self.period, tag,
                _("beside the same days up to %(day)s", day=format_date(self.earlier.last, "long"))
                if self.earlier else "",
            ])),
            _("As of %(time)s", time=asked.as_of.astimezone(workdays.zone()).strftime(
                "%Y-%m-%d %H:%M")) + f" · {_('Formula')} {self.measure.formula} · GridServe",
        ]  # fmt: skip


def make(asked: Asked) -> bytes:
    """The file in the format that was asked for."""
    asked.say(_("Counting…"))
    found = _Map(asked)
    if asked.format in ("xlsx", "csv"):
        return _table(found, asked)
    if asked.format == "gpkg":
        return _for_gis(found, asked)
    page = _on_paper(found, asked)
    return page if asked.format == "pdf" else _picture(page)


def _columns(found: _Map) -> list[str]:
    names = counting.FIGURES if found.measure.due else counting.FIGURES[:3]
    return ["code", "name", *names, "share", *(["share_before", "change"] if found.earlier else [])]


def _rows(found: _Map, *, drawn: bool = False) -> tuple[list[list[Any]], list[CoverageArea]]:
    figures, areas = found.areas(drawn=drawn)
    names = _columns(found)[2:]
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


def _table(found: _Map, asked: Asked) -> bytes:
    rows, _areas = _rows(found)
    notes = found.notes(asked)
    if asked.format == "csv":
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(_columns(found))
        writer.writerows([_plain(value) for value in row] for row in rows)
        return b"\xef\xbb\xbf" + out.getvalue().encode()  # with the mark that spreadsheets need
    titles = {
        "code": _("Code"), "name": _("Area"), "households": _("Active households"),
        "registered": _("On the register"), "met": _("Households met"), "due": _("Due households"),
        "in_time": _("Met in time"), "overdue": _("Overdue before"), "caught_up": _("Caught up"),
        "share": str(found.measure.value), "share_before": _("Before"),
        "change": _("Change in points"),
    }  # fmt: skip
    columns = [(titles[name], 18 if name in ("code", "name") else 12) for name in _columns(found)]
    sheet = xlsx.Sheet(_("Visit coverage"), columns, rows, notes)
    return xlsx.workbook([sheet], asked.as_of)


def _plain(value: Any) -> Any:
    """A name that a spreadsheet would run as a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(LEADS) else value


def _for_gis(found: _Map, asked: Asked) -> bytes:
    rows, areas = _rows(found, drawn=True)
    names = _columns(found)
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


def _on_paper(found: _Map, asked: Asked) -> bytes:
    figures, areas = found.areas(drawn=True)
    asked.say(_("The map is drawn…"))
    many = len(areas) > paper.NAMED
    patches = [
        paper.Patch(
            area.geometry, None if area.cls.key == "no-data" else area.cls.colour,
            () if many else (area.name, _said(area)),
        )
        for area in areas if area.geometry is not None
    ]  # fmt: skip
    drawing = paper.draw(patches, _outlines(found), *MAP)
    part, whole = found.measure.part(figures), found.measure.whole(figures)
    lowest = sorted(areas, key=lambda a: (not a.households, a.met / (a.households or 1)))
    return pdf.render(
        "maps/coverage_pdf.html", title=found.measure.name, place=short_name(found.place.name),
        drawing=drawing, classes=CHANGE_CLASSES if found.earlier else SHARE_CLASSES,
        compared=found.earlier is not None, measure=found.measure, period=found.period,
        share=percent(part, whole), part=part, whole=whole, notes=found.notes(asked),
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


def _outlines(found: _Map) -> Sequence[Any]:
    place, day = found.place, found.window.day
    if found.by == place.below:
        drawn = places.outline(place, day)
    else:
        drawn = places.shapes(place, place.below, day, places.DETAIL)
    return [area.shape for area in drawn if area.shape is not None]


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
        check=_Map, page="coverage.show",
        hint=_l("The map as it is shown, for a meeting or to work on."),
    ),
)  # fmt: skip

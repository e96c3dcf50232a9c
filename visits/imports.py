"""The kinds of import here: households, the map of cells, the catalogue of categories."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids import projection
from grids.coordinates import System
from grids.report import BadInput
from gridserve import workdays
from gridserve.imports.kinds import Kind, Upload
from gridserve.permissions import Permission
from gridserve.tables.raw import BadTable
from visits import categoryfile
from visits.categories import import_categories
from visits.cellimport import import_cells
from visits.householdfile import ABOUT, COLUMNS
from visits.householdimport import import_households


def _households(upload: Upload) -> dict[str, Any]:
    said = upload.options.get("system")
    if said and said not in set(System):
        known = ", ".join(System)
        raise BadTable(
            _("Tables of households give points in %(known)s, and not in %(said)s: convert them.",
              known=known, said=said)
        )  # fmt: skip
    return import_households(
        upload.data, by=upload.by, system=System(said) if said else None,
        skip_bad=bool(upload.options.get("skip_bad")), dry_run=upload.dry_run, subject=upload.id,
        say=upload.say,
    ).as_dict()  # fmt: skip


def _cells(upload: Upload) -> dict[str, Any]:
    """A map of cells, by way of a file of its own: libraries for maps read files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("map" + Path(upload.name).suffix.lower()[:9])
        path.write_bytes(upload.data)
        try:
            report = import_cells(
                path, system=upload.options.get("system") or "",
                layer=upload.options.get("layer") or "",
                swapped=bool(upload.options.get("swapped")),
                repair=bool(upload.options.get("repair")),
                skip_bad=bool(upload.options.get("skip_bad")), dry_run=upload.dry_run,
                from_date=workdays.today(), by=upload.by, say=upload.say,
            )  # fmt: skip
        except BadInput as bad:
            raise BadTable(str(bad).replace(path.name, upload.name)) from bad
    found = report.as_dict() | {"left_out": report.left_out}
    if question := found["question"]:
        question["words"] = question["words"].replace(path.name, upload.name)
        if question["option"] == "crs":
            question["option"] = "system"
            question["named"] = {one: projection.name(one) for one in question["choices"]}
    found["notes"] = [f"{note['row']}: {note['words']}" for note in found["notes"]]
    return found


def _categories(upload: Upload) -> dict[str, Any]:
    skip = bool(upload.options.get("skip_bad"))
    return import_categories(upload.data, by=upload.by, skip_bad=skip, say=upload.say).as_dict()


KINDS = (
    Kind(
        "households", _l("Households"), _l("XLSX or CSV: one row for each household"),
        Permission.HOUSEHOLD_WRITE, (".xlsx", ".xlsm", ".csv", ".txt"), _households, COLUMNS,
        ABOUT, options=("system",), page="visits.listing",
    ),
    Kind(
        "cells", _l("Cells"), _l("GeoJSON, GeoPackage or zipped Shapefile"),
        Permission.GROUND_WRITE, (".geojson", ".json", ".gpkg", ".zip"), _cells,
        options=("system", "repair"), page="ground.cells",
    ),
    Kind(
        "categories", _l("Categories"), _l("XLSX or CSV: one row for each category"),
        Permission.CATEGORY_WRITE, (".xlsx", ".xlsm", ".csv", ".txt"), _categories,
        categoryfile.COLUMNS, categoryfile.ABOUT, page="categories.listing",
    ),
)  # fmt: skip

"""Cells as a file, to draw on in another program or to keep."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import marshmallow as ma
from flask import Response, send_file
from flask_babel import gettext as _

from grids import cellexport, queries
from grids.cellexport import FORMATS
from grids.report import BadInput
from grids.schemas import CodeIn
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.errors import Invalid
from gridserve.http import API, Blueprint, Day, ProblemSchema, Schema, Text
from gridserve.permissions import Permission, scopes

bp = Blueprint("cells_file", __name__, url_prefix=API, description="Cells as map files")

MOST_CELLS = 5_000  # a large county; a second's work
_BINARY = {"schema": {"type": "string", "format": "binary"}}
# What the file is and how it is called.
KINDS = {
    "geojson": ("application/geo+json", ".geojson"),
    "gpkg": ("application/geopackage+sqlite3", ".gpkg"),
    "shp": ("application/zip", ".zip"),
}


class CellsFileIn(Schema):
    jurisdiction = CodeIn(required=True, metadata={"example": "530626101"})
    on = Day(metadata={"description": "cells valid on this day; today unless given"})
    format = ma.fields.String(load_default="geojson", validate=ma.validate.OneOf(FORMATS))
    crs = Text(
        load_default="wgs84", most=12, least=4,
        metadata={"description": "wgs84, cgcs2000, gcj02, bd09 or EPSG:n", "example": "EPSG:4547"},
    )  # fmt: skip


@bp.get("/cells/export")
@requires(Permission.GROUND_READ)
@bp.alt_response(
    404, schema=ProblemSchema, content_type="application/problem+json",
    description="Not there, or not in the caller's scope.",
)  # fmt: skip
@bp.arguments(CellsFileIn, location="query")
@bp.doc(
    responses={
        "200": {
            "description": "The file. What it holds can be imported again.",
            "content": {"application/geo+json": {"schema": {"type": "object"}}}
            | {kind: _BINARY for kind, _ending in KINDS.values() if "json" not in kind},
        }
    }
)
def export_cells(args: dict[str, Any]) -> Response:
    """The cells of a jurisdiction as a GeoJSON, GeoPackage or zipped Shapefile."""
    code = queries.jurisdiction(current_user, args["jurisdiction"]).code
    day = args.get("on") or workdays.today()
    seen = scopes(current_user, Permission.GROUND_READ)
    if cellexport.count(code, day, seen) > MOST_CELLS:
        words = _(
            "More than %(most)s cells: ask for one county or township, or use the command "
            "gridserve export cells.",
            most=f"{MOST_CELLS:,}",
        )
        raise Invalid(errors={"/jurisdiction": [words]})
    kind, ending = KINDS[args["format"]]
    with tempfile.TemporaryDirectory(prefix="cells-") as folder:
        path = Path(folder) / f"cells{ending}"
        try:
            cellexport.write(path, code, day, kind=args["format"], system=args["crs"], seen=seen)
        except BadInput as bad:
            raise Invalid(errors={"/crs": [str(bad)]}) from bad
        file = BytesIO(path.read_bytes())  # some megabytes at most
    name = f"cells-{code}-{day.isoformat()}{ending}"
    return send_file(file, mimetype=kind, as_attachment=True, download_name=name)

"""Takes cells out into GeoJSON, GeoPackage or a zipped Shapefile, a thousand at a time."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Select, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from grids.models import Cell, Lineage
from grids.permissions import holds_on
from grids.projection import Frame, UnknownSystem, frame
from grids.report import BadInput, said
from gridserve.db import db
from gridserve.permissions import within

FORMATS = ("geojson", "gpkg", "shp")
ENDINGS = {".geojson": "geojson", ".json": "geojson", ".gpkg": "gpkg", ".zip": "shp"}
DRIVERS = {"gpkg": "GPKG", "shp": "ESRI Shapefile"}
LAYER = "cells"
CHUNK = 1_000
# Written as text, so that a tenth of a nanodegree does not get in the way of an equal outline.
DECIMALS = 9
FIELDS = ("code", "name", "kind", "village", "from_date", "to_date", "parents")
MOST_IN_TEXT = 254  # characters that a .dbf keeps
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


EVERYWHERE = ("",)


def count(jurisdiction: str, day: date, seen: Sequence[str] = EVERYWHERE) -> int:
    """How many cells below a jurisdiction ("": all) were valid on `day`.

    `seen` are the code prefixes within which somebody may see them.
    """
    return db.session.scalar(select(func.count()).where(*_here(jurisdiction, day, seen))) or 0


def write(
    path: Path, jurisdiction: str, day: date, *, kind: str, system: str = "wgs84",
    seen: Sequence[str] = EVERYWHERE, step: Callable[[int], object] = lambda n: None,
) -> None:  # fmt: skip
    """Write the cells below a jurisdiction that were valid on `day`, by code.

    `kind` is one of FORMATS (shp is zipped), `system` as in `projection.frame`. Beside the
    properties that an import reads: from_date, to_date, and parents, the codes that a cell came
    from. `seen` as in `count`. The file appears when it is whole. Raises `BadInput`.
    """
    try:
        into = frame(system, None) or Frame()
    except UnknownSystem as unknown:
        raise BadInput(said(unknown.fault)) from unknown
    with tempfile.TemporaryDirectory(prefix="cells-", dir=path.parent) as folder:
        whole = Path(folder) / f"{LAYER}.{kind}"
        chunks = _chunks(_rows(jurisdiction, day, seen), into, step)
        if kind == "geojson":
            _geojson(whole, chunks, into)
        else:
            _by_gdal(whole, chunks, into, kind)
        if kind == "shp":
            whole = _zipped(whole)
        whole.replace(path)


def _here(jurisdiction: str, day: date, seen: Sequence[str]) -> tuple[Any, ...]:
    below = Cell.village_code.startswith(jurisdiction, autoescape=True)
    return holds_on(Cell, day), below, within(Cell.village_code, seen)


def _rows(jurisdiction: str, day: date, seen: Sequence[str]) -> Select[Any]:
    parent = aliased(Cell)
    parents = (
        select(func.string_agg(parent.code, aggregate_order_by(literal(","), parent.code)))
        .join(Lineage, Lineage.parent_id == parent.id)
        .where(Lineage.child_id == Cell.id)
        .scalar_subquery()
    )
    return (
        select(Cell.code, Cell.name, Cell.kind, Cell.village_code, Cell.from_date, Cell.to_date,
               parents, func.ST_AsBinary(Cell.polygon))
        .where(*_here(jurisdiction, day, seen))
        .order_by(Cell.code)
    )  # fmt: skip


Chunk = tuple[list[tuple[str, ...]], NDArray[Any]]


def _chunks(cells: Select[Any], into: Frame, step: Callable[[int], object]) -> Iterator[Chunk]:
    """Texts (in the order of FIELDS) and shapes, a thousand cells at a time, read as they go."""
    last = ""
    while True:
        rows = db.session.execute(cells.where(Cell.code > last).limit(CHUNK)).all()
        if not rows:
            return
        texts: list[tuple[str, ...]] = [
            (r[0], r[1], r[2].value, r[3], r[4].isoformat(), r[5].isoformat() if r[5] else "",
             r[6] or "")
            for r in rows
        ]  # fmt: skip
        shapes = shapely.from_wkb([bytes(r[7]) for r in rows])
        yield texts, np.array([into.from_wgs84(shape) for shape in shapes], object)
        step(len(rows))
        last = rows[-1][0]


def _geojson(path: Path, chunks: Iterator[Chunk], into: Frame) -> None:
    with path.open("w", encoding="utf-8") as file:
        name = _epsg(into)
        crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{name[5:]}"}}
        # RFC 7946 knows WGS 84 only; whoever asks for another system finds it named as before.
        file.write('{"type":"FeatureCollection",')
        if into.projection is not None:
            file.write(f'"crs":{json.dumps(crs)},')
        file.write('"features":[')
        comma = "\n"
        for texts, shapes in chunks:
            drawn = shapely.transform(shapes, lambda pairs: np.round(pairs, DECIMALS))
            for text, shape in zip(texts, drawn, strict=True):
                properties = {k: v or None for k, v in zip(FIELDS, text, strict=True)}
                feature = {
                    "type": "Feature", "id": text[0], "properties": properties,
                    "geometry": shapely.geometry.mapping(shape),
                }  # fmt: skip
                file.write(comma + json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
                comma = ",\n"
        file.write("\n]}\n")


def _by_gdal(path: Path, chunks: Iterator[Chunk], into: Frame, kind: str) -> None:
    import pyogrio.raw  # loads GDAL

    appended = False
    nothing: Chunk = ([], np.array([], object))
    for texts, shapes in _at_least_one(chunks, nothing):
        columns = [
            np.array([text[n][:MOST_IN_TEXT] for text in texts], object)
            for n in range(len(FIELDS))
        ]  # fmt: skip
        pyogrio.raw.write(
            path, shapely.to_wkb(shapes), columns, list(FIELDS), layer=LAYER,
            driver=DRIVERS[kind], geometry_type="Polygon", crs=_epsg(into), encoding="UTF-8",
            append=appended,
        )  # fmt: skip
        appended = True


def _at_least_one(chunks: Iterator[Chunk], otherwise: Chunk) -> Iterator[Chunk]:
    """The chunks, or an empty one where there is none: the layer is there all the same."""
    some = False
    for chunk in chunks:
        some = True
        yield chunk
    if not some:
        yield otherwise


def _epsg(into: Frame) -> str:
    """The label of the file. GCJ-02 and BD-09 have no number: maps call them WGS 84."""
    return into.called if into.projection is not None else "EPSG:4326"


def _zipped(path: Path) -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix in PARTS:
            part = path.with_suffix(suffix)
            if part.exists():
                archive.write(part, part.name)
    return target

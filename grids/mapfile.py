"""Reads areas from map files: GeoJSON, GeoPackage, zipped Shapefile.

Files come from strangers: sizes and names are looked at before anything is unpacked, a file is
what its first bytes say and not its ending, and only GeoPackages and Shapefiles ever reach GDAL.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import pyogrio.raw
import shapely
from flask_babel import gettext as _
from pyogrio.errors import CRSError, DataLayerError, DataSourceError, FeatureError, GeometryError

from grids import geojsonfile, projection, shapefile, zipped
from grids.featurefile import Feature, as_drawn, canonical
from grids.geometry import BadGeometry, Fault
from grids.projection import Frame
from grids.report import Asks, BadInput, Question, Report, said
from gridserve.later import N_

MOST_BYTES = 64 * 1024 * 1024  # a county's cells in GeoJSON are about 10 MB
MOST_FEATURES = 50_000
MOST_VERTICES = 5_000_000
CHUNK = 1_000  # features read at a time, so that a limit stops early
_GDAL_ERRORS = (
    CRSError, DataLayerError, DataSourceError, FeatureError, GeometryError, ValueError,
    UnicodeError, OSError, RuntimeError,
)  # fmt: skip

# The index of a Shapefile that was left behind is made anew from the shapes.
pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})


@dataclass(frozen=True)
class Layer:
    """The features of a file and the coordinate system that it names (EPSG:n, WKT; None none)."""

    features: list[Feature]
    system: str | None


def read(path: Path, *, layer: str = "") -> Layer:
    """The features of the map file at `path`; of several layers the one called `layer`.

    Raises `BadInput`, and `Asks` where a layer is to be chosen.
    """
    try:
        with path.open("rb") as file:
            start = file.read(100)
        size = path.stat().st_size
    except FileNotFoundError:
        raise BadInput(_("%(file)s does not exist. Give a map file.", file=path.name)) from None
    except OSError as error:
        words = _("%(file)s cannot be read: %(why)s.", file=path.name, why=error.strerror)
        raise BadInput(words) from error
    if not start.strip(b"\0 \t\r\n") and size <= MOST_BYTES:
        raise BadInput(_("%(file)s is empty. Export the layer anew.", file=path.name))
    if size > MOST_BYTES:
        raise BadInput(
            _(
                "%(file)s has %(size)s MB, at most %(most)s MB are taken: export only the layer "
                "of the cells, or a township at a time.",
                file=path.name,
                size=size // 1_000_000,
                most=MOST_BYTES // 1_000_000,
            )
        )
    with tempfile.TemporaryDirectory(prefix="map-") as folder:
        return _read(path, start, Path(folder), layer)


def read_placed(
    path: Path, report: Report, *, system: str, layer: str, swapped: bool
) -> tuple[list[Feature], Frame | None]:
    """The features with their coordinate system; None with `report.question` where it is not known.

    `system` as in `projection.frame`; `swapped` where latitude comes first. Raises `BadInput`.
    """
    try:
        found = read(path, layer=layer)
    except Asks as asks:
        report.question = asks.question
        return [], None
    try:
        frame = projection.frame(system, found.system)
    except projection.UnknownSystem as unknown:
        raise BadInput(said(unknown.fault)) from unknown
    if frame is None:
        words = N_(
            "The file does not say its coordinate system (a Shapefile says it in its .prj): say it."
        )
        report.question = Question("crs", Fault(words), _guesses(found.features))
        return found.features, None
    return found.features, frame.swap() if swapped else frame


def _guesses(features: list[Feature]) -> tuple[str, ...]:
    """Systems in which the first corner would be a place in China."""
    first = next((f.geometry for f in features if f.geometry is not None), None)
    try:
        x, y = shapely.get_coordinates(as_drawn(first))[0]
    except (BadGeometry, IndexError):
        return ()
    return projection.guesses(float(x), float(y))


def _read(path: Path, start: bytes, folder: Path, layer: str) -> Layer:
    if start.startswith(b"SQLite format 3\0"):
        place = folder / "layer.gpkg"  # a copy: SQLite may write beside what it reads
        shutil.copyfile(path, place)
        return _geopackage(path.name, place, layer)
    if start.startswith(b"PK"):
        inside = zipped.unpack(path, folder, layer)
        if inside.kind == "gpkg":
            return _geopackage(path.name, inside.place, layer)
        if inside.kind == "json":
            return _limited(path.name, Layer(*geojsonfile.read(inside.place, path.name)))
        return _shapefile(path.name, inside.place)
    if start.startswith(shapefile.MAGIC):
        shapefile.gather(path, folder)
        return _shapefile(path.name, folder / "layer.shp")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _limited(path.name, Layer(*geojsonfile.read(path, path.name)))
    raise BadInput(_what_else(path.name, start))


def _what_else(name: str, start: bytes) -> str:
    """What a file is that is none of ours, for the formats that people take for one."""
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return _(
            "%(file)s is a web page and no map file: save the file itself, not the page that "
            "offers it.",
            file=name,
        )
    other = {
        b"<?xml": "KML / GML", b"Rar!": "RAR", b"7z\xbc\xaf": "7-Zip", b"AC10": "DWG",
        b"\x1f\x8b": "gzip", b"\xd0\xcf\x11\xe0": "XLS / MDB",
    }  # fmt: skip
    found = next((kind for magic, kind in other.items() if start.startswith(magic)), "")
    if found:
        return _(
            "%(file)s is a %(kind)s file: export the layer as GeoJSON, GeoPackage or zipped "
            "Shapefile.",
            file=name,
            kind=found,
        )
    return _(
        "%(file)s is not a map file that can be read: give GeoJSON (in UTF-8), GeoPackage or a "
        "zipped Shapefile.",
        file=name,
    )


def _geopackage(name: str, place: Path, layer: str) -> Layer:
    layers = _tables(name, place)
    if layer and layer not in layers:
        raise BadInput(
            _(
                "%(file)s has no layer “%(layer)s”; it has %(names)s.",
                file=name,
                layer=layer[:80],
                names=", ".join(layers[:20]) or "–",
            )
        )
    if not layers:
        raise BadInput(_("%(file)s has no layer with areas. Export it anew.", file=name))
    if len(layers) > 1 and not layer:
        words = N_("%(file)s has several layers: say which one holds the areas.")
        raise Asks(Question("layer", Fault(words, {"file": name}), tuple(layers)))
    with _readable(name, place):
        return _gdal(name, place, layer or layers[0])


def _tables(name: str, place: Path) -> list[str]:
    """The layers of a GeoPackage that are tables: a view could run anything for ever."""
    damaged = _("%(file)s is a damaged GeoPackage: copy or export it anew.", file=name)
    try:
        database = sqlite3.connect(f"file:{place}?mode=ro", uri=True)
        try:
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise BadInput(damaged)
            rows = database.execute(
                "SELECT c.table_name FROM gpkg_contents AS c JOIN sqlite_master AS m "
                "ON m.name = c.table_name AND m.type = 'table' "
                "WHERE c.data_type = 'features' ORDER BY c.table_name LIMIT 100"
            ).fetchall()
        finally:
            database.close()
    except sqlite3.Error as error:
        raise BadInput(damaged) from error
    return [str(row[0]) for row in rows]


def _shapefile(name: str, place: Path) -> Layer:
    shapefile.check(name, place)
    encoding = shapefile.encoding(name, place)
    with _readable(name, place):
        return _gdal(name, place, None, encoding=encoding)


@contextmanager
def _readable(name: str, place: Path) -> Iterator[None]:
    """What GDAL cannot read is a fault of the file."""
    try:
        yield
    except _GDAL_ERRORS as error:
        why = " ".join(str(error).split()).replace(f"{place.parent}/", "")[:200].rstrip(".")
        words = _("%(file)s cannot be read: %(why)s. Export it anew.", file=name, why=why)
        raise BadInput(words) from error


def _gdal(name: str, place: Path, layer: str | None, *, encoding: str | None = None) -> Layer:
    info = pyogrio.read_info(place, layer=layer, encoding=encoding)
    features: list[Feature] = []
    vertices = 0
    while True:
        meta, _fids, shapes, columns = pyogrio.raw.read(
            place, layer=layer, encoding=encoding, skip_features=len(features), max_features=CHUNK
        )
        if shapes is None:
            raise BadInput(_("%(file)s has no layer with areas. Export it anew.", file=name))
        drawn = shapely.from_wkb(shapes, on_invalid="ignore")
        vertices += int(shapely.get_num_coordinates(drawn).sum())
        headings = [str(heading) for heading in meta["fields"]]
        for number, geometry in enumerate(drawn):
            row = {h: column[number] for h, column in zip(headings, columns, strict=True)}
            features.append(Feature(len(features) + 1, canonical(row), geometry))
        _check_limits(name, len(features), vertices)
        if len(drawn) < CHUNK:
            break
    return Layer(features, info["crs"])


def _limited(name: str, layer: Layer) -> Layer:
    _check_limits(name, len(layer.features), 0)
    return layer


def _check_limits(name: str, features: int, vertices: int) -> None:
    if features > MOST_FEATURES or vertices > MOST_VERTICES:
        raise BadInput(
            _(
                "%(file)s has more than %(features)s features or %(vertices)s corners: import a "
                "township at a time.",
                file=name,
                features=f"{MOST_FEATURES:,}",
                vertices=f"{MOST_VERTICES:,}",
            )
        )

"""Makes the broken map files beside it anew: python -m tests.data.broken.make_maps

Two cells of one village, west and east, with one thing wrong in each file.
"""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from shapely import Polygon, box

from grids.projection import frame

HERE = Path(__file__).parent / "maps"
VILLAGE = "530626101201"
WEST, SOUTH, STEP = 103.95, 28.60, 0.01
LEFT = box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)
RIGHT = box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
NAMES = ["东街网格", "西街网格"]
CODES = [f"{VILLAGE}001", f"{VILLAGE}002"]
FIELDS = {"code": CODES, "name": NAMES}
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def feature(number: int, geometry: Any, **properties: Any) -> dict[str, Any]:
    given = {"code": CODES[number], "name": NAMES[number], **properties}
    drawn = shapely.geometry.mapping(geometry) if hasattr(geometry, "geom_type") else geometry
    return {"type": "Feature", "properties": given, "geometry": drawn}


def geojson(name: str, *features: dict[str, Any]) -> None:
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    (HERE / f"{name}.geojson").write_text(text + "\n", encoding="utf-8")


def gdal(path: Path, shapes: Iterable[Any], *, crs: str = "EPSG:4490", **more: Any) -> Path:
    columns = [np.array(values, object) for values in FIELDS.values()]
    more = {"geometry_type": "Polygon", "encoding": "UTF-8"} | more
    driver = "GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile"
    drawn = shapely.to_wkb(list(shapes), output_dimension=3)
    pyogrio.raw.write(path, drawn, columns, list(FIELDS), driver=driver, crs=crs, **more)
    return path


def shapefile(
    name: str, *, without: str = "", rename: Callable[[str], str] = str, cut: str = "", **more: Any
) -> None:
    """A zipped Shapefile; `cut` names a part of which the second half is missing."""
    path = gdal(HERE / "cells.shp", [LEFT, RIGHT], **more)
    with zipfile.ZipFile(HERE / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix in PARTS:
            part = path.with_suffix(suffix)
            data = part.read_bytes()
            part.unlink()
            if suffix not in without.split():
                data = data[: len(data) * 2 // 3] if suffix == cut else data
                archive.writestr(zipfile.ZipInfo(rename(part.name)), data)


def turned(area: Polygon) -> Polygon:
    return shapely.transform(area, lambda pairs: pairs[:, ::-1])


def make() -> None:
    HERE.mkdir(exist_ok=True)
    for old in HERE.iterdir():
        old.unlink()
    gcj02 = frame("gcj02", None)
    assert gcj02 is not None
    # Archives and Shapefiles.
    shapefile("truncated")
    whole = HERE / "truncated.zip"
    whole.write_bytes(whole.read_bytes()[:-120])
    shapefile("no-prj", without=".prj")
    shapefile("no-shx", without=".shx")
    shapefile("no-dbf", without=".dbf")
    shapefile("gbk", without=".cpg", encoding="GBK")
    shapefile("gbk-said-utf8", encoding="GBK")
    with zipfile.ZipFile(HERE / "gbk-said-utf8.zip") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(HERE / "gbk-said-utf8.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), b"UTF-8" if name.endswith(".cpg") else data)
    shapefile("climbing", rename=lambda name: f"../../{name}")
    shapefile("cut-shp", cut=".shp")
    shapefile("cut-dbf", cut=".dbf")
    shapefile("xian1980", crs="EPSG:2381")
    # GeoPackages.
    tall = [shapely.force_3d(area, 412.5) for area in (LEFT, RIGHT)]
    gdal(HERE / "three-dimensions.gpkg", tall, geometry_type="Polygon Z")
    whole = gdal(HERE / "cut.gpkg", [LEFT, RIGHT])
    whole.write_bytes(whole.read_bytes()[:60_000])
    endless(gdal(HERE / "endless-view.gpkg", [LEFT, RIGHT]))
    # GeoJSON.
    geojson("mixed", feature(0, LEFT), feature(1, shapely.LineString([(WEST, SOUTH), (104, 28.7)])))
    for name, value in (("nan", float("nan")), ("infinity", float("inf"))):
        ring = [[WEST, SOUTH], [WEST + STEP, value], [WEST + STEP, SOUTH + STEP], [WEST, SOUTH]]
        geojson(name, feature(0, {"type": "Polygon", "coordinates": [ring]}), feature(1, RIGHT))
    geojson("swapped", feature(0, turned(LEFT)), feature(1, turned(RIGHT)))
    nested = {"type": "GeometryCollection", "geometries": [
        {"type": "GeometryCollection", "geometries": [shapely.geometry.mapping(RIGHT)]},
        {"type": "Point", "coordinates": [WEST, SOUTH]},
    ]}  # fmt: skip
    geojson("nested", feature(0, LEFT), feature(1, nested))
    geojson("duplicate", feature(0, LEFT), feature(1, RIGHT, code=CODES[0]))
    geojson("said-wgs84-is-gcj02", *(feature(n, gcj02.from_wgs84(a))
                                      for n, a in enumerate((LEFT, RIGHT))))  # fmt: skip
    geojson("no-geometry", feature(0, LEFT), feature(1, None))
    crossing = [[WEST + STEP, SOUTH], [WEST + 2 * STEP, SOUTH + STEP], [WEST + 2 * STEP, SOUTH],
                [WEST + STEP, SOUTH + STEP], [WEST + STEP, SOUTH]]  # fmt: skip
    geojson("bow-tie", feature(0, LEFT), feature(1, {"type": "Polygon", "coordinates": [crossing]}))
    opened = shapely.get_coordinates(RIGHT).tolist()[:-1]
    geojson("unclosed", feature(0, LEFT), feature(1, {"type": "Polygon", "coordinates": [opened]}))
    page = "<!DOCTYPE html>\n<html><title>下载</title><body>请先登录</body></html>\n"
    (HERE / "page.geojson").write_text(page, encoding="utf-8")
    (HERE / "empty.geojson").write_bytes(b"")
    (HERE / "half.geojson").write_bytes((HERE / "mixed.geojson").read_bytes()[:300])


def endless(path: Path) -> None:
    """Put a view in the place of the layer that never stops giving rows."""
    database = sqlite3.connect(path)
    database.executescript(
        """
        PRAGMA writable_schema = ON;
        DELETE FROM sqlite_master WHERE type = 'trigger';
        PRAGMA writable_schema = OFF;
        """
    )
    table = database.execute("SELECT table_name FROM gpkg_contents").fetchone()[0]
    database.execute(f'ALTER TABLE "{table}" RENAME TO "hidden"')
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    rows = " SELECT i AS fid, geom, code, name FROM n, hidden"
    database.execute(f'CREATE VIEW "{table}" AS {numbers}{rows}')
    database.execute("UPDATE gpkg_contents SET table_name = ?", (table,))
    database.commit()
    database.close()


if __name__ == "__main__":
    make()

"""Map files of every format and system come in, and go out to come in again unchanged."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from click.testing import CliRunner, Result
from flask import Flask
from geoalchemy2.shape import to_shape
from shapely import Polygon, box
from sqlalchemy import select

from grids.commands import export_group, import_group
from grids.models import Cell
from grids.projection import frame
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import SOUTH, STEP, VILLAGE, WEST, Make

LEFT = box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)
RIGHT = box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
BOTH = box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
CODES = [f"{VILLAGE}001", f"{VILLAGE}002"]

Run = Callable[..., Result]


@pytest.fixture
def run(context: Flask) -> Run:
    def command(path: Path, *options: str) -> Result:
        return CliRunner().invoke(
            import_group, ["cells", str(path), "--json", *options], catch_exceptions=False
        )

    return command


@pytest.fixture
def village(make: Make) -> str:
    make.boundary(VILLAGE, BOTH)
    return VILLAGE


def write(
    path: Path, shapes: list[Any], fields: dict[str, list[Any]], *, crs: str | None = "EPSG:4490",
    encoding: str = "UTF-8", kind: str = "Polygon", **more: Any,
) -> Path:  # fmt: skip
    """A .gpkg or .shp of areas in WGS 84, in the coordinates of `crs`."""
    into = frame(crs or "EPSG:4490", None)
    assert into is not None
    drawn = [into.from_wgs84(shape) for shape in shapes]
    pyogrio.raw.write(
        path, shapely.to_wkb(drawn), [np.array(v, object) for v in fields.values()], list(fields),
        driver={".gpkg": "GPKG", ".shp": "ESRI Shapefile"}[path.suffix], geometry_type=kind,
        crs=crs, encoding=encoding, **more,
    )  # fmt: skip
    return path


def zipped(path: Path, *, without: tuple[str, ...] = (), folder: str = "") -> Path:
    target = path.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as archive:
        for part in sorted(path.parent.glob(f"{path.stem}.*")):
            if part.suffix not in (*without, ".zip"):
                archive.write(part, folder + part.name)
    return target


def stored() -> dict[str, tuple[str, Polygon]]:
    rows = db.session.scalars(select(Cell).order_by(Cell.code))
    return {cell.code: (cell.name, to_shape(cell.polygon)) for cell in rows}


def answer(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


PROJECTED = ["EPSG:4490", "EPSG:4326", "EPSG:4543", "EPSG:4522", "EPSG:4507", "EPSG:32648",
             "EPSG:3857"]  # fmt: skip


@pytest.mark.parametrize("crs", PROJECTED)
@pytest.mark.parametrize("suffix", [".gpkg", ".shp"])
def test_the_file_says_its_system(
    run: Run, village: str, tmp_path: Path, suffix: str, crs: str
) -> None:
    fields = {"网格编码": CODES, "网格名称": ["东网格", "西网格"], "类型": ["基础网格", ""]}
    encoding = "GBK" if suffix == ".shp" else "UTF-8"
    path = write(tmp_path / f"地图{suffix}", [LEFT, RIGHT], fields, crs=crs, encoding=encoding)
    if suffix == ".shp":
        path = zipped(path, folder="导出/")
    first = answer(run(path))
    assert (first["new"], first["faults"], first["question"]) == (2, [], None)
    found = stored()
    assert [name for name, _shape in found.values()] == ["东网格", "西网格"]
    for (_name, shape), drawn in zip(found.values(), (LEFT, RIGHT), strict=True):
        assert shapely.hausdorff_distance(shape, drawn) < 1e-7
    assert answer(run(path))["same"] == 2


def test_several_layers_are_asked_for(run: Run, village: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gpkg"
    fields = {"code": CODES, "name": ["a", "b"]}
    write(path, [LEFT, RIGHT], fields, layer="网格")
    write(path, [BOTH], {"code": [VILLAGE]}, layer="边界", append=True)
    asked = run(path)
    assert asked.exit_code == 2
    assert answer(asked)["question"]["option"] == "layer"
    assert answer(asked)["question"]["choices"] == ["网格", "边界"]
    assert answer(run(path, "--layer", "网格"))["new"] == 2
    assert "has no layer" in run(path, "--layer", "x").stderr


def test_codes_that_became_numbers(run: Run, village: str, tmp_path: Path) -> None:
    fields = {"CODE": [float(code) for code in CODES], "NAME": ["a", "b"]}
    path = tmp_path / "x.gpkg"
    pyogrio.raw.write(
        path, shapely.to_wkb([LEFT, RIGHT]), [np.array(fields["CODE"]), np.array(fields["NAME"])],
        list(fields), driver="GPKG", geometry_type="Polygon", crs="EPSG:4490",
    )  # fmt: skip
    assert answer(run(path))["new"] == 2
    assert list(stored()) == CODES


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "zip"])
@pytest.mark.parametrize("system", ["wgs84", "gcj02", "bd09", "EPSG:4543"])
def test_what_goes_out_comes_in_unchanged(
    run: Run, village: str, make: Make, tmp_path: Path, ending: str, system: str
) -> None:
    third = STEP / 3
    begun = date(2024, 1, 1)
    make.cell(1, polygon=box(WEST, SOUTH, WEST + third, SOUTH + STEP), from_date=begun)
    make.cell(2, polygon=box(WEST + third, SOUTH, WEST + 2 * STEP, SOUTH + STEP), from_date=begun)
    make.cell(3, polygon=BOTH, to_date=begun)
    path = tmp_path / f"cells.{ending}"
    for day, cells in (("2026-01-01", 2), ("2023-12-31", 1)):
        out = CliRunner().invoke(
            export_group, ["cells", str(path), "--crs", system, "--on", day], catch_exceptions=False
        )
        assert out.exit_code == 0, out.output
        assert f"{cells} cells written" in out.stdout
        said = ["--crs", system] if system in ("gcj02", "bd09") else []
        again = answer(run(path, *said))
        assert (again["new"], again["same"], again["faults"]) == (0, cells, [])


def test_an_empty_export_is_a_file_all_the_same(context: Flask, make: Make, tmp_path: Path) -> None:
    make.jurisdictions()
    for ending in ("geojson", "gpkg", "zip"):
        path = tmp_path / f"none.{ending}"
        result = CliRunner().invoke(export_group, ["cells", str(path)], catch_exceptions=False)
        assert result.exit_code == 0
        assert path.stat().st_size > 0


def test_cells_are_downloaded_within_the_own_scope(
    as_user: Callable[[Any], Any], run: Run, village: str, make: Make, tmp_path: Path
) -> None:
    begun = date(2024, 1, 1)
    make.cell(1, from_date=begun, polygon=BOTH)
    make.cell(1, village="530626102201")
    clerk = as_user(make.user(Role.ADMINISTRATOR, VILLAGE[:9]))
    address = f"/api/v1/cells/export?jurisdiction={VILLAGE[:6]}&crs=gcj02&format="
    for kind, ending in (("geojson", "geojson"), ("gpkg", "gpkg"), ("shp", "zip")):
        found = clerk.get(address + kind)
        assert found.status_code == 200
        path = tmp_path / f"x.{ending}"
        path.write_bytes(found.data)
        again = answer(run(path, "--crs", "gcj02"))
        assert (again["read"], again["same"]) == (1, 1)
    assert clerk.get(f"{address}gpkg&on=2023-12-31").status_code == 200
    for wrong in ("&crs=EPSG:2381", "&crs=moon", "&on=1800-01-01", "&format=dwg"):
        start = "/api/v1/cells/export?jurisdiction=530626"
        assert clerk.get(start + wrong).status_code == 422, wrong
    assert clerk.get("/api/v1/cells/export?jurisdiction=530626102").status_code == 404


def test_cells_without_codes_come_in_once(run: Run, village: str, tmp_path: Path) -> None:
    fields = {"村编码": [VILLAGE, VILLAGE], "名称": ["a", "b"]}
    path = write(tmp_path / "x.gpkg", [RIGHT, LEFT], fields)
    assert answer(run(path))["new"] == 2
    assert answer(run(path))["same"] == 2
    assert list(stored()) == CODES

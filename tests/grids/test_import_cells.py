"""Cells and boundaries from GeoJSON: whole files or nothing, checked against the village."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner, Result
from flask import Flask
from geoalchemy2.shape import to_shape
from shapely import Polygon, box
from sqlalchemy import select

from grids.commands import import_group
from grids.coordinates import System, from_wgs84
from grids.models import Cell, Jurisdiction
from gridserve.db import db
from tests.factories import SOUTH, STEP, VILLAGE, WEST, Make

NAMED = {"name": "第1网格"}
LEFT = box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)
RIGHT = box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
BOTH = box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP)

XIAN = json.dumps({"type": "FeatureCollection", "features": [],
                   "crs": {"properties": {"name": "EPSG:2383"}}}).encode()  # fmt: skip

Import = Callable[..., Result]


@pytest.fixture
def run(context: Flask, tmp_path: Path) -> Import:
    """Import features given as (properties, geometry)."""

    def command(what: str, features: list[tuple[dict[str, Any], Any]], *options: str) -> Result:
        path = tmp_path / "file.geojson"
        collection = {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": p, "geometry": shapely.geometry.mapping(g)}
                for p, g in features
            ],
        }  # fmt: skip
        path.write_text(json.dumps(collection), encoding="utf-8")
        return CliRunner().invoke(
            import_group, [what, str(path), "--json", *options], catch_exceptions=False
        )

    return command


@pytest.fixture
def village(make: Make) -> str:
    make.boundary(VILLAGE, BOTH)
    return VILLAGE


def moved(area: Polygon, system: System) -> Any:
    return shapely.transform(area, lambda p: np.column_stack(from_wgs84(p[:, 0], p[:, 1], system)))


def codes() -> list[str]:
    return list(db.session.scalars(select(Cell.code).order_by(Cell.code)))


def reasons(result: Result) -> list[tuple[int, str]]:
    return [(f["row"], f["reason"]) for f in json.loads(result.stdout)["faults"]]


def test_cells_come_in_once(run: Import, village: str) -> None:
    unnumbered = {"village_code": village, **NAMED}
    features = [({"code": f"{village}001", **NAMED}, LEFT), (unnumbered, RIGHT)]
    first = json.loads(run("cells", features, "--from-date", "2026-01-01").stdout)
    assert (first["new"], first["same"], first["stored"]) == (2, 0, True)
    assert codes() == [f"{village}001", f"{village}002"]
    assert db.session.scalars(select(Cell.from_date)).all() == [date(2026, 1, 1)] * 2
    again = json.loads(run("cells", features).stdout)
    assert (again["new"], again["same"]) == (0, 2)
    assert len(codes()) == 2


@pytest.mark.parametrize("system", [System.gcj02, System.bd09, System.cgcs2000])
def test_a_file_in_another_system_says_so_or_lies_outside(
    run: Import, village: str, system: System
) -> None:
    features = [({"code": f"{village}001", **NAMED}, moved(LEFT, system)),
                ({"code": f"{village}002", **NAMED}, moved(RIGHT, system))]  # fmt: skip
    if system is not System.cgcs2000:
        wrong = run("cells", features)
        assert wrong.exit_code == 2
        question = json.loads(wrong.stdout)["question"]
        assert (question["option"], question["choices"]) == ("crs", [system])
        assert f"fit as {system}" in question["words"]
        assert codes() == []
    assert run("cells", features, "--crs", system).exit_code == 0
    stored = db.session.scalars(select(Cell).order_by(Cell.code)).first()
    assert stored is not None
    assert shapely.hausdorff_distance(to_shape(stored.polygon), LEFT) < 1e-7
    assert json.loads(run("cells", features, "--crs", system).stdout)["same"] == 2


BAD: list[tuple[dict[str, Any], Any, str]] = [
    ({"code": "1", **NAMED}, RIGHT, "give 15 digits"),
    ({**NAMED}, RIGHT, "code (15 digits) or village_code"),
    ({"code": f"{VILLAGE}000", **NAMED}, RIGHT, "serials begin at 001"),
    ({"code": f"{VILLAGE}002", "village_code": "530626101202", **NAMED}, RIGHT, "begin with"),
    ({"code": "530626101999001", **NAMED}, RIGHT, "is not stored"),
    ({"code": f"{VILLAGE}001", **NAMED}, RIGHT, "also that of feature 1"),
    ({"code": f"{VILLAGE}002"}, RIGHT, "name is missing"),
    ({"code": f"{VILLAGE}002", "name": "长" * 81}, RIGHT, "more than 80"),
    ({"code": f"{VILLAGE}002", "name": "a\x00b"}, RIGHT, "cannot be stored"),
    ({"code": f"{VILLAGE}002", "name": ["x"]}, RIGHT, "is not a text"),
    ({"code": f"{VILLAGE}002", "kind": "round", **NAMED}, RIGHT, "give basic"),
    ({"code": f"{VILLAGE}002", **NAMED}, LEFT, "overlaps feature 1"),
    ({"code": f"{VILLAGE}002", **NAMED}, shapely.Point(WEST, SOUTH), "This is a Point"),
    ({"code": f"{VILLAGE}002", **NAMED},
     Polygon([(WEST, SOUTH), (WEST + STEP, SOUTH + STEP), (WEST + STEP, SOUTH),
              (WEST, SOUTH + STEP)]), "crosses itself"),
    ({"code": f"{VILLAGE}002", **NAMED}, shapely.affinity.translate(RIGHT, STEP / 10),
     "m outside the village"),
]  # fmt: skip


@pytest.mark.parametrize(("properties", "area", "reason"), BAD)
def test_a_bad_feature_keeps_all_out_unless_skipped(
    run: Import, village: str, properties: dict[str, Any], area: Any, reason: str
) -> None:
    features = [({"code": f"{village}001", **NAMED}, LEFT), (properties, area)]
    result = run("cells", features)
    assert result.exit_code == 1
    assert [row for row, _reason in reasons(result)] == [2]
    assert reason in reasons(result)[0][1]
    assert codes() == []
    assert run("cells", features, "--skip-bad").exit_code == 0
    assert codes() == [f"{village}001"]


def test_a_hair_between_neighbours_is_no_overlap(run: Import, village: str) -> None:
    hair = 0.5 / 100_000  # about 0.5 m
    wide = box(WEST + STEP - hair, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
    one, two = ({"code": f"{village}{n}", **NAMED} for n in ("001", "002"))
    assert run("cells", [(one, LEFT), (two, wide)]).exit_code == 0


def test_codes_are_never_reused(run: Import, village: str, make: Make) -> None:
    make.cell(1, to_date=date(2024, 1, 1))
    retired = run("cells", [({"code": f"{village}001", **NAMED}, LEFT)])
    assert "was retired on 2024-01-01" in reasons(retired)[0][1]
    assert run("cells", [({"village_code": village, **NAMED}, LEFT)]).exit_code == 0
    assert codes() == [f"{village}001", f"{village}002"]
    changed = run("cells", [({"code": f"{village}002", **NAMED}, RIGHT)])
    assert "with another polygon" in reasons(changed)[0][1]
    other_name = run("cells", [({"code": f"{village}002", "name": "新名"}, LEFT)])
    assert "is stored as “第1网格”" in reasons(other_name)[0][1]


def test_a_dedicated_cell_lies_over_a_basic_one(run: Import, village: str) -> None:
    school = {"village_code": village, "name": "学校", "kind": "dedicated"}
    features = [({"code": f"{village}001", **NAMED}, LEFT), (school, LEFT)]
    assert json.loads(run("cells", features).stdout)["new"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON: Expecting property name"),
        (b'{"\xff', "is not in UTF-8"),
        (b"\xff", "not a map file"),
        (b"[]", "not a GeoJSON FeatureCollection"),
        (b'{"type": "FeatureCollection"}', "no list of features"),
        (XIAN, "Xian 1980"),
        (b"[" * 100_000, "cannot be read as JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_leaves_with_2(
    context: Flask, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "x.geojson"
    path.write_bytes(content)
    for what in ("cells", "boundaries"):
        result = CliRunner().invoke(import_group, [what, str(path)], catch_exceptions=False)
        assert result.exit_code == 2
        assert words in result.stderr
    path.unlink()
    assert "does not exist" in CliRunner().invoke(import_group, ["cells", str(path)]).stderr


def test_features_that_are_none_are_named(context: Flask, tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [5, null, {"properties": 1}]}')
    result = CliRunner().invoke(import_group, ["cells", str(path)], catch_exceptions=False)
    assert result.exit_code == 1
    assert [f"feature {n}:" in result.stderr for n in (1, 2, 3)] == [True] * 3


def test_boundaries_lie_within_the_level_above(run: Import, make: Make) -> None:
    make.jurisdictions(VILLAGE)
    township, inside = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + 3 * STEP), BOTH
    features = [({"code": VILLAGE}, inside), ({"code": VILLAGE[:9]}, township)]
    assert json.loads(run("boundaries", features).stdout)["new"] == 2
    again = json.loads(run("boundaries", features).stdout)
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 2)
    shifted = run("boundaries", [({"code": VILLAGE}, moved(inside, System.gcj02))])
    assert shifted.exit_code == 2
    assert json.loads(shifted.stdout)["question"]["choices"] == ["gcj02"]
    unknown = run("boundaries", [({"code": "530699"}, inside), ({"code": "53"}, inside)])
    assert [row for row, _reason in reasons(unknown)] == [1, 2]
    row = db.session.get_one(Jurisdiction, VILLAGE)
    assert to_shape(row.boundary).equals(inside)

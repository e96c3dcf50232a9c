"""What a repair mends, what it says about it, and what it leaves to a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
from click.testing import CliRunner
from flask import Flask
from geoalchemy2.shape import to_shape
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box
from sqlalchemy import select

from grids import repair
from grids.commands import import_group
from grids.fit import metres_outside, overlap
from grids.geometry import checked_polygon, square_metres
from grids.models import Cell
from gridserve.db import db
from tests.factories import SOUTH, STEP, VILLAGE, WEST, Make

METRE = 1 / 111_195  # degrees of latitude
BOTH = box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(context: Flask, make: Make, tmp_path: Path) -> Run:
    make.boundary(VILLAGE, BOTH)

    def command(areas: list[Any], *options: str) -> dict[str, Any]:
        features = [
            {
                "type": "Feature",
                "properties": {"code": f"{VILLAGE}{n:03}", "name": f"第{n}网格"},
                "geometry": shapely.geometry.mapping(area),
            }
            for n, area in enumerate(areas, 1)
        ]
        path = tmp_path / "x.geojson"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        result = CliRunner().invoke(
            import_group, ["cells", str(path), "--json", *options], catch_exceptions=False
        )
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    return command


def stored() -> list[Polygon]:
    rows = db.session.scalars(select(Cell).order_by(Cell.code))
    return [to_shape(cell.polygon) for cell in rows]


def test_hairs_and_slivers_are_closed(run: Run) -> None:
    """Two cells 3 m over each other in the west, 2 m apart in the east, 4 m over the boundary."""
    middle = SOUTH + STEP / 2
    south = Polygon([
        (WEST, SOUTH - 4 * METRE), (WEST + 2 * STEP, SOUTH),
        (WEST + 2 * STEP, middle - METRE), (WEST, middle + 1.5 * METRE),
    ])  # fmt: skip
    north = Polygon([
        (WEST, SOUTH + STEP), (WEST, middle - 1.5 * METRE),
        (WEST + 2 * STEP, middle + METRE), (WEST + 2 * STEP, SOUTH + STEP),
    ])  # fmt: skip
    assert [f["kind"] for f in run([south, north])["faults"]] == ["overlap"]
    found = run([south, north], "--repair")
    assert (found["new"], found["faults"]) == (2, [])
    words = " ".join(note["words"] for note in found["notes"])
    assert "along neighbours" in words
    assert "along the boundary" in words
    assert "closed a gap" in words
    one, two = stored()
    assert shapely.intersection(one, two).area < 1e-14
    assert shapely.symmetric_difference(shapely.union(one, two), BOTH).area < 1e-14
    assert run([south, north], "--repair")["same"] == 2


def test_an_overlap_that_was_meant_is_left_to_a_person(run: Run) -> None:
    wide = 20 * METRE
    west = box(WEST, SOUTH, WEST + STEP + wide, SOUTH + STEP)
    east = box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP)
    found = run([west, east], "--repair")
    assert [(f["row"], f["kind"]) for f in found["faults"]] == [(2, "overlap")]
    assert found["faults"][0]["mend"]
    assert stored() == []
    assert len(found["pictures"]) == 1


def test_a_spike_is_cut_off_and_said(run: Run) -> None:
    """The outline runs out along a hair and crosses itself coming back."""
    spike = Polygon([
        (WEST, SOUTH), (WEST + STEP, SOUTH), (WEST + STEP, SOUTH + STEP / 2),
        (WEST + STEP + 90 * METRE, SOUTH + STEP / 2 + METRE / 10),
        (WEST + STEP + 90 * METRE, SOUTH + STEP / 2),
        (WEST + STEP, SOUTH + STEP / 2 + METRE / 10),
        (WEST + STEP, SOUTH + STEP), (WEST, SOUTH + STEP),
    ])  # fmt: skip
    assert not spike.is_valid
    found = run([spike], "--repair")
    assert (found["new"], found["faults"]) == (1, [])
    assert [note["words"] for note in found["notes"]] == [
        "dissolved where the outline crosses or touches itself",
        "left out small parts of together 2 m²",
    ]
    assert metres_outside(stored()[0], box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)) < 50
    assert run([spike], "--repair")["same"] == 1


corners = st.lists(
    st.tuples(st.floats(0, 2 * STEP), st.floats(0, STEP)),
    min_size=3, max_size=9,
)  # fmt: skip


@given(corners)
@settings(deadline=None)
def test_what_is_mended_is_a_valid_area_or_as_it_was(pairs: list[tuple[float, float]]) -> None:
    drawn = Polygon([(WEST + x, SOUTH + y) for x, y in pairs])
    found, said = repair.polygonal(drawn, several=False)
    if found is drawn:
        assert not said
        return
    if found.geom_type == "Polygon":
        checked_polygon(found)
        once, again = repair.polygonal(found, several=False)
        assert once.equals(found)
        assert not again


@given(st.lists(st.floats(0.1, 4.0), min_size=2, max_size=6), st.integers(0, 3))
@settings(deadline=None)
def test_fitting_leaves_no_overlap(strays: list[float], turn: int) -> None:
    """Squares in a row, each a few metres over the one before it."""
    placed: list[Polygon] = []
    for n, metres in enumerate(strays):
        west = WEST + n * STEP - metres * METRE
        area = shapely.remove_repeated_points(
            Polygon([(west, SOUTH), (WEST + (n + 1) * STEP, SOUTH),
                     (WEST + (n + 1) * STEP, SOUTH + STEP), (west + turn * METRE, SOUTH + STEP)])
        )  # fmt: skip
        fitted, _said = repair.fitted(area, None, placed)
        assert not any(overlap(fitted, other) for other in placed)
        assert square_metres(fitted) > 0.98 * square_metres(area)
        placed.append(fitted)

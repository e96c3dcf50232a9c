"""Checks of polygons: what is wrong is said with its place; what is right comes back tidy."""

import json
import math
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from grids.geometry import (
    MOST_VERTICES,
    BadGeometry,
    checked_polygon,
    compactness,
    problems,
    square_metres,
)

WRONG = [
    ("POLYGON((103 28,104 29,104 28,103 29,103 28))", "crosses itself at 103.500000, 28.500000"),
    ("POLYGON((103 28,105 28,104 29,105 30,103 30,104 29,103 28))", "touches itself at 104.0"),
    (
        "POLYGON((103 28,104 28,104 29,103 29,103 28),(105 28,106 28,106 29,105 28))",
        "hole at 105.000000, 28.000000 lies outside",
    ),
    (
        "POLYGON((100 28,104 28,104 32,100 32,100 28),(100 30,102 28,104 30,102 32,100 30))",
        "cut the area in two",
    ),
    ("POLYGON((103 28,104 29,103 28,103 28))", "has no area"),
    ("POLYGON EMPTY", "empty"),
    ("POINT(103 28)", "This is a Point"),
    ("LINESTRING(103 28,104 28)", "This is a LineString"),
    ("POLYGON((28 103,29 103,29 104,28 103))", "swapped"),
    ("POLYGON((179 28,181 28,181 29,179 28))", "Longitude 181.0"),
    (
        "MULTIPOLYGON(((103 28,104 28,104 29,103 28)),((105 28,106 28,106 29,105 28)))",
        "2 separate parts",
    ),
]


@pytest.mark.parametrize(("wkt", "said"), WRONG)
def test_what_is_wrong_is_said_with_its_place(wkt: str, said: str) -> None:
    geometry = shapely.from_wkt(wkt)
    [fault] = problems(geometry)
    assert said in str(fault)
    with pytest.raises(BadGeometry) as caught:
        checked_polygon(geometry)
    assert caught.value.faults == [fault]


def test_too_many_corners_are_refused_before_anything_is_computed() -> None:
    corners = [[103 + i * 1e-6, 28.0] for i in range(2 * MOST_VERTICES + 1)]
    [fault] = problems({"type": "Polygon", "coordinates": [corners]})
    assert "corners" in str(fault)
    circle = shapely.Point(103.9, 28.6).buffer(0.1, quad_segs=MOST_VERTICES // 2)
    assert "simplify" in str(problems(circle)[0])


def test_a_good_polygon_comes_back_flat_and_anticlockwise() -> None:
    clockwise = shapely.from_wkt("POLYGON Z((103 28 9,103 29 9,104 29 9,104 28 9,103 28 9))")
    polygon = checked_polygon(clockwise)
    assert not polygon.has_z
    assert polygon.exterior.is_ccw
    assert polygon.equals(shapely.box(103, 28, 104, 29))


def test_several_parts_are_allowed_for_a_village() -> None:
    parts = shapely.MultiPolygon([shapely.box(103, 28, 104, 29), shapely.box(105, 28, 106, 29)])
    assert checked_polygon(parts, several=True).equals(parts)
    single = shapely.MultiPolygon([shapely.box(103, 28, 104, 29)])
    assert checked_polygon(single).geom_type == "Polygon"


def test_geojson_is_read() -> None:
    box = shapely.box(103, 28, 104, 29)
    assert checked_polygon(json.loads(shapely.to_geojson(box))).equals(box)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(st.one_of(junk, st.fixed_dictionaries({"type": st.just("Polygon"), "coordinates": junk})))
def test_junk_is_refused_and_never_crashes(value: Any) -> None:
    if faults := problems(value):
        assert all(str(fault) for fault in faults)
    else:
        assert shapely.is_valid(checked_polygon(value))


@pytest.mark.parametrize("number", [10**400, float("nan"), float("inf"), None, "x", [1]])
def test_odd_numbers_are_refused(number: object) -> None:
    ring = [[103, 28], [104, 28], [number, 29], [103, 28]]
    assert problems({"type": "Polygon", "coordinates": [ring]})


@pytest.mark.parametrize("latitude", [0.0, 28.6, 53.0])
def test_area_and_compactness_of_known_shapes(latitude: float) -> None:
    side = 0.01  # degrees of latitude: 1.112 km
    width = side / math.cos(math.radians(latitude))
    square = shapely.box(103, latitude - side / 2, 103 + width, latitude + side / 2)
    assert square_metres(square) == pytest.approx((side * 111_195) ** 2, rel=1e-6)
    assert compactness(square) == pytest.approx(math.pi / 4, abs=1e-6)
    assert compactness(shapely.Polygon()) == 0.0

"""Villages without boundaries share the ground by who lives nearest."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from grids.coverage import knit
from grids.geometry import BadGeometry
from grids.guides import read_lines
from grids.territory import territories

GROUND = shapely.box(103.9, 28.5, 104.0, 28.6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 400))
def test_territories_tile_the_ground_and_hold_their_households(
    seed: int, villages: int, households: int
) -> None:
    rng = np.random.default_rng(seed)
    middles = rng.uniform([103.89, 28.49], [104.01, 28.61], (villages, 2))
    village = rng.integers(0, villages, households)
    points = middles[village] + rng.normal(0, 0.01, (households, 2))
    found = territories(GROUND, points, village)
    inside = shapely.intersects_xy(GROUND, *points.T)
    assert bool(found) == bool(inside.any())
    if not found:
        return
    parts = shapely.get_parts(list(found.values()))
    assert shapely.coverage_is_valid(parts)
    assert sum(part.area for part in parts) == pytest.approx(GROUND.area, rel=1e-9)
    for number, area in found.items():
        mine = inside & (village == number)
        held = shapely.intersects_xy(area.buffer(1e-6), *points[mine].T).mean()
        others = np.delete(middles, number, axis=0)
        apart = np.hypot(*(others - middles[number]).T).min(initial=1) > 0.03  # hardly any mix
        # small parts go to those around
        assert held > (0.7 if apart and mine.sum() >= 30 else 0)


def test_a_household_with_a_wrong_point_makes_no_island() -> None:
    west = np.random.default_rng(1).uniform([103.9, 28.5], [103.94, 28.6], (200, 2))
    east = np.random.default_rng(2).uniform([103.96, 28.5], [104.0, 28.6], (200, 2))
    points = np.vstack([west, east, [[103.98, 28.55]]])
    found = territories(GROUND, points, np.array([0] * 200 + [1] * 200 + [0]))
    assert [area.geom_type for area in found.values()] == ["Polygon", "Polygon"]


def test_a_village_alone_has_all_the_ground_and_nobody_has_none() -> None:
    one = territories(GROUND, np.array([[103.95, 28.55]]), np.array([7]))
    assert one[7].equals(GROUND)
    assert territories(GROUND, np.empty((0, 2)), np.empty(0, int)) == {}


def test_neighbours_get_the_corners_of_a_cut() -> None:
    whole = shapely.box(0, 0, 3, 3)
    cut = [shapely.box(3, 0, 5, 1.1), shapely.box(3, 1.1, 5, 3)]
    assert not shapely.coverage_is_valid([whole, *cut])
    knitted = knit([whole, *cut])
    assert shapely.coverage_is_valid(knitted)
    assert [a.equals(b) for a, b in zip(knitted, [whole, *cut], strict=True)] == [True] * 3


LINE = [[103.9, 28.5], [103.95, 28.55]]


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"type": "LineString", "coordinates": LINE}, 1),
        ({"type": "MultiLineString", "coordinates": [LINE, LINE]}, 2),
        (
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "LineString", "coordinates": LINE}}
                ],
            },
            1,
        ),
        ({"type": "LineString", "coordinates": [[103 + i / 1e4, 28] for i in range(4500)]}, 3),
    ],
)
def test_lines_are_read_however_wrapped(given: object, count: int) -> None:
    assert len(read_lines(given)) == count


@pytest.mark.parametrize(
    "given",
    [
        None, [], "line", {"type": "Point", "coordinates": [103, 28]}, {"type": "LineString"},
        {"type": ["LineString"], "coordinates": LINE},
        {"type": "MultiLineString", "coordinates": [7]},
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": None}]},
        {"type": "LineString", "coordinates": [[0, 0]] * 30_000},
        {"type": "MultiLineString", "coordinates": [LINE] * 501},
    ],
)  # fmt: skip
def test_what_is_no_line_is_refused(given: object) -> None:
    with pytest.raises(BadGeometry):
        read_lines(given)

"""Dividing a village: whatever the village and its households, the cells tile it."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from grids.assessment import assess
from grids.division import Division, divide, number_cells, number_of_cells
from grids.geometry import Area, compactness


def ragged(rng: np.random.Generator, corners: int, middle: tuple[float, float]) -> shapely.Polygon:
    """A star-shaped polygon about 4 km wide with an irregular outline."""
    angles = (
        np.sort(rng.uniform(0, 2 * np.pi, corners))
        if corners < 8
        else (np.linspace(0, 2 * np.pi, corners, endpoint=False))
    )
    radius = 0.02 * rng.uniform(0.5, 1.2, corners)
    edge = np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]) + middle
    return shapely.Polygon(edge)


@st.composite
def villages(draw: st.DrawFn) -> Area:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    village: Area = ragged(rng, draw(st.integers(8, 60)), (103.95, 28.60))
    kind = draw(st.sampled_from(["whole", "hole", "exclave"]))
    if kind == "hole":
        village = village.difference(shapely.Point(103.95, 28.60).buffer(0.006, quad_segs=3))
    if kind == "exclave":
        village = village.union(ragged(rng, 12, (104.02, 28.62)))
    return village


@st.composite
def settlements(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    count = draw(st.sampled_from([0, 1, 2, 299, 300, 301, 700, 1500, 4000]))
    kind = draw(st.sampled_from(["spread", "hamlets", "one spot", "line", "two spots"]))
    if kind == "spread":
        return rng.uniform([103.93, 28.58], [103.97, 28.62], (count, 2))
    if kind == "hamlets":
        hamlets = rng.normal([103.95, 28.60], 0.008, (12, 2))
        return hamlets[rng.integers(0, 12, count)] + rng.normal(0, 0.0004, (count, 2))
    if kind == "line":
        return np.column_stack([np.linspace(103.93, 103.97, count), np.full(count, 28.605)])
    spots = np.array([[103.955, 28.61], [103.945, 28.61]])[: 1 if kind == "one spot" else 2]
    return spots[rng.integers(0, len(spots), count)].reshape(-1, 2)


def assert_tiles(division: Division, village: Area) -> None:
    cells = list(division.cells)
    assert all(shapely.is_valid(cells))
    assert shapely.coverage_is_valid(cells)  # shared edges identical, nothing covered twice
    rest = shapely.symmetric_difference(shapely.union_all(cells), village)
    assert rest.area <= 1e-9 * village.area
    assert sum(cell.area for cell in cells) == pytest.approx(village.area, rel=1e-9)


GUIDES = [
    shapely.LineString([[103.92, 28.58], [103.95, 28.61], [103.98, 28.605]]),
    shapely.LineString([[103.95, 28.50], [103.951, 28.70]]),
]


@settings(max_examples=60, deadline=None)
@given(
    villages(),
    settlements(),
    st.sampled_from([(300, 500), (200, 300), (150, 250)]),
    st.sampled_from([0, 1, 40]),
    st.integers(0, 2),
)
def test_cells_tile_any_village(
    village: Area, points: np.ndarray, rule: tuple[int, int], groups: int, guides: int
) -> None:
    names = [f"{i % groups}" if groups and i % 7 else None for i in range(len(points))]

    def divided() -> Division:
        return divide(
            village, points, names, smallest=rule[0], largest=rule[1], guides=GUIDES[:guides]
        )

    division = divided()
    inside = int(shapely.intersects_xy(village, points[:, 0], points[:, 1]).sum())
    assert_tiles(division, village)
    assert sum(division.households) == inside
    assert division.outside == len(points) - inside
    assert {cell.geom_type for cell in division.cells} == {"Polygon"}
    again = divided()
    counted = assess(village, division.cells, points, names)
    assert counted.households == division.households
    assert [cell.wkb for cell in again.cells] == [cell.wkb for cell in division.cells]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(300, 6000))
def test_hamlets_are_shared_out_within_the_size_rule(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    village = ragged(rng, 40, (103.95, 28.60))
    hamlets = shapely.get_coordinates(shapely.buffer(village, -0.002).representative_point())
    hamlets = hamlets + rng.normal(0, 0.006, (count // 40 + 1, 2))
    points = hamlets[rng.integers(0, len(hamlets), count)] + rng.normal(0, 0.0005, (count, 2))
    division = divide(village, points)
    inside = sum(division.households)
    if inside >= 600:  # between 500 and 600 no number of cells fits the rule
        assert min(division.households) >= 270
        assert max(division.households) <= 550
        assert division.largest_to_smallest < 1.5
    # The villages themselves are thorny: the cells are not to be much worse.
    assert np.mean(division.compactness) > 0.7 * compactness(village)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_groups_that_live_apart_stay_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(9), np.arange(7))
    middles = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.2, 0.2, (63, 2))
    group = np.repeat(np.arange(63), rng.integers(25, 60, 63))
    angle, far = rng.uniform(0, 2 * np.pi, len(group)), rng.uniform(0, 0.25, len(group))
    offset = far[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    points = (middles[group] + offset) * 0.005 + [103.9, 28.5]
    village = shapely.box(103.895, 28.495, 103.945, 28.535)
    names = [f"第{g}组" for g in group]
    division = divide(village, points, names)
    found = assess(village, division.cells, points, names)
    assert (found.groups_cut, found.apart) == ([], 0)
    assert min(found.households) >= 300
    assert max(found.households) <= 500
    assert found.largest_to_smallest <= 1.25
    assert_tiles(division, village)


def test_a_group_is_cut_where_the_size_rule_forces_it() -> None:
    rng = np.random.default_rng(8)
    village = shapely.box(103.9, 28.5, 103.94, 28.54)
    points = rng.uniform([103.9, 28.5], [103.94, 28.54], (900, 2))
    whole = assess(village, divide(village, points, ["甲"] * 900).cells, points, ["甲"] * 900)
    assert len(whole.households) == 2
    assert whole.groups_cut == ["甲"]
    names = ["甲" if x < 103.935 else "乙" for x, _y in points]  # 790 and 110
    mixed = assess(village, divide(village, points, names).cells, points, names)
    assert mixed.groups_cut == ["甲"]
    assert min(mixed.households) >= 300


def test_borders_run_along_the_given_lines() -> None:
    rng = np.random.default_rng(9)
    village = shapely.box(103.9, 28.5, 103.94, 28.54)
    points = rng.uniform([103.9, 28.5], [103.94, 28.54], (1600, 2))
    river = shapely.LineString([[103.89, 28.505], [103.915, 28.523], [103.95, 28.530]])

    def along(guides: list[shapely.LineString]) -> float:
        cells = divide(village, points, guides=guides).cells
        edges = shapely.union_all([cell.exterior for cell in cells])
        return edges.intersection(river.buffer(1e-7)).length / river.intersection(village).length

    assert along([]) < 0.2
    assert along([river]) > 0.7


def test_no_points_give_equal_areas() -> None:
    village = ragged(np.random.default_rng(3), 50, (103.95, 28.60))
    division = divide(village, households=2000)
    areas = [cell.area for cell in division.cells]
    assert len(areas) == 5
    assert max(areas) / min(areas) < 1.25
    assert sum(division.households) == pytest.approx(2000)
    assert_tiles(division, village)


def test_few_households_and_none_make_one_cell() -> None:
    village = ragged(np.random.default_rng(4), 30, (103.95, 28.60))
    for points in (None, np.empty((0, 2)), np.tile([[103.95, 28.60]], (299, 1))):
        division = divide(village, points)
        assert division.cells == (village,)
        assert divide(village, points).outside == 0


def test_one_spot_is_one_cell_however_many_live_there() -> None:
    village = shapely.box(103.9, 28.5, 104.0, 28.6)
    division = divide(village, np.tile([[103.95, 28.55]], (5000, 1)))
    assert division.households == (5000,)
    assert_tiles(division, village)


def test_an_exclave_is_a_cell_of_its_own() -> None:
    main, exclave = shapely.box(103.9, 28.5, 104.0, 28.6), shapely.box(104.1, 28.5, 104.11, 28.51)
    points = np.random.default_rng(5).uniform([103.9, 28.5], [104.0, 28.6], (1200, 2))
    village = shapely.MultiPolygon([main, exclave])
    division = divide(village, points, households=1212)
    assert len(division.cells) == 4
    assert division.cells[-1].equals(exclave)
    assert sum(division.households) == pytest.approx(1212)
    assert division.households[-1] == pytest.approx(12 * exclave.area / village.area)
    assert_tiles(division, village)


@pytest.mark.parametrize(
    ("households", "cells"),
    [(0, 1), (299, 1), (300, 1), (500, 1), (540, 1), (560, 2), (600, 2), (800, 2), (30_000, 75)],
)
def test_number_of_cells(households: int, cells: int) -> None:
    assert number_of_cells(households, 300, 500) == cells


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 100_000))
def test_the_size_rule_is_kept_whenever_it_can_be(low: int, more: int, households: int) -> None:
    high = low + more
    cells = number_of_cells(households, low, high)
    if households >= low and math.ceil(households / high) <= households // low:
        assert low <= households / cells <= high


def test_a_rule_upside_down_is_refused() -> None:
    with pytest.raises(ValueError, match="smallest"):
        divide(shapely.box(103, 28, 104, 29), smallest=500, largest=300)


def test_serials_run_west_to_east_then_north_to_south() -> None:
    boxes = [shapely.box(x, y, x + 1, y + 1) for x, y in [(104, 28), (103, 28), (103, 29)]]
    assert number_cells(boxes) == [2, 1, 0]

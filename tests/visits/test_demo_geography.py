"""The invented county: real codes, irregular outlines that fit together, settled villages."""

import csv
import time
from pathlib import Path

import numpy as np
import pytest
import shapely

from grids.division import divide
from grids.geometry import compactness, square_metres
from visits.demo.geography import Geography, invent
from visits.demo.settlement import settle

DATA = Path(__file__).parents[1] / "data" / "530626"
CENTRE, AREA_KM2 = (103.95, 28.60), 750.0


def townships() -> dict[str, list[str]]:
    codes: dict[str, list[str]] = {}
    with (DATA / "villages.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            codes.setdefault(row["streetCode"], []).append(row["code"])
    return codes


@pytest.fixture(scope="module")
def county() -> Geography:
    return invent(townships(), CENTRE, AREA_KM2, np.random.default_rng(1))


def assert_fits_together(geography: Geography) -> None:
    villages = list(geography.villages.values())
    everything = [*villages, *geography.townships.values(), geography.county]
    assert {one.geom_type for one in everything} == {"Polygon"}  # each in one piece
    assert all(shapely.is_valid(everything))
    assert shapely.coverage_is_valid(villages)
    assert shapely.coverage_is_valid(list(geography.townships.values()))
    assert sum(village.area for village in villages) == pytest.approx(geography.county.area)


def test_villages_tile_their_township_and_the_county(county: Geography) -> None:
    assert_fits_together(county)
    assert len(county.villages) == 43
    assert list(county.townships) == list(townships())
    for code, village in county.villages.items():
        assert village.within(county.townships[code[:9]].buffer(1e-9))


def test_size_and_place_are_met(county: Geography) -> None:
    assert square_metres(county.county) / 1e6 == pytest.approx(AREA_KM2, rel=0.02)
    assert county.county.centroid.distance(shapely.Point(CENTRE)) < 0.05


def test_outlines_look_drawn_by_hand(county: Geography) -> None:
    for village in county.villages.values():
        corners = shapely.get_coordinates(village)
        assert 15 <= len(corners) <= 160
        edges = np.hypot(*np.diff(corners, axis=0).T)
        assert edges.max() < 0.25 * edges.sum()  # no long straight side
        assert compactness(village) < 0.7  # a square has 0.785


def test_towns_are_small_and_dense(county: Geography) -> None:
    households = county.households(30_000)
    density = {
        code: households[code] / square_metres(village) for code, village in county.villages.items()
    }
    urban = [density[code] for code in density if int(code[9:]) < 200]
    rural = [density[code] for code in density if int(code[9:]) >= 200]
    assert len(urban) == 12
    assert np.median(urban) > 5 * np.median(rural)


@pytest.mark.parametrize("total", [0, 1, 42, 43, 30_000, 1_000_003])
def test_households_add_up(county: Geography, total: int) -> None:
    assert sum(county.households(total).values()) == total


def test_the_seed_decides_everything() -> None:
    def make(seed: int) -> tuple[bytes, bytes]:
        rng = np.random.default_rng(seed)
        geography = invent(townships(), CENTRE, AREA_KM2, rng)
        points, groups = settle(next(iter(geography.villages.values())), 500, rng)
        return geography.county.wkb, points.tobytes() + groups.tobytes()

    assert make(7) == make(7)
    assert make(7) != make(8)


@pytest.mark.parametrize("seed", range(2, 6))
def test_other_seeds_fit_together_too(seed: int) -> None:
    assert_fits_together(invent(townships(), CENTRE, AREA_KM2, np.random.default_rng(seed)))


@pytest.mark.parametrize("shape", [[1], [1, 1], [2, 1, 1], [1, 30], [12, 3, 1, 1, 1, 1, 1, 25]])
def test_other_counties_fit_together_too(shape: list[int]) -> None:
    codes = {
        f"530626{100 + i}": [f"530626{100 + i}{200 - j % 4 * 199 + j}" for j in range(villages)]
        for i, villages in enumerate(shape)
    }
    codes = {t: [f"{v[:9]}{int(v[9:]):03d}" for v in villages] for t, villages in codes.items()}
    geography = invent(codes, (87.6, 43.8), 12_000.0, np.random.default_rng(5))
    assert_fits_together(geography)
    assert len(geography.villages) == sum(shape)


def test_a_township_without_villages_is_named() -> None:
    with pytest.raises(ValueError, match="530626101"):
        invent({"530626101": []}, CENTRE, AREA_KM2, np.random.default_rng(1))


@pytest.mark.parametrize("households", [0, 1, 30, 41, 700, 5000])
def test_households_live_in_their_village_by_groups(county: Geography, households: int) -> None:
    village = county.villages["530626104201"]
    points, groups = settle(village, households, np.random.default_rng(3))
    assert points.shape == (households, 2)
    assert groups.shape == (households,)
    assert shapely.contains_xy(village, points[:, 0], points[:, 1]).all()
    if households:
        assert groups.min() >= 1
        assert groups.max() <= max(1, round(households / 42))
    if households >= 700:
        spread = [np.ptp(points[groups == group], axis=0).max() for group in np.unique(groups)]
        assert np.median(spread) < 0.5 * np.ptp(points, axis=0).max()  # hamlets, not a haze


def test_a_sliver_of_a_village_can_be_settled() -> None:
    sliver = shapely.Polygon([(103.9, 28.6), (104.0, 28.60001), (103.9, 28.60002)])
    points, groups = settle(sliver, 200, np.random.default_rng(3))
    assert len(points) == len(groups) == 200
    assert shapely.intersects_xy(sliver.buffer(1e-6), points[:, 0], points[:, 1]).all()


def test_a_county_is_settled_in_two_seconds_and_has_150_cells() -> None:
    started = time.perf_counter()
    rng = np.random.default_rng(1)
    geography = invent(townships(), CENTRE, AREA_KM2, rng)
    homes = {
        code: settle(geography.villages[code], households, rng)[0]
        for code, households in geography.households(30_000).items()
    }
    assert time.perf_counter() - started < 10  # about 1 s alone; test machines are shared
    sizes = [
        households
        for code, village in geography.villages.items()
        for households in divide(village, homes[code], smallest=150, largest=250).households
    ]
    assert sum(sizes) == 30_000
    assert 140 <= len(sizes) <= 165
    assert np.mean([150 <= size <= 250 for size in sizes]) >= 0.98

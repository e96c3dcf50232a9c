"""Conversion of coordinates on the way in, against published reference points."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from grids.coordinates import BadPosition, System, from_wgs84, geometry_to_wgs84, to_wgs84

# WGS 84 lon, lat, then GCJ-02 lon, lat, to the last digit of a double.
GCJ02_POINTS = [
    # googollee/eviltransform, go/transform_test.go: Shanghai, Shenzhen, Beijing
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    # wandergis/coordtransform, test/app.js: Tiananmen
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
]

# Places as the map services themselves give them, rounded to 7 digits: WGS 84, GCJ-02, BD-09.
# hujiulong/gcoord, test/fixtures/china-cities.json (compared there to 4 and 6 decimals).
CITIES = [
    ("驻马店", (114.0164322, 33.0133556), (114.022306, 33.0115324), (114.0287781, 33.0176697)),
    ("邵阳", (111.4622119, 27.242124), (111.4677938, 27.2388981), (111.4742271, 27.2451662)),
    ("那曲", (92.0499619, 31.4784436), (92.0512438, 31.4762063), (92.0576832, 31.4824421)),
    ("凉山", (102.2658401, 27.8850446), (102.2673386, 27.8816151), (102.2738428, 27.8876621)),
    ("楚雄", (101.5265949, 25.048566), (101.5280737, 25.0455363), (101.5344863, 25.0518094)),
    ("泸州", (105.4386655, 28.8748404), (105.4422659, 28.871815), (105.4487888, 28.8776874)),
    ("沈阳", (123.4253306, 41.8032629), (123.4314787, 41.8057023), (123.438095, 41.8114013)),
    ("汕尾", (115.3702248, 22.7888255), (115.3751647, 22.7861903), (115.3817179, 22.7918527)),
]

# Mainland China with a margin to the rectangle inside which the shift applies.
china = st.tuples(st.floats(73.5, 135.0), st.floats(3.5, 53.5))


def metres(a: tuple[float, float], b: tuple[float, float]) -> float:
    east = (a[0] - b[0]) * 111_320 * math.cos(math.radians(a[1]))
    return math.hypot(east, (a[1] - b[1]) * 111_320)


@pytest.mark.parametrize(("lon", "lat", "gcj_lon", "gcj_lat"), GCJ02_POINTS)
def test_gcj02_agrees_with_published_points(
    lon: float, lat: float, gcj_lon: float, gcj_lat: float
) -> None:
    assert from_wgs84(lon, lat, System.gcj02) == pytest.approx((gcj_lon, gcj_lat), abs=1e-11)
    assert to_wgs84(gcj_lon, gcj_lat, System.gcj02) == pytest.approx((lon, lat), abs=1e-9)


@pytest.mark.parametrize(("name", "wgs84", "gcj02", "bd09"), CITIES)
def test_map_services_agree_within_two_metres(
    name: str, wgs84: tuple[float, float], gcj02: tuple[float, float], bd09: tuple[float, float]
) -> None:
    assert metres(to_wgs84(*gcj02, System.gcj02), wgs84) < 2, name
    assert metres(to_wgs84(*bd09, System.bd09), wgs84) < 2, name
    assert metres(from_wgs84(*wgs84, System.gcj02), gcj02) < 2, name
    assert metres(from_wgs84(*wgs84, System.bd09), bd09) < 2, name


def test_bd09_agrees_with_a_published_chain() -> None:
    # A command-line test of geotool (Rust): one place in all three systems, to the last digit,
    # computed on an ellipsoid 1 cm away from ours at this offset.
    place = (121.0917077, 30.6107779)
    assert from_wgs84(*place, System.gcj02) == pytest.approx(
        (121.09626935575027, 30.608604331756705), abs=2e-7
    )
    assert from_wgs84(*place, System.bd09) == pytest.approx(
        (121.10271732371203, 30.61484572185035), abs=2e-7
    )


@given(china, st.sampled_from(System))
def test_round_trip_is_exact_to_a_centimetre(place: tuple[float, float], system: System) -> None:
    assert to_wgs84(*from_wgs84(*place, system), system) == pytest.approx(place, abs=1e-7)


@given(st.lists(china, min_size=1, max_size=20), st.sampled_from(System))
def test_arrays_and_scalars_agree(places: list[tuple[float, float]], system: System) -> None:
    pairs = np.array(places)
    lon, lat = to_wgs84(pairs[:, 0], pairs[:, 1], system)
    assert lon.shape == (len(places),)
    for i, place in enumerate(places):
        assert to_wgs84(*place, system) == pytest.approx((lon[i], lat[i]), abs=1e-9)


def test_cgcs2000_is_taken_as_equal() -> None:
    assert to_wgs84(103.95, 28.6, System.cgcs2000) == (103.95, 28.6)


@pytest.mark.parametrize("place", [(2.35, 48.86), (-74.0, 40.7), (151.2, -33.9), (0.0, 0.0)])
@pytest.mark.parametrize("system", System)
def test_nothing_moves_outside_china(place: tuple[float, float], system: System) -> None:
    assert to_wgs84(*place, system) == place
    assert from_wgs84(*place, system) == place


@pytest.mark.parametrize(
    ("lon", "lat", "said"),
    [
        (28.6, 103.95, "swapped"),
        (39.47, 75.99, "swapped"),  # Kashgar: inside both ranges, and still swapped
        (181.0, 28.6, "Longitude 181.0"),
        (-180.5, 28.6, "Longitude -180.5"),
        (103.95, 95.0, "Latitude 95.0"),
        (103.95, -91.0, "Latitude -91.0"),
        (math.nan, 28.6, "Longitude nan"),
        (103.95, math.inf, "Latitude inf"),
        (11571000.0, 3322000.0, "Longitude 11571000.0"),  # metres of Web Mercator
    ],
)
@pytest.mark.parametrize("system", System)
def test_a_wrong_value_is_named(lon: float, lat: float, said: str, system: System) -> None:
    with pytest.raises(BadPosition, match=said):
        to_wgs84(lon, lat, system)


def test_the_wrong_one_of_many_is_named() -> None:
    with pytest.raises(BadPosition, match=r"Latitude 97\.5") as caught:
        to_wgs84(np.array([103.9, 103.8]), np.array([28.6, 97.5]), System.gcj02)
    assert caught.value.msgid % caught.value.values == str(caught.value)


def test_a_geometry_keeps_its_shape_and_loses_z() -> None:
    cell = shapely.Polygon([(103.9, 28.6, 5), (103.92, 28.6, 5), (103.91, 28.62, 5)])
    moved = geometry_to_wgs84(cell, System.gcj02)
    assert isinstance(moved, shapely.Polygon)
    assert not moved.has_z
    back = shapely.transform(
        moved, lambda p: np.column_stack(from_wgs84(p[:, 0], p[:, 1], System.gcj02))
    )
    assert back.equals_exact(shapely.force_2d(cell), 1e-9)
    assert shapely.Polygon().equals(geometry_to_wgs84(shapely.Polygon(), System.bd09))


@pytest.mark.parametrize(("system", "at_least"), [(System.gcj02, 250), (System.bd09, 700)])
def test_the_wrong_system_puts_a_household_in_the_wrong_cell(
    system: System, at_least: float
) -> None:
    """Two cells meet on a line; a household 100 m west of it, reported in another system."""
    border, lat = 103.95, 28.60
    west = shapely.box(border - 0.02, lat - 0.02, border, lat + 0.02)
    east = shapely.box(border, lat - 0.02, border + 0.02, lat + 0.02)
    household = (border - 0.001, lat)
    reported = from_wgs84(*household, system)

    assert metres(household, reported) > at_least
    assert east.contains(shapely.Point(reported))  # believed as WGS 84: the neighbour's cell
    assert west.contains(shapely.Point(to_wgs84(*reported, system)))

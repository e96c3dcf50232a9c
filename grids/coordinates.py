"""Coordinate systems met in China, converted to WGS 84 on the way in.

Pure arithmetic, scalar or numpy; longitude before latitude, degrees, everywhere.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar, overload

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gridserve.later import N_

Floats = NDArray[np.float64]
G = TypeVar("G", bound=BaseGeometry)

# The offset of GCJ-02 was never published by its authority. These constants (Krasovsky 1940
# ellipsoid) are the ones that every open implementation uses and that agree with the map services.
SEMI_MAJOR_M = 6378245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323
BAIDU_WAVE = math.pi * 3000.0 / 180.0
BAIDU_SHIFT_LON, BAIDU_SHIFT_LAT = 0.0065, 0.006

# Outside this rectangle GCJ-02 equals WGS 84: west, south, east, north. It is the rule of
# googollee/eviltransform and hujiulong/gcoord. It takes in neighbours as well, where map services
# do not shift: no cell of this system lies there, and a border polygon would be guesswork.
CHINA = (72.004, 0.8293, 137.8347, 55.8271)

# The inverse has no closed form; the offset changes by less than 1 % of a step, so each round
# gains two digits and six rounds reach the precision of a double.
ROUNDS = 12
CLOSE_ENOUGH = 1e-10  # degrees, about 0.01 mm


class System(StrEnum):
    """Coordinate system of a longitude and latitude."""

    wgs84 = "wgs84"
    cgcs2000 = "cgcs2000"
    gcj02 = "gcj02"
    bd09 = "bd09"


class BadPosition(ValueError):
    """A longitude and latitude that cannot be a place; `msgid` and `values` serve translation."""

    def __init__(self, msgid: str, **values: object) -> None:
        super().__init__(msgid % values)
        self.msgid = msgid
        self.values = values


@overload
def to_wgs84(lon: float, lat: float, system: System) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: Floats, lat: Floats, system: System) -> tuple[Floats, Floats]: ...
def to_wgs84(lon: Any, lat: Any, system: System) -> tuple[Any, Any]:
    """Longitude and latitude in WGS 84 degrees of a place given in another system.

    Takes two floats or two arrays of one shape and gives the same back. CGCS2000 is taken as equal:
    the two frames differ by less than 1 m, well under the accuracy of a phone. The GCJ-02 offset is
    undone by iteration to better than 1e-7 degree (1 cm); BD-09 goes by way of GCJ-02.
    Raises `BadPosition`.
    """
    return _convert(_to_wgs84[System(system)], lon, lat)


@overload
def from_wgs84(lon: float, lat: float, system: System) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: Floats, lat: Floats, system: System) -> tuple[Floats, Floats]: ...
def from_wgs84(lon: Any, lat: Any, system: System) -> tuple[Any, Any]:
    """Longitude and latitude in another system of a WGS 84 place, for base maps drawn in it."""
    return _convert(_from_wgs84[System(system)], lon, lat)


def geometry_to_wgs84(geometry: G, system: System) -> G:
    """The same geometry with every vertex in WGS 84, z dropped; raises `BadPosition`."""

    def convert(pairs: Floats) -> Floats:
        return np.column_stack(to_wgs84(pairs[:, 0], pairs[:, 1], system))

    moved: G = shapely.transform(geometry, convert)
    return moved


def check_position(lon: Any, lat: Any) -> None:
    """Raise `BadPosition` with the first value that is not a longitude or latitude in degrees."""
    if isinstance(lon, float) and isinstance(lat, float):
        west, south, east, north = CHINA
        if west <= lon <= east and south <= lat <= north:
            return  # one point where nearly all are: arrays would take twenty times as long
    lons, lats = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    lons, lats = lons.ravel(), lats.ravel()
    wrong = ~(np.isfinite(lons) & np.isfinite(lats))
    wrong |= (np.abs(lons) > 180) | (np.abs(lats) > 90)
    # The west of China swapped, such as 39.5, 76.0, is inside both ranges: it would land in the
    # Arctic Ocean without a word. Nothing of this system lies there.
    arctic = (lats >= CHINA[0]) & (lons >= 18) & (lons <= 54)
    wrong |= arctic
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    x, y = float(lons[first]), float(lats[first])
    if _looks_swapped(x, y):
        raise BadPosition(
            N_(
                "%(lon)s, %(lat)s looks like latitude, longitude swapped: "
                "give the longitude first (in China 73 to 135), then the latitude (3 to 54)."
            ),
            lon=x,
            lat=y,
        )
    if not (math.isfinite(x) and abs(x) <= 180):
        raise BadPosition(
            N_("Longitude %(lon)s is not a number of degrees from -180 to 180."), lon=x
        )
    raise BadPosition(N_("Latitude %(lat)s is not a number of degrees from -90 to 90."), lat=y)


def _looks_swapped(lon: float, lat: float) -> bool:
    west, south, east, north = CHINA
    return west <= lat <= east and south <= lon <= north


def _convert(
    how: Callable[[Floats, Floats], tuple[Floats, Floats]], lon: Any, lat: Any
) -> tuple[Any, Any]:
    check_position(lon, lat)
    if np.ndim(lon) == 0 and np.ndim(lat) == 0:
        x, y = how(np.array([float(lon)]), np.array([float(lat)]))
        return float(x[0]), float(y[0])
    return how(np.asarray(lon, float), np.asarray(lat, float))


def _same(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    return lon, lat


def _in_china(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    west, south, east, north = CHINA
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _gcj02_offset(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees by which GCJ-02 shifts a WGS 84 place: two polynomials with waves on top."""
    x, y = lon - 105.0, lat - 35.0
    root, product = np.sqrt(np.abs(x)), x * y
    ripple = 20.0 * np.sin(6.0 * math.pi * x) + 20.0 * np.sin(2.0 * math.pi * x)
    east = ripple + 20.0 * np.sin(math.pi * x) + 40.0 * np.sin(math.pi * x / 3.0)
    east += 150.0 * np.sin(math.pi * x / 12.0) + 300.0 * np.sin(math.pi * x / 30.0)
    east = east * 2.0 / 3.0
    east += 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * product + 0.1 * root
    north = ripple + 20.0 * np.sin(math.pi * y) + 40.0 * np.sin(math.pi * y / 3.0)
    north += 160.0 * np.sin(math.pi * y / 12.0) + 320.0 * np.sin(math.pi * y / 30.0)
    north = north * 2.0 / 3.0
    north += -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * product + 0.2 * root
    phi = np.radians(lat)
    w2 = 1.0 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    prime_vertical = SEMI_MAJOR_M / np.sqrt(w2)
    meridian = prime_vertical * (1.0 - ECCENTRICITY_SQUARED) / w2
    return np.degrees(east / (prime_vertical * np.cos(phi))), np.degrees(north / meridian)


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    east, north = _gcj02_offset(lon, lat)
    inside = _in_china(lon, lat)
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)


def _gcj02_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = _undo(_gcj02_offset, lon, lat)
    inside = _in_china(lon, lat)
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _bd09_offset(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees by which BD-09 shifts a GCJ-02 place: a small turn and stretch about 0, 0."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * BAIDU_WAVE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * BAIDU_WAVE)
    east = radius * np.cos(angle) + BAIDU_SHIFT_LON - lon
    north = radius * np.sin(angle) + BAIDU_SHIFT_LAT - lat
    return east, north


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    east, north = _bd09_offset(lon, lat)
    inside = _in_china(lon, lat)
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)


def _bd09_to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = _undo(_bd09_offset, lon, lat)
    inside = _in_china(lon, lat)
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _undo(
    offset: Callable[[Floats, Floats], tuple[Floats, Floats]], lon: Floats, lat: Floats
) -> tuple[Floats, Floats]:
    """The place that `offset` moves to lon, lat, by fixed-point iteration."""
    x, y = lon, lat
    for _ in range(ROUNDS):
        east, north = offset(x, y)
        new_x, new_y = lon - east, lat - north
        step = max(np.abs(new_x - x).max(initial=0.0), np.abs(new_y - y).max(initial=0.0))
        x, y = new_x, new_y
        if step < CLOSE_ENOUGH:
            break
    return x, y


def _wgs84_to_bd09(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    return _gcj02_to_bd09(*_wgs84_to_gcj02(lon, lat))


def _bd09_to_wgs84(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    return _gcj02_to_wgs84(*_bd09_to_gcj02(lon, lat))


_to_wgs84 = {
    System.wgs84: _same,
    System.cgcs2000: _same,
    System.gcj02: _gcj02_to_wgs84,
    System.bd09: _bd09_to_wgs84,
}
_from_wgs84 = {
    System.wgs84: _same,
    System.cgcs2000: _same,
    System.gcj02: _wgs84_to_gcj02,
    System.bd09: _wgs84_to_bd09,
}

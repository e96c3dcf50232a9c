"""Polygons of cells and villages: what is wrong with one, how large and how compact it is.

Pure shapely; longitude and latitude in WGS 84 degrees. Dividing a village is in `division.py`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import GEOSException
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from grids.coordinates import BadPosition, check_position
from gridserve.later import N_

Floats = NDArray[np.float64]
Area = shapely.Polygon | shapely.MultiPolygon

# One cell of a village has some hundred vertices, a whole county from a national survey some ten
# thousand: more is a wrong file or an attack, and costs seconds in every later operation.
MOST_VERTICES = 20_000

# Mean length of a degree of latitude. Good to 0.5 % anywhere, enough for shares and shapes.
METRES_PER_DEGREE = 111_195.0

_PLACE = re.compile(r"\[(\S+) (\S+)\]")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a geometry; `msgid % values` are the words, kept apart to translate."""

    msgid: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.msgid % self.values


class BadGeometry(ValueError):
    """A geometry that cannot be a cell or a village; `faults` say why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(str(fault) for fault in faults))
        self.faults = list(faults)


def checked_polygon(geometry: object, *, several: bool = False) -> Any:
    """The geometry as a valid 2-D polygon, outer ring anticlockwise (RFC 7946).

    `geometry` is a shapely geometry or a GeoJSON mapping. With `several` a MultiPolygon is allowed
    and given back as such; a MultiPolygon of one part always becomes a Polygon.
    Raises `BadGeometry` with everything that `problems` finds.
    """
    polygon, faults = _read(geometry)
    if polygon is not None:
        faults = problems(polygon, several=several)
    if faults or polygon is None:
        raise BadGeometry(faults)
    if isinstance(polygon, shapely.MultiPolygon) and len(polygon.geoms) == 1:
        polygon = polygon.geoms[0]
    return shapely.orient_polygons(shapely.force_2d(polygon))


def problems(geometry: object, *, several: bool = False) -> list[Fault]:
    """All that keeps a geometry from being a cell (with `several`: a village); [] where nothing."""
    polygon, faults = _read(geometry)
    if polygon is None:
        return faults
    if not isinstance(polygon, shapely.Polygon | shapely.MultiPolygon):
        return [_wrong_type(polygon.geom_type)]
    if polygon.is_empty:
        return [Fault(N_("The area is empty: draw an outline of at least three corners."))]
    vertices = int(shapely.get_num_coordinates(polygon))
    if vertices > MOST_VERTICES:
        return [_too_many(vertices)]
    pairs = shapely.get_coordinates(polygon)
    try:
        check_position(pairs[:, 0], pairs[:, 1])
    except BadPosition as wrong:
        return [Fault(wrong.msgid, wrong.values)]
    if not shapely.is_valid(polygon):
        return [_invalid(shapely.is_valid_reason(polygon))]
    if isinstance(polygon, shapely.MultiPolygon) and len(polygon.geoms) > 1 and not several:
        words = N_("The area has %(parts)d separate parts: a cell is one piece, make one of each.")
        return [Fault(words, {"parts": len(polygon.geoms)})]
    return []


def square_metres(geometry: BaseGeometry) -> float:
    """Area in square metres, scaled at the geometry's own latitude: good to 0.5 %."""
    return float(shapely.area(in_metres(geometry)))


def compactness(geometry: BaseGeometry) -> float:
    """Polsby-Popper compactness, 4 pi area / perimeter²: 1 a circle, 0.785 a square, 0 a line.

    Source: Polsby and Popper, Yale Law & Policy Review 9 (1991), 301-353.
    """
    flat = in_metres(geometry)
    if not flat.length:
        return 0.0
    return min(1.0, 4.0 * math.pi * float(flat.area) / float(flat.length) ** 2)


def in_metres(geometry: BaseGeometry, latitude: float | None = None) -> BaseGeometry:
    """A copy in metres east and north of 0, 0, true in length near `latitude` (its own middle)."""
    if geometry.is_empty:
        return geometry
    if latitude is None:
        latitude = (geometry.bounds[1] + geometry.bounds[3]) / 2
    scale = metres_per_degree(latitude)
    flat: BaseGeometry = shapely.transform(geometry, lambda pairs: pairs * scale)
    return flat


def metres_per_degree(latitude: float) -> Floats:
    """Metres in one degree of longitude and of latitude at a latitude: array of 2."""
    return METRES_PER_DEGREE * np.array([math.cos(math.radians(latitude)), 1.0])


def _read(geometry: object) -> tuple[BaseGeometry | None, list[Fault]]:
    """The geometry as shapely's, or what keeps it from being read."""
    if isinstance(geometry, BaseGeometry):
        return geometry, []
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        kind = geometry.get("type") if isinstance(geometry, Mapping) else None
        return None, [_wrong_type(str(kind or type(geometry).__name__))]
    vertices = _count_numbers(geometry.get("coordinates")) // 2
    if vertices > 2 * MOST_VERTICES:  # before building it; some may carry a z
        return None, [_too_many(vertices)]
    try:
        with np.errstate(invalid="ignore"):  # a NaN is named later, with its value
            return shape(dict(geometry)), []
    except (
        ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
        GEOSException,
    ):  # fmt: skip
        words = N_(
            "The coordinates cannot be read: a polygon is a list of rings, a ring a list of at "
            "least four [longitude, latitude] pairs, the last one equal to the first."
        )
        return None, [Fault(words)]


def _count_numbers(value: object) -> int:
    """How many numbers a nested list holds, without recursion: its depth comes from outside."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple):
            waiting.extend(item)
        else:
            total += 1
    return total


def _wrong_type(kind: str) -> Fault:
    return Fault(N_("This is a %(type)s; give a Polygon."), {"type": kind})


def _too_many(vertices: int) -> Fault:
    words = N_(
        "The outline has %(vertices)d corners, at most %(most)d are taken: simplify it first."
    )
    return Fault(words, {"vertices": vertices, "most": MOST_VERTICES})


def _at(words: str) -> Callable[[str, str], Fault]:
    return lambda lon, lat: Fault(words, {"lon": lon, "lat": lat})


# What GEOS says of an invalid polygon, in words that help to mend it; the first that fits counts.
_REASONS: dict[str, Callable[[str, str], Fault]] = {
    "Ring Self-intersection": _at(
        N_("The outline touches itself at %(lon)s, %(lat)s: move one of the corners apart.")
    ),
    "Self-intersection": _at(
        N_("The outline crosses itself at %(lon)s, %(lat)s: redraw it so that no edges cross.")
    ),
    "Hole lies outside shell": _at(
        N_("The hole at %(lon)s, %(lat)s lies outside the outline: remove it or move it inside.")
    ),
    "Interior is disconnected": _at(
        N_("The holes cut the area in two at %(lon)s, %(lat)s: draw two areas instead.")
    ),
    "Too few points": _at(
        N_("The ring at %(lon)s, %(lat)s has no area: give it at least three different corners.")
    ),
}


def _invalid(reason: str) -> Fault:
    """Say a GEOS validity reason, such as `Self-intersection[103.9 28.6]`, with its place."""
    place = _PLACE.search(reason)
    lon, lat = (f"{float(n):.6f}" for n in place.groups()) if place else ("?", "?")
    for start, fault in _REASONS.items():
        if reason.startswith(start):
            return fault(lon, lat)
    words = N_("The area is not a valid polygon at %(lon)s, %(lat)s (%(reason)s): redraw it there.")
    return Fault(words, {"lon": lon, "lat": lat, "reason": _PLACE.sub("", reason)})

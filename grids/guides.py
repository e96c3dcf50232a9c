"""Lines that borders of cells prefer to run along: roads and rivers, read from GeoJSON.

Pure shapely; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import shapely

from grids.cutting import MOST_POINTS, read_line
from grids.geometry import BadGeometry, Fault
from gridserve.later import N_

MOST_LINES = 500
MOST_CORNERS = 20_000
_DEEPEST = 8  # GeoJSON in GeoJSON


def read_lines(given: object) -> list[shapely.LineString]:
    """The lines of a GeoJSON object, however wrapped; raises `BadGeometry`.

    Other geometries in a collection are refused too: who gives a lake should be told.
    """
    found: list[shapely.LineString] = []
    corners = 0
    for coordinates in _lines(given, 0):
        for part in _short(coordinates):
            line = read_line({"type": "LineString", "coordinates": part})
            found.append(line)
            corners += len(line.coords)
        if len(found) > MOST_LINES or corners > MOST_CORNERS:
            words = N_("At most %(lines)d lines of %(corners)d corners are taken: simplify them.")
            raise BadGeometry([Fault(words, {"lines": MOST_LINES, "corners": MOST_CORNERS})])
    if not found:
        raise BadGeometry([Fault(N_("There is no line in what was given."))])
    return found


def multi_line(lines: Iterable[shapely.LineString]) -> dict[str, Any]:
    """Lines as one GeoJSON MultiLineString."""
    coordinates = [[list(pair) for pair in line.coords] for line in lines]
    return {"type": "MultiLineString", "coordinates": coordinates}


def _short(coordinates: object) -> Iterator[object]:
    """Long lines in parts that can be read; where they meet nothing shows."""
    if not isinstance(coordinates, list) or len(coordinates) > MOST_CORNERS:
        yield coordinates
        return
    for first in range(0, max(1, len(coordinates) - 1), MOST_POINTS - 1):
        yield coordinates[first : first + MOST_POINTS]


def _lines(given: object, depth: int) -> Iterator[object]:
    """The coordinates of each line."""
    if isinstance(given, Mapping) and depth < _DEEPEST:
        kind = given.get("type")
        parts = given.get(
            {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(
                str(kind), "coordinates"
            )
        )
        if kind == "Feature":
            yield from _lines(given.get("geometry"), depth + 1)
            return
        if kind == "LineString":
            yield parts
            return
        if isinstance(parts, list | tuple):
            if kind == "MultiLineString":
                yield from parts
                return
            if kind in ("FeatureCollection", "GeometryCollection"):
                for part in parts:
                    yield from _lines(part, depth + 1)
                return
    words = N_("Give roads and rivers as GeoJSON lines (LineString, MultiLineString), WGS 84.")
    raise BadGeometry([Fault(words)])

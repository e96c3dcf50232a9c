"""Cutting cells in pieces, joining neighbours, redrawing a common edge.

Pure shapely; longitude and latitude in WGS 84 degrees. Pieces share their edges to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely

from grids.coordinates import BadPosition, check_position
from grids.fit import HAIR_M, overlap
from grids.geometry import METRES_PER_DEGREE, BadGeometry, Fault, checked_polygon, in_metres
from gridserve.later import N_

MOST_PIECES = 20
MOST_POINTS = 2_000  # of a line drawn by hand


def read_line(line: object) -> shapely.LineString:
    """A GeoJSON LineString mapping as a line; raises `BadGeometry`."""
    words = N_(
        "Give the line as a GeoJSON LineString: at least two different [longitude, latitude] "
        "pairs, at most %(most)d."
    )
    try:
        if not isinstance(line, Mapping) or line.get("type") != "LineString":
            raise ValueError("no LineString")
        given = line.get("coordinates")
        if not isinstance(given, list | tuple) or not all(map(_is_position, given)):
            raise ValueError("no list of pairs")
        pairs = np.asarray(given, float)
        if pairs.ndim != 2 or not 2 <= len(pairs) <= MOST_POINTS:
            raise ValueError("too few or too many")
    except (ValueError, TypeError, OverflowError):
        raise BadGeometry([Fault(words, {"most": MOST_POINTS})]) from None
    try:
        check_position(pairs[:, 0], pairs[:, 1])
    except BadPosition as wrong:
        raise BadGeometry([Fault(wrong.msgid, wrong.values)]) from wrong
    found = shapely.LineString(pairs[:, :2])
    if found.length == 0:
        raise BadGeometry([Fault(words, {"most": MOST_POINTS})])
    return found


def _is_position(pair: object) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) not in (2, 3):
        return False
    return all(isinstance(n, int | float) and not isinstance(n, bool) for n in pair)


def cut(area: shapely.Polygon, line: shapely.LineString) -> list[shapely.Polygon]:
    """The pieces of `area` on the sides of `line`, west to east and then north to south.

    Raises `BadGeometry` where the line does not run from edge to edge, or cuts off a sliver.
    """
    edges = shapely.union_all([area.boundary, line])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    pieces = [face for face in faces if area.contains(face.representative_point())]
    if len(pieces) < 2:
        raise BadGeometry(
            [Fault(N_("The line does not cut the area in two: draw it from edge to edge, beyond."))]
        )
    if len(pieces) > MOST_PIECES:
        words = N_(
            "The line cuts the area in %(pieces)d pieces, at most %(most)d: draw it simpler."
        )
        raise BadGeometry([Fault(words, {"pieces": len(pieces), "most": MOST_PIECES})])
    for piece in pieces:
        if is_sliver(piece):
            lon, lat = (f"{n:.6f}" for n in shapely.get_coordinates(piece.centroid)[0])
            words = N_(
                "The line cuts off a piece narrower than a metre at %(lon)s, %(lat)s: "
                "move it away from the edge there."
            )
            raise BadGeometry([Fault(words, {"lon": lon, "lat": lat})])
    checked = [checked_polygon(piece) for piece in pieces]
    return sorted(checked, key=lambda piece: (piece.centroid.x, -piece.centroid.y))


def join(areas: Sequence[shapely.Polygon]) -> shapely.Polygon:
    """One area in place of several neighbours; raises `BadGeometry` where they do not touch.

    Edges drawn by hand may leave a hair between neighbours: it is closed.
    """
    whole = shapely.union_all(areas)
    if whole.geom_type != "Polygon":
        reach = HAIR_M / METRES_PER_DEGREE
        whole = shapely.union_all(
            [areas[0], *(shapely.snap(a, areas[0], reach) for a in areas[1:])]
        )
    if whole.geom_type != "Polygon":
        raise BadGeometry(
            [Fault(N_("These cells are not neighbours: cells that are joined share an edge."))]
        )
    rings = [ring for ring in whole.interiors if not is_sliver(shapely.Polygon(ring))]
    joined: shapely.Polygon = checked_polygon(shapely.Polygon(whole.exterior, rings))
    return joined


def redraw(
    one: shapely.Polygon, other: shapely.Polygon, line: shapely.LineString
) -> list[shapely.Polygon]:
    """Two neighbours with `line` as their common edge, in the order given; they tile the same.

    Raises `BadGeometry`: no neighbours, a line that makes another number of pieces, or the edge
    that is there already.
    """
    pieces = cut(join([one, other]), line)
    if len(pieces) != 2:
        words = N_("The new edge makes %(pieces)d pieces of two cells: draw it to make two.")
        raise BadGeometry([Fault(words, {"pieces": len(pieces)})])
    as_is = overlap(pieces[0], one) + overlap(pieces[1], other)
    turned = overlap(pieces[1], one) + overlap(pieces[0], other)
    if turned > as_is:
        pieces.reverse()
    if _is_same(pieces[0], one) and _is_same(pieces[1], other):
        raise BadGeometry([Fault(N_("This is the edge that the cells have: draw another one."))])
    return pieces


def _is_same(one: shapely.Polygon, other: shapely.Polygon) -> bool:
    return is_sliver(shapely.symmetric_difference(one, other))


def is_sliver(area: shapely.Geometry) -> bool:
    """Whether nothing of `area` is wider than a hair."""
    return bool(in_metres(area).buffer(-HAIR_M / 2).is_empty)

"""Mends outlines where there is one way to mend them, and says what it did.

Pure shapely; WGS 84 degrees in and out, tolerances in metres.
"""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely.errors import GEOSException
from shapely.geometry.base import BaseGeometry

from grids.geometry import Area, Fault, in_metres, square_metres
from gridserve.later import N_

# Edges drawn by hand or moved between programs stray by metres; what is wider was meant.
TOLERANCE_M = 5.0
# Of an area in several parts, the largest is meant where the others together are less than this.
CRUMBS = 0.01
WORTH_SAYING_M2 = 0.05  # rounding moves corners by less


def polygonal(geometry: BaseGeometry, *, several: bool) -> tuple[BaseGeometry, list[Fault]]:
    """One valid polygon (with `several`: or more) of what was drawn, where that is plain.

    Lines and points beside an area go, repeated corners too, crossings are dissolved, and of
    several parts the one that is all but a hundredth of the area stays. What is not plain is given
    back as it was: the checks then name it.
    """
    mended: list[Fault] = []
    found = _areas(geometry)
    if found is not geometry:
        mended.append(Fault(N_("took the area out of a collection")))
    if found.geom_type not in ("Polygon", "MultiPolygon") or found.is_empty:
        return geometry, []
    corners = int(shapely.get_num_coordinates(found))
    try:
        found = shapely.remove_repeated_points(found)
    except GEOSException:  # a ring of one place only
        return geometry, []
    repeated = corners - int(shapely.get_num_coordinates(found))
    if repeated:
        mended.append(Fault(N_("took out %(corners)d repeated corner(s)"), {"corners": repeated}))
    if not found.is_valid:
        before = float(shapely.area(in_metres(shapely.convex_hull(found))))
        found = _areas(shapely.make_valid(found))
        if found.is_empty or not before:
            return geometry, []
        mended.append(Fault(N_("dissolved where the outline crosses or touches itself")))
    if found.geom_type == "MultiPolygon" and not several:
        found, lost = _main_part(found)
        if lost:
            words = N_("left out small parts of together %(area)s m²")
            mended.append(Fault(words, {"area": f"{lost:,.0f}"}))
    return found, mended


def _areas(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a collection; what is no collection as it is."""
    if geometry.geom_type != "GeometryCollection":
        return geometry
    parts: list[BaseGeometry] = []
    waiting: list[BaseGeometry] = [geometry]
    while waiting:
        part = waiting.pop()
        if part.geom_type in ("GeometryCollection", "MultiPolygon"):
            waiting.extend(part.geoms)
        elif part.geom_type == "Polygon" and not part.is_empty:
            parts.append(part)
    if len(parts) == 1:
        return parts[0]
    return shapely.MultiPolygon(sorted(parts, key=lambda p: -p.area))


def _main_part(area: shapely.MultiPolygon) -> tuple[BaseGeometry, float]:
    """The one real part and the square metres of the others; all of it where there are more."""
    parts = sorted(area.geoms, key=lambda part: -part.area)
    rest = sum(part.area for part in parts[1:])
    if rest > CRUMBS * area.area:
        return area, 0.0
    return parts[0], sum(square_metres(part) for part in parts[1:])


def same_but_for_hairs(one: Area, other: Area) -> bool:
    """Whether two outlines differ nowhere by more than the tolerance."""
    return _narrow(shapely.symmetric_difference(one, other), one)


def fitted(
    area: shapely.Polygon, boundary: Area | None, neighbours: Sequence[shapely.Polygon]
) -> tuple[shapely.Polygon, list[Fault]]:
    """The area without what is a hair over its village's boundary or over its neighbours.

    What is wider than the tolerance is left for the checks to name: nobody decides it silently.
    """
    found, mended = area, []
    if boundary is not None and not shapely.covers(boundary, found):
        over = shapely.difference(found, boundary)
        if _narrow(over, found):
            found, cut = _without(found, over)
            words = N_("cut off %(area)s m² along the boundary of the village")
            mended += _said(words, cut)
    around = shapely.union_all([n for n in neighbours if n.intersects(found)])
    if not around.is_empty:
        shared = shapely.intersection(found, around)
        if shared.area and _narrow(shared, found):
            found, cut = _without(found, around)
            mended += _said(N_("cut off %(area)s m² along neighbours"), cut)
    return found, mended


def gaps(whole: Area, cells: Sequence[shapely.Polygon]) -> list[shapely.Polygon]:
    """The slivers of `whole` that no cell covers, narrower than the tolerance."""
    left = shapely.difference(whole, shapely.union_all(list(cells)))
    parts = [p for p in shapely.get_parts(left) if p.geom_type == "Polygon" and p.area > 0]
    return [part for part in parts if _narrow(part, part)]


def _said(words: str, metres: float) -> list[Fault]:
    return [Fault(words, {"area": f"{metres:,.1f}"})] if metres >= WORTH_SAYING_M2 else []


def joined(area: shapely.Polygon, gap: shapely.Polygon) -> tuple[shapely.Polygon | None, float]:
    """The area with a sliver beside it, and the sliver's square metres; None where they only touch
    in a point."""
    whole = shapely.union(area, gap)
    if whole.geom_type != "Polygon":
        return None, 0.0
    # Where the two edges were rounded differently a hole as thin as the rounding may stay.
    rings = [r for r in whole.interiors if square_metres(shapely.Polygon(r)) >= WORTH_SAYING_M2]
    return shapely.Polygon(whole.exterior, rings), square_metres(gap)


def _without(area: shapely.Polygon, other: BaseGeometry) -> tuple[shapely.Polygon, float]:
    left = _areas(shapely.difference(area, other))
    main = max(shapely.get_parts(left), key=lambda part: part.area, default=area)
    if main.geom_type != "Polygon" or main.area < (1 - CRUMBS) * area.area:
        # Crumbs of a narrow shape may be most of it: then there is nothing plain to do.
        wide = not _narrow(shapely.difference(area, main), area)
        if main.geom_type != "Polygon" or wide:
            return area, 0.0
    return main, max(0.0, square_metres(area) - square_metres(main))


def _narrow(part: BaseGeometry, near: BaseGeometry) -> bool:
    """Whether nothing of `part` is wider than the tolerance."""
    if part.is_empty:
        return True
    latitude = (near.bounds[1] + near.bounds[3]) / 2
    return bool(in_metres(part, latitude).buffer(-TOLERANCE_M / 2).is_empty)

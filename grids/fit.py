"""How areas lie to each other: how far one sticks out of another, how much two overlap.

Pure shapely; longitude and latitude in WGS 84 degrees, answers in metres.
"""

from __future__ import annotations

import shapely

from grids.geometry import Area, in_metres

# Outlines are drawn by hand and rounded in files: what is narrower is no overlap.
HAIR_M = 1.0
# An outline drawn along the village's boundary may stray by as much; a wrong coordinate system is
# hundreds of metres off.
STRAY_M = 5.0


def metres_outside(area: Area, container: Area) -> float:
    """How far the farthest corner of `area` lies outside `container`; 0 where it is covered."""
    latitude = (container.bounds[1] + container.bounds[3]) / 2
    flat, around = in_metres(area, latitude), in_metres(container, latitude)
    rest = flat.difference(around)
    if rest.is_empty:
        return 0.0
    corners = shapely.points(shapely.get_coordinates(rest))
    return float(shapely.distance(corners, around).max())


def overlap(one: Area, other: Area) -> float:
    """Square metres that both cover; 0 where they overlap by no more than a hair's width."""
    if not shapely.intersects(one, other):
        return 0.0
    latitude = (one.bounds[1] + one.bounds[3]) / 2
    both = in_metres(one, latitude).intersection(in_metres(other, latitude))
    return 0.0 if both.buffer(-HAIR_M / 2).is_empty else float(both.area)

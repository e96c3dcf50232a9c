"""Straightening the borders between cells without moving a household to another one.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats, metres_per_degree

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ROUNDS = 40
CLEARANCE = 8.0  # metres that a border keeps from a household, where it did not run nearer before
APART = 0.01  # metres between corners that count as different
ON_A_GUIDE = 1e-9  # degrees


def straighten(
    cells: Sequence[shapely.Polygon],
    points: Floats,
    guides: Sequence[shapely.LineString] = (),
) -> list[shapely.Polygon]:
    """The cells with fewer corners on the borders between them: shorter, and easier to describe.

    `cells` are a coverage: neighbours share their corners. A corner is left out where the triangle
    with its neighbours holds no household and no other corner, so nobody changes cells, no two
    borders meet, and the outline of the whole stays. Corners on a guide stay. The result is again
    a coverage.
    """
    if len(cells) < 2:
        return list(cells)
    bounds = shapely.total_bounds(cells)
    scale = metres_per_degree((bounds[1] + bounds[3]) / 2)
    rings, cell_of = shapely.get_rings(cells, return_index=True)
    pairs, ring_of = shapely.get_coordinates(rings, return_index=True)
    closes = np.append(ring_of[1:] != ring_of[:-1], True)
    places, corner = np.unique(pairs[~closes], axis=0, return_inverse=True)
    ring_of, corner = ring_of[~closes], corner.reshape(-1)
    stays = _on_guides(places, guides)
    homes = shapely.STRtree(shapely.points(points * scale))
    flat = places * scale
    for _ in range(ROUNDS):
        gone = _superfluous(ring_of, corner, flat, stays, homes)
        if not gone.any():
            break
        keep = ~gone[corner]
        ring_of, corner = ring_of[keep], corner[keep]
    found: list[list[shapely.LinearRing]] = [[] for _ in cells]
    for number, ring in enumerate(np.split(corner, np.flatnonzero(np.diff(ring_of)) + 1)):
        found[int(cell_of[number])].append(shapely.linearrings(places[ring]))
    return [shapely.Polygon(shell, holes) for shell, *holes in found]


def _superfluous(
    ring_of: Ints, corner: Ints, flat: Floats, stays: Bools, homes: shapely.STRtree
) -> Bools:
    """Which corners can be left out at once: no two of them next to each other."""
    first, last = (
        np.flatnonzero(np.diff(ring_of, prepend=-1)),
        np.flatnonzero(np.diff(ring_of, append=-1)),
    )
    following = np.append(corner[1:], 0)
    following[last] = corner[first]
    edges, times = np.unique(
        np.sort(np.column_stack([corner, following]), axis=1), axis=0, return_counts=True
    )
    ends = edges.ravel()
    degree = np.bincount(ends, minlength=len(flat))
    outer = np.bincount(ends, np.repeat(times == 1, 2), len(flat)) > 0
    free = np.flatnonzero((degree == 2) & ~outer & ~stays)
    if not len(free):
        return np.zeros(len(flat), bool)
    others = np.concatenate([edges[:, 1], edges[:, 0]])
    order = np.argsort(np.concatenate([edges[:, 0], edges[:, 1]]), kind="stable")
    starts = np.concatenate([[0], np.cumsum(degree)])
    one, two = others[order[starts[free]]], others[order[starts[free] + 1]]
    known = edges[:, 0] * len(flat) + edges[:, 1]
    bridge = np.minimum(one, two) * len(flat) + np.maximum(one, two)
    # Where the edge is there already, or two corners would leave the same one, nothing would stay.
    once = np.zeros(len(free), bool)
    once[np.unique(bridge, return_index=True)[1]] = True
    once &= ~np.isin(bridge, known)
    free, one, two = free[once], one[once], two[once]
    triangles = np.stack([flat[one], flat[free], flat[two], flat[one]], axis=1)
    clear = _are_empty(triangles, np.unique(corner), flat, np.stack([one, free, two]), homes)
    size = np.full(len(flat), np.inf)
    size[free[clear]] = _areas(triangles[clear])
    ranks = np.empty(len(flat), np.int64)
    ranks[np.lexsort([np.arange(len(flat)), size])] = np.arange(len(flat))
    least = clear & (ranks[free] < ranks[one]) & (ranks[free] < ranks[two])
    gone = np.zeros(len(flat), bool)
    gone[free[least]] = True
    return gone


def _are_empty(
    triangles: Floats, corners: Ints, flat: Floats, own: Ints, homes: shapely.STRtree
) -> Bools:
    """Which triangles hold no household, and no corner but their own three."""
    areas = shapely.polygons(triangles)
    empty = np.ones(len(areas), bool)
    hit, _home = homes.query(areas, predicate="dwithin", distance=CLEARANCE)
    empty[hit] = False
    left = np.flatnonzero(empty)
    tree = shapely.STRtree(shapely.points(flat[corners]))
    hit, corner = tree.query(areas[left], predicate="dwithin", distance=APART)
    foreign = (own[:, left[hit]] != corners[corner]).all(axis=0)
    empty[left[hit[foreign]]] = False
    return empty


def _areas(triangles: Floats) -> Floats:
    side, other = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    doubled: Floats = np.abs(side[:, 0] * other[:, 1] - side[:, 1] * other[:, 0])
    return doubled / 2


def _on_guides(places: Floats, guides: Sequence[shapely.LineString]) -> Bools:
    stays = np.zeros(len(places), bool)
    if len(guides):
        tree = shapely.STRtree(guides)
        met, _guide = tree.query(shapely.points(places), predicate="dwithin", distance=ON_A_GUIDE)
        stays[met] = True
    return stays

"""Where villages lie when nobody has drawn them: each spot goes to the nearest household's.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Area, Floats, metres_per_degree
from grids.graph import Graph
from grids.hamlets import hamlets

Ints = NDArray[np.int64]

MOST_POINTS = 40_000  # of more, neighbours in one village count as one
# A part of a village with fewer households, or a smaller share of them, goes to those around it.
FEWEST, LEAST_SHARE = 5, 0.03


def territories(ground: Area, points: Floats, village: Ints) -> dict[int, Area]:
    """The part of `ground` of each village: what lies nearest to one of its households.

    `points` is (n, 2), `village` the number of the village of each. Parts of a village in which
    next to nobody of it lives go to the neighbour with the longest common border, so that a
    household with a wrong point makes no island. Villages without a household on the ground are
    missing. The territories tile the ground but for parts without households and neighbours.
    """
    shapely.prepare(ground)
    here = shapely.intersects_xy(ground, points[:, 0], points[:, 1])
    points, village = points[here], village[here]
    if not len(points):
        return {}
    scale = metres_per_degree(float(points[:, 1].mean()))
    spots, owner = _spots(points * scale, village)
    faces = _faces(ground, spots, owner, scale)
    tree = shapely.STRtree(shapely.points(spots))
    inner = shapely.get_coordinates(shapely.point_on_surface(faces)) * scale
    own = owner[tree.nearest(shapely.points(inner))]
    where = shapely.STRtree(faces).nearest(shapely.points(points))
    count = np.zeros(len(faces))
    np.add.at(count, where[own[where] == village], 1)
    own = _without_islands(Graph.of(faces, count), own)
    return {
        int(number): shapely.unary_union([faces[i] for i in np.flatnonzero(own == number)])
        for number in np.unique(own[own >= 0])
    }


def _spots(places: Floats, village: Ints) -> tuple[Floats, Ints]:
    """Different spots (metres) with the village of each; of one spot the lower number has it."""
    if len(places) > MOST_POINTS:
        share = len(places) / MOST_POINTS
        found, owners = [], []
        for number in np.unique(village):
            mine = places[village == number]
            middles = [mine[part].mean(axis=0) for part in hamlets(mine, share)]
            found += middles
            owners += [number] * len(middles)
        places, village = np.array(found), np.array(owners)
    order = np.argsort(village, kind="stable")
    spots, first = np.unique(np.round(places[order], 1), axis=0, return_index=True)
    return spots, village[order][first]


def _faces(ground: Area, spots: Floats, owner: Ints, scale: Floats) -> list[shapely.Polygon]:
    """The pieces into which the borders between villages cut the ground."""
    lines = [ground.boundary]
    if len(np.unique(owner)) > 1:
        reach = shapely.box(*(np.array(ground.bounds) * np.tile(scale, 2))).buffer(1_000)
        regions = shapely.get_parts(
            shapely.voronoi_polygons(shapely.MultiPoint(spots), extend_to=reach)
        )
        tree = shapely.STRtree(shapely.points(spots))
        region_of = tree.query(regions, predicate="contains")
        numbers = np.empty(len(regions), np.int64)
        numbers[region_of[0]] = owner[region_of[1]]
        for number in np.unique(owner):
            mine = shapely.coverage_union_all(regions[numbers == number])
            lines.append(shapely.transform(mine.boundary, lambda pairs: pairs / scale))
    faces = shapely.get_parts(shapely.polygonize([shapely.unary_union(lines)]))
    inner = shapely.point_on_surface(faces)
    return list(faces[shapely.contains(ground, inner)])


def _without_islands(graph: Graph, own: Ints) -> Ints:
    """The village of each piece once small far-off ones have gone to those around; -1 for none."""
    own = own.copy()
    total = np.bincount(own, graph.weights)
    main = {int(n): max(np.flatnonzero(own == n), key=lambda i: (graph.weights[i], graph.areas[i]))
            for n in np.unique(own)}  # fmt: skip
    small = [
        i
        for i in np.lexsort([graph.areas, graph.weights]).tolist()
        if i != main[int(own[i])] and graph.weights[i] < max(FEWEST, LEAST_SHARE * total[own[i]])
    ]
    for piece in small:
        sides: dict[int, float] = {}
        for other, length in graph.borders[piece].items():
            if own[other] != own[piece] and own[other] >= 0:
                sides[int(own[other])] = sides.get(int(own[other]), 0.0) + length
        if sides:
            own[piece] = max(sides, key=lambda number: (sides[number], -number))
        elif not graph.weights[piece]:
            own[piece] = -1
    return own

"""Making neighbours share their edges to the bit after one of them was cut.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from grids.geometry import Floats

NEAR = 1e-9  # of a degree: a tenth of a millimetre


def knit(areas: Sequence[shapely.Polygon]) -> list[shapely.Polygon]:
    """The same areas, each with the corners of its neighbours that lie on its edges.

    A line drawn across a cell ends on the edge of a neighbour that has no corner there. With one
    the areas form a valid coverage. An edge is moved by less than `NEAR`.
    """
    corners = shapely.points(np.unique(shapely.get_coordinates(areas), axis=0))
    tree = shapely.STRtree(corners)
    places = shapely.get_coordinates(corners)
    return [
        shapely.Polygon(
            _with_corners(area.exterior, tree, places),
            [_with_corners(ring, tree, places) for ring in area.interiors],
        )
        for area in areas
    ]


def _with_corners(ring: shapely.LinearRing, tree: shapely.STRtree, places: Floats) -> Floats:
    pairs = shapely.get_coordinates(ring)
    edges = shapely.linestrings(np.stack([pairs[:-1], pairs[1:]], axis=1))
    edge, corner = tree.query(edges, predicate="dwithin", distance=NEAR)
    met = places[corner]
    own = (met == pairs[edge]).all(axis=1) | (met == pairs[edge + 1]).all(axis=1)
    edge, met = edge[~own], met[~own]
    along = ((met - pairs[edge]) ** 2).sum(axis=1)
    order = np.lexsort([along, edge])
    return np.insert(pairs, edge[order] + 1, met[order], axis=0)

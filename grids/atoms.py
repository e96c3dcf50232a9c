"""Small areas that a village is made up of: regions halfway between hamlets, and fields.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Area, Floats, metres_per_degree
from grids.groups import seeds as seeds_of

Ints = NDArray[np.int64]

# Atoms for each cell: more balance and compactness against more time; 40 puts the step at 2-3 %.
HOUSEHOLD_ATOMS_PER_CELL = 28
EMPTY_ATOMS_PER_CELL = 12
# A village of more atoms than this gets coarser ones: the work grows with their number.
MOST_ATOMS = 20_000


def atoms_of(
    village: Area,
    points: Floats,
    group: Ints,
    parts: int,
    guides: Sequence[shapely.LineString] = (),
) -> list[shapely.Polygon]:
    """Small polygons that tile the village, about 40 a cell: Voronoi regions of hamlets and fields.

    `group` is the number of the villagers' group of each point, -1 for none; no two groups share
    an atom unless they live on one spot. No atom crosses a guide. All lines are noded together in
    one go, so that every shared edge has the same vertices on both sides.
    """
    scale = metres_per_degree((village.bounds[1] + village.bounds[3]) / 2)
    budget = min(parts, MOST_ATOMS // (HOUSEHOLD_ATOMS_PER_CELL + EMPTY_ATOMS_PER_CELL))
    fields = _fields(village, scale, EMPTY_ATOMS_PER_CELL * budget)
    seeds = fields
    if len(points):
        homes = seeds_of(points * scale, group, HOUSEHOLD_ATOMS_PER_CELL * budget)
        seeds = np.vstack([homes, _away(fields, homes, points * scale)])
    seeds = np.unique(np.round(seeds, 2), axis=0)  # centimetres
    lines: list[object] = [village.boundary, *guides]
    if len(seeds) > 1:
        reach = shapely.box(*(np.array(village.bounds) * np.tile(scale, 2))).buffer(1_000)
        borders = shapely.voronoi_polygons(
            shapely.MultiPoint(seeds), extend_to=reach, only_edges=True
        )
        lines.append(shapely.transform(borders, lambda pairs: pairs / scale))
    faces = shapely.get_parts(shapely.polygonize([shapely.unary_union(lines)]))
    spots = shapely.point_on_surface(faces)
    shapely.prepare(village)
    return list(faces[shapely.contains(village, spots)])


def _fields(village: Area, scale: Floats, count: float) -> Floats:
    """About `count` spots inside the village, spread evenly in a triangular pattern (metres)."""
    west, south, east, north = np.array(village.bounds) * np.tile(scale, 2)
    area = village.area * scale[0] * scale[1]
    step = float(np.sqrt(area / count))
    rows = np.arange(south + step / 2, north, step)
    columns = np.arange(west + step / 4, east, step)
    x, y = np.meshgrid(columns, rows)
    x = x + (np.arange(len(rows)) % 2)[:, None] * step / 2
    spots = np.column_stack([x.ravel(), y.ravel()])
    return spots[covered(village, spots / scale)]


def _away(fields: Floats, homes: Floats, points: Floats) -> Floats:
    """The fields on which nobody lives: those to which no household is nearest."""
    tree = shapely.STRtree(shapely.points(np.vstack([homes, fields])))
    nearest = np.unique(tree.nearest(shapely.points(points))) - len(homes)
    return np.delete(fields, nearest[nearest >= 0], axis=0)


def covered(village: Area, points: Floats) -> NDArray[np.bool_]:
    """Which of the points lie in the village or on its edge."""
    if not len(points):
        return np.zeros(0, bool)
    shapely.prepare(village)
    covered: NDArray[np.bool_] = shapely.intersects_xy(village, points[:, 0], points[:, 1])
    return covered

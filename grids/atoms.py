"""Small areas that a village is made up of: regions halfway between hamlets, and fields.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Area, Floats, metres_per_degree

Ints = NDArray[np.int64]

# Atoms for each cell: more balance and compactness against more time; 40 puts the step at 2-3 %.
HOUSEHOLD_ATOMS_PER_CELL = 28
EMPTY_ATOMS_PER_CELL = 12
# A village of more atoms than this gets coarser ones: the work grows with their number.
MOST_ATOMS = 20_000


def atoms_of(village: Area, points: Floats, parts: int) -> list[shapely.Polygon]:
    """Small polygons that tile the village, about 40 a cell: Voronoi regions of hamlets and fields.

    All lines are noded together in one go, so that every shared edge has the same vertices on both
    sides.
    """
    scale = metres_per_degree((village.bounds[1] + village.bounds[3]) / 2)
    budget = min(parts, MOST_ATOMS // (HOUSEHOLD_ATOMS_PER_CELL + EMPTY_ATOMS_PER_CELL))
    seeds = np.vstack(
        [
            _middles(points * scale, HOUSEHOLD_ATOMS_PER_CELL * budget),
            _fields(village, scale, EMPTY_ATOMS_PER_CELL * budget),
        ]
    )
    seeds = np.unique(np.round(seeds, 2), axis=0)  # centimetres
    lines: list[object] = [village.boundary]
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


def hamlets(points: Floats, most: int) -> list[Ints]:
    """Indices of the points in each of at most about `most` hamlets of similar size (metres).

    Splits the heaviest group at the widest gap in the middle of its longer side, again and again.
    """
    share = max(1.0, len(points) / most)
    found: list[Ints] = []
    waiting = [np.arange(len(points))] if len(points) else []
    while waiting:
        group = waiting.pop()
        extent = np.ptp(points[group], axis=0)
        if len(group) <= share or not extent.any():
            found.append(group)
            continue
        side = int(extent[1] > extent[0])
        group = group[np.argsort(points[group, side], kind="stable")]
        along = points[group, side]
        first, last = int(len(group) * 0.3), max(int(len(group) * 0.7), int(len(group) * 0.3) + 1)
        gaps = np.diff(along[first : last + 1])
        cut = first + 1 + int(np.argmax(gaps))
        if not gaps.max(initial=0.0):  # many on one spot in the middle: cut beside them instead
            cut = 1 + int(np.argmax(np.diff(along)))
        waiting += [group[:cut], group[cut:]]
    return found


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


def _middles(points: Floats, most: int) -> Floats:
    """Middles of the hamlets (metres)."""
    found = [points[members].mean(axis=0) for members in hamlets(points, most)]
    return np.array(found).reshape(-1, 2)


def covered(village: Area, points: Floats) -> NDArray[np.bool_]:
    """Which of the points lie in the village or on its edge."""
    if not len(points):
        return np.zeros(0, bool)
    shapely.prepare(village)
    covered: NDArray[np.bool_] = shapely.intersects_xy(village, points[:, 0], points[:, 1])
    return covered

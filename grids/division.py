"""A first division of a village into contiguous cells of about the same number of households.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees. The village is cut once into many
small *atoms* along lines halfway between neighbouring hamlets, and the atoms are then put together
to cells. So neighbouring cells share identical edges, nothing is left over or covered twice, and
hamlets stay whole where the size rule lets them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.atoms import atoms_of, covered
from grids.geometry import Area, Floats, compactness
from grids.partition import Graph, bisect, merge_small, smooth

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """Cells in serial order (001 first) with the households in each, and how good they are.

    Counts are whole unless households without a point were spread by area. `outside` counts the
    points given that lie outside the village and were ignored.
    """

    cells: tuple[shapely.Polygon, ...]
    households: tuple[float, ...]
    outside: int

    @property
    def largest_to_smallest(self) -> float:
        """Households of the largest cell ÷ of the smallest; infinite where a cell has none."""
        least = min(self.households)
        return max(self.households) / least if least else float("inf")

    @property
    def compactness(self) -> tuple[float, ...]:
        """Polsby-Popper compactness of each cell, 0 to 1."""
        return tuple(compactness(cell) for cell in self.cells)


def divide(
    village: Area,
    points: Floats | None = None,
    *,
    smallest: int = 300,
    largest: int = 500,
    households: int | None = None,
) -> Division:
    """Divide a valid village polygon into contiguous cells of smallest to largest households.

    `points` is an array (n, 2) of the households' longitude and latitude; those outside the village
    are ignored and counted. `households` is the number registered: those without a point count as
    spread evenly over the area, so that a village without any points falls into equal areas.
    Fewer households than `smallest` make one cell. Households on one spot cannot be divided, so a
    cell may exceed `largest`. Each part of a village in several parts is divided by itself, since
    a cell is one piece: a small exclave is a small cell. The result depends on the arguments only.
    Cells tile the village to within rounding (1e-9 of its area) and form a valid coverage.
    """
    if not 0 < smallest <= largest:
        raise ValueError(f"smallest ({smallest}) must be above 0 and at most largest ({largest}).")
    given = np.empty((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
    inside = given[covered(village, given)]
    unplaced = max(0, (households or 0) - len(inside))
    cells: list[shapely.Polygon] = []
    counts: list[float] = []
    for part in shapely.get_parts(village):
        here = inside[covered(part, inside)]
        count = len(here) + unplaced * part.area / village.area
        for cell, households_in_it in _divide_part(part, here, count, smallest, largest):
            cells.append(cell)
            counts.append(round(households_in_it, 6))
    order = number_cells(cells)
    return Division(
        tuple(cells[i] for i in order), tuple(counts[i] for i in order), len(given) - len(inside)
    )


def _divide_part(
    part: shapely.Polygon, points: Floats, count: float, smallest: int, largest: int
) -> list[tuple[shapely.Polygon, float]]:
    """Cells of one polygon with their households."""
    wanted = number_of_cells(count, smallest, largest)
    if wanted == 1:
        return [(part, count)]
    atoms = atoms_of(part, points, wanted)
    weights = _households_in(atoms, points, count)
    graph = Graph.of(atoms, weights)
    cell_of = smooth(graph, bisect(graph, [1.0] * wanted))
    cell_of = merge_small(graph, cell_of, smallest / 2)
    cells = []
    for cell in np.unique(cell_of):
        members = np.flatnonzero(cell_of == cell)
        outline = shapely.unary_union([atoms[i] for i in members])
        cells.append((outline, float(weights[members].sum())))
    return cells


def number_of_cells(households: float, smallest: int, largest: int) -> int:
    """How many cells suit the size rule: all within it if possible, else the least far off.

    Among the counts that fit, the one whose mean is nearest to the middle of the rule.
    """
    if households < smallest:
        return 1
    middle = (smallest + largest) / 2

    def misfit(parts: int) -> tuple[float, float]:
        mean = households / parts
        return max(1.0, mean / largest, smallest / mean), abs(mean - middle)

    around = int(households / middle)
    return min(range(max(1, around - 1), around + 3), key=misfit)


def number_cells(cells: Sequence[shapely.Polygon]) -> list[int]:
    """Indices of the cells in the order of their serials: west to east, then north to south.

    Sorted by the longitude of a point inside the cell, rounded to 1e-6 degree (0.1 m), ascending;
    equal longitudes by latitude, descending.
    """
    spots = [cell.representative_point() for cell in cells]
    keys = [(round(spot.x, 6), -spot.y) for spot in spots]
    return sorted(range(len(cells)), key=keys.__getitem__)


def _households_in(atoms: list[shapely.Polygon], points: Floats, count: float) -> Floats:
    """Households in each atom: its points, and its share by area of those without a point.

    A point on a shared edge counts in the atom of the lower index.
    """
    weights = np.zeros(len(atoms))
    if len(points):
        tree = shapely.STRtree(atoms)
        which, atom = tree.query(shapely.points(points), predicate="intersects")
        home = np.full(len(points), len(atoms))
        np.minimum.at(home, which, atom)
        lost = home == len(atoms)  # on the village's edge, and a rounding outside every atom
        if lost.any():
            home[lost] = tree.nearest(shapely.points(points[lost]))
        weights += np.bincount(home, minlength=len(atoms))
    areas = shapely.area(atoms)
    weights += (count - len(points)) * areas / areas.sum()
    return weights

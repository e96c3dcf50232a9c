"""A first division of a village into contiguous cells of about the same number of households.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees. The village is cut once into many
small *atoms* along lines halfway between neighbouring hamlets, and the atoms are then put together
to cells. So neighbouring cells share identical edges, nothing is left over or covered twice, and
hamlets stay whole where the size rule lets them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.assessment import place
from grids.atoms import atoms_of, covered
from grids.geometry import Area, Floats, compactness
from grids.graph import NO_GROUP, Graph
from grids.groups import gather, group_of_areas
from grids.partition import bisect, merge_small
from grids.smoothing import Wishes, smooth
from grids.straight import straighten

Ints = NDArray[np.int64]
FREEING_ROUNDS = 4


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


@dataclass(frozen=True)
class Rule:
    """The size rule and what is to be followed."""

    smallest: int
    largest: int
    guides: tuple[shapely.LineString, ...] = ()


def divide(
    village: Area,
    points: Floats | None = None,
    groups: Sequence[str | None] | None = None,
    *,
    smallest: int = 300,
    largest: int = 500,
    households: int | None = None,
    guides: Sequence[shapely.LineString] = (),
    say: Callable[[float], None] = lambda _share: None,
) -> Division:
    """Divide a valid village polygon into contiguous cells of smallest to largest households.

    `points` is an array (n, 2) of the households' longitude and latitude; those outside the village
    are ignored and counted. `groups` is the villagers' group of each: a group stays in one cell
    unless the size rule forces a cut. Borders prefer to run along the `guides` (roads, rivers).
    `households` is the number registered: those without a point count as spread evenly over the
    area, so that a village without any points falls into equal areas. `say` is told how far it is,
    0 to 1.

    Fewer households than `smallest` make one cell. Households on one spot cannot be divided, so a
    cell may exceed `largest`. Each part of a village in several parts is divided by itself, since
    a cell is one piece: a small exclave is a small cell. The result depends on the arguments only.
    Cells tile the village to within rounding (1e-9 of its area) and form a valid coverage.
    """
    if not 0 < smallest <= largest:
        raise ValueError(f"smallest ({smallest}) must be above 0 and at most largest ({largest}).")
    given = np.empty((0, 2)) if points is None else np.asarray(points, float).reshape(-1, 2)
    group = _numbers(groups if groups is not None else [None] * len(given))
    here = covered(village, given)
    inside, group = given[here], group[here]
    unplaced = max(0, (households or 0) - len(given))
    rule = Rule(smallest, largest, tuple(guides))
    cells: list[shapely.Polygon] = []
    counts: list[float] = []
    done = 0.0
    for part in shapely.get_parts(village):
        mine = covered(part, inside)
        count = int(mine.sum()) + unplaced * part.area / village.area
        for cell, households_in_it in _divide_part(part, inside[mine], group[mine], count, rule):
            cells.append(cell)
            counts.append(round(households_in_it, 6))
        done += part.area / village.area
        say(done)
    order = number_cells(cells)
    return Division(
        tuple(cells[i] for i in order), tuple(counts[i] for i in order), len(given) - len(inside)
    )


def _numbers(groups: Sequence[str | None]) -> Ints:
    """The groups as numbers in the order of their names, -1 for none."""
    names = {name: i for i, name in enumerate(sorted({g for g in groups if g is not None}))}
    return np.array([NO_GROUP if g is None else names[g] for g in groups], np.int64)


def _divide_part(
    part: shapely.Polygon, points: Floats, group: Ints, count: float, rule: Rule
) -> list[tuple[shapely.Polygon, float]]:
    """Cells of one polygon with their households."""
    wanted = number_of_cells(count, rule.smallest, rule.largest)
    if wanted == 1:
        return [(part, count)]
    atoms = atoms_of(part, points, group, wanted, rule.guides)
    home = place(points, atoms)
    areas = shapely.area(atoms)
    weights = np.bincount(home, minlength=len(atoms)) + (count - len(points)) * areas / areas.sum()
    graph = Graph.of(atoms, weights, rule.guides)
    cell_of = group_cells(graph, group_of_areas(home, group, len(atoms)), wanted, rule)
    cell_of = merge_small(graph, cell_of, rule.smallest / 2)
    numbers, cell_of = np.unique(cell_of, return_inverse=True)
    outlines = [
        shapely.unary_union([atoms[i] for i in np.flatnonzero(cell_of == number)])
        for number in range(len(numbers))
    ]
    sums = np.bincount(cell_of, weights).tolist()
    return list(zip(straighten(outlines, points, rule.guides), sums, strict=True))


def group_cells(graph: Graph, group: Ints, wanted: int, rule: Rule) -> Ints:
    """Number of the cell of each atom: groups whole at first, cut only where the rule is broken.

    What is out of the rule with whole groups is mended by freeing the groups there, the cells
    around them too, and moving their atoms; a cut that nothing asks for is taken back so.
    """
    mean = float(graph.weights.sum()) / wanted
    wishes = Wishes(min(rule.smallest, mean), max(rule.largest, mean))
    known = group != NO_GROUP
    sizes = np.bincount(group[known], graph.weights[known])
    free = set(np.flatnonzero(sizes > rule.largest).tolist())
    cell_of: Ints | None = None
    for _ in range(FREEING_ROUNDS):
        unit = gather(graph, group, free)
        units = graph.joined(unit)
        of_unit = np.full(len(units.weights), NO_GROUP)
        of_unit[unit[known]] = group[known]
        if cell_of is None:
            parts = bisect(units, wanted)
        else:
            parts = np.empty(len(units.weights), np.int64)
            parts[unit] = cell_of
        parts = smooth(units, parts, of_unit, wishes)
        cell_of = parts[unit]
        sums = np.bincount(cell_of, graph.weights, wanted)
        broken = np.flatnonzero((sums < wishes.lightest - 0.5) | (sums > wishes.heaviest + 0.5))
        near = set(broken.tolist())
        for area in np.flatnonzero(np.isin(cell_of, broken)).tolist():
            near |= {int(cell_of[other]) for other in graph.borders[area]}
        there = np.isin(cell_of, sorted(near)) & known
        more = set(np.unique(group[there]).tolist()) - free
        if not more:
            break
        free |= more
    assert cell_of is not None
    return cell_of


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

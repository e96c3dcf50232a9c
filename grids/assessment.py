"""How good a division is: households, compactness and villagers' groups of each cell.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Area, Floats, compactness

Ints = NDArray[np.int64]

OUTSIDE = -1


@dataclass(frozen=True)
class Assessment:
    """Figures of cells, in their order.

    `households` are whole unless `unplaced` households without a point were spread by area.
    `groups` says for each cell how many of its placed households are of each villagers' group.
    `outside` counts the points that lie outside the village and in no cell.
    """

    households: tuple[float, ...]
    compactness: tuple[float, ...]
    groups: tuple[dict[str, int], ...]
    outside: int
    unplaced: int

    @property
    def largest_to_smallest(self) -> float:
        """Households of the largest cell ÷ of the smallest; infinite where a cell has none."""
        least = min(self.households)
        return max(self.households) / least if least else float("inf")

    @property
    def mean_compactness(self) -> float:
        """Mean Polsby-Popper compactness of the cells."""
        return float(np.mean(self.compactness))

    @property
    def all_groups(self) -> list[str]:
        """The names of the groups of placed households."""
        return sorted(set().union(*self.groups))

    @property
    def apart(self) -> int:
        """How many households lie in another cell than most of their group."""
        most: Counter[str] = Counter()
        for groups in self.groups:
            for name, count in groups.items():
                most[name] = max(most[name], count)
        return sum(sum(groups.values()) for groups in self.groups) - most.total()

    @property
    def groups_cut(self) -> list[str]:
        """The groups whose households lie in more than one cell."""
        cells = Counter(name for groups in self.groups for name in groups)
        return sorted(name for name, count in cells.items() if count > 1)


def assess(
    village: Area,
    cells: Sequence[shapely.Polygon],
    points: Floats,
    groups: Sequence[str | None],
    unplaced: int = 0,
) -> Assessment:
    """The figures of cells that tile `village`, for households at `points` (n, 2) of `groups`."""
    home = place(points, cells, within=village)
    counts = np.bincount(home[home != OUTSIDE], minlength=len(cells)).astype(float)
    if unplaced:
        areas = shapely.area(cells)
        counts += unplaced * areas / areas.sum()
    members: list[Counter[str]] = [Counter() for _ in cells]
    for cell, group in zip(home.tolist(), groups, strict=True):
        if group is not None and cell != OUTSIDE:
            members[cell][group] += 1
    return Assessment(
        tuple(round(count, 6) for count in counts.tolist()),
        tuple(compactness(cell) for cell in cells),
        tuple(dict(sorted(counter.items())) for counter in members),
        int((home == OUTSIDE).sum()),
        unplaced,
    )


def place(points: Floats, cells: Sequence[shapely.Polygon], within: Area | None = None) -> Ints:
    """The index of the cell of each point; on a shared edge the lower one, as everywhere.

    A point outside `within` is `OUTSIDE`. One inside that by rounding no cell covers (or, without
    `within`, any that none covers) goes to the nearest cell.
    """
    found = np.full(len(points), len(cells), np.int64)
    if not len(points):
        return found
    places = shapely.points(points)
    tree = shapely.STRtree(cells)
    which, cell = tree.query(places, predicate="intersects")
    np.minimum.at(found, which, cell)
    lost = found == len(cells)
    if within is not None and lost.any():
        shapely.prepare(within)
        here = shapely.intersects(within, places[lost])
        found[np.flatnonzero(lost)[~here]] = OUTSIDE
        lost = found == len(cells)
    if lost.any():
        found[lost] = tree.nearest(places[lost])
    return found

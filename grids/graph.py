"""A map of small areas as a graph: who borders on whom, and how long. Pure numpy and shapely."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats, metres_per_degree

Ints = NDArray[np.int64]

NO_GROUP = -1  # of areas that belong to no villagers' group
# A border along a guide costs this share of its length.
ALONG_A_GUIDE = 0.2
ON_A_GUIDE = 1e-9  # of a degree: a tenth of a millimetre


@dataclass(frozen=True)
class Graph:
    """Small areas as a graph: weight and middle (metres) of each, and who borders on whom.

    `borders[i]` maps each neighbour of i to the length of the shared edge in metres, where it runs
    along a guide (a road, a river) `ALONG_A_GUIDE` of it; `guided[i]` to its length along guides.
    """

    weights: Floats
    middles: Floats
    areas: Floats
    borders: tuple[dict[int, float], ...]
    guided: tuple[dict[int, float], ...]

    @classmethod
    def of(
        cls,
        areas: Sequence[shapely.Polygon],
        weights: Floats,
        guides: Sequence[shapely.LineString] = (),
    ) -> "Graph":
        """The graph of polygons in degrees whose shared edges have identical vertices."""
        bounds = shapely.total_bounds(areas)
        scale = metres_per_degree((bounds[1] + bounds[3]) / 2)
        borders, guided = _shared_edges(areas, scale, guides)
        middles = shapely.get_coordinates(shapely.centroid(areas)) * scale
        sizes = shapely.area(areas) * scale[0] * scale[1]
        return cls(np.asarray(weights, float), middles, sizes, tuple(borders), tuple(guided))

    def joined(self, unit: Ints) -> "Graph":
        """The graph of units 0, 1, … of areas: `unit[i]` is the one of area i."""
        count = int(unit.max()) + 1
        weights: Floats = np.bincount(unit, self.weights, count).astype(float)
        areas: Floats = np.bincount(unit, self.areas, count).astype(float)
        middles = np.column_stack(
            [np.bincount(unit, self.areas * self.middles[:, i], count) / areas for i in (0, 1)]
        )
        borders, guided = (_joined(unit, count, sides) for sides in (self.borders, self.guided))
        return Graph(weights, middles, areas, borders, guided)

    def barred(self, one: int, other: int) -> bool:
        """Whether two neighbours are parted mostly by a guide."""
        along = self.guided[one].get(other, 0.0)
        return along > self.borders[one][other] - ALONG_A_GUIDE * along

    def pieces(self, members: Iterable[int], *, across: bool = True) -> list[list[int]]:
        """The connected pieces of some of the areas, the heaviest first; `across` guides or not."""
        left, pieces = set(members), []
        for start in sorted(left):
            if start not in left:
                continue
            left.discard(start)
            piece, waiting = [start], deque([start])
            while waiting:
                area = waiting.popleft()
                for other in self.borders[area]:
                    if other in left and (across or not self.barred(area, other)):
                        left.discard(other)
                        piece.append(other)
                        waiting.append(other)
            pieces.append(piece)
        pieces.sort(key=lambda piece: (-self.weights[piece].sum(), -self.areas[piece].sum()))
        return pieces


def _shared_edges(
    areas: Sequence[shapely.Polygon], scale: Floats, guides: Sequence[shapely.LineString]
) -> tuple[list[dict[int, float]], list[dict[int, float]]]:
    """For each area its neighbours with the length of the shared edge, by identical segments.

    The same again for what of it runs along a guide.
    """
    borders: list[dict[int, float]] = [{} for _ in areas]
    guided: list[dict[int, float]] = [{} for _ in areas]
    rings, ring_of = shapely.get_rings(areas, return_index=True)
    pairs, vertex_of = shapely.get_coordinates(rings, return_index=True)
    same = vertex_of[1:] == vertex_of[:-1]
    starts, ends = pairs[:-1][same], pairs[1:][same]
    owners = ring_of[vertex_of[1:][same]]
    swap = (starts[:, 0] > ends[:, 0]) | (
        (starts[:, 0] == ends[:, 0]) & (starts[:, 1] > ends[:, 1])
    )
    keys = np.hstack([np.where(swap[:, None], ends, starts), np.where(swap[:, None], starts, ends)])
    order = np.lexsort(keys.T)
    twins = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    lengths = np.hypot(*((ends - starts) * scale).T)
    on_guide = np.zeros(len(lengths), bool)
    if len(guides):
        middles = shapely.points((starts + ends) / 2)
        tree = shapely.STRtree(guides)
        along, _guide = tree.query(middles, predicate="dwithin", distance=ON_A_GUIDE)
        on_guide[along] = True
    for a, b in zip(order[:-1][twins].tolist(), order[1:][twins].tolist(), strict=True):
        one, two, length = int(owners[a]), int(owners[b]), float(lengths[a])
        if on_guide[a]:
            guided[one][two] = guided[one].get(two, 0.0) + length
            guided[two][one] = guided[two].get(one, 0.0) + length
            length *= ALONG_A_GUIDE
        borders[one][two] = borders[one].get(two, 0.0) + length
        borders[two][one] = borders[two].get(one, 0.0) + length
    return borders, guided


def _joined(
    unit: Ints, count: int, sides: Sequence[dict[int, float]]
) -> tuple[dict[int, float], ...]:
    """The lengths between units from those between areas."""
    found: list[dict[int, float]] = [{} for _ in range(count)]
    for area, lengths in enumerate(sides):
        mine = found[int(unit[area])]
        for other, length in lengths.items():
            theirs = int(unit[other])
            if theirs != unit[area]:
                mine[theirs] = mine.get(theirs, 0.0) + length
    return tuple(found)

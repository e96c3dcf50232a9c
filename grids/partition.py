"""Parting a map of small areas into connected parts of given shares. Pure numpy."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats, metres_per_degree

Ints = NDArray[np.int64]

DIRECTIONS = 12  # in which a bisection is tried
# How much an uneven share weighs against a long border when cuts are compared: one per cent off
# costs as much as a border longer by a tenth of the area's own size.
UNEVEN = 10.0
# The same for single moves, where unevenness enters squared.
UNEVEN_SQUARED = 20.0
SMOOTHING_ROUNDS = 10


@dataclass(frozen=True)
class Graph:
    """Small areas as a graph: weight and middle (metres) of each, and who borders on whom.

    `borders[i]` maps each neighbour of i to the length of the shared edge in metres.
    """

    weights: Floats
    middles: Floats
    areas: Floats
    borders: tuple[dict[int, float], ...]

    @classmethod
    def of(cls, areas: Sequence[shapely.Polygon], weights: Floats) -> "Graph":
        """The graph of polygons in degrees whose shared edges have identical vertices."""
        bounds = shapely.total_bounds(areas)
        scale = metres_per_degree((bounds[1] + bounds[3]) / 2)
        borders = _shared_edges(areas, scale)
        middles = shapely.get_coordinates(shapely.centroid(areas)) * scale
        sizes = shapely.area(areas) * scale[0] * scale[1]
        return cls(np.asarray(weights, float), middles, sizes, tuple(borders))

    def pieces(self, members: Iterable[int]) -> list[list[int]]:
        """The connected pieces of some of the areas, the heaviest first."""
        left, pieces = set(members), []
        for start in sorted(left):
            if start not in left:
                continue
            left.discard(start)
            piece, waiting = [start], deque([start])
            while waiting:
                for other in self.borders[waiting.popleft()]:
                    if other in left:
                        left.discard(other)
                        piece.append(other)
                        waiting.append(other)
            pieces.append(piece)
        pieces.sort(key=lambda piece: (-self.weights[piece].sum(), -self.areas[piece].sum()))
        return pieces


def bisect(graph: Graph, shares: Sequence[float]) -> Ints:
    """Number of the part (0 to len(shares) - 1) of each area; parts are connected.

    Halves the map by the best straight cut, then each half, until every part stands for one share.
    Fewer areas than shares leave some parts out.
    """
    part_of = np.zeros(len(graph.weights), np.int64)
    waiting = [(np.arange(len(graph.weights)), 0, list(shares))]
    while waiting:
        members, first, mine = waiting.pop()
        if len(mine) == 1 or len(members) < 2:
            part_of[members] = first
            continue
        half = len(mine) // 2
        wanted = sum(mine[:half]) / sum(mine)
        one, two = _best_cut(graph, members, wanted)
        waiting += [(one, first, mine[:half]), (two, first + half, mine[half:])]
    return part_of


def smooth(graph: Graph, part_of: Ints) -> Ints:
    """Move areas at the borders to a neighbouring part where sizes even out or borders shorten."""
    part_of = part_of.copy()
    sums = np.bincount(part_of, graph.weights)
    mean = float(sums[sums > 0].mean()) if sums.any() else 1.0
    size = float(np.sqrt(graph.areas.sum() / len(np.unique(part_of))))
    for _ in range(SMOOTHING_ROUNDS):
        moved = 0
        for area in range(len(part_of)):
            here = int(part_of[area])
            sides: dict[int, float] = {}
            for other, length in graph.borders[area].items():
                sides[int(part_of[other])] = sides.get(int(part_of[other]), 0.0) + length
            best, gain = here, 1e-9
            weight = graph.weights[area]
            for there in sorted(sides):
                if there == here:
                    continue
                uneven = (
                    (sums[here] - mean) ** 2
                    + (sums[there] - mean) ** 2
                    - (sums[here] - weight - mean) ** 2
                    - (sums[there] + weight - mean) ** 2
                ) / mean**2
                shorter = (sides[there] - sides.get(here, 0.0)) / size
                if UNEVEN_SQUARED * uneven + shorter > gain:
                    best, gain = there, UNEVEN_SQUARED * uneven + shorter
            if best != here and _may_leave(graph, part_of, area):
                part_of[area] = best
                sums[here] -= weight
                sums[best] += weight
                moved += 1
        if not moved:
            break
    return part_of


def merge_small(graph: Graph, part_of: Ints, least: float) -> Ints:
    """Join each part lighter than `least` to its lightest neighbour; leaves gaps in the numbers."""
    part_of = part_of.copy()
    while True:
        numbers = np.unique(part_of)
        sums = np.bincount(part_of, graph.weights)
        small = min(numbers, key=lambda number: (sums[number], number))
        if len(numbers) == 1 or sums[small] >= least:
            return part_of
        around = {
            int(part_of[other])
            for area in np.flatnonzero(part_of == small)
            for other in graph.borders[area]
        } - {int(small)}
        if not around:
            return part_of
        part_of[part_of == small] = min(around, key=lambda number: (sums[number], number))


def _best_cut(graph: Graph, members: Ints, wanted: float) -> tuple[Ints, Ints]:
    """Two connected halves, the first with about the wanted share of the weight."""
    weights = graph.weights[members]
    if not weights.any():
        weights = graph.areas[members]
    total, size = float(weights.sum()), float(np.sqrt(graph.areas[members].sum()))
    share_of = dict(zip(members.tolist(), (weights / total).tolist(), strict=True))
    best: tuple[float, set[int]] | None = None
    for along in _sweeps(graph, members):
        order = np.argsort(along, kind="stable")
        reached = np.cumsum(weights[order]) / total
        cut = int(np.argmin(np.abs(reached - wanted))) + 1
        cut = min(max(cut, 1), len(members) - 1)
        one, two = _connected(graph, members[order[:cut]], members[order[cut:]])
        if not one or not two:
            continue
        uneven = abs(sum(share_of[area] for area in one) - wanted)
        border = sum(
            length for area in one for other, length in graph.borders[area].items() if other in two
        )
        score = UNEVEN * uneven + border / size
        if best is None or score < best[0] - 1e-12:
            best = score, one
    if best is None:  # a star: every cut falls to pieces; take off one end
        leaf = graph.pieces(members)[0][-1]
        best = 0.0, {int(leaf)}
    mask = np.isin(members, sorted(best[1]))
    return members[mask], members[~mask]


def _sweeps(graph: Graph, members: Ints) -> Iterator[Floats]:
    """Ways to sweep over some areas, each a number by which to sort them.

    Straight ones in several directions make short borders. Where the map is bent like a hook those
    fall to pieces: then a sweep along the paths from either end of it does better.
    """
    for step in range(DIRECTIONS):
        angle = np.pi * step / DIRECTIONS
        yield graph.middles[members] @ np.array([np.cos(angle), np.sin(angle)])
    end = int(members[0])
    for _ in range(2):
        path = _path_lengths(graph, members, end)
        end = int(members[np.argmax(path)])
        yield path


def _path_lengths(graph: Graph, members: Ints, start: int) -> Floats:
    """Metres from one area to each of some others by way of their middles, without leaving them."""
    lengths = dict.fromkeys(members.tolist(), np.inf)
    lengths[start], waiting = 0.0, [(0.0, start)]
    middles = graph.middles.tolist()
    while waiting:
        so_far, area = heapq.heappop(waiting)
        if so_far > lengths[area]:
            continue
        for other in graph.borders[area]:
            if other in lengths:
                there = so_far + math.dist(middles[other], middles[area])
                if there < lengths[other]:
                    lengths[other] = there
                    heapq.heappush(waiting, (there, other))
    return np.array([lengths[area] for area in members.tolist()])


def _connected(graph: Graph, one: Ints, two: Ints) -> tuple[set[int], set[int]]:
    """The halves with their loose fragments handed to the other side."""
    pieces = graph.pieces(one.tolist())
    kept = set(pieces[0])
    rest = set(two.tolist()).union(*pieces[1:])
    others = graph.pieces(rest)
    return kept.union(*others[1:]), set(others[0])


def _may_leave(graph: Graph, part_of: Ints, area: int) -> bool:
    """Whether the area's part stays in one piece, and not empty, without it."""
    here = part_of[area]
    near = [other for other in graph.borders[area] if part_of[other] == here]
    if not near:
        return False
    if len(near) == 1:
        return True
    seen, waiting = {near[0]}, deque([near[0]])
    wanted = set(near[1:])
    while waiting and wanted:
        for other in graph.borders[waiting.popleft()]:
            if other != area and other not in seen and part_of[other] == here:
                seen.add(other)
                wanted.discard(other)
                waiting.append(other)
    return not wanted


def _shared_edges(areas: Sequence[shapely.Polygon], scale: Floats) -> list[dict[int, float]]:
    """For each area its neighbours with the length of the shared edge, by identical segments."""
    borders: list[dict[int, float]] = [{} for _ in areas]
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
    for a, b in zip(order[:-1][twins].tolist(), order[1:][twins].tolist(), strict=True):
        one, two, length = int(owners[a]), int(owners[b]), float(lengths[a])
        borders[one][two] = borders[one].get(two, 0.0) + length
        borders[two][one] = borders[two].get(one, 0.0) + length
    return borders

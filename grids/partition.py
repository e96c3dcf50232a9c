"""Parting a map of small areas into connected parts of equal weight. Pure numpy."""

import heapq
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from grids.geometry import Floats
from grids.graph import Graph

Ints = NDArray[np.int64]

DIRECTIONS = 12  # in which a bisection is tried
# How much an uneven share weighs against a long border when cuts are compared: one per cent off
# costs as much as a border longer by a tenth of the area's own size.
UNEVEN = 10.0
# Blocks between guides are tried as pieces unless they are farther off; the largest ones only.
UNEVEN_BLOCK = 0.25
MOST_BLOCKS = 30


def bisect(graph: Graph, parts: int) -> Ints:
    """Number of the part (0 to parts - 1) of each area; parts are connected, of equal weight.

    Parts the map by the best cut, straight or along guides, then each piece, until every piece
    stands for one part. Fewer areas than parts leave some parts out.
    """
    part_of = np.zeros(len(graph.weights), np.int64)
    waiting = [(np.arange(len(graph.weights)), 0, parts)]
    while waiting:
        members, first, count = waiting.pop()
        if count == 1 or len(members) < 2:
            part_of[members] = first
            continue
        one, two, half = _best_cut(graph, members, count)
        waiting += [(one, first, half), (two, first + half, count - half)]
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


def _best_cut(graph: Graph, members: Ints, count: int) -> tuple[Ints, Ints, int]:
    """Two connected pieces of a map of `count` parts, and how many parts the first stands for."""
    weights = graph.weights[members]
    if not weights.any():
        weights = graph.areas[members]
    total, size = float(weights.sum()), float(np.sqrt(graph.areas[members].sum()))
    share_of = dict(zip(members.tolist(), (weights / total).tolist(), strict=True))
    best: tuple[float, set[int], int] | None = None
    for left, right, half in _cuts(graph, members, weights / total, count):
        one, two = _connected(graph, left, right)
        if not one or not two:
            continue
        share = sum(share_of[area] for area in one)
        uneven = max(abs(share * count / half - 1), abs((1 - share) * count / (count - half) - 1))
        border = sum(
            length for area in one for other, length in graph.borders[area].items() if other in two
        )
        score = UNEVEN * uneven / 2 + border / size
        if best is None or score < best[0] - 1e-12:
            best = score, one, half
    if best is None:  # a star: every cut falls to pieces; take off one end
        leaf = graph.pieces(members.tolist())[0][-1]
        best = 0.0, {int(leaf)}, 1
    mask = np.isin(members, sorted(best[1]))
    return members[mask], members[~mask], best[2]


def _cuts(
    graph: Graph, members: Ints, shares: Floats, count: int
) -> Iterator[tuple[Ints, Ints, int]]:
    """Ways to cut a map in two, with how many of its parts the first piece stands for.

    Half by half along straight sweeps; and where guides part the map in blocks, between blocks.
    """
    half = count // 2
    for along in _sweeps(graph, members):
        order = np.argsort(along, kind="stable")
        reached = np.cumsum(shares[order])
        cut = int(np.argmin(np.abs(reached - half / count))) + 1
        cut = min(max(cut, 1), len(members) - 1)
        yield members[order[:cut]], members[order[cut:]], half
    if not any(graph.guided[area] for area in members.tolist()):
        return
    blocks = graph.pieces(members.tolist(), across=False)[:MOST_BLOCKS]
    middles = np.array([graph.middles[block].mean(axis=0) for block in blocks])
    tried = set()
    for step in range(2 * DIRECTIONS):
        angle = np.pi * step / DIRECTIONS
        order = np.argsort(middles @ np.array([np.cos(angle), np.sin(angle)]), kind="stable")
        for cut in range(1, len(blocks)):
            chosen = frozenset(order[:cut].tolist())
            if chosen in tried:
                continue
            tried.add(chosen)
            inside = np.isin(members, [area for block in chosen for area in blocks[block]])
            share = float(shares[inside].sum())
            parts = min(max(round(share * count), 1), count - 1)
            if abs(share * count / parts - 1) < UNEVEN_BLOCK:
                yield members[inside], members[~inside], parts


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

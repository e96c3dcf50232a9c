"""Villagers' groups on the map: ground of one group only, and groups kept in one piece.

Pure numpy and shapely; places in metres on a plane, groups as numbers with -1 for none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats
from grids.graph import NO_GROUP, Graph
from grids.hamlets import hamlets

Ints = NDArray[np.int64]

SEPARATING_ROUNDS = 8
WIDEST_GAP = 4  # empty areas between two parts of a group that still count as its own ground


def seeds(points: Floats, group: Ints, most: int) -> Floats:
    """Middles of hamlets so that ground nearest to a middle holds households of one group only.

    Where groups live among each other the hamlets there are parted again and again; households of
    two groups on one spot cannot be told apart.
    """
    share = max(1.0, len(points) / most)
    found: list[Ints] = []
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        found += [members[part] for part in hamlets(points[members], share)]
    for _ in range(SEPARATING_ROUNDS):
        middles = _middles(points, found)
        own = np.empty(len(points), np.int64)
        own[np.concatenate(found)] = np.repeat(np.arange(len(found)), [len(p) for p in found])
        nearest = shapely.STRtree(shapely.points(middles)).nearest(shapely.points(points))
        of_seed = np.array([group[part[0]] for part in found])
        mixed = (of_seed[nearest] != group) & (of_seed[nearest] != NO_GROUP) & (group != NO_GROUP)
        if not mixed.any():
            break
        again = set(own[mixed].tolist()) | set(nearest[mixed].tolist())
        found = [
            smaller
            for i, part in enumerate(found)
            for smaller in (
                [part[s] for s in hamlets(points[part], len(part) / 2)] if i in again else [part]
            )
        ]
    return _middles(points, found)


def _middles(points: Floats, parts: Sequence[Ints]) -> Floats:
    sizes = [len(part) for part in parts]
    which = np.repeat(np.arange(len(parts)), sizes)
    sums = [np.bincount(which, points[np.concatenate(parts), i]) for i in (0, 1)]
    middles: Floats = np.column_stack(sums) / np.array(sizes)[:, None]
    return middles


def group_of_areas(home: Ints, group: Ints, count: int) -> Ints:
    """The group of each of `count` areas, by most of the households in it; `home` is their area."""
    known = group != NO_GROUP
    pairs, counts = np.unique(
        np.column_stack([home[known], group[known]]), axis=0, return_counts=True
    )
    found = np.full(count, NO_GROUP)
    order = np.argsort(counts, kind="stable")  # the largest comes last and stays
    found[pairs[order, 0]] = pairs[order, 1]
    return found


def gather(graph: Graph, group: Ints, apart: set[int]) -> Ints:
    """Number of the unit of each area: a group's areas are one unit where they hang together.

    Empty areas in between join it, and a far-off part stays a unit by itself. The groups `apart`
    stay in their areas.
    """
    unit = np.full(len(group), -1)
    following = 0
    for number in np.unique(group[group != NO_GROUP]).tolist():
        if number in apart:
            continue
        members = np.flatnonzero(group == number)
        for piece in graph.pieces(_bridged(graph, members, group, unit)):
            unit[piece] = following
            following += 1
    alone = unit == -1
    unit[alone] = following + np.arange(int(alone.sum()))
    return unit


def _bridged(graph: Graph, members: Ints, group: Ints, unit: Ints) -> list[int]:
    """The areas of a group, with free ones that join its parts to the heaviest part."""
    taken = set(members.tolist())
    pieces = graph.pieces(members.tolist())
    main = set(pieces[0])
    for piece in pieces[1:]:
        path = _path(graph, piece, main, group, unit)
        if path is not None:
            main |= set(piece) | set(path)
            taken |= set(path)
    return sorted(taken)


def _path(
    graph: Graph, start: Sequence[int], goal: set[int], group: Ints, unit: Ints
) -> list[int] | None:
    """The fewest free areas between two parts of a group; None where they are too far apart."""
    came: dict[int, int] = dict.fromkeys(start, -1)
    waiting = deque((area, 0) for area in start)
    while waiting:
        area, steps = waiting.popleft()
        for other in sorted(graph.borders[area]):
            if other in goal:
                path = []
                while came[area] != -1:
                    path.append(area)
                    area = came[area]
                return path
            # Weight below one: nobody lives there, but a share of those without a point.
            free = group[other] == NO_GROUP and graph.weights[other] < 1 and unit[other] == -1
            if other not in came and free and steps < WIDEST_GAP:
                came[other] = area
                waiting.append((other, steps + 1))
    return None

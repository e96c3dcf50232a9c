"""Making a map's parts even and compact by moving areas at their borders, and swapping them.

Pure numpy. What is weighed against what stands in `Wishes`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grids.graph import NO_GROUP, Graph

Ints = NDArray[np.int64]

ROUNDS = 30


@dataclass(frozen=True)
class Wishes:
    """What parts should be like, as costs; a border as long as a part is wide costs 1.

    Weights differ from the mean by a share: its square costs `uneven`, what exceeds `fair` costs
    `unfair` more. Each household too few or too many by the size rule costs `broken` over the
    mean. `cut` is the cost of a group in one more part.
    """

    lightest: float
    heaviest: float
    uneven: float = 4.0
    fair: float = 0.08
    unfair: float = 60.0
    broken: float = 200.0
    cut: float = 0.3


class Parting:
    """Areas in parts, and what a move would gain. Parts stay connected and none gets empty."""

    def __init__(self, graph: Graph, part_of: Ints, group: Ints, wishes: Wishes) -> None:
        self.graph, self.wishes = graph, wishes
        self.part_of: list[int] = part_of.tolist()
        self.group: list[int] = group.tolist()
        self.weights: list[float] = graph.weights.tolist()
        self.sums: list[float] = np.bincount(part_of, graph.weights).tolist()
        parts = np.unique(part_of)
        self.mean = float(graph.weights.sum()) / len(parts) or 1.0
        self.size = float(np.sqrt(graph.areas.sum() / len(parts)))
        self.lives = Counter(
            (group, part)
            for group, part in zip(self.group, self.part_of, strict=True)
            if group != NO_GROUP
        )

    def cost(self, weight: float) -> float:
        """What a part of this weight costs."""
        wishes = self.wishes
        off = abs(weight - self.mean) / self.mean
        cost = wishes.uneven * off * off + wishes.unfair * max(0.0, off - wishes.fair)
        broken = max(0.0, weight - wishes.heaviest, wishes.lightest - weight)
        return cost + wishes.broken * broken / self.mean

    def sides(self, area: int) -> dict[int, float]:
        """How much border an area has with each part."""
        found: dict[int, float] = {}
        for other, length in self.graph.borders[area].items():
            part = self.part_of[other]
            found[part] = found.get(part, 0.0) + length
        return found

    def gain(self, area: int, there: int, sides: dict[int, float]) -> float:
        """What the move of an area to another part saves."""
        here, weight = self.part_of[area], self.weights[area]
        gain = (sides.get(there, 0.0) - sides.get(here, 0.0)) / self.size
        if weight:
            a, b = self.sums[here], self.sums[there]
            gain += self.cost(a) + self.cost(b) - self.cost(a - weight) - self.cost(b + weight)
        group = self.group[area]
        if group != NO_GROUP:
            leaves = self.lives[group, here] == 1
            enters = self.lives[group, there] == 0
            gain += self.wishes.cut * (leaves - enters)
        return gain

    def move(self, area: int, there: int) -> None:
        """Put an area into another part."""
        here, weight, group = self.part_of[area], self.weights[area], self.group[area]
        self.part_of[area] = there
        self.sums[here] -= weight
        self.sums[there] += weight
        if group != NO_GROUP:
            self.lives[group, here] -= 1
            self.lives[group, there] += 1

    def may_leave(self, area: int) -> bool:
        """Whether the area's part stays in one piece, and not empty, without it."""
        borders, here = self.graph.borders, self.part_of[area]
        near = [other for other in borders[area] if self.part_of[other] == here]
        if not near:
            return False
        if len(near) == 1:
            return True
        seen, waiting = {near[0]}, deque([near[0]])
        wanted = set(near[1:])
        while waiting and wanted:
            for other in borders[waiting.popleft()]:
                if other != area and other not in seen and self.part_of[other] == here:
                    seen.add(other)
                    wanted.discard(other)
                    waiting.append(other)
        return not wanted


def smooth(graph: Graph, part_of: Ints, group: Ints, wishes: Wishes) -> Ints:
    """The parts after moves and swaps at their borders until nothing gains; see `Parting`."""
    parting = Parting(graph, part_of, group, wishes)
    for _ in range(ROUNDS):
        if not _moves(parting) and not _swaps(parting):
            break
    return np.array(parting.part_of)


def _moves(parting: Parting) -> int:
    moved = 0
    for area in range(len(parting.part_of)):
        here, sides = parting.part_of[area], parting.sides(area)
        if len(sides) == 1 and here in sides:
            continue
        best, most = here, 1e-9
        for there in sorted(sides):
            if there != here:
                gain = parting.gain(area, there, sides)
                if gain > most:
                    best, most = there, gain
        if best != here and parting.may_leave(area):
            parting.move(area, best)
            moved += 1
    return moved


def _swaps(parting: Parting) -> int:
    """Give an area to a neighbour for one of its own, where both together gain."""
    swapped = 0
    for area, there in _at_borders(parting):
        here = parting.part_of[area]
        if here == there or not parting.may_leave(area):
            continue
        first = parting.gain(area, there, parting.sides(area))
        parting.move(area, there)
        best, most = -1, 1e-9 - first
        for other in _facing(parting, there, here):
            gain = parting.gain(other, here, parting.sides(other))
            if other != area and gain > most and parting.may_leave(other):
                best, most = other, gain
        if best >= 0 and _still_one(parting, area):
            parting.move(best, here)
            swapped += 1
        else:
            parting.move(area, here)
    return swapped


def _still_one(parting: Parting, area: int) -> bool:
    return parting.part_of[area] in parting.sides(area)


def _at_borders(parting: Parting) -> Iterator[tuple[int, int]]:
    """Each inhabited area at a border with the parts on the other side."""
    for area in range(len(parting.part_of)):
        if parting.weights[area]:
            for there in sorted(parting.sides(area)):
                if there != parting.part_of[area]:
                    yield area, there


def _facing(parting: Parting, part: int, other_part: int) -> list[int]:
    """The inhabited areas of a part at its border with another one."""
    return [
        area
        for area, own in enumerate(parting.part_of)
        if own == part
        and parting.weights[area]
        and any(parting.part_of[other] == other_part for other in parting.graph.borders[area])
    ]

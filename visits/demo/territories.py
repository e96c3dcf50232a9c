"""Which invented township and village each small area goes to.

Pure numpy; places in km on a plane, so that nearness is Euclidean.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from grids.geometry import Floats
from grids.graph import Graph

Ints = NDArray[np.int64]

TURNS = 120  # of the balance between neighbours
FIRST_VILLAGE_SERIAL = 200  # smaller serials are residents' committees 居委会


def is_community(village_code: str) -> bool:
    """Whether a 12-digit code is a residents' committee's 居委会: its serial is below 200."""
    return int(village_code[9:12]) < FIRST_VILLAGE_SERIAL


def assign_villages(
    townships: Mapping[str, Sequence[str]],
    towns: Floats,
    graph: Graph,
    whole: Ints,
    middles: Floats,
    rng: np.random.Generator,
) -> Ints:
    """Number of the village of each atom (-1: outside the county); all villages are connected."""
    village_of = np.full(len(middles), -1)
    numbers = np.array([len(villages) ** 0.8 for villages in townships.values()])
    township_of = _share_out(graph, whole, middles, towns, numbers)
    first = 0
    for township, villages in enumerate(townships.values()):
        members = whole[township_of == township]
        village_of[members] = first + _villages(
            graph, members, middles, towns[township], villages, rng
        )
        first += len(villages)
    return village_of


def _villages(
    graph: Graph,
    members: Ints,
    middles: Floats,
    town: Floats,
    villages: Sequence[str],
    rng: np.random.Generator,
) -> Ints:
    """Number of the village of each of a township's atoms: communities near the town."""
    urban = np.array([is_community(code) for code in villages])
    far = np.hypot(*(middles[members] - town).T)
    near = np.argsort(far, kind="stable")[: 4 * len(villages)]
    centres = np.empty((len(villages), 2))
    taken: list[Floats] = []
    for i in np.argsort(~urban, kind="stable"):
        pool = middles[members[near]] if urban[i] else middles[members]
        apart = (
            np.min([np.hypot(*(pool - one).T) for one in taken], axis=0)
            if taken
            else -(np.hypot(*(pool - town).T))
        )
        centres[i] = pool[int(np.argmax(apart * rng.uniform(0.7, 1.0, len(pool))))]
        taken.append(centres[i])
    sizes = rng.lognormal(0.0, 0.3, len(villages)) * np.where(urban, 0.2, 1.0)
    return _share_out(graph, members, middles, centres, sizes, moving=~urban)


def _share_out(
    graph: Graph,
    members: Ints,
    middles: Floats,
    centres: Floats,
    sizes: Floats,
    moving: NDArray[np.bool_] | None = None,
) -> Ints:
    """Number of the centre (0, 1, …) that each atom goes to: connected parts of about these sizes.

    A power diagram whose weights are turned up where a part is too small; `moving` centres go to
    the middle of their part, which rounds it.
    """
    places, areas = middles[members], graph.areas[members] / 1e6
    wanted = sizes / sizes.sum() * areas.sum()
    centres, weights = centres.copy(), np.zeros(len(centres))
    best, least = np.zeros(len(members), np.int64), np.inf
    for turn in range(TURNS):
        far = ((places[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        part = np.argmin(far - weights, axis=1)
        got = np.bincount(part, areas, len(centres))
        if turn >= TURNS // 2:  # the centres stand still by now
            missed = float(((got - wanted) ** 2 / wanted).sum()) + 1e6 * float((got == 0).sum())
            if missed < least:
                best, least = part, missed
        elif moving is not None:
            for i in np.flatnonzero(moving & (got > 0)):
                centres[i] = np.average(places[part == i], axis=0, weights=areas[part == i])
        # Ever smaller steps, smaller for small parts: they would jump from nothing to too much.
        step = 0.6 / (1 + turn / 12)
        weights += step * np.sqrt(wanted * wanted.mean()) * np.clip((wanted - got) / wanted, -1, 1)
    return _connect(graph, members, best, places, centres)


def _connect(graph: Graph, members: Ints, part: Ints, places: Floats, centres: Floats) -> Ints:
    """The parts with none empty, and loose fragments handed to the part they border most."""
    part = part.copy()
    for empty in np.setdiff1d(np.arange(len(centres)), part):
        far = np.hypot(*(places - centres[empty]).T)
        far[np.bincount(part, minlength=len(centres))[part] < 2] = np.inf
        part[int(np.argmin(far))] = empty
    where = {int(area): i for i, area in enumerate(members)}
    for _ in range(len(members)):
        loose = [
            area
            for number in range(len(centres))
            for piece in graph.pieces(members[part == number].tolist())[1:]
            for area in piece
        ]
        if not loose:
            break
        for area in loose:
            mine = part[where[area]]
            sides: dict[int, float] = {}
            for other, length in graph.borders[area].items():
                if other in where and part[where[other]] != mine:
                    number = int(part[where[other]])
                    sides[number] = sides.get(number, 0.0) + length
            if sides:
                part[where[area]] = max(sides, key=lambda number: (sides[number], -number))
    return part

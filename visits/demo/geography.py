"""An invented but plausible geography for a county whose codes are real.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees. Nothing here claims to be the
county's true boundaries: every outline comes from the seed alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import METRES_PER_DEGREE, Floats
from grids.graph import Graph
from visits.demo.territories import assign_villages, is_community

Ints = NDArray[np.int64]

ATOMS_PER_VILLAGE = 26  # small areas that a village is put together from: shapes its outline
TOWN_RADIUS_KM = 1.6  # of the built-up part of a township, where the communities crowd
DETAIL_M = 90.0  # bends of an outline smaller than a triangle of this side are left out


@dataclass(frozen=True)
class Geography:
    """Outlines by code, and each village's share of the county's households (sums to 1).

    Villages tile their township and townships the county, with identical shared edges.
    """

    county: shapely.Polygon
    townships: dict[str, shapely.Polygon]
    villages: dict[str, shapely.Polygon]
    shares: dict[str, float]

    def households(self, total: int) -> dict[str, int]:
        """Households of each village, adding up to `total` (largest remainders)."""
        codes = list(self.shares)
        exact = np.array([self.shares[code] for code in codes]) * total
        whole = np.floor(exact).astype(int)
        missing = total - int(whole.sum())
        whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
        return dict(zip(codes, whole.tolist(), strict=True))


def invent(
    townships: Mapping[str, Sequence[str]],
    centre: tuple[float, float],
    area_km2: float,
    rng: np.random.Generator,
) -> Geography:
    """Outlines for a county of the given townships (code to village codes), centre and area.

    The same generator state gives the same geography. Town communities are small and dense,
    villages large and sparse. The area is met to 1 %. Raises ValueError where a township has no
    village.
    """
    for code, villages in townships.items():
        if not villages:
            raise ValueError(f"Township {code} has no village: leave it out or add its villages.")
    codes = [code for villages in townships.values() for code in villages]
    radius = float(np.sqrt(area_km2 / np.pi))
    towns = _towns(len(townships), radius, rng)
    seeds = _seeds(len(codes), towns, radius, rng)
    atoms, middles = _atoms(seeds, radius, rng)
    crumpled = _warp(np.vstack([middles, towns]), radius, rng)
    middles, towns = crumpled[: len(middles)], crumpled[len(middles) :]
    graph = Graph.of(atoms, np.ones(len(atoms)))
    whole = graph.pieces(range(len(atoms)))[0]
    village_of = assign_villages(townships, towns, graph, np.sort(whole), middles, rng)
    scale = np.sqrt(area_km2 * 1e6 / sum(graph.areas[whole]))
    outlines = _outlines(atoms, village_of, len(codes), centre, float(scale))
    outline_of = dict(zip(codes, outlines, strict=True))
    return Geography(
        county=shapely.unary_union(outlines),
        townships={
            code: shapely.unary_union([outline_of[one] for one in mine])
            for code, mine in townships.items()
        },
        villages=outline_of,
        shares=_shares(outline_of, rng),
    )


def _towns(count: int, radius: float, rng: np.random.Generator) -> Floats:
    """Places of the towns in km around the centre, well apart."""
    tried = rng.uniform(-0.75, 0.75, (400, 2)) * radius
    tried = tried[np.hypot(*tried.T) < 0.75 * radius]
    towns = [tried[0]]
    while len(towns) < count:
        apart = np.min([np.hypot(*(tried - town).T) for town in towns], axis=0)
        # Not the farthest of all, which would put every town on the rim.
        towns.append(tried[int(np.argmax(apart * rng.uniform(0.6, 1.0, len(tried))))])
    return np.array(towns)


def _seeds(villages: int, towns: Floats, radius: float, rng: np.random.Generator) -> Floats:
    """Middles of the atoms in km: even over the land, crowded in the towns, beyond the outline."""
    land = villages * ATOMS_PER_VILLAGE
    spots = [rng.uniform(-1.6, 1.6, (int(land * 1.6**2 * 4 / np.pi), 2)) * radius]
    spots += [
        town + rng.normal(0, TOWN_RADIUS_KM, (int(land / len(towns) / 2), 2)) for town in towns
    ]
    seeds = np.vstack(spots)
    for _ in range(2):  # Lloyd's steps even out the slivers and leave it irregular
        seeds = np.unique(np.round(seeds, 6), axis=0)
        cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(seeds)))
        near = shapely.intersection(
            cells, shapely.box(-2 * radius, -2 * radius, 2 * radius, 2 * radius)
        )
        seeds = shapely.get_coordinates(shapely.centroid(near))
    return seeds


def _atoms(
    seeds: Floats, radius: float, rng: np.random.Generator
) -> tuple[list[shapely.Polygon], Floats]:
    """Atoms inside an irregular outline, in degrees at 0, 0, with edges as if drawn by hand.

    Each Voronoi edge is bent towards the seed on one of its sides. The bent edge stays inside the
    triangle of the edge and that seed, and these triangles do not overlap, so nothing can cross.
    """
    angle, distance = np.arctan2(seeds[:, 1], seeds[:, 0]), np.hypot(*seeds.T)
    waves = np.arange(1, 7)
    size, phase = rng.normal(0, 0.16, 6) / np.sqrt(waves), rng.uniform(0, 2 * np.pi, 6)
    edge = radius * (1.0 + np.sin(np.outer(angle, waves) + phase) @ size)
    inside = distance < np.clip(edge, 0.45 * radius, 1.5 * radius)
    regions = shapely.voronoi_polygons(shapely.MultiPoint(seeds), ordered=True)
    cells = shapely.get_parts(regions)
    rings, owners = shapely.get_coordinates(cells, return_index=True)
    edges: dict[tuple[float, ...], list[int]] = {}
    for start, end, one, other in zip(
        rings[:-1].tolist(), rings[1:].tolist(), owners[:-1], owners[1:], strict=True
    ):
        if one == other:
            edges.setdefault((*min(start, end), *max(start, end)), []).append(int(one))
    bent = {
        edge: _bend(np.array(edge[:2]), np.array(edge[2:]), seeds[sides], rng)
        for edge, sides in edges.items()
        if inside[sides].any()
    }
    atoms = []
    for i in np.flatnonzero(inside):
        ring = [tuple(corner) for corner in shapely.get_coordinates(cells[i]).tolist()]
        pieces = [
            bent[(*start, *end)][:-1] if start < end else bent[(*end, *start)][:0:-1]
            for start, end in pairwise(ring)
        ]
        atoms.append(shapely.Polygon(np.vstack(pieces) * 1000.0 / METRES_PER_DEGREE))
    return atoms, seeds[inside]


def _bend(start: Floats, end: Floats, sides: Floats, rng: np.random.Generator) -> Floats:
    """The edge from start to end as five points that wander towards the seed of one side."""
    seed = sides[int(rng.integers(len(sides)))]
    middle = (start + end) / 2
    middle = middle + rng.uniform(0.0, 0.38) * (seed - middle)
    before, after = (start + middle) / 2, (middle + end) / 2
    before = before + rng.uniform(0.0, 0.16) * (seed - before)
    after = after + rng.uniform(0.0, 0.16) * (seed - after)
    return np.array([start, before, middle, after, end])


def _warp(places: Floats, radius: float, rng: np.random.Generator) -> Floats:
    """The places on a crumpled map: parts that are compact there wind like watersheds here."""
    length = rng.uniform(0.5, 1.1, (4, 2)) * radius
    turn = rng.uniform(0, 2 * np.pi, (4, 2))
    moved = places.copy()
    for (long_x, long_y), (phase_x, phase_y) in zip(length, turn, strict=True):
        east = np.sin(2 * np.pi * places[:, 1] / long_y + phase_x)
        north = np.sin(2 * np.pi * places[:, 0] / long_x + phase_y)
        moved = moved + 0.055 * radius * np.column_stack([east, north])
    return moved


def _outlines(
    atoms: list[shapely.Polygon],
    village_of: Ints,
    count: int,
    centre: tuple[float, float],
    scale: float,
) -> list[shapely.Polygon]:
    """Villages as unions of their atoms, thinned out, stretched to size, put at the centre."""
    stretch = np.array([1.0 / np.cos(np.radians(centre[1])), 1.0]) * scale
    unions = [
        shapely.unary_union([atoms[i] for i in np.flatnonzero(village_of == number)])
        for number in range(count)
    ]
    sparse = shapely.coverage_simplify(unions, DETAIL_M / METRES_PER_DEGREE / scale)
    return [
        shapely.transform(outline, lambda pairs: np.round(pairs * stretch + centre, 7))
        for outline in sparse
    ]


def _shares(villages: dict[str, shapely.Polygon], rng: np.random.Generator) -> dict[str, float]:
    """Share of the households of each village: large villages have more, communities most."""
    areas = np.array([village.area for village in villages.values()])
    urban = np.array([is_community(code) for code in villages])
    weight = (areas / areas.mean()) ** 0.4 * rng.lognormal(0.0, 0.3, len(areas))
    weight *= np.where(urban, 3.2, 1.0)
    return dict(zip(villages, (weight / weight.sum()).tolist(), strict=True))

"""Where the invented households of a village live: hamlets along invented valleys.

Pure numpy and shapely; longitude and latitude in WGS 84 degrees.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats, metres_per_degree

Ints = NDArray[np.int64]

HOUSEHOLDS_PER_GROUP = 42  # a villagers' group 村民小组 is mostly 30 to 60
DIGITS = 6  # of a degree kept in points: 0.1 m

# Waves that make the invented valleys, the same for every village so that valleys run on across
# their borders: east and north wave numbers per degree, phase.
_WAVES = np.array(
    [[95.0, 40.0, 0.3], [-60.0, 110.0, 1.7], [150.0, -130.0, 4.1], [35.0, 170.0, 2.6]]
)


def settle(
    village: shapely.Polygon, households: int, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Points (n, 2) of the households inside a village, and the group number 1, 2, … of each.

    Households live in hamlets along the valleys, one villagers' group to a hamlet; groups are
    numbered from north to south.
    """
    if households <= 0:
        return np.empty((0, 2)), np.empty(0, np.int64)
    shapely.prepare(village)
    scale = metres_per_degree(village.centroid.y)
    count = max(1, round(households / HOUSEHOLDS_PER_GROUP))
    hamlets = _hamlets(village, count, rng)
    hamlets = hamlets[np.argsort(-hamlets[:, 1], kind="stable")]
    size = rng.lognormal(0.0, 0.35, len(hamlets))
    group = np.sort(rng.choice(len(hamlets), households, p=size / size.sum()))
    room = float(np.sqrt(village.area * scale[0] * scale[1] / len(hamlets)))
    spread = min(160.0, 0.22 * room)  # metres; houses of a crowded community stand close
    along = _valley_direction(hamlets)
    points = np.empty((households, 2))
    waiting = np.arange(households)
    for _ in range(60):
        lengthwise = rng.normal(0, spread, len(waiting))[:, None] * along[group[waiting]]
        across = along[group[waiting]][:, ::-1] * np.array([-1.0, 1.0])
        offset = lengthwise + rng.normal(0, spread * 0.45, len(waiting))[:, None] * across
        tried = np.round(hamlets[group[waiting]] + offset / scale, DIGITS)
        points[waiting] = tried
        waiting = waiting[~shapely.contains_xy(village, tried[:, 0], tried[:, 1])]
        if not len(waiting):
            return points, group + 1
    points[waiting] = hamlets[group[waiting]]  # a sliver of a village: all at the hamlet's middle
    return points, group + 1


def _height(points: Floats) -> Floats:
    """Invented height of the ground, about -2 to 2; valleys are where it is near 0."""
    height: Floats = np.sin(points @ _WAVES[:, :2].T + _WAVES[:, 2]).sum(axis=1) / np.sqrt(2)
    return height


def _valley_direction(points: Floats) -> Floats:
    """Unit vectors (n, 2) along the valley: across the slope."""
    slope = np.cos(points @ _WAVES[:, :2].T + _WAVES[:, 2]) @ _WAVES[:, :2]
    length = np.maximum(np.hypot(*slope.T), 1e-9)
    along: Floats = np.column_stack([-slope[:, 1], slope[:, 0]]) / length[:, None]
    return along


def _hamlets(village: shapely.Polygon, count: int, rng: np.random.Generator) -> Floats:
    """Places of at most `count` hamlets inside a village, low in the valleys and apart."""
    west, south, east, north = village.bounds
    tried = rng.uniform([west, south], [east, north], (20 * count + 200, 2))
    tried = tried[shapely.contains_xy(village, tried[:, 0], tried[:, 1])]
    if not len(tried):
        return np.array([village.representative_point().coords[0]])
    low = np.exp(-((_height(tried) / 0.35) ** 2))
    tried = tried[np.argsort(-low * rng.uniform(0.2, 1.0, len(tried)), kind="stable")]
    apart = 0.45 * np.sqrt(village.area / count)
    kept: list[Floats] = []
    for spot in tried:
        if not kept or np.hypot(*(np.array(kept) - spot).T).min() > apart:
            kept.append(spot)
        if len(kept) == count:
            break
    return np.array(kept, float)

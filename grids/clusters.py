"""Where households live, as counts at the middle of clusters: never the place of one of them.

Pure numpy; longitude and latitude in WGS 84 degrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grids.geometry import Floats, metres_per_degree
from grids.hamlets import hamlets

FEWEST = 5  # fewer households are no cluster: their middle would tell where somebody lives
COMMON = 40  # households of a cluster of those without a group, about a villagers' group
DECIMALS = 4  # of a degree: 10 m


@dataclass(frozen=True)
class Cluster:
    """So many households around a middle; of a villagers' group, or of none."""

    lon: float
    lat: float
    households: int
    group: str | None


def clusters(points: Floats, groups: Sequence[str | None]) -> list[Cluster]:
    """A cluster for each villagers' group, and for neighbours who have none; no small ones."""
    members: dict[str, list[int]] = defaultdict(list)
    rest = []
    for i, group in enumerate(groups):
        if group is None:
            rest.append(i)
        else:
            members[group].append(i)
    found = [_cluster(points[mine], name) for name, mine in sorted(members.items())]
    if rest:
        scale = metres_per_degree(float(points[:, 1].mean()))
        places = points[rest] * scale
        found += [_cluster(places[mine] / scale, None) for mine in hamlets(places, COMMON)]
    return [cluster for cluster in found if cluster.households >= FEWEST]


def _cluster(points: Floats, group: str | None) -> Cluster:
    lon, lat = np.round(points.mean(axis=0), DECIMALS).tolist()
    return Cluster(lon, lat, len(points), group)

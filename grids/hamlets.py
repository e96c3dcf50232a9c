"""Groups of neighbouring households. Pure numpy; places in metres on a plane."""

import numpy as np
from numpy.typing import NDArray

from grids.geometry import Floats

Ints = NDArray[np.int64]


def hamlets(points: Floats, share: float) -> list[Ints]:
    """Indices of the points in each of the hamlets of at most about `share` households (metres).

    Splits the heaviest group at the widest gap in the middle of its longer side, again and again.
    """
    share = max(1.0, share)
    found: list[Ints] = []
    waiting = [np.arange(len(points))] if len(points) else []
    while waiting:
        group = waiting.pop()
        extent = np.ptp(points[group], axis=0)
        if len(group) <= share or not extent.any():
            found.append(group)
            continue
        side = int(extent[1] > extent[0])
        group = group[np.argsort(points[group, side], kind="stable")]
        along = points[group, side]
        first, last = int(len(group) * 0.3), max(int(len(group) * 0.7), int(len(group) * 0.3) + 1)
        gaps = np.diff(along[first : last + 1])
        cut = first + 1 + int(np.argmax(gaps))
        if not gaps.max(initial=0.0):  # many on one spot in the middle: cut beside them instead
            cut = 1 + int(np.argmax(np.diff(along)))
        waiting += [group[:cut], group[cut:]]
    return found

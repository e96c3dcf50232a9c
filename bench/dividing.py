"""Measure dividing villages with real-looking hamlets, with villagers' groups and without.

Times are of the computation alone: seconds by the clock and, since the clock also counts what else
the machine does, of the processor; the wanted ones stand beside them.
"""

from __future__ import annotations

import time

import numpy as np
import shapely

from grids.assessment import assess
from grids.division import divide
from visits.demo.settlement import settle

LARGE, LIMIT = 10_000, 5.0  # households of one village, seconds
MANY, SMALL, LIMIT_OF_MANY = 100, 1_500, 60.0


def village(seed: int, square_km: float) -> shapely.Polygon:
    """A village with an irregular outline of about this area."""
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    bends = 1 + sum(
        size * np.sin(waves * angles + rng.uniform(0, 2 * np.pi))
        for waves, size in ((3, 0.25), (7, 0.1))
    )
    radius = (bends + rng.normal(0, 0.03, 60)) * np.sqrt(square_km / np.pi) / 111.2
    edge = np.column_stack([radius * np.cos(angles) / 0.878, radius * np.sin(angles)])
    return shapely.Polygon(edge + np.array([103.95, 28.6]))


def clocks() -> np.ndarray:
    """Seconds on the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def said(took: np.ndarray, limit: float) -> str:
    """Both times in words, with the wanted one."""
    return f"{took[0]:.1f} s, processor {took[1]:.1f} s (≤ {limit:.0f})"


def measure(households: int, square_km: float, seed: int, *, whole: bool) -> tuple[np.ndarray, str]:
    """Seconds (clock, processor) that a division takes, and its figures in words."""
    outline = village(seed, square_km)
    points, group = settle(outline, households, np.random.default_rng(seed))
    names = [f"{number}" for number in group.tolist()]
    began = clocks()
    division = divide(outline, points, names if whole else None)
    took = clocks() - began
    found = assess(outline, division.cells, points, names)
    assert shapely.coverage_is_valid(list(division.cells))
    words = (
        f"{len(division.cells)} cells, largest ÷ smallest {found.largest_to_smallest:.2f}, "
        f"mean compactness {found.mean_compactness:.2f}, "
        f"{len(found.groups_cut)} of {len(found.all_groups)} groups cut, "
        f"{found.apart} households apart"
    )
    return took, words


def main() -> None:
    for whole in (True, False):
        with_groups = "groups whole" if whole else "without groups"
        for seed in range(3):
            took, words = measure(LARGE, 40.0, seed, whole=whole)
            print(f"{LARGE:,} households, {with_groups}: {said(took, LIMIT)}; {words}")
        took = sum(measure(SMALL, 8.0, seed, whole=whole)[0] for seed in range(MANY))
        print(
            f"{MANY} villages of {SMALL:,} households, {with_groups}: {said(took, LIMIT_OF_MANY)}"
        )


if __name__ == "__main__":
    main()

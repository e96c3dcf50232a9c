"""Whether pages, tiles and figures cost the same in a county a hundred times as large."""

from __future__ import annotations

from asking import at_the_server, forget, sign_in, times
from county import BIG
from kept import SIZES, opened
from maptiles import places
from report import Table, Times

ROUNDS = 8
VILLAGE, TOWNSHIP = BIG + "100200", BIG + "100"  # there in all of them, as large in each


def views(side: int) -> dict[str, list[str]]:
    """Addresses by what is looked at."""
    found = {
        "page: coverage of a village, 50 cells": [f"/maps/coverage?jurisdiction={VILLAGE}"],
        "page: coverage of the county": [f"/maps/coverage?jurisdiction={BIG}"],
        "page: coverage of all cells": [f"/maps/coverage?jurisdiction={BIG}&by=cell"],
        "page: ageing of a village": [f"/maps/aging?jurisdiction={VILLAGE}"],
        "page: the leader's": ["/overview"],
        "figure: a village by cell": [f"/api/v1/coverage?jurisdiction={VILLAGE}&by=cell"],
        "figure: the county by township": [f"/api/v1/coverage?jurisdiction={BIG}"],
    }
    for layer, zooms in (("cells", (11, 13)), ("households", (14,)), ("aging", (12,))):
        for zoom in zooms:
            # those in the middle of the ground that all counties have
            found[f"tile: {layer}, z{zoom}"] = [
                f"/tiles/{layer}/{z}/{x}/{y}.mvt" for z, x, y in places(zoom, 10, 4)
            ]
    return found


def growth() -> Table:
    """The same views in counties of each size, cold."""
    found: dict[str, list[float]] = {}
    for name in SIZES:
        with opened(name) as there:
            sign_in()
            get, empty = at_the_server(there.app), forget(there.app)
            for what, paths in views(there.side).items():
                for path in paths:
                    get(path)
                took: Times = times(get, paths * ROUNDS, before=empty)
                found.setdefault(what, []).append(took.p50)
    table = Table(
        "The same views in larger counties",
        "Median ms at the server, caches emptied, in counties of "
        + ", ".join(f"{size.households:,}" for size in SIZES.values())
        + " households as dense as each other. Goal: within 1.5 × of each other for views that "
        "show as much; those of a whole county show 100 times as many cells.",
        ("what", *SIZES, "largest ÷ smallest"),
    )
    for what, took in found.items():
        table.add(what, *took, max(took) / min(took))
    return table

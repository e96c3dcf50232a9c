"""Maps, tiles and figures on a county of a million households, beside the bare limit in the same
run; the tables go to docs/benchmarks.md.

    million.py [--county 1m] [--only tiles,tipg,aging,coverage,paint,fresh,keeping] [--anew]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import firstpaint
import growth
import mapfigures
import maptiles
from asking import sign_in
from kept import SIZES, Kept, opened
from report import Table, keep, machine

SECONDS = 8.0  # of ingest at a time
PARTS: dict[str, Callable[[Kept, float], list[Table | None]]] = {
    "tiles": lambda k, _s: [maptiles.layers(k.app, k.side)],
    "tipg": lambda k, _s: [maptiles.beside_tipg(k.app, k.side)],
    "aging": lambda k, _s: [maptiles.aging_over_http(k.app, k.side)],
    "coverage": lambda k, _s: [mapfigures.coverage(k.app)],
    "paint": lambda k, _s: [firstpaint.paint(k.app, k.side**2)],
    "fresh": lambda k, s: list(mapfigures.fresh(k.app, s)),
    "keeping": lambda _k, _s: [mapfigures.keeping()],
}


def measure(there: Kept, parts: list[str], seconds: float) -> list[Table]:
    """The tables of these parts."""
    sign_in()
    return [t for part in parts for t in PARTS[part](there, seconds) if t is not None]


def made(there: Kept) -> Table:
    """How long the county took to make."""
    size = there.size
    table = Table(
        "The county",
        f"{size.households:,} households, {there.side**2:,} cells, {size.visits:,} visits of the "
        f"last 13 months, {size.issues:,} open issues and as many closed, beside the "
        "demonstration. Made once and kept under `var/bench` until the generator changes.",
        ("what", "seconds"),
    )
    for what, took in there.took.items():
        table.add(what, took)
    table.add("all", sum(there.took.values()))
    return table


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").split(";")[0])
    asked.add_argument("--only", help="parts to measure, with commas between; prints only")
    asked.add_argument("--county", default="1m", choices=SIZES)
    asked.add_argument("--anew", action="store_true", help="make the county again")
    asked.add_argument("--seconds", type=float, default=SECONDS)
    args = asked.parse_args()
    parts = args.only.split(",") if args.only else [*PARTS]
    tables: list[Any] = []
    with opened(args.county, anew=args.anew) as there:
        tables += [made(there), *measure(there, [p for p in parts if p != "growth"], args.seconds)]
    if not args.only or "growth" in parts:
        tables.append(growth.growth())
    if not args.only and args.county == "1m":
        keep("county", machine() + "\n\n" + "\n".join(map(str, tables)))


if __name__ == "__main__":
    main()

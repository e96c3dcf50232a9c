"""What benches found, as tables: printed while they run, and kept in docs/benchmarks.md."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gridserve.installation import ROOT
from gridserve.local.processes import memory

FILE = ROOT / "docs" / "benchmarks.md"


@dataclass
class Times:
    """Seconds that something took, each time."""

    each: list[float] = field(default_factory=list)

    def __add__(self, other: Times) -> Times:
        return Times(self.each + other.each)

    def at(self, share: float) -> float:
        """The time, in ms, that this share of the times does not pass."""
        return 1000 * sorted(self.each)[max(0, round(share * len(self.each)) - 1)]

    @property
    def p50(self) -> float:
        return self.at(0.5)

    @property
    def p95(self) -> float:
        return self.at(0.95)


@dataclass
class Table:
    """A table of Markdown that is printed row by row."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(f"\n{self.title}\n  {' | '.join(self.columns)}", flush=True)

    def add(self, *cells: object) -> None:
        """Add a row; numbers are written with as many digits as mean something."""
        self.rows.append(tuple(written(cell) for cell in cells))
        print("  " + " | ".join(self.rows[-1]), flush=True)

    def __str__(self) -> str:
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"### {self.title}\n\n{self.words}\n\n{table}\n"


def written(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}" if cell < 2 else f"{cell:.1f}" if cell < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def met(found: float, goal: float, *, least: bool = False) -> str:
    """The goal, and whether it was reached."""
    reached = found >= goal if least else found <= goal
    return f"{'≥' if least else '≤'} {goal:g} {'✓' if reached else '✗'}"


def machine() -> str:
    """What it was measured on."""
    return (f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores,"
            f" {memory() / 1e9:.0f} GB of memory, servers and clients together; at the end"
            f" {os.getloadavg()[2]:.1f} processes wanted to run (mean of 15 minutes).")  # fmt: skip


def keep(part: str, body: str) -> None:
    """Write what a bench found into its part of docs/benchmarks.md."""
    text = FILE.read_text(encoding="utf-8")
    begin, end = f"<!-- {part} -->\n", f"<!-- end of {part} -->"
    found = re.search(re.escape(begin) + ".*?" + re.escape(end), text, re.DOTALL)
    if found is None:
        raise ValueError(f"{FILE.name} has no part {part}")
    FILE.write_text(text.replace(found[0], begin + body.strip() + "\n" + end), encoding="utf-8")

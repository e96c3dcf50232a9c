"""What an import found and did: counts, and each damaged row with its place and reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


class BadInput(Exception):
    """The whole input cannot be read; the message says what, where and how to mend it."""


@dataclass(frozen=True)
class RowFault:
    """One thing wrong with one row (its line in the file, 1 the first) or feature (1 the first)."""

    file: str
    row: int
    reason: str


@dataclass
class Report:
    """Counts of one import. `stored` is false where damage kept everything out."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    absent: int = 0  # stored earlier, not in this file, and left alone
    stored: bool = False
    faults: list[RowFault] = field(default_factory=list)

    def blame(self, file: str, row: int, reasons: Iterable[str]) -> None:
        """Add a fault for each reason."""
        self.faults.extend(RowFault(file, row, reason) for reason in reasons)

    @property
    def left_out(self) -> int:
        """How many rows have a fault; one row may have several."""
        return len({(fault.file, fault.row) for fault in self.faults})

    def sort(self, files: Iterable[str]) -> None:
        """Put the faults into the order of `files` and rows."""
        place = {name: n for n, name in enumerate(files)}
        self.faults.sort(key=lambda f: (place.get(f.file, len(place)), f.row))

    def as_dict(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "same": self.same,
            "absent": self.absent,
            "stored": self.stored,
            "faults": [{"file": f.file, "row": f.row, "reason": f.reason} for f in self.faults],
        }

"""What an import of a table found and did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gridserve.tables.reading import Fault, Row, Table


@dataclass
class Report:
    """Counts of one import. `stored` is false where faults kept everything out."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    stored: bool = False
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)  # ids of new ones, without a password yet

    @classmethod
    def of(cls, table: Table) -> Report:
        """A report that begins with what reading a table found."""
        return cls(read=len(table.rows), notes=list(table.notes))

    def gather(self, rows: Iterable[Row]) -> list[Row]:
        """Take the faults of `rows`; gives those rows that have none."""
        sound = []
        for row in rows:
            self.faults.extend(row.faults)
            if not row.faults:
                sound.append(row)
        self.faults.sort(key=lambda fault: fault.row)
        return sound

    @property
    def left_out(self) -> int:
        """How many rows have a fault; one row may have several."""
        return len({fault.row for fault in self.faults})

    def as_dict(self) -> dict[str, Any]:
        """All but the accounts, for programs and to be kept."""
        return {
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "same": self.same,
            "left_out": self.left_out,
            "stored": self.stored,
            "faults": [
                {"row": f.row, "column": f.column, "reason": f.reason, "mend": f.mend}
                for f in self.faults
            ],
            "notes": self.notes,
        }

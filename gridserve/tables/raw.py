"""What a file of rows holds before anybody has asked what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

LARGEST = 20 * 1024 * 1024  # bytes
MOST_ROWS = 100_000
MOST_COLUMNS = 120
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # begins workbooks of before 2007


class BadTable(Exception):
    """The whole file cannot be used; the message says what, where and how to mend it."""


class Unsaid(BadTable):
    """The file can be used once one thing is said: `option`, for which `likely` would fit."""

    def __init__(self, message: str, option: str, likely: str | None = None) -> None:
        super().__init__(message)
        self.option, self.likely = option, likely


@dataclass(frozen=True)
class Merge:
    """A merged region, both ends included; the first row and column of a sheet have number 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class Raw:
    """One sheet: rows that hold something, each with its number in the file (1 the first)."""

    name: str
    rows: list[tuple[int, list[Any]]]
    shown: bool = True
    merges: list[Merge] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    formulas: set[tuple[int, int]] = field(default_factory=set)  # (row, column) of each


def too_many_rows() -> BadTable:
    """The refusal of a sheet with too many rows."""
    return BadTable(
        _("The sheet has more than %(n)s rows. Divide it into several files.", n=f"{MOST_ROWS:,}")
    )


def too_many_columns() -> BadTable:
    """The refusal of a sheet that reaches too far to the right."""
    return BadTable(
        _(
            "The sheet has cells beyond column %(n)s. Delete what stands far to the right; the "
            "template has the columns that are read.",
            n=MOST_COLUMNS,
        )
    )

"""What was asked for, and the addresses of the cases behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from gridserve import workdays
from gridserve.db import now
from gridserve.people import User
from gridserve.permissions import Permission
from maps.places import CELL, Opening, opening
from visits.counting import window_start
from visits.figures import WINDOWS

DEFAULT_DAYS = WINDOWS[2]  # 180: the interval in which every ordinary household is due
Args = dict[str, Any]
# Boundaries of the cells: of the day asked about, or today's under figures of an old period.
THEN, TODAY = "then", "today"


@dataclass(frozen=True)
class Window:
    """The days from `first` to `last`, both included; cells as of `day`."""

    first: date
    last: date
    day: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def boundaries(self) -> str:
        """Whose boundaries are shown under figures of an old period."""
        return TODAY if self.last < self.day == workdays.today() else THEN

    def ending(self, last: date) -> Window:
        """A window as long as this one that ends on another day, in the cells of that day."""
        return Window(window_start(last, self.days), last, last)


def window(args: Args) -> Window:
    """The window of CoverageIn or CoveragePageIn."""
    last = args.get("to") or args.get("as_of") or workdays.today()
    first = args.get("from") or window_start(last, args.get("days") or DEFAULT_DAYS)
    if args.get("boundaries") == TODAY:
        return Window(first, last, workdays.today())
    return Window(first, last, args.get("as_of") or last)


def moment(args: Args) -> tuple[datetime, bool]:
    """The moment of `as_of`, and whether that is the present."""
    day = args.get("as_of")
    if day is None or day >= workdays.today():
        return now(), True
    return workdays.end_of(day), False


@dataclass(frozen=True)
class Cases:
    """Addresses of the lists behind figures, under `base`: pages at "", the API at /api/v1.

    An address is None where the person asking may not open all cases that the figure counts.
    """

    base: str
    households: Opening
    issues: Opening

    def those(self, code: str, window: Window, filters: Args) -> str | None:
        """The households of a jurisdiction or cell that pass `filters` (HouseholdsIn)."""
        return self._households(code, window, filters) if self.households.to(code) else None

    def _households(self, code: str, window: Window, filters: Args) -> str:
        # by the cell in which a household counted on that day
        day = window.day if len(code) == CELL and window.day < workdays.today() else ""
        days = {"from": window.first, "to": window.last, "as_of": day}
        return self._address("households", code, {**filters, **days})

    def in_cell(self, code: str, window: Window, filters: Args) -> str:
        """The same in a cell; `code` may be a mark to put a code for."""
        return self._households("0" * CELL, window, filters).replace("0" * CELL, code)

    def open(self, code: str, **filters: Any) -> str | None:
        """The open issues of a jurisdiction or cell."""
        return self.filtered(code, open=1, **filters)

    def open_in_cell(self, mark: str, **filters: Any) -> str:
        """The open issues of a cell of a place whose issues may be opened; `mark` for its code."""
        some = "0" * CELL
        return self._address("issues", some, {"open": 1, **filters}).replace(some, mark)

    def filtered(self, code: str, **filters: Any) -> str | None:
        """The issues of a jurisdiction or cell that pass `filters` (IssuesIn)."""
        return self._address("issues", code, filters) if self.issues.to(code) else None

    def _address(self, what: str, code: str, filters: Args) -> str:
        where = {"cell" if len(code) == CELL else "jurisdiction": code} if code else {}
        asked = {k: v for k, v in {**where, **filters}.items() if v not in (None, "")}
        return f"{self.base}/{what}?{urlencode(asked)}"


def cases(user: User, base: str = "") -> Cases:
    """The lists that `user` may open, today."""
    return Cases(
        base, opening(user, Permission.HOUSEHOLD_READ), opening(user, Permission.ISSUE_READ)
    )

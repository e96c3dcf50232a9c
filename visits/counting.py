"""What a household adds to the figures of coverage in a window, in SQL: the one place that says so.

- **met** 走访: an active household met at least once from the first to the last day of the window.
- **due** 到期: an active household whose deadline lies in the window: so many days after it was
  last met before the window, or after it was registered where it never was (visits/due.py). It was
  visited **in time** when it was met in the window and on or before the deadline.
- **overdue** 逾期: one whose deadline had passed when the window began; **caught up** 补访 when it
  was met in the window all the same. Kept apart, so that old debts do not hide what is done now.
- Two denominators: **households**, those lived in, and **registered**, all of the register but the
  demolished. Both are shown, so that a flat said to be vacant lifts no share unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, Subquery, and_, exists, func, literal, select

from gridserve import workdays
from visits.due import day_column, interval_column
from visits.models import Household, HouseholdStatus, Outcome, Visit
from visits.past import status_on

FORMULA, DUE_FORMULA = "coverage-1", "due-1"
WHOLE = ("households", "registered")  # the same for every window
WINDOWED = ("met", "due", "in_time", "overdue", "caught_up")
FIGURES = (*WHOLE, *WINDOWED)
PLACE = ("id", "cell_id", "village_code")


def window_start(last: date, days: int) -> date:
    """The first day of the window of `days` days that ends with `last`."""
    return last - timedelta(days=days - 1)


def met_between(first: date, last: date) -> ColumnElement[bool]:
    """Whether a household was met at least once from `first` to `last`, both included.

    The same as met of by_household, for queries that ask nothing more: quicker.
    """
    start, end = workdays.span(first, last)
    if last >= workdays.today():  # nobody can have been met later than this day
        return func.coalesce(Household.last_met_at >= start, literal(False))
    return exists().where(
        Visit.household_id == Household.id,
        Visit.outcome == Outcome.MET,
        Visit.started_at >= start,
        Visit.started_at < end,
    )


def by_household(
    cell: ColumnElement[Any], firsts: Sequence[date], last: date, *where: ColumnElement[bool]
) -> Subquery:
    """Each household with what it adds to the windows from each of `firsts` to `last`.

    Columns: id, cell_id (that is `cell`), village_code, and as booleans households, registered and
    for window n those of WINDOWED as met_n, due_n and so on. Reads the visits once for all windows.
    """
    aggregates = []
    for n, first in enumerate(firsts):
        start = workdays.start_of(first)
        aggregates += [
            func.max(Visit.started_at).filter(Visit.started_at < start).label(f"before_{n}"),
            func.min(Visit.started_at).filter(Visit.started_at >= start).label(f"first_{n}"),
        ]
    met = and_(
        Visit.household_id == Household.id,
        Visit.outcome == Outcome.MET,
        Visit.started_at < workdays.end_of(last),
    )
    rows = (
        select(
            Household.id,
            cell.label("cell_id"),
            Household.village_code,
            status_on(last).label("status"),  # looked up once, for all that is derived from it
            Household.registered_at,
            interval_column().label("interval"),
            *aggregates,
        )
        .join(Visit, met, isouter=True)
        .where(*where)
        .group_by(Household.id)
        .subquery()
    )
    deadlines = _with_deadlines(rows, len(firsts))
    columns: list[Any] = [deadlines.c[name] for name in PLACE] + whole(deadlines.c.status)
    for n, first in enumerate(firsts):
        columns += _in_window(deadlines, n, first, last)
    return select(*columns).subquery()


def _with_deadlines(rows: Subquery, windows: int) -> Subquery:
    """Households with their status, and for each window when they were first met and the deadline.

    OFFSET keeps the planner from writing out a deadline, which is dear, at each of its uses.
    """
    columns = [*(rows.c[name] for name in (*PLACE, "status")),
               *(rows.c[f"first_{n}"] for n in range(windows)),
               *(_deadline(rows.c[f"before_{n}"], rows.c.registered_at, rows.c.interval)
                 .label(f"deadline_{n}") for n in range(windows))]  # fmt: skip
    return select(*columns).offset(0).subquery()


def whole(status: Any) -> list[ColumnElement[bool]]:
    """What a household of a status adds to the figures WHOLE."""
    return [
        (status == HouseholdStatus.ACTIVE).label("households"),
        (status != HouseholdStatus.DEMOLISHED).label("registered"),
    ]


def _in_window(rows: Subquery, n: int, begins: date, last: date) -> list[ColumnElement[Any]]:
    first, active = rows.c[f"first_{n}"], rows.c.status == HouseholdStatus.ACTIVE
    deadline: ColumnElement[date] = rows.c[f"deadline_{n}"]
    due = and_(active, deadline.between(begins, last))
    overdue = and_(active, deadline < begins)
    return [
        and_(active, first.is_not(None)).label(f"met_{n}"),
        due.label(f"due_{n}"),
        and_(due, _in_time(first, deadline)).label(f"in_time_{n}"),
        overdue.label(f"overdue_{n}"),
        and_(overdue, first.is_not(None)).label(f"caught_up_{n}"),
    ]


def _deadline(before: Any, registered_at: Any, interval: Any) -> ColumnElement[date]:
    """The last day on time, by when somebody was last met before the window."""
    return func.coalesce(day_column(func.coalesce(before, registered_at)) + interval, type_=Date)


def _in_time(first: Any, deadline: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether the first time that somebody was met in the window was in time."""
    return func.coalesce(day_column(first) <= deadline, literal(False))


def sums(homes: Subquery, windows: int) -> list[ColumnElement[int]]:
    """How many households of by_household add to each figure, under the same names."""
    names = [*WHOLE, *(f"{name}_{n}" for n in range(windows) for name in WINDOWED)]
    return [func.count().filter(homes.c[name]).label(name) for name in names]


def missed(first: date, last: date) -> ColumnElement[bool]:
    """Whether a household was due from `first` to `last` and not visited in time, for lists."""
    within, deadline = _looked_up(first, last)
    return and_(
        status_on(last) == HouseholdStatus.ACTIVE,
        deadline.between(first, last),
        ~_in_time(within, deadline),
    )


def still_overdue(first: date, last: date) -> ColumnElement[bool]:
    """Whether a household was overdue when the window began and was not caught up, for lists."""
    within, deadline = _looked_up(first, last)
    return and_(status_on(last) == HouseholdStatus.ACTIVE, deadline < first, within.is_(None))


def _looked_up(first: date, last: date) -> tuple[ColumnElement[Any], ColumnElement[date]]:
    """For one household: when it was first met in the window, and its deadline."""
    start, end = workdays.span(first, last)
    met = and_(Visit.household_id == Household.id, Visit.outcome == Outcome.MET)
    before = select(func.max(Visit.started_at)).where(met, Visit.started_at < start)
    within = select(func.min(Visit.started_at)).where(
        met, Visit.started_at >= start, Visit.started_at < end
    )
    registered = Household.registered_at.expression
    deadline = _deadline(before.scalar_subquery(), registered, interval_column())
    return within.scalar_subquery(), deadline

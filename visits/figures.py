"""Coverage 走访覆盖率 per cell: counted from the base tables, kept per cell and day, checked.

What counts is said in visits/counting.py. A household counts in the cell that it belongs to now,
and for earlier days in the one and with the status of that day (visits.past); a visit counts on the
local day on which it began.

Figures are kept for today and for the last day of each of the twelve months before, for windows of
several lengths that end then. Whoever changes what they are made of marks the cells in the same
transaction; marked cells are counted live until they have been counted anew.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    case,
    delete,
    exists,
    func,
    literal,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import array, insert

from grids.models import Cell
from gridserve import workdays
from gridserve.db import Instant, db, now
from gridserve.jobs import enqueue
from visits import counting
from visits.counting import window_start
from visits.models import CoverageDay, CoverageMark, Household, Outcome, Visit
from visits.past import cell_on, near

# The windows, in days up to and including a kept day, whose figures are kept ready.
WINDOWS = (30, 90, 180, 365)
MONTHS = 12
# For counting all households at once, until the end of the transaction: what a server gives to each
# query by itself would send a million of them through files.
ROOM = "SET LOCAL work_mem = '128MB'"
GATHER_SECONDS = 0.8  # in which marks gather; meanwhile the marked cells are counted live


def kept_days(today: date | None = None) -> list[date]:
    """The days whose figures are kept: today, and the last day of each of the months before."""
    today = today or workdays.today()
    ends, first = [], today.replace(day=1)
    for _month in range(MONTHS):
        ends.append(first - timedelta(days=1))
        first = ends[-1].replace(day=1)
    return [today, *ends]


def _by_cell(day: date, cells: set[uuid.UUID] | None) -> Select[Any]:
    """Select (cell_id, households, registered, met_0, due_0 … met_1 …) of `day`, of these cells or
    of all, for each of WINDOWS."""
    where = [] if cells is None else [near(cells, day)]
    cell = Household.cell_id.expression if day >= workdays.today() else cell_on(day)
    firsts = [window_start(day, days) for days in WINDOWS]
    homes = counting.by_household(cell, firsts, day, *where)
    return select(homes.c.cell_id, *counting.sums(homes, len(WINDOWS))).group_by(homes.c.cell_id)


def mark(cell_ids: Iterable[uuid.UUID | None], since: date | None = None) -> None:
    """Say that the figures of these cells are out of date, and ask for their refresh.

    `since`: from that day on only, as for a visit; else for all kept days.
    """
    cells = {cell for cell in cell_ids if cell is not None}
    db.session.add_all(CoverageMark(cell_id=cell, since=since) for cell in cells)
    refresh_soon()


def refresh_soon() -> None:
    """Ask for a refresh of what this transaction marks."""
    enqueue(refresh_gathered, once=True, gathers=GATHER_SECONDS)


def refresh_gathered() -> int:
    """The same as refresh_marked for what is marked within a moment: thousands of visits at once
    mark the same cells."""
    time.sleep(GATHER_SECONDS)
    return refresh_marked()


def refresh_marked() -> int:
    """Count anew the cells that were marked; returns how many. Safe at any time, any number.

    Marks are deleted first: whoever commits a change after that delete leaves a mark that this
    run did not see, and whoever committed before it is in what this run counts.
    """
    marks = db.session.execute(
        delete(CoverageMark).returning(CoverageMark.cell_id, CoverageMark.since)
    ).all()
    if not marks:
        return 0
    there = _days_there()
    for day in kept_days():
        if day not in there:
            refresh(day=day)  # a day is kept whole or not at all
            continue
        cells = {cell for cell, since in marks if since is None or since <= day}
        if cells:
            refresh(cells, day)
    return len({cell for cell, _since in marks})


def refresh(cells: set[uuid.UUID] | None = None, day: date | None = None) -> None:
    """Write the figures of `day` (today) for these cells, or for all, in one statement."""
    day = day or workdays.today()
    if cells is None:
        db.session.execute(text(ROOM))
    counted = _by_cell(day, cells).cte("counted")
    chosen = Cell.id.in_(cells) if cells is not None else true()
    windows = [
        select(
            literal(day).label("day"),
            literal(days).label("window_days"),
            Cell.code,
            Cell.id,
            *(func.coalesce(figure, 0) for figure in _figures(counted, n)),
            literal(now(), Instant()),
        )
        .join(counted, counted.c.cell_id == Cell.id, isouter=True)
        .where(chosen)
        for n, days in enumerate(WINDOWS)
    ]
    rows = union_all(*windows)
    # In one order for all, so that two refreshes never wait for each other in a ring.
    ordered = rows.order_by(rows.selected_columns.window_days, rows.selected_columns.code)
    key = ["day", "window_days", "cell_code"]
    columns = [*key, "cell_id", *counting.FIGURES, "computed_at"]
    statement = insert(CoverageDay).from_select(columns, ordered)
    new = {name: statement.excluded[name] for name in (*counting.FIGURES, "computed_at")}
    db.session.execute(statement.on_conflict_do_update(index_elements=key, set_=new))


def _figures(counted: FromClause, window: int) -> list[ColumnElement[Any]]:
    """The figures of one of WINDOWS, as counting.FIGURES names them."""
    windowed = [counted.c[f"{name}_{window}"] for name in counting.WINDOWED]
    return [*(counted.c[name] for name in counting.WHOLE), *windowed]


def turn_of_day() -> None:
    """Keep what the new day asks for, and no longer what only yesterday did."""
    wanted, there = kept_days(), _days_there()
    db.session.execute(delete(CoverageDay).where(CoverageDay.day.not_in(wanted)))
    for day in wanted:
        if day not in there:
            refresh(day=day)
            db.session.commit()


def _days_there() -> set[date]:
    """Which of the days that are to be kept have figures, by a look into the index for each."""
    # Named as no column is: inside EXISTS `day` would be that of coverage_day.
    days = func.unnest(array(kept_days())).column_valued("kept_day")
    return set(db.session.scalars(select(days).where(exists().where(CoverageDay.day == days))))


@dataclass(frozen=True)
class Difference:
    """A kept figure that does not agree with the base tables."""

    what: str
    where: str
    kept: str
    counted: str


def check() -> list[Difference]:
    """Compare what is kept with the visits; marked cells are under way and left out."""
    db.session.execute(text(ROOM))
    found = [each for day in kept_days() for each in _check_day(day)]
    return found + _check_last_met()


def _check_day(day: date) -> list[Difference]:
    counted = _by_cell(day, None).subquery()
    kept = [getattr(CoverageDay, name) for name in counting.FIGURES]
    really = [
        *(counted.c[name] for name in counting.WHOLE),
        *(
            case(
                *((CoverageDay.window_days == days, counted.c[f"{name}_{n}"])
                  for n, days in enumerate(WINDOWS))
            )
            for name in counting.WINDOWED
        ),
    ]  # fmt: skip
    really = [func.coalesce(figure, 0) for figure in really]
    rows = db.session.execute(
        select(CoverageDay.cell_code, CoverageDay.window_days, array(kept), array(really))
        .join(counted, counted.c.cell_id == CoverageDay.cell_id, isouter=True)
        .where(
            CoverageDay.day == day,
            CoverageDay.cell_id.not_in(select(CoverageMark.cell_id)),
            func.row(*kept) != func.row(*really),
        )
        .limit(1000)
    )
    differ = [
        Difference(f"coverage {days} d, {day}", code, _told(was), _told(truly))
        for code, days, was, truly in rows
    ]
    return differ + _missing(day)


def _told(figures: list[int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in zip(counting.FIGURES, figures, strict=True))


def _missing(day: date) -> list[Difference]:
    """Cells without figures of a day of which others have some."""
    has = exists().where(CoverageDay.day == day, CoverageDay.cell_id == Cell.id)
    some = exists().where(CoverageDay.day == day)
    marked = select(CoverageMark.cell_id)
    codes = select(Cell.code).where(~has, some, Cell.id.not_in(marked)).limit(1000)
    return [Difference(f"coverage, {day}", code, "none", "") for code in db.session.scalars(codes)]


def _latest() -> Select[uuid.UUID, object]:
    return (
        select(Visit.household_id, func.max(Visit.started_at).label("at"))
        .where(Visit.outcome == Outcome.MET)
        .group_by(Visit.household_id)
    )


def _check_last_met() -> list[Difference]:
    last = _latest().subquery()
    rows = db.session.execute(
        select(Household.id, Household.last_met_at, last.c.at)
        .join(last, last.c.household_id == Household.id, isouter=True)
        .where(Household.last_met_at.is_distinct_from(last.c.at))
        .limit(1000)
    )
    return [Difference("last met", str(r.id), str(r.last_met_at), str(r.at)) for r in rows]


def rebuild() -> None:
    """Write everything kept here anew from the base tables."""
    last = _latest().subquery()
    truth = (
        select(Household.id, last.c.at)
        .join(last, last.c.household_id == Household.id, isouter=True)
        .where(Household.last_met_at.is_distinct_from(last.c.at))
        .subquery()
    )
    db.session.execute(
        update(Household).where(Household.id == truth.c.id).values(last_met_at=truth.c.at)
    )
    db.session.execute(delete(CoverageMark))
    db.session.execute(delete(CoverageDay))
    for day in kept_days():
        refresh(day=day)

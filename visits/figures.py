"""Coverage 走访覆盖率 per cell: counted from the base tables, kept per cell and day, checked.

Households met at least once in a window ÷ active households. A household counts in the cell that
it belongs to now, and for earlier days in the one and with the status of that day (visits.past); a
visit counts on the local day on which it began.

Figures are kept for today and for the last day of each of the twelve months before, for windows of
several lengths that end then. Whoever changes what they are made of marks the cells in the same
transaction; marked cells are counted live until they have been counted anew.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from grids.models import Cell
from gridserve import workdays
from gridserve.db import Instant, db, now
from gridserve.jobs import enqueue
from visits.models import (
    CoverageDay,
    CoverageMark,
    Household,
    HouseholdStatus,
    Outcome,
    Stay,
    Visit,
)
from visits.past import cell_on, status_on

# The windows, in days up to and including a kept day, whose figures are kept ready.
WINDOWS = (30, 90, 180, 365)
MONTHS = 12
FORMULA = "coverage-1"


def window_start(last: date, days: int) -> date:
    """The first day of the window of `days` days that ends with `last`."""
    return last - timedelta(days=days - 1)


def kept_days(today: date | None = None) -> list[date]:
    """The days whose figures are kept: today, and the last day of each of the months before."""
    today = today or workdays.today()
    ends, first = [], today.replace(day=1)
    for _month in range(MONTHS):
        ends.append(first - timedelta(days=1))
        first = ends[-1].replace(day=1)
    return [today, *ends]


def met_between(first: date, last: date) -> ColumnElement[bool]:
    """Whether a household was met at least once from `first` to `last`, both included."""
    start, end = workdays.span(first, last)
    if last >= workdays.today():  # nobody can have been met later than this day
        return func.coalesce(Household.last_met_at >= start, literal(False))
    return exists().where(
        Visit.household_id == Household.id,
        Visit.outcome == Outcome.MET,
        Visit.started_at >= start,
        Visit.started_at < end,
    )


def _last_met(day: date) -> ColumnElement[Any]:
    """When a household was last met up to the end of `day`, from the visits."""
    visits = select(func.max(Visit.started_at)).where(
        Visit.household_id == Household.id,
        Visit.outcome == Outcome.MET,
        Visit.started_at < workdays.end_of(day),
    )
    return visits.scalar_subquery()


def _by_cell(day: date, cells: set[uuid.UUID] | None, last_met: ColumnElement[Any]) -> Select[Any]:
    """Select (cell_id, households, met_30, met_90 …) of `day`, of these cells or of all."""
    cell = Household.cell_id if day >= workdays.today() else cell_on(day)
    homes = select(cell.label("cell_id"), last_met.label("met_at")).where(
        status_on(day) == HouseholdStatus.ACTIVE
    )
    if cells is not None:
        here: ColumnElement[bool] = Household.cell_id.in_(cells)
        if day < workdays.today():
            left = select(Stay.household_id).where(Stay.cell_id.in_(cells))
            here = or_(here, Household.id.in_(left))
        homes = homes.where(here)
    rows = homes.subquery()
    counts = [
        func.count()
        .filter(rows.c.met_at >= workdays.start_of(window_start(day, days)))
        .label(f"met_{days}")
        for days in WINDOWS
    ]
    return select(rows.c.cell_id, func.count().label("households"), *counts).group_by(
        rows.c.cell_id
    )


def mark(cell_ids: Iterable[uuid.UUID | None], since: date | None = None) -> None:
    """Say that the figures of these cells are out of date, and ask for their refresh.

    `since`: from that day on only, as for a visit; else for all kept days.
    """
    cells = {cell for cell in cell_ids if cell is not None}
    db.session.add_all(CoverageMark(cell_id=cell, since=since) for cell in cells)
    refresh_soon()


def refresh_soon() -> None:
    """Ask for a refresh of what this transaction marks."""
    enqueue(refresh_marked, once=True)


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
    for day in kept_days():
        if not db.session.scalar(select(exists().where(CoverageDay.day == day))):
            refresh(day=day)  # a day is kept whole or not at all
            continue
        cells = {cell for cell, since in marks if since is None or since <= day}
        if cells:
            refresh(cells, day)
    return len({cell for cell, _since in marks})


def refresh(cells: set[uuid.UUID] | None = None, day: date | None = None) -> None:
    """Write the figures of `day` (today) for these cells, or for all, in one statement."""
    day = day or workdays.today()
    lately = Household.last_met_at.expression
    last_met = lately if day >= workdays.today() else _last_met(day)
    counted = _by_cell(day, cells, last_met).cte("counted")
    chosen = Cell.id.in_(cells) if cells is not None else true()
    windows = [
        select(
            literal(day).label("day"),
            literal(days).label("window_days"),
            Cell.code,
            Cell.id,
            func.coalesce(counted.c.households, 0),
            func.coalesce(counted.c[f"met_{days}"], 0),
            literal(now(), Instant()),
        )
        .join(counted, counted.c.cell_id == Cell.id, isouter=True)
        .where(chosen)
        for days in WINDOWS
    ]
    rows = union_all(*windows)
    # In one order for all, so that two refreshes never wait for each other in a ring.
    ordered = rows.order_by(rows.selected_columns.window_days, rows.selected_columns.code)
    columns = CoverageDay.__table__.c
    statement = insert(CoverageDay).from_select([column.name for column in columns], ordered)
    new = statement.excluded
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "window_days", "cell_code"],
            set_={"households": new.households, "met": new.met, "computed_at": new.computed_at},
        )
    )


def turn_of_day() -> None:
    """Keep what the new day asks for, and no longer what only yesterday did."""
    wanted = kept_days()
    db.session.execute(delete(CoverageDay).where(CoverageDay.day.not_in(wanted)))
    for day in wanted:
        if not db.session.scalar(select(exists().where(CoverageDay.day == day))):
            refresh(day=day)
            db.session.commit()


@dataclass(frozen=True)
class Difference:
    """A kept figure that does not agree with the base tables."""

    what: str
    where: str
    kept: str
    counted: str


def check() -> list[Difference]:
    """Compare what is kept with the visits; marked cells are under way and left out."""
    found = [each for day in kept_days() for each in _check_day(day)]
    return found + _check_last_met()


def _check_day(day: date) -> list[Difference]:
    marked = select(CoverageMark.cell_id)
    counted = _by_cell(day, None, _last_met(day)).subquery()
    met = case(*((CoverageDay.window_days == n, counted.c[f"met_{n}"]) for n in WINDOWS))
    really = (func.coalesce(counted.c.households, 0), func.coalesce(met, 0))
    rows = db.session.execute(
        select(
            CoverageDay.cell_code, CoverageDay.window_days, CoverageDay.households,
            CoverageDay.met, really[0].label("households_now"), really[1].label("met_now"),
        )
        .join(counted, counted.c.cell_id == CoverageDay.cell_id, isouter=True)
        .where(
            CoverageDay.day == day,
            CoverageDay.cell_id.not_in(marked),
            func.row(CoverageDay.households, CoverageDay.met) != func.row(*really),
        )
        .limit(1000)
    )  # fmt: skip
    differ = [
        Difference(
            f"coverage {r.window_days} d, {day}", r.cell_code,
            f"{r.met}/{r.households}", f"{r.met_now}/{r.households_now}",
        )
        for r in rows
    ]  # fmt: skip
    return differ + _missing(day)


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

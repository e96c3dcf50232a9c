"""Coverage 走访覆盖率 per cell: counted from the base tables, kept per cell and day, checked.

Households met at least once in a window ÷ active households. A household counts in the cell that
it belongs to now, and for earlier days in the one and with the status of that day (visits.past); a
visit counts on the local day on which it began.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db, now
from gridserve.jobs import enqueue
from visits.models import (
    CoverageDay,
    CoverageMark,
    Household,
    HouseholdStatus,
    Outcome,
    Visit,
)

# The windows, in days up to and including today, whose figures are kept ready.
WINDOWS = (30, 90, 180, 365)
FORMULA = "coverage-1"


def window_start(last: date, days: int) -> date:
    """The first day of the window of `days` days that ends with `last`."""
    return last - timedelta(days=days - 1)


def met_between(first: date, last: date) -> ColumnElement[bool]:
    """Whether a household was met at least once from `first` to `last`, both included."""
    start, end = workdays.span(first, last)
    return exists().where(
        Visit.household_id == Household.id,
        Visit.outcome == Outcome.MET,
        Visit.started_at >= start,
        Visit.started_at < end,
    )


def count_by_cell(
    first: date, last: date, *where: ColumnElement[bool]
) -> Select[uuid.UUID | None, int, int]:
    """Select (cell_id, active households, of these met) from the base tables."""
    return (
        select(
            Household.cell_id,
            func.count().label("households"),
            func.count().filter(met_between(first, last)).label("met"),
        )
        .where(Household.status == HouseholdStatus.ACTIVE, *where)
        .group_by(Household.cell_id)
    )


def mark(cell_ids: Iterable[uuid.UUID | None]) -> None:
    """Say that the figures of these cells are out of date, and ask for their refresh."""
    db.session.add_all(CoverageMark(cell_id=cell) for cell in set(cell_ids) if cell is not None)
    enqueue(refresh_marked, once=True)


def refresh_marked() -> int:
    """Count anew the cells that were marked; returns how many. Safe at any time, any number.

    Marks are deleted first: whoever commits a change after that delete leaves a mark that this
    run did not see, and whoever committed before it is in what this run counts.
    """
    cells = set(db.session.scalars(delete(CoverageMark).returning(CoverageMark.cell_id)))
    if cells:
        refresh(cells)
    return len(cells)


def refresh(cells: set[uuid.UUID] | None = None, day: date | None = None) -> None:
    """Write the figures of `day` (today) for these cells, or for all."""
    day = day or workdays.today()
    chosen = Household.cell_id.in_(cells) if cells is not None else Household.cell_id.is_not(None)
    wanted = cells if cells is not None else set(db.session.scalars(select(Cell.id)))
    moment = now()
    for days in WINDOWS:
        counted = {
            row.cell_id: row
            for row in db.session.execute(count_by_cell(window_start(day, days), day, chosen))
        }
        rows = [
            {
                "cell_id": cell,
                "day": day,
                "window_days": days,
                "computed_at": moment,
                "households": counted[cell].households if cell in counted else 0,
                "met": counted[cell].met if cell in counted else 0,
            }
            for cell in sorted(wanted)  # one order for all, so that two refreshes never deadlock
        ]
        if not rows:
            continue
        statement = insert(CoverageDay)
        new = statement.excluded
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["cell_id", "day", "window_days"],
                set_={"households": new.households, "met": new.met, "computed_at": new.computed_at},
            ),
            rows,
        )


@dataclass(frozen=True)
class Difference:
    """A kept figure that does not agree with the base tables."""

    what: str
    where: str
    kept: str
    counted: str


def check(day: date | None = None) -> list[Difference]:
    """Compare what is kept with the base tables; marked cells are under way and left out."""
    day = day or workdays.today()
    found: list[Difference] = []
    marked = select(CoverageMark.cell_id)
    for days in WINDOWS:
        counted = count_by_cell(
            window_start(day, days), day, Household.cell_id.not_in(marked)
        ).subquery()
        kept = (
            select(CoverageDay)
            .where(
                CoverageDay.day == day,
                CoverageDay.window_days == days,
                CoverageDay.cell_id.not_in(marked),
            )
            .subquery()
        )
        rows = db.session.execute(
            select(
                func.coalesce(kept.c.cell_id, counted.c.cell_id).label("cell"),
                kept.c.households,
                kept.c.met,
                counted.c.households.label("households_now"),
                counted.c.met.label("met_now"),
            )
            .select_from(kept)
            .join(counted, kept.c.cell_id == counted.c.cell_id, full=True)
            .where(
                and_(
                    func.coalesce(counted.c.cell_id, kept.c.cell_id).is_not(None),
                    func.row(func.coalesce(kept.c.households, 0), func.coalesce(kept.c.met, 0))
                    != func.row(
                        func.coalesce(counted.c.households, 0), func.coalesce(counted.c.met, 0)
                    ),
                )
            )
        )
        found += [
            Difference(
                f"coverage {days} d",
                str(r.cell),
                f"{r.met}/{r.households}",
                f"{r.met_now}/{r.households_now}",
            )
            for r in rows
        ]
    return found + _check_last_met()


def _last_met() -> Select[uuid.UUID, object]:
    return (
        select(Visit.household_id, func.max(Visit.started_at).label("at"))
        .where(Visit.outcome == Outcome.MET)
        .group_by(Visit.household_id)
    )


def _check_last_met() -> list[Difference]:
    last = _last_met().subquery()
    rows = db.session.execute(
        select(Household.id, Household.last_met_at, last.c.at)
        .join(last, last.c.household_id == Household.id, isouter=True)
        .where(Household.last_met_at.is_distinct_from(last.c.at))
        .limit(1000)
    )
    return [Difference("last met", str(r.id), str(r.last_met_at), str(r.at)) for r in rows]


def rebuild() -> None:
    """Write everything kept here anew from the base tables."""
    last = _last_met().subquery()
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
    refresh()

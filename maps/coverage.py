"""Coverage 走访覆盖率 of a place and its parts, exact at any moment.

For the windows that are kept ready (visits.figures: WINDOWS that end on one of kept_days) the kept
figures of cells are read; marked cells, and households without a cell, are counted from the base
tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
)

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db
from maps.places import BY, Area, Place, names, shapes, under
from visits.figures import FORMULA, WINDOWS, kept_days, met_between
from visits.models import CoverageDay, CoverageMark, Household, HouseholdStatus, Stay
from visits.past import cell_on, status_on

__all__ = ["FORMULA", "Coverage", "Row", "coverage", "share"]


@dataclass(frozen=True)
class Row:
    """A part of the place with its figures."""

    area: Area
    met: int
    households: int


@dataclass(frozen=True)
class Coverage:
    """Households met ÷ active households, of a whole and of its parts by code.

    `elsewhere` households are in the whole and in none of the parts: without a cell, or in a cell
    that was not valid on the day of the boundaries.
    """

    met: int
    households: int
    rows: list[Row]

    @property
    def elsewhere(self) -> int:
        return self.households - sum(row.households for row in self.rows)


def share(met: int, households: int) -> float | None:
    """Met ÷ households; None where there are no households."""
    return round(met / households, 4) if households else None


def coverage(
    place: Place,
    by: str,
    first: date,
    last: date,
    *,
    as_of: date | None = None,
    drawn: bool = False,
) -> Coverage:
    """Coverage from `first` to `last`, both included, of `place` by its parts.

    Cells are those valid on `as_of` (`last` where it is not given). Two queries, however many
    parts there are. `drawn` adds shapes.
    """
    day = as_of or last
    areas = (shapes if drawn else names)(place, by, day)
    counts = {
        code: (met, households)
        for code, met, households in db.session.execute(_by_part(place, by, first, last, day))
    }
    rows = [Row(area, *counts.get(area.code, (0, 0))) for area in areas]
    return Coverage(
        sum(met for met, _n in counts.values()), sum(n for _met, n in counts.values()), rows
    )


def _by_part(place: Place, by: str, first: date, last: date, day: date) -> Select[Any]:
    """Select (code of the part or None, met, active households) within `place`."""
    counts = _counts(place, first, last, day).subquery()
    digits = BY[by]
    # Households without a cell count in their village, and in no part that is finer.
    code = func.coalesce(counts.c.cell_code, counts.c.village_code)
    part = case((func.length(code) >= digits, func.left(code, digits)))
    totals = select(
        part.label("part"),
        cast(func.sum(counts.c.met), BigInteger).label("met"),
        cast(func.sum(counts.c.households), BigInteger).label("households"),
    )
    return totals.group_by("part")


def _counts(place: Place, first: date, last: date, day: date) -> Any:
    """(cell_code, village_code, met, households) in pieces that count each household once."""
    today = workdays.today()
    cell = cell_on(day) if day < today else Household.cell_id.expression
    days = (last - first).days + 1
    if day != last or days not in WINDOWS or last not in kept_days():
        return _counted(place, first, last, cell)
    marked = select(CoverageMark.cell_id).where(
        or_(CoverageMark.since.is_(None), CoverageMark.since <= last)
    )
    kept = select(
        CoverageDay.cell_code, null().label("village_code"),
        CoverageDay.met, CoverageDay.households,
    ).where(
        CoverageDay.day == last,
        CoverageDay.window_days == days,
        under(CoverageDay.cell_code, place.code),
        CoverageDay.cell_id.not_in(marked),
    )  # fmt: skip
    # In the same statement, so that no cell is in neither or in both.
    stale = marked.distinct()
    nothing_kept = ~exists().where(CoverageDay.day == last)  # asked once, not for each row
    return kept.union_all(
        _counted(place, first, last, cell, cell.in_(stale), _near(stale, day)),
        _counted(place, first, last, cell, cell.is_(None), Household.cell_id.is_(None)),
        _counted(place, first, last, cell, nothing_kept, cell.is_not(None), cell.not_in(stale)),
    )


def _near(cells: Select[Any], day: date) -> ColumnElement[bool]:
    """Households that may have been in one of the cells on `day`: found by indexes."""
    here = Household.cell_id.in_(cells)
    if day >= workdays.today():
        return here
    return or_(here, Household.id.in_(select(Stay.household_id).where(Stay.cell_id.in_(cells))))


def _counted(
    place: Place, first: date, last: date, cell: Any, *where: ColumnElement[bool]
) -> Select[Any]:
    homes = (
        select(cell.label("cell_id"), Household.village_code, met_between(first, last).label("met"))
        .where(
            status_on(last) == HouseholdStatus.ACTIVE,
            under(Household.village_code, place.code),
            *where,
        )
        .subquery()
    )
    counts = (
        select(
            homes.c.cell_id,
            homes.c.village_code,
            func.count().filter(homes.c.met).label("met"),
            func.count().label("households"),
        )
        .group_by(homes.c.cell_id, homes.c.village_code)
        .subquery()
    )
    rows = counts.join(Cell, Cell.id == counts.c.cell_id, isouter=True)
    code = Cell.code.label("cell_code")
    return select(code, counts.c.village_code, counts.c.met, counts.c.households).select_from(rows)

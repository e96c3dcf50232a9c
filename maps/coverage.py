"""Coverage 走访覆盖率 of a place and its parts, exact at any moment.

For the windows that are kept ready (visits.figures.WINDOWS) and end today, the kept figures of
cells are read; cells with a mark or without figures, and households without a cell, are counted
from the base tables in the same statement, so that one picture of the database serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, literal_column, select

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db
from maps.places import BY, CELL, Area, Place, names, shapes, under
from visits.figures import FORMULA, WINDOWS, met_between
from visits.models import CoverageDay, CoverageMark, Household, HouseholdStatus
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
    part: ColumnElement[Any]
    if BY[by] == CELL:
        part = select(Cell.code).where(Cell.id == counts.c.cell_id).scalar_subquery()
    else:
        part = func.left(counts.c.village_code, BY[by])
    totals = select(
        part.label("part"),
        cast(func.sum(counts.c.met), BigInteger).label("met"),
        cast(func.sum(counts.c.households), BigInteger).label("households"),
    )
    return totals.group_by("part")


def _counts(place: Place, first: date, last: date, day: date) -> Any:
    """(cell_id, village_code, met, households) in pieces that count each household once."""
    days = (last - first).days + 1
    if day < workdays.today():
        return _counted(place, first, last, cell=cell_on(day))
    if last != workdays.today() or days not in WINDOWS:
        return _counted(place, first, last)
    kept = (
        select(Cell.id, Cell.village_code, CoverageDay.met, CoverageDay.households)
        .join(CoverageDay, CoverageDay.cell_id == Cell.id)
        .where(
            under(Cell.village_code, place.code),
            CoverageDay.day == last,
            CoverageDay.window_days == days,
            ~select(CoverageMark.id).where(CoverageMark.cell_id == Cell.id).exists(),
        )
        .cte("kept")
    )
    stale = select(Cell.id).where(
        under(Cell.village_code, place.code), Cell.id.not_in(select(kept.c.id))
    )
    ready = select(kept.c.id.label("cell_id"), kept.c.village_code, kept.c.met, kept.c.households)
    return ready.union_all(
        _counted(place, first, last, Household.cell_id.in_(stale)),
        _counted(place, first, last, Household.cell_id.is_(None)),
    )


def _counted(
    place: Place,
    first: date,
    last: date,
    *where: ColumnElement[bool],
    cell: Any = Household.cell_id,
) -> Any:
    return (
        select(
            cell.label("cell_id"),
            Household.village_code,
            func.count().filter(met_between(first, last)).label("met"),
            func.count().label("households"),
        )
        .where(
            status_on(last) == HouseholdStatus.ACTIVE,
            under(Household.village_code, place.code),
            *where,
        )
        .group_by(literal_column("1"), Household.village_code)  # by the cell, whichever it is
    )

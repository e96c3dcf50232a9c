"""Coverage 走访覆盖率 of a place and its parts, exact at any moment.

What counts is said in visits/counting.py. For the windows that are kept ready (visits.figures:
WINDOWS that end on one of kept_days) the kept figures of cells are read; marked cells, and
households without a cell, are counted from the base tables, as are the households of a tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import array

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db
from maps.places import BY, CELL, Area, Place, names, parts, shapes, under
from visits import counting
from visits.counting import DUE_FORMULA, FORMULA, met_between
from visits.figures import WINDOWS, kept_days
from visits.models import CoverageDay, CoverageMark, Household, HouseholdStatus, Tag
from visits.past import cell_on, near, status_on

__all__ = [
    "DUE_FORMULA", "FORMULA", "Count", "Coverage", "Figures", "Row", "Summed", "cells", "coverage",
    "share", "summed",
]  # fmt: skip

ANY = "any"  # in place of a tag: households with any of them
ASKED = ("households", "registered", "met")  # unless due figures are asked for as well


@dataclass(slots=True)
class Figures:
    """Numbers of households as visits/counting.py says, in the order of its FIGURES; None where
    not asked. Not frozen, since a page makes ten thousand of them."""

    households: int = 0
    registered: int = 0
    met: int = 0
    due: int | None = None
    in_time: int | None = None
    overdue: int | None = None
    caught_up: int | None = None


@dataclass(slots=True)
class Row(Figures):
    """A part of the place with its figures."""

    area: Area = field(kw_only=True)


@dataclass(slots=True)
class Coverage(Figures):
    """The figures of a whole and of its parts.

    `elsewhere` households are in the whole and in none of the parts: without a cell, or in a cell
    that was not valid on the day of the boundaries.
    """

    rows: list[Row] = field(kw_only=True)

    @property
    def elsewhere(self) -> int:
        return self.households - sum(row.households for row in self.rows)


@dataclass(slots=True)
class Summed(Figures):
    """The figures of a whole, `elsewhere` as in Coverage, and in how many of its parts the share is
    `low`."""

    low: int = field(kw_only=True)
    elsewhere: int = field(kw_only=True)


def share(met: int, households: int) -> float | None:
    """Met ÷ households; None where there are no households."""
    return round(met / households, 4) if households else None


@dataclass(frozen=True)
class Count:
    """What is counted: households of `place`, all or those with a tag (or ANY), met from `first` to
    `last`, both included, in the cells of `day`; `due` asks for what was due as well."""

    place: Place
    first: date
    last: date
    day: date  # of the cells
    due: bool = False
    tag: Tag | str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return counting.FIGURES if self.due else ASKED

    @property
    def is_kept(self) -> bool:
        days = (self.last - self.first).days + 1
        whole = self.tag is None and self.day == self.last
        return whole and days in WINDOWS and self.last in kept_days()


def coverage(
    place: Place,
    by: str,
    first: date,
    last: date,
    *,
    as_of: date | None = None,
    drawn: bool = False,
    due: bool = False,
    tag: Tag | str | None = None,
) -> Coverage:
    """Coverage from `first` to `last`, both included, of `place` by its parts.

    Cells are those valid on `as_of` (`last` where it is not given). Two queries, however many
    parts there are. `drawn` adds shapes, `due` the figures of what was due; `tag` (or ANY) leaves
    all other households out.
    """
    asked = Count(place, first, last, as_of or last, due, tag)
    areas = (shapes if drawn else names)(place, by, asked.day)
    counts = {row[0]: row[1:] for row in db.session.execute(_by_part(asked, by))}
    none = (0,) * len(asked.names)
    rows = [Row(*counts.get(area.code, none), area=area) for area in areas]
    totals = map(sum, zip(*counts.values(), strict=True)) if counts else none
    return Coverage(*totals, rows=rows)


def cells(count: Count, part: str, whole: str) -> Sequence[tuple[str, str, int, int]]:
    """Code, name and two of the figures of each cell, by code: of ten thousand cells an object for
    each would take longer than to count them."""
    areas, counts = _cells(count)
    figures = (func.coalesce(counts.c[name], 0) for name in (part, whole))
    query = select(areas.c.code, areas.c.name, *figures).join(
        counts, counts.c.part == areas.c.code, isouter=True
    )
    return db.session.execute(query.order_by(areas.c.code)).all()


def summed(count: Count, part: str, whole: str, low: int) -> Summed:
    """The figures of all cells together; low is a share `part` ÷ `whole` under so many per cent."""
    areas, counts = _cells(count)
    here = counts.c.part.in_(select(areas.c.code)).label("here")
    found = select(*counts.c, here).offset(0).subquery()  # a fence: looked up once for each cell
    here, upper, lower = found.c.here, found.c[part], found.c[whole]
    query = select(
        func.count().filter(here, lower > 0, 100 * upper < low * lower),
        func.sum(found.c.households).filter(here),
        *(func.sum(found.c[name]) for name in count.names),
    )
    lows, inside, *figures = db.session.execute(query).one()
    totals = [int(figure or 0) for figure in figures]
    return Summed(*totals, low=lows, elsewhere=totals[0] - int(inside or 0))


def _cells(count: Count) -> tuple[Any, Any]:
    """The cells, and what is counted in them and in none."""
    areas = parts(count.place, "cell", count.day).order_by(None)
    return areas.subquery(), _by_part(count, "cell").cte()


def _by_part(asked: Count, by: str) -> Select[Any]:
    """Select (code of the part or None, and asked.names) within the place."""
    return _built(asked, by, workdays.today(), workdays.zone())


@lru_cache(maxsize=32)  # it takes as long to write as to run; a few are asked again and again
def _built(asked: Count, by: str, _today: date, _zone: ZoneInfo) -> Select[Any]:
    """The same; all that goes into it is among the arguments, also what is asked for within."""
    counts = _counts(asked, BY[by]).subquery()
    figures = [cast(func.sum(counts.c[name]), BigInteger).label(name) for name in asked.names]
    return select(counts.c.part, *figures).group_by(counts.c.part)


def _counts(asked: Count, digits: int) -> Any:
    """(part, a code of so many digits, and asked.names) in pieces that count each household once.

    Each piece is summed by itself: to lay ten thousand cells side by side takes longer than to sum
    them.
    """
    last, day = asked.last, asked.day
    cell = cell_on(day) if day < workdays.today() else Household.cell_id.expression
    if not asked.is_kept:
        return _counted(asked, digits, cell)
    marked = select(CoverageMark.cell_id).where(
        or_(CoverageMark.since.is_(None), CoverageMark.since <= last)
    )
    columns = [getattr(CoverageDay, name) for name in asked.names]
    kept = select(CoverageDay.cell_code.label("part"), *columns)
    if digits < CELL:
        part = func.left(CoverageDay.cell_code, digits).label("part")
        kept = select(part, *(func.sum(each).label(each.key) for each in columns)).group_by(part)
    kept = kept.where(
        CoverageDay.day == last,
        CoverageDay.window_days == (last - asked.first).days + 1,
        under(CoverageDay.cell_code, asked.place.code),
        CoverageDay.cell_id.not_in(marked),
    )
    # In the same statement, so that no cell is in neither or in both.
    stale = marked.distinct()
    # Asked once, not for each row, and of the index, in its order: of a table in which many days
    # are kept PostgreSQL takes any row to be near, and reads half of it for the oldest.
    key = CoverageDay.__table__.primary_key
    first = select(CoverageDay.day).where(CoverageDay.day == last).order_by(*key).limit(1)
    nothing_kept = first.scalar_subquery().is_(None)
    return kept.union_all(
        _counted(asked, digits, cell, cell.in_(stale), near(stale, day)),
        _counted(asked, digits, cell, cell.is_(None), Household.cell_id.is_(None)),
        _counted(asked, digits, cell, nothing_kept, cell.is_not(None), cell.not_in(stale)),
    )


def _counted(
    asked: Count, digits: int, cell: ColumnElement[Any], *where: ColumnElement[bool]
) -> Select[Any]:
    where = (*where, under(Household.village_code, asked.place.code), *_tagged(asked.tag))
    if asked.due:
        homes = counting.by_household(cell, [asked.first], asked.last, *where)
    else:
        homes = _only_met(asked, cell, *where)
    columns = [name if name in counting.WHOLE else f"{name}_0" for name in asked.names]
    figures = [
        func.count().filter(homes.c[column]).label(name)
        for name, column in zip(asked.names, columns, strict=True)
    ]
    counts = (
        select(homes.c.cell_id, homes.c.village_code, *figures)
        .group_by(homes.c.cell_id, homes.c.village_code)
        .subquery()
    )
    rows = counts.join(Cell, Cell.id == counts.c.cell_id, isouter=True)
    # Households without a cell count in their village, and in no part that is finer.
    code = func.coalesce(Cell.code, counts.c.village_code)
    part = case((func.length(code) >= digits, func.left(code, digits))).label("part")
    return select(part, *list(counts.c)[2:]).select_from(rows)


def _only_met(asked: Count, cell: ColumnElement[Any], *where: ColumnElement[bool]) -> Any:
    """The first columns of counting.by_household, without reading all visits of a household."""
    rows = (
        select(
            cell.label("cell_id"),
            Household.village_code,
            status_on(asked.last).label("status"),
            met_between(asked.first, asked.last).label("met"),
        )
        .where(*where)
        .offset(0)  # a fence: otherwise the status would be looked up for each use of it
        .subquery()
    )
    met = and_(rows.c.status == HouseholdStatus.ACTIVE, rows.c.met).label("met_0")
    place = (rows.c.cell_id, rows.c.village_code)
    return select(*place, *counting.whole(rows.c.status), met).subquery()


def _tagged(tag: Tag | str | None) -> list[ColumnElement[bool]]:
    if tag is None:
        return []
    tags = list(Tag) if tag == ANY else [tag]
    return [Household.tags.overlap(cast(array(tags), Household.tags.type))]

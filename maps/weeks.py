"""The backlog week by week: what was open when each week was over, how old it was then, and where.

Every figure is that of the chains as they stood then, never of today's status. What was open at
the ends of weeks is kept (visits/issues/backlog.py); a week that is not, and the present, are
counted from the chains at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Integer,
    Select,
    Subquery,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from grids.models import Cell
from gridserve import workdays
from gridserve.db import SRID, db, now
from maps.aging import state
from maps.bands import HEAT_CAP
from maps.narrowing import ALL, Narrowing
from maps.places import Place, under
from maps.rows import Spot
from maps.tiles import MERCATOR
from visits.issues.backlog import kept, week_ends
from visits.issues.clock import Light
from visits.issues.models import BacklogIssue, Issue, IssueStay
from visits.issues.queries import has_light

SQUARES = 32  # along the longer side of where issues lie: what is nearer than that stands together


@dataclass
class Week:
    """The open issues of a place when `day` was over; on the present day, now."""

    day: date
    count: int = 0
    overdue: int = 0
    long_overdue: int = 0  # of those overdue
    bare: int = 0  # in no cell, so that no map shows them


@dataclass(frozen=True)
class Backlog:
    """The weeks, the earliest first, and the spots with as many values each."""

    weeks: list[Week]
    spots: list[Spot]


def backlog(place: Place, *, narrowing: Narrowing = ALL) -> Backlog:
    """The backlog of `place` at the ends of the last weeks and now. Two queries.

    `narrowing` is by who held an issue then. Complaints about staff are in no figure.
    """
    days = [*week_ends(workdays.today()), workdays.today()]
    rows = db.session.execute(_squares(_open(place, days, narrowing))).all()
    weeks = {day: Week(day) for day in days}
    heats: dict[tuple[float, float], dict[date, float]] = {}
    for day, count, overdue, long_overdue, heat, lon, lat in rows:
        week = weeks[day]
        week.count += count
        week.overdue += overdue
        week.long_overdue += long_overdue
        if lon is None:
            week.bare += count
        else:
            heats.setdefault((lon, lat), {})[day] = heat
    spots = [
        Spot(*at, tuple(found.get(day, 0.0) for day in days)) for at, found in sorted(heats.items())
    ]
    return Backlog(list(weeks.values()), spots)


def _open(place: Place, days: list[date], narrowing: Narrowing) -> Select[Any]:
    """Each issue that was open on a day: `day`, `cell_id`, `weight`."""
    past = kept(days[:-1])
    here = (under(Issue.village_code, place.code), ~Issue.about_staff)
    was, stays = BacklogIssue.__table__.c, _stays()
    then = narrowing.where(was.team_id, was.desk_code)
    held = and_(
        stays.c.issue_id == was.issue_id, stays.c.since <= was.day, was.day < stays.c.to_date
    )
    cell = func.coalesce(stays.c.cell_id, Issue.cell_id)
    parts = [
        select(was.day, cell.label("cell_id"), was.weight.label("weight"))
        .join(Issue, Issue.id == was.issue_id)
        .join(stays, held, isouter=True)
        .where(was.day.in_(past), *here, *then)
    ]
    for day in days:
        if day in past:
            continue
        live = day == days[-1]
        found = state(place, now() if live else workdays.end_of(day), narrowing, live=live)
        parts.append(found.query.with_only_columns(literal(day), found.cell, found.weight))
    return select(union_all(*parts).subquery())


def _stays() -> Subquery:
    """The cells in which issues counted before, from the day `since` to before `to_date`: what
    `aging.cell_on` looks up for each, for all at once."""
    was = aliased(Cell)
    # of several changes on a day the first one's: those after it held for no day
    since = func.lag(IssueStay.to_date, 1, literal(date.min, Date())).over(
        partition_by=IssueStay.issue_id, order_by=(IssueStay.to_date, was.from_date)
    )
    return (
        select(IssueStay.issue_id, IssueStay.cell_id, IssueStay.to_date, since.label("since"))
        .join(was, was.id == IssueStay.cell_id)
        .subquery("stays")
    )


def _squares(found: Select[Any]) -> Select[Any]:
    """For each day and square its figures, heat and place, which is null for what is in no cell."""
    by_cell = _by_cell(found)
    middle = func.ST_Centroid(Cell.shape_13, type_=Geometry("POINT", srid=MERCATOR))
    cells = (
        select(Cell.id, func.ST_X(middle).label("x"), func.ST_Y(middle).label("y"))
        .where(Cell.id.in_(select(by_cell.c.cell_id)))
        .cte("cells")
    )
    x, y = cells.c.x, cells.c.y
    west, south = func.min(x), func.min(y)
    side = func.greatest(func.max(x) - west, func.max(y) - south, 1.0) / SQUARES
    box = select(west.label("west"), south.label("south"), side.label("side")).cte("box")
    column = func.floor((x - box.c.west) / box.c.side)
    square = cast(column * 2 * SQUARES + func.floor((y - box.c.south) / box.c.side), Integer)
    placed = select(cells, square.label("square")).join(box, true()).cte("placed")
    # where the cells of a square lie on average, the same on all days
    point = func.ST_MakePoint(func.avg(placed.c.x), func.avg(placed.c.y))
    at = func.ST_Transform(
        func.ST_SetSRID(point, MERCATOR), SRID, type_=Geometry("POINT", srid=SRID)
    )
    middles = (
        select(placed.c.square, func.ST_X(at).label("lon"), func.ST_Y(at).label("lat"))
        .group_by(placed.c.square)
        .cte("middles")
    )
    sums: list[ColumnElement[Any]] = [
        cast(func.sum(by_cell.c[name]), Integer) for name in ("count", "overdue", "long_overdue")
    ]
    sums.append(func.sum(by_cell.c.heat))
    return (
        select(by_cell.c.day, *sums, middles.c.lon, middles.c.lat)
        .join(placed, placed.c.id == by_cell.c.cell_id, isouter=True)
        .join(middles, middles.c.square == placed.c.square, isouter=True)
        .group_by(by_cell.c.day, middles.c.lon, middles.c.lat)
    )


def _by_cell(found: Select[Any]) -> CTE:
    """The issues of each cell on each day: how many, how many over the limit, their heat."""
    rows = found.offset(0).subquery()  # weighed once each, not once for every sum
    deep = has_light(Light.DEEP_RED, rows.c.weight)
    late = or_(has_light(Light.RED, rows.c.weight), deep)
    return (
        select(
            rows.c.day, rows.c.cell_id, func.count().label("count"),
            func.count().filter(late).label("overdue"),
            func.count().filter(deep).label("long_overdue"),
            func.sum(func.least(rows.c.weight, HEAT_CAP)).label("heat"),
        )
        .group_by(rows.c.day, rows.c.cell_id)
        .cte("by_cell")
    )  # fmt: skip

"""Ageing: open issues by light and place, weighted by age ÷ limit (visits/issues/clock.py)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import aliased

from grids.models import Cell, Jurisdiction
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from maps.narrowing import ALL, Narrowing
from maps.places import BY, CELL, Area, Place, names, under
from visits.issues.chain import Status
from visits.issues.clock import Light, Limit, light
from visits.issues.models import Category, Issue, IssueStay
from visits.issues.past import Standing, standing
from visits.issues.permissions import visible_issues
from visits.issues.place import stands
from visits.issues.queries import has_light
from visits.models import Household

FORMULA = "ageing-1"
WORDS_SHOWN = 40


@dataclass(frozen=True)
class OpenIssue:
    """An open issue with its age at a moment; `lon`, `lat` in EPSG:4326 or None."""

    id: uuid.UUID
    number: str
    category_code: str
    words: str  # the beginning of what was reported; nothing of a sensitive category
    village: str
    cell: str | None
    limit: Limit
    weight: float
    lon: float | None
    lat: float | None

    @property
    def light(self) -> Light:
        return light(self.weight)

    @property
    def age(self) -> float:
        """The time that counts, without pauses, in the unit of the limit."""
        return self.weight * self.limit.amount


@dataclass(frozen=True)
class Row:
    """A part of the place with its open issues by light."""

    area: Area
    counts: dict[Light, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Aging:
    """Open issues by light, of a whole and of its parts; issues in no part are in the whole."""

    counts: dict[Light, int]
    rows: list[Row]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class State(Standing):
    """The open issues of a place at a moment; `cell` is where each counted then."""

    cell: ColumnElement[Any]


def state(place: Place, moment: datetime, narrowing: Narrowing, *, live: bool) -> State:
    """The open issues of `place` at `moment`, without complaints about staff."""
    then = standing(moment, live=live)
    query = then.query.where(
        under(Issue.village_code, place.code),
        ~Issue.about_staff,
        *narrowing.where(then.team, then.desk),
    )
    cell = Issue.__table__.c.cell_id if live else cell_on(_day(moment))
    return State(query, then.weight, then.team, then.desk, cell)


def _day(moment: datetime) -> date:
    """The day whose cells count at `moment`: at the end of a day still that day."""
    return workdays.day_of(moment - timedelta.resolution)


def cell_on(day: date) -> ColumnElement[Any]:
    """The cell of an issue on `day`: its present one but where that came later."""
    was = aliased(Cell)
    stay = (
        select(IssueStay.cell_id)
        .join(was, was.id == IssueStay.cell_id)
        .where(IssueStay.issue_id == Issue.id, IssueStay.to_date > day)
        .order_by(IssueStay.to_date, was.from_date)  # of several changes on a day the first one's
        .limit(1)
    )
    return func.coalesce(stay.correlate(Issue).scalar_subquery(), Issue.cell_id)


def aging(
    place: Place,
    moment: datetime,
    *,
    by: str | None = None,
    narrowing: Narrowing = ALL,
    live: bool = True,
) -> Aging:
    """The open issues of `place` at `moment` by light, and by its parts. Two queries.

    `live` says that `moment` is the present, otherwise the steps are read.
    """
    by = by or place.below
    then = state(place, moment, narrowing, live=live)
    part: ColumnElement[Any]
    if BY[by] == CELL:
        part = select(Cell.code).where(Cell.id == then.cell).scalar_subquery()
    else:
        part = func.left(Issue.village_code, BY[by])
    # Weighed once each, not once for every light: OFFSET keeps the planner from taking it apart.
    rows = then.query.with_only_columns(part.label("part"), then.weight.label("weight"))
    weighed = rows.offset(0).subquery()
    lights = [
        func.count().filter(has_light(each, weighed.c.weight)).label(each.value) for each in Light
    ]
    counted = select(weighed.c.part, *lights).group_by(weighed.c.part)
    found = {
        row.part: {each: getattr(row, each.value) for each in Light}
        for row in db.session.execute(counted)
    }
    none = dict.fromkeys(Light, 0)
    areas = names(place, by, _day(moment))
    parts = [Row(area, found.get(area.code, none)) for area in areas]
    return Aging({each: sum(c[each] for c in found.values()) for each in Light}, parts)


def open_issues(
    user: User,
    place: Place,
    moment: datetime,
    *,
    limit: int,
    narrowing: Narrowing = ALL,
    only: Light | None = None,
    live: bool = True,
) -> list[OpenIssue]:
    """The oldest open issues of `place` at `moment` that `user` may see, at most `limit`.

    Each stands where it is: at its own point, else its household's, else in the middle of its
    cell, else nowhere. A sensitive one stands in the middle of its cell. One query.
    """
    then = state(place, moment, narrowing, live=live)
    query, weight = then.query, then.weight
    if only is not None:
        query = query.where(has_light(only, weight))
    where = stands()
    seen = visible_issues(user, complaints=False).with_only_columns(Issue.id)
    rows = db.session.execute(
        query.join(Category, Category.code == Issue.category_code)
        .join(Jurisdiction, Jurisdiction.code == Issue.village_code)
        .join(Cell, Cell.id == then.cell, isouter=True)
        .join(Household, Household.id == Issue.household_id, isouter=True)
        .where(Issue.id.in_(seen))
        .with_only_columns(
            Issue.id,
            Issue.number,
            Issue.category_code,
            case((Category.sensitive, ""), else_=func.left(Issue.words, WORDS_SHOWN)),
            Jurisdiction.name,
            Cell.name,
            Issue.limit,
            weight,
            func.ST_X(where),
            func.ST_Y(where),
        )
        .order_by(weight.desc(), Issue.id)
        .limit(limit)
    )
    return [OpenIssue(*row) for row in rows]


def in_no_cell(
    place: Place, moment: datetime, *, narrowing: Narrowing = ALL, only: Light | None = None
) -> int:
    """How many of the present open issues lie in no cell, for a map that draws by cell."""
    then = state(place, moment, narrowing, live=True)
    query = then.query.where(then.cell.is_(None))
    if only is not None:
        query = query.where(has_light(only, then.weight))
    return db.session.scalar(query.with_only_columns(func.count())) or 0


def categories() -> Mapping[str, Category]:
    """All categories by code."""
    return {row.code: row for row in db.session.scalars(select(Category).order_by(Category.code))}


@dataclass(frozen=True)
class Answered:
    """Issues that were due in a window: how many, and how many were closed in time."""

    in_time: int
    due: int


def answered(place: Place, first: datetime, until: datetime) -> Answered:
    """按期结案率: of the issues due from `first` to `until`, those closed by their due time.

    Declined issues are left out: nothing was promised for them.
    """
    row = db.session.execute(
        select(func.count().filter(Issue.closed_at <= Issue.due_at), func.count()).where(
            under(Issue.village_code, place.code),
            ~Issue.about_staff,
            Issue.due_at >= first,
            Issue.due_at < until,
            Issue.status != Status.DECLINED,
        )
    ).one()
    return Answered(*row)

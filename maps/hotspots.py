"""Hot spots: the cells in which overdue issues weigh most, with what they are and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from grids.models import Cell, Jurisdiction
from gridserve.db import db
from gridserve.worktime import Unit
from maps.aging import State, state
from maps.bands import HEAT_CAP
from maps.narrowing import ALL, Narrowing
from maps.places import Place
from visits.issues.clock import RED_OVER, Light, Limit
from visits.issues.models import Issue
from visits.issues.queries import has_light

SPOTS = 8
HOLDERS_SHOWN = 60


@dataclass(frozen=True)
class HotSpot:
    """A cell, or what of a village lies in none, with its overdue issues.

    `heat` is the sum of age ÷ limit, each capped at `bands.HEAT_CAP`, so that one forgotten case
    does not outweigh a street full of late ones. `age` and `limit` are of the oldest by that share.
    """

    cell: str | None  # code
    village: str  # code
    cell_name: str | None
    village_name: str
    count: int
    heat: float
    category_code: str  # of most of them, as is `holder`: a team's id or the code of a desk
    kinds: int
    holder: str
    holders: int
    weight: float
    limit: Limit

    @property
    def age(self) -> float:
        """The time of the oldest that counts, in the unit of its limit."""
        return self.weight * self.limit.amount


def hot_spots(
    place: Place,
    moment: datetime,
    *,
    narrowing: Narrowing = ALL,
    only: Light | None = None,
    live: bool = True,
    most: int = SPOTS,
) -> list[HotSpot]:
    """The worst hot spots of `place` at `moment`, the hottest first. One query."""
    then = state(place, moment, narrowing, live=live)
    late = _late(then, moment, only, live=live)
    columns = Issue.__table__.c
    cases = (
        then.query.where(late)
        .with_only_columns(
            then.cell.label("cell_id"),
            case((then.cell.is_(None), Issue.village_code)).label("bare"),
            Issue.village_code.label("village_code"),
            Issue.category_code.label("kind"),
            func.coalesce(cast(then.team, String), then.desk).label("holder"),
            then.weight.label("weight"),
            columns.limit_amount,
            columns.limit_unit,
        )
        .cte("cases")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    heat = func.sum(func.least(cases.c.weight, HEAT_CAP))
    worst = (
        select(cases.c.cell_id, cases.c.bare, heat.label("heat"))
        .group_by(cases.c.cell_id, cases.c.bare)
        .order_by(heat.desc(), cases.c.cell_id, cases.c.bare)
        .limit(most)
        .subquery()
    )

    def most_of(column: Any) -> ColumnElement[Any]:
        return func.mode().within_group(column)

    def of_oldest(column: Any) -> ColumnElement[Any]:
        order = aggregate_order_by(column, cases.c.weight.desc(), cases.c.limit_amount)
        return func.array_agg(order)[1]

    there = and_(
        worst.c.cell_id.is_not_distinct_from(cases.c.cell_id),
        worst.c.bare.is_not_distinct_from(cases.c.bare),
    )
    rows: Any = db.session.execute(
        select(
            Cell.code, func.min(cases.c.village_code), Cell.name, func.min(Jurisdiction.name),
            func.count(), worst.c.heat, most_of(cases.c.kind),
            func.count(cases.c.kind.distinct()), most_of(cases.c.holder),
            func.count(cases.c.holder.distinct()), func.max(cases.c.weight),
            of_oldest(cases.c.limit_amount), of_oldest(cast(cases.c.limit_unit, String)),
        )
        .select_from(worst)
        .join(cases, there)
        .join(Jurisdiction, Jurisdiction.code == cases.c.village_code)
        .join(Cell, Cell.id == worst.c.cell_id, isouter=True)
        .group_by(worst.c.cell_id, worst.c.bare, worst.c.heat, Cell.code, Cell.name)
        .order_by(worst.c.heat.desc(), worst.c.cell_id, worst.c.bare)
    )  # fmt: skip
    return [HotSpot(*(*said, Limit(amount, Unit(unit)))) for *said, amount, unit in rows]


def _late(then: State, moment: datetime, only: Light | None, *, live: bool) -> ColumnElement[bool]:
    """Whether an issue was overdue, and of this light where one is asked for."""
    found = [then.weight > RED_OVER]
    if live:  # cheap to read: only few have to be weighed after it
        found.append(or_(Issue.due_at < moment, Issue.stopped_mark > Issue.due_mark))
    if only is not None:
        found.append(has_light(only, then.weight))
    return and_(*found)


def holders(place: Place, moment: datetime, *, live: bool = True) -> list[str]:
    """Who holds most of the open issues of `place`: teams' ids and codes of desks."""
    then = state(place, moment, ALL, live=live)
    holder = func.coalesce(cast(then.team, String), then.desk).label("holder")
    rows = then.query.with_only_columns(holder).group_by(holder)
    return list(db.session.scalars(rows.order_by(func.count().desc(), holder).limit(HOLDERS_SHOWN)))

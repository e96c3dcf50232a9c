"""What held for a household on an earlier day: the cell in which it counted, and its status.

The row of a household says what holds now. Whoever changes its cell or status keeps what held
before with `keep_cells` or `keep_statuses`, in the same transaction and for all rows at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Uuid,
    bindparam,
    column,
    func,
    select,
    text,
)
from sqlalchemy.orm import aliased

from gridserve import workdays
from gridserve.db import Asked, db
from visits.models import Household, HouseholdStatus, StatusStay, Stay

# A household without a cell counts from the beginning in the first one that it is given. What is
# dated back never comes before what is kept already: until then the household was elsewhere.
KEEP_CELLS = """
    INSERT INTO household_stay (household_id, change_id, to_date, cell_id, next_id)
    SELECT was.household_id, CAST(:change AS uuid), greatest(CAST(:day AS date), (
        SELECT max(s.to_date) FROM household_stay AS s WHERE s.household_id = was.household_id
    )), was.cell_id, was.next_id
    FROM ({was}) AS was (household_id, cell_id, next_id)
    WHERE was.cell_id IS NOT NULL AND was.cell_id IS DISTINCT FROM was.next_id
"""
# Of several changes on a day the first one says what held before.
KEEP_STATUSES = """
    INSERT INTO household_status (household_id, to_date, status)
    SELECT was.household_id, CAST(:day AS date), was.status
    FROM ({was}) AS was (household_id, status)
    ON CONFLICT DO NOTHING
"""


def cell_on(day: date | ColumnElement[date]) -> ColumnElement[uuid.UUID | None]:
    """The cell in which a household counts on `day`: its present one but where that came later."""
    stay = (
        select(Stay.cell_id)
        .where(Stay.household_id == Household.id, Stay.to_date > day)
        .order_by(Stay.to_date, Stay.at)  # of several changes on a day the first one's
        .limit(1)
    )
    return func.coalesce(stay.scalar_subquery(), Household.cell_id)


@cache
def _home() -> type[Household]:
    return aliased(Household)


def near(cells: Collection[uuid.UUID] | Select[Any], day: date) -> ColumnElement[bool]:
    """Whether a household may have counted in one of the cells on `day`, found by indexes."""
    if day >= workdays.today():
        return Household.cell_id.in_(cells)
    home = _home()
    # A union and no OR, which would read every household of the county.
    here = select(home.id).where(home.cell_id.in_(cells))
    left = select(Stay.household_id).where(Stay.cell_id.in_(cells))
    return Household.id.in_(here.union(left))


def cells_on(
    asked: Collection[tuple[uuid.UUID, date]],
) -> dict[tuple[uuid.UUID, date], uuid.UUID | None]:
    """The cells in which households (their ids) count on a day each, all in one query."""
    if not asked:
        return {}
    homes, days = zip(*asked, strict=True)
    return {(home, day): cell for home, day, cell in _CELLS(homes=list(homes), days=list(days))}


def _cells_on_days() -> Select[*tuple[Any, ...]]:
    homes, days = bindparam("homes", type_=ARRAY(Uuid)), bindparam("days", type_=ARRAY(Date))
    pairs = func.unnest(homes, days).table_valued(column("home", Uuid), column("day", Date))
    pair = pairs.render_derived()
    return select(pair.c.home, pair.c.day, cell_on(pair.c.day)).join_from(
        pair, Household, Household.id == pair.c.home
    )


_CELLS = Asked(_cells_on_days)


def status_on(day: date) -> ColumnElement[HouseholdStatus]:
    """The status of a household on `day`, as far as it is known; its present one from today on."""
    if day >= workdays.today():
        return Household.status.expression
    stay = (
        select(StatusStay.status)
        .where(StatusStay.household_id == Household.id, StatusStay.to_date > day)
        .order_by(StatusStay.to_date)
        .limit(1)
    )
    return func.coalesce(stay.scalar_subquery(), Household.status)


def keep_cells(was: str, *, day: date, change: uuid.UUID | None = None, **values: Any) -> None:
    """Keep the cells up to `day` of the households that `was` selects.

    `was` is a query with three columns: the household, the cell it leaves, the one it goes to.
    `values` are what it binds; `change` is the change of cells that moved them.
    """
    statement = text(KEEP_CELLS.format(was=was))
    db.session.execute(statement, {**values, "day": day, "change": change})


def keep_statuses(was: str, *, day: date, **values: Any) -> None:
    """Keep the statuses up to `day` of the households that `was` selects with the status before."""
    db.session.execute(text(KEEP_STATUSES.format(was=was)), {**values, "day": day})

"""Where a reported issue is: village, cell and point from what was said with it."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask_babel import gettext as _
from geoalchemy2 import Geography, Geometry
from sqlalchemy import ColumnElement, and_, case, cast, func, select

from grids.models import Cell, Jurisdiction
from grids.permissions import holds_on, reach
from gridserve import workdays
from gridserve.db import SRID, db, now
from gridserve.errors import Invalid
from gridserve.people import User
from gridserve.permissions import Permission, within
from visits.issues.models import Category, Issue
from visits.models import Household, Visit
from visits.operations import basic_cell_at, point_of
from visits.permissions import visible_households, visible_visits

FARTHEST_M = 5_000  # a point may lie this far outside the cell that was said with it


def place_of(said: dict[str, Any], by: User) -> dict[str, Any]:
    """The columns of place of an issue, from the visit, household, cell or point given.

    Raises Invalid with a pointer to what is not there, not `by`'s to see, or far away.
    """
    place: dict[str, Any] = {"visit_id": said.get("visit_id"), **point_of(said.get("point"))}
    household_id = said.get("household_id")
    day = workdays.day_of(said.get("reported_at") or now())
    if place["visit_id"]:
        household_id = _visited(place["visit_id"], household_id, by)
    if household_id:
        place |= _at_household(household_id, "point" in place, day, by)
    elif said.get("cell"):
        cell = db.session.scalar(
            select(Cell)
            .where(Cell.code == said["cell"], holds_on(Cell, workdays.today()))
            .with_for_update(read=True)  # nobody ends it before the issue is there to be moved
        )
        if cell is None:
            raise Invalid(errors={"/cell": [_("No such cell today.")]})
        place |= {"village_code": cell.village_code, "cell_id": cell.id}
    elif "point" in place:
        cell = basic_cell_at(place["point"])
        if cell is None:
            raise Invalid(errors={"/point": [_("No cell covers this point.")]})
        place |= {"village_code": cell.village_code, "cell_id": cell.id}
    elif said.get("village"):
        if db.session.get(Jurisdiction, said["village"]) is None:
            raise Invalid(errors={"/village": [_("No such jurisdiction.")]})
        place |= {"village_code": said["village"], "cell_id": None}
    else:
        words = _("Say where: visit_id, household_id, cell, point or village.")
        raise Invalid(errors={"/": [words]})
    if said.get("point"):
        _check_near(place)
    return place


def _visited(visit_id: uuid.UUID, household_id: uuid.UUID | None, by: User) -> uuid.UUID:
    visit = db.session.scalar(visible_visits(by).where(Visit.id == visit_id))
    if visit is None:
        raise Invalid(errors={"/visit_id": [_("No such visit. Send the visit first.")]})
    if household_id not in (None, visit.household_id):
        raise Invalid(errors={"/household_id": [_("The visit was to another household.")]})
    return visit.household_id


def _at_household(household_id: uuid.UUID, placed: bool, day: date, by: User) -> dict[str, Any]:
    """Village and cell of a household of the reporter's jurisdiction.

    Its exact point comes along only where the reporter may see the household: an issue about one
    outside the own cells is taken, and does not tell where it is.
    """
    household = db.session.scalar(
        select(Household)
        .where(
            Household.id == household_id,
            within(Household.village_code, reach(by, Permission.ISSUE_REPORT, day)),
        )
        .with_for_update(read=True)  # nobody moves it to another cell meanwhile
        .execution_options(populate_existing=True)
    )
    if household is None:
        raise Invalid(errors={"/household_id": [_("No such household in your jurisdiction.")]})
    place: dict[str, Any] = {
        "household_id": household.id,
        "village_code": household.village_code,
        "cell_id": household.cell_id,
    }
    seen = visible_households(by).where(Household.id == household_id)
    if not placed and household.point is not None and db.session.scalar(seen) is not None:
        place |= {"point": household.point, "point_source": household.point_source}
    return place


def _check_near(place: dict[str, Any]) -> None:
    """A point that was given besides must fit what else was said, or maps would mislead."""
    if place["cell_id"] is None:
        return
    near = select(Cell.id).where(
        Cell.id == place["cell_id"],
        func.ST_DWithin(cast(Cell.polygon, Geography), cast(place["point"], Geography), FARTHEST_M),
    )
    if db.session.scalar(near) is None:
        raise Invalid(
            errors={
                "/point": [
                    _(
                        "Lies more than %(km)s km from the cell. Check it and its crs.",
                        km=FARTHEST_M // 1000,
                    )
                ]
            }
        )


def stands() -> ColumnElement[Any]:
    """Where an issue stands on a map, for a query that joins its category, and outer its cell and
    household: at its own point, else its household's, else in the middle of its cell, else
    nowhere. A sensitive one stands in the middle of its cell.
    """
    middle = func.ST_PointOnSurface(Cell.polygon, type_=Geometry("POINT", srid=SRID))
    return case(
        (and_(Category.sensitive, Issue.cell_id.is_not(None)), middle),
        (Category.sensitive, None),
        else_=func.coalesce(Issue.point, Household.point, middle),
    )

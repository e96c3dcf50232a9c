"""Lists of households and visits, within what the asker may see."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, SQLColumnExpression, and_, func, or_, select
from sqlalchemy.orm import joinedload, raiseload, selectinload

from grids.models import Cell
from grids.permissions import WIDE_ROLES
from gridserve import workdays
from gridserve.db import db
from gridserve.http import paged
from gridserve.people import User
from gridserve.permissions import Permission, scopes
from visits.counting import met_between, missed, still_overdue
from visits.due import due_column, is_due
from visits.models import Household, HouseholdStatus, Visit
from visits.operations import HouseholdUnknown
from visits.past import cell_on, status_on
from visits.permissions import own_visits, visible_households, visible_visits
from visits.photos.models import Attachment


def households(user: User, filters: dict[str, Any]) -> Select[Household]:
    """The households that `user` may see and that pass `filters` (HouseholdsIn)."""
    query = visible_households(user).options(joinedload(Household.cell), raiseload("*"))
    if filters.get("jurisdiction"):
        query = query.where(Household.village_code.like(filters["jurisdiction"] + "%"))
    if filters.get("cell"):
        cell = select(Cell.id).where(Cell.code == filters["cell"]).scalar_subquery()
        day = filters.get("as_of")
        query = query.where((cell_on(day) if day else Household.cell_id) == cell)
    status = status_on(filters.get("to") or filters.get("as_of") or workdays.today())
    if filters.get("status"):
        query = query.where(status == filters["status"])
    if filters.get("register"):
        query = query.where(status != HouseholdStatus.DEMOLISHED)
    if filters.get("tag"):
        query = query.where(Household.tags.contains([filters["tag"]]))
    if filters.get("tagged"):
        query = query.where(func.cardinality(Household.tags) > 0)
    if filters.get("not_met_since"):
        since: date = filters["not_met_since"]
        query = query.where(
            or_(Household.last_met_at.is_(None), Household.last_met_at < workdays.start_of(since))
        )
    if filters.get("due") is not None:
        due = is_due(workdays.today())
        query = query.where(due if filters["due"] else ~due)
    if filters.get("met") is not None:
        met = met_between(filters["from"], filters["to"])
        if filters.get("register"):
            met = and_(met, status == HouseholdStatus.ACTIVE)
        query = query.where(met if filters["met"] else ~met)
    if filters.get("missed"):
        query = query.where(missed(filters["from"], filters["to"]))
    if filters.get("overdue"):
        query = query.where(still_overdue(filters["from"], filters["to"]))
    if filters.get("q"):
        query = query.where(
            or_(
                Household.number.startswith(filters["q"], autoescape=True),
                Household.address.startswith(filters["q"], autoescape=True),
            )
        )
    return query


def order_of(filters: dict[str, Any]) -> tuple[SQLColumnExpression[Any], ...]:
    """The keys by which a list of households is paged."""
    if filters["sort"] == "due":
        return (due_column(), Household.id)
    return (Household.village_code, Household.number)


def household(user: User, household_id: uuid.UUID, *, lock: bool = False) -> Household:
    """One household that `user` may see; HouseholdUnknown otherwise."""
    query = visible_households(user).where(Household.id == household_id)
    query = query.options(joinedload(Household.cell))
    if lock:
        query = query.with_for_update(of=Household)
    found = db.session.scalar(query)
    if found is None:
        raise HouseholdUnknown(_("No such household in your scope."))
    return found


def with_photos(query: Select[Visit]) -> Select[Visit]:
    """Visits with what is shown of them."""
    photos = selectinload(Visit.photos).joinedload(Attachment.photo)
    return query.options(photos, raiseload("*"))


def visits_to(user: User, household_id: uuid.UUID) -> Select[Visit]:
    """The visits to one household that `user` may see."""
    return with_photos(visible_visits(user)).where(Visit.household_id == household_id)


def visits_page(user: User, args: dict[str, Any]) -> dict[str, Any]:
    """A page of the visits that `user` may see, the latest first (VisitsIn).

    Each way in has its index. What somebody sees who sees whole jurisdictions is ordered by when it
    arrived; what is few is ordered by when it was.
    """
    query, latest = visible_visits(user), Visit.started_at
    if args["mine"]:
        query = select(Visit).where(Visit.visitor_id == user.id)
    elif not args.get("household"):
        if scopes(user, Permission.HOUSEHOLD_READ, among=WIDE_ROLES):
            latest = Visit.received_at
        else:
            query = own_visits(user)
    if args.get("household"):
        query = query.where(Visit.household_id == args["household"])
    query = with_photos(query)
    return paged(query, (latest, Visit.id), args, descending=True)

"""Households and visits over the API."""

from __future__ import annotations

import uuid
from typing import Any, cast

from flask import Response, jsonify, request
from flask_babel import gettext as _

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Forbidden, NotFound
from gridserve.http import API, Blueprint, PageIn, check_unchanged, etag_of, paged, transaction
from gridserve.permissions import Permission, may
from visits import operations, queries, recording
from visits.models import Household, Visit
from visits.permissions import visible_visits
from visits.schemas import (
    HouseholdIn,
    HouseholdOut,
    HouseholdPage,
    HouseholdPatch,
    HouseholdsIn,
    VisitIn,
    VisitOut,
    VisitPage,
    VisitsIn,
)

bp = Blueprint("visits_api", __name__, url_prefix=API, description="Households and visits")


@bp.get("/households")
@requires(Permission.HOUSEHOLD_READ)
@bp.arguments(HouseholdsIn, location="query")
@bp.response(200, HouseholdPage)
def list_households(args: dict[str, Any]) -> dict[str, Any]:
    """The households that the caller may see; for a cadre those of the own cells."""
    return paged(queries.households(current_user, args), queries.order_of(args), args)


@bp.post("/households")
@requires(Permission.HOUSEHOLD_WRITE)
@transaction
@bp.arguments(HouseholdIn)
@bp.response(201, HouseholdOut)
def add_household(data: dict[str, Any]) -> Household:
    """Register a household. Its cell follows from its point."""
    if not may(current_user, Permission.HOUSEHOLD_WRITE, data["village_code"]):
        raise Forbidden(_("This village lies outside your jurisdiction."))
    household = operations.add_household(data, by=current_user)
    db.session.refresh(household, ["cell", "point"])
    return household


@bp.get("/households/<uuid:household_id>")
@requires(Permission.HOUSEHOLD_READ)
@bp.response(200, HouseholdOut)
def get_household(household_id: uuid.UUID) -> Response:
    """One household. Its ETag can be given as If-Match with a change."""
    shown = HouseholdOut().dump(queries.household(current_user, household_id))
    response = jsonify(shown)
    response.set_etag(etag_of(shown))
    return cast(Response, response.make_conditional(request))


@bp.patch("/households/<uuid:household_id>")
@requires(Permission.HOUSEHOLD_WRITE)
@transaction
@bp.arguments(HouseholdPatch)
@bp.response(200, HouseholdOut)
def change_household(data: dict[str, Any], household_id: uuid.UUID) -> Household:
    """Change a household; with another point it may come to another cell."""
    household = queries.household(current_user, household_id, lock=True)
    check_unchanged(HouseholdOut().dump(household))
    operations.change_household(household, data, by=current_user)
    db.session.flush()
    db.session.refresh(household, ["cell", "point"])
    return household


@bp.get("/households/<uuid:household_id>/visits")
@requires(Permission.VISIT_READ)
@bp.arguments(PageIn, location="query")
@bp.response(200, VisitPage)
def household_visits(args: dict[str, Any], household_id: uuid.UUID) -> dict[str, Any]:
    """The visits to one household, newest first."""
    queries.household(current_user, household_id)
    query = queries.visits_to(current_user, household_id)
    return paged(query, (Visit.started_at, Visit.id), args, descending=True)


@bp.get("/visits")
@requires(Permission.VISIT_READ)
@bp.arguments(VisitsIn, location="query")
@bp.response(200, VisitPage)
def list_visits(args: dict[str, Any]) -> dict[str, Any]:
    """Visits: the own ones, and those to households that the caller may see, the latest first."""
    return queries.visits_page(current_user, args)


@bp.post("/visits")
@requires(Permission.VISIT_RECORD)
@transaction
@bp.arguments(VisitIn)
@bp.response(201, VisitOut)
def record_visit(data: dict[str, Any]) -> Visit:
    """Record a visit. Sending it again changes nothing and gets the same answer."""
    return recording.record_visit(data, by=current_user)


@bp.get("/visits/<uuid:visit_id>")
@requires(Permission.VISIT_READ)
@bp.response(200, VisitOut)
def get_visit(visit_id: uuid.UUID) -> Visit:
    """One visit."""
    query = queries.with_photos(visible_visits(current_user)).where(Visit.id == visit_id)
    visit = db.session.scalar(query)
    if visit is None:
        raise NotFound(_("No such visit in your scope."))
    return visit

"""What is done to households, and what visits and issues share with that. Nothing here commits."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from geoalchemy2 import WKTElement
from geoalchemy2.functions import ST_Covers
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from grids.coordinates import System, to_wgs84
from grids.models import Cell, CellKind
from grids.permissions import holds_on
from gridserve import events, workdays
from gridserve.db import SRID, UNIQUE_VIOLATION, db, sqlstate
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.sealing import keyed
from visits import figures, past
from visits.models import Household
from visits.permissions import sees_names

# A phone's clock may run ahead by this much before a time counts as in the future.
CLOCK_TOLERANCE = timedelta(minutes=10)

LEAVES = "SELECT CAST(:home AS uuid), CAST(:before AS uuid), CAST(:after AS uuid)"
HAD = "SELECT CAST(:home AS uuid), :before"


class IdTaken(Conflict):
    code, title = "request.id_taken", Conflict.title


class NumberTaken(Conflict):
    code = "household.number_taken"


class Masked(Forbidden):
    """Who sees a name or phone only masked cannot overwrite it: the mask would be stored."""

    code = "household.masked"


class HouseholdUnknown(NotFound):
    code = "household.not_found"


class InFuture(Invalid):
    """Said to have happened later than the server's clock allows."""

    code = "visit.in_future"


def digest(said: dict[str, Any]) -> str:
    """A fingerprint of what a client sent, to tell a repeat from a different thing."""
    return hashlib.sha256(
        json.dumps(said, sort_keys=True, default=str, ensure_ascii=False).encode()
    ).hexdigest()


def point_of(place: dict[str, Any] | None) -> dict[str, Any]:
    """Columns point and point_source from {lon, lat, crs}; the point is stored in WGS 84."""
    if place is None:
        return {}
    system = System(place["crs"])
    try:
        lon, lat = to_wgs84(place["lon"], place["lat"], system)
    except ValueError as error:
        raise Invalid(errors={"/point": [str(error)]}) from error
    return {"point": WKTElement(f"POINT({lon} {lat})", srid=SRID), "point_source": system}


def basic_cell_at(point: WKTElement) -> Cell | None:
    """The basic cell in which `point` (EPSG:4326) lies today.

    It is locked, shared: nobody ends it before this transaction is over.
    """
    here = (
        select(Cell)
        .where(
            ST_Covers(Cell.polygon, point),
            Cell.kind == CellKind.BASIC,
            holds_on(Cell, workdays.today()),
        )
        .order_by(Cell.code)  # a point on a shared edge belongs to the lower code
        .limit(1)
        .with_for_update(read=True)
    )
    # Who waited for a cell that has just ended finds nothing, and at a second look its heir.
    return db.session.scalar(here) or db.session.scalar(here)


def move_household(household: Household, place: dict[str, Any], *, by: User) -> None:
    """Put a household at another point; its cell follows. Its past visits stay where they were."""
    before = household.cell_id
    columns = point_of(place)
    cell = basic_cell_at(columns["point"])
    if cell is not None and cell.village_code != household.village_code:
        raise Invalid(errors={"/point": [_("This point lies in another village.")]})
    household.point, household.point_source = columns["point"], columns["point_source"]
    household.accuracy_m = place.get("accuracy_m")
    household.cell_id = cell.id if cell else None
    past.keep_cells(
        LEAVES, day=workdays.today(), home=household.id, before=before, after=household.cell_id
    )
    figures.mark([before, household.cell_id])
    events.record("household.moved", household.id, by=by.id, jurisdiction=household.village_code)


def change_household(household: Household, changes: dict[str, Any], *, by: User) -> None:
    """Change status, tags, note, do-not-disturb, size, phone, or the point of a household."""
    if {"head_name", "phone"} & changes.keys() and not sees_names(by, household):
        raise Masked(_("You see name and phone masked only, so leave them out of the change."))
    place = changes.pop("point", None)
    if changes.get("status", household.status) != household.status:
        past.keep_statuses(
            HAD, day=workdays.today(), home=household.id, before=household.status.value
        )
    for name in (
        "status",
        "tags",
        "note",
        "do_not_disturb",
        "size",
        "phone",
        "head_name",
        "address",
        "group_name",
    ):
        if name in changes:
            setattr(household, name, changes[name])
    if "status" in changes:
        figures.mark([household.cell_id])
    if place is not None:
        move_household(household, place, by=by)
    if changes:
        events.record(
            "household.changed",
            household.id,
            by=by.id,
            jurisdiction=household.village_code,
            data={"fields": sorted(changes)},
        )


def add_household(said: dict[str, Any], *, by: User) -> Household:
    """Register a household, once, however often it is sent; its cell follows from its point."""
    fingerprint = keyed(digest(said))
    known = _same_household(said["id"], fingerprint)
    if known is not None:
        return known
    columns = point_of(said.get("point"))
    cell = basic_cell_at(columns["point"]) if columns else None
    if cell is not None and cell.village_code != said["village_code"]:
        raise Invalid(errors={"/point": [_("This point lies in another village.")]})
    plain = {k: v for k, v in said.items() if k != "point"}
    household = Household(
        **plain, **columns, cell_id=cell.id if cell else None, said=fingerprint[0]
    )
    try:
        with db.session.begin_nested():
            db.session.add(household)
            db.session.flush()
    except IntegrityError as error:
        known = _same_household(said["id"], fingerprint)
        if known is None:
            if sqlstate(error) == UNIQUE_VIOLATION:
                raise NumberTaken(_("The village has a household with this number.")) from error
            raise
        return known
    figures.mark([household.cell_id])
    events.record("household.added", household.id, by=by.id, jurisdiction=household.village_code)
    return household


def _same_household(household_id: uuid.UUID, fingerprint: tuple[str, ...]) -> Household | None:
    known = db.session.get(Household, household_id)
    if known is not None and known.said not in fingerprint:
        raise IdTaken(_("This id is already used for another household; make a new one."))
    return known

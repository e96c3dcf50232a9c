"""The own cells and the households in them, as a phone keeps them."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from geoalchemy2.functions import ST_X, ST_Y
from sqlalchemy import func, select, true
from sqlalchemy.dialects.postgresql import distinct_on

from grids.models import Assignment, Cell, Jurisdiction, Membership, Team, short_name
from grids.permissions import holds_on, serves
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.due import due_column
from visits.masking import masked_name, masked_phone
from visits.models import Household, HouseholdStatus, Visit
from visits.workset.values import filled, local, shortened

MOST_HOUSEHOLDS = 5_000
NAMED_WITHIN = timedelta(days=7)  # whose visit is due by then is called by the full name
VISITS = 2
NOTES, NOTE = 60, 120  # characters of a visit's notes, and of the note on a household
GENERALISED = 0.00003  # degrees, about 3 m: what a phone's map cannot show
DIGITS = 5  # of degrees: about 1 m


def cells(user: User, day: date) -> list[dict[str, Any]]:
    """The cells for which the user's teams answer on `day`, also in somebody's place, by code.

    An own membership goes before one in which the user stands in, the team that leads before one
    that supports.
    """
    own = Membership.user_id == user.id
    shape = func.ST_SimplifyPreserveTopology(Cell.polygon, GENERALISED)
    rows = (
        select(
            Cell.id, Cell.code, Cell.name, Cell.village_code,
            Jurisdiction.name.label("village"), Team.id.label("team_id"), Team.name.label("team"),
            Assignment.lead, own.label("own"), User.name.label("served"),
            func.ST_AsGeoJSON(shape, DIGITS).label("shape"),
        )
        .select_from(Cell)
        .join(Assignment, Assignment.cell_id == Cell.id)
        .join(Team, Team.id == Assignment.team_id)
        .join(Membership, Membership.team_id == Team.id)
        .join(User, User.id == Membership.user_id)
        .join(Jurisdiction, Jurisdiction.code == Cell.village_code)
        .where(holds_on(Assignment, day), serves(user, day))
        .ext(distinct_on(Cell.code))
        .order_by(Cell.code, own.desc(), Assignment.lead.desc(), Membership.id)
    )  # fmt: skip
    return [
        {
            "_id": row.id,
            "code": row.code,
            "name": row.name,
            "village": row.village_code,
            "village_name": short_name(row.village),
            "team": row.team,
            "team_id": str(row.team_id),
            "for": None if row.own else row.served,
            "lead": row.lead,
            "rings": json.loads(row.shape)["coordinates"],
        }
        for row in db.session.execute(rows)
    ]


def households(
    codes: dict[uuid.UUID, str], day: date, *, troubled: Collection[uuid.UUID]
) -> tuple[list[dict[str, Any]], bool]:
    """The households of these cells (id → code), the longest due first; and whether some had to be
    left out.

    Names are in full where a visit is due within days or an issue is open (`troubled`): the phone
    must say whom to ask for; the others and all phones are masked.
    """
    due = due_column()
    rows = db.session.execute(
        select(
            Household.id, Household.number, Household.cell_id, Household.group_name,
            Household.address, Household.head_name, Household.phone, Household.size,
            Household.tags, Household.do_not_disturb, Household.note, Household.status,
            Household.last_met_at, ST_X(Household.point).label("lon"),
            ST_Y(Household.point).label("lat"), due.label("due"),
        )
        .where(
            Household.cell_id.in_(codes), Household.status != HouseholdStatus.DEMOLISHED
        )
        .order_by(due, Household.id)
        .limit(MOST_HOUSEHOLDS + 1)
    ).all()  # fmt: skip
    kept = rows[:MOST_HOUSEHOLDS]
    visits = _visits([row.id for row in kept])
    soon = day + NAMED_WITHIN
    return [
        _household(row, codes, visits[row.id], named=_named(row, soon, troubled)) for row in kept
    ], len(rows) > len(kept)


def _named(row: Any, soon: date, troubled: Collection[uuid.UUID]) -> bool:
    due = row.status is HouseholdStatus.ACTIVE and row.due <= soon
    return due or row.id in troubled


def _household(
    row: Any, codes: dict[uuid.UUID, str], visits: list[dict[str, Any]], *, named: bool
) -> dict[str, Any]:
    active = row.status is HouseholdStatus.ACTIVE
    return filled(
        id=str(row.id),
        number=row.number,
        cell=codes[row.cell_id],
        group=row.group_name,
        address=row.address,
        name=row.head_name if named else masked_name(row.head_name),
        phone=masked_phone(row.phone),
        size=row.size,
        tags=row.tags,
        dnd=row.do_not_disturb,
        note=shortened(row.note, NOTE),
        status=None if active else row.status.value,
        lon=row.lon and round(row.lon, DIGITS),
        lat=row.lat and round(row.lat, DIGITS),
        met=row.last_met_at and workdays.day_of(row.last_met_at).isoformat(),
        due=row.due.isoformat() if active else None,
        visits=visits,
    )


def _visits(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    """The last visits to each household, the latest first."""
    last = (
        select(Visit.started_at, Visit.outcome, Visit.notes, Visit.visitor_id, Visit.id)
        .where(Visit.household_id == Household.id)
        .order_by(Visit.started_at.desc(), Visit.id)
        .limit(VISITS)
        .lateral()
    )
    rows = (
        select(Household.id, last.c.started_at, last.c.outcome, last.c.notes, User.name)
        .select_from(Household)
        .join(last, true())
        .join(User, User.id == last.c.visitor_id)
        .where(Household.id.in_(ids))
        .order_by(Household.id, last.c.started_at.desc(), last.c.id)
    )
    found: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for household, at, outcome, notes, name in db.session.execute(rows) if ids else ():
        visit = {"at": local(at), "outcome": outcome.value, "by": name}
        found[household].append(filled(**visit, notes=shortened(notes, NOTES)))
    return found

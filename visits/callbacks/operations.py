"""Taking a call, writing down what it gave, and adding one after a hint. Nothing here commits."""

from __future__ import annotations

import uuid
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from grids.models import Level
from gridserve import events
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from visits.callbacks.models import Callback, Outcome, Try
from visits.callbacks.permissions import visible_callbacks
from visits.models import Household, Visit

FINAL = (Outcome.CONFIRMED, Outcome.NOT_CONFIRMED)


class CallbackUnknown(NotFound):
    code = "callback.not_found"


class CallbackDone(Conflict):
    """Somebody has confirmed it or not meanwhile."""

    code = "callback.done"


class NotTheCaller(Forbidden):
    """Only who was shown the phone writes down what the call gave."""

    code = "callback.not_caller"


def add(visit: Visit) -> None:
    """Have a visit confirmed with the household, once."""
    village = db.session.scalars(
        select(Household.village_code).where(Household.id == visit.household_id)
    ).one()
    row = {"visit_id": visit.id, "township_code": village[: Level.TOWNSHIP], "added_at": now()}
    db.session.execute(insert(Callback).values(row).on_conflict_do_nothing())


def take(visit_id: uuid.UUID, *, by: User) -> Callback:
    """Take the call: the phone is shown to `by` and nobody else, and that is written down."""
    callback = _locked(visit_id, by)
    if callback.outcome in FINAL:
        raise CallbackDone(_("Somebody has called meanwhile."))
    if callback.visit.household.do_not_disturb:
        raise Forbidden(_("The household does not want to be disturbed."))
    if callback.caller_id != by.id:
        callback.caller_id, callback.taken_at = by.id, now()
        events.record(
            "phone.revealed", callback.visit.household_id, by=by.id,
            jurisdiction=callback.visit.household.village_code,
            data={"why": "confirming a visit", "visit": str(callback.visit_id)},
        )  # fmt: skip
    return callback


def record(visit_id: uuid.UUID, said: dict[str, Any], *, by: User) -> Callback:
    """Write down what a try gave (`said`: id, outcome, words), by who took the call.

    Not reached may be tried again; what the household said stays. A repeat changes nothing.
    """
    callback = _locked(visit_id, by)
    if db.session.get(Try, said["id"]) is not None:
        return callback
    if callback.caller_id != by.id:
        raise NotTheCaller(_("Take the call first: then the phone is shown to you."))
    if callback.outcome in FINAL:
        raise CallbackDone(_("Somebody has called meanwhile."))
    if said["outcome"] is Outcome.NOT_CONFIRMED and not said["words"]:
        raise Invalid(errors={"/words": [_("Say what the household said.")]})
    db.session.add(Try(visit_id=visit_id, by_id=by.id, **said))
    callback.outcome, callback.words, callback.by_id = said["outcome"], said["words"], by.id
    db.session.flush()
    events.record(
        f"callback.{said['outcome'].value}", visit_id, by=by.id,
        jurisdiction=callback.visit.household.village_code,
    )  # fmt: skip
    return callback


def _locked(visit_id: uuid.UUID, by: User) -> Callback:
    callback = db.session.scalar(
        visible_callbacks(by)
        .where(Callback.visit_id == visit_id)
        .options(joinedload(Callback.visit).joinedload(Visit.household))
        .with_for_update(of=Callback)
    )
    if callback is None:
        raise CallbackUnknown(
            _("No such call in your jurisdiction; own visits are confirmed by somebody else.")
        )
    return callback

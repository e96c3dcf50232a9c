"""Taking a request down and deciding it. Nothing here commits."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from gridserve import events, workdays
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, may
from visits import figures, queries
from visits.operations import IdTaken
from visits.requests import person
from visits.requests.models import Kind, ResidentRequest, State
from visits.requests.permissions import may_decide, visible_requests

WANTED = ("head_name", "phone", "address")


class RequestUnknown(NotFound):
    code = "request.unknown"


class RequestDecided(Conflict):
    """Somebody decided it meanwhile."""

    code = "request.decided"


class NotTheDecider(Forbidden):
    """Leaders decide, and not what they took down themselves."""

    code = "request.not_decider"


def find(request_id: uuid.UUID, user: User, *, lock: bool = False) -> ResidentRequest:
    """One request that `user` may see; RequestUnknown otherwise."""
    query = visible_requests(user).where(ResidentRequest.id == request_id)
    if lock:
        query = query.with_for_update(of=ResidentRequest)
    found = db.session.scalar(
        query.options(
            joinedload(ResidentRequest.household), joinedload(ResidentRequest.by),
            joinedload(ResidentRequest.decided_by),
        )
    )  # fmt: skip
    if found is None:
        raise RequestUnknown(_("No such request in your jurisdiction."))
    return found


def take(said: dict[str, Any], *, by: User) -> ResidentRequest:
    """Take a request down. `said` is RequestIn. Sending it again changes nothing."""
    home = queries.household(by, said["household_id"])
    if not may(by, Permission.REQUESTS, home.village_code):
        raise Forbidden(_("This place lies outside your jurisdiction."))
    known = db.session.get(ResidentRequest, said["id"])
    if known is not None:
        if (known.by_id, known.household_id) != (by.id, home.id):
            raise IdTaken(_("This id is already used for something else; make a new one."))
        return known
    wanted = {name: said[f"new_{name}"] for name in WANTED if said.get(f"new_{name}")}
    if said["kind"] is Kind.CORRECT and not wanted:
        raise Invalid(errors={"/new_head_name": [_("Say what it should read.")]})
    config: Config = current_app.extensions["gridserve"]
    row = ResidentRequest(
        id=said["id"], kind=said["kind"], household_id=home.id, village_code=home.village_code,
        phone=said.get("phone") or None, words=said["words"], checked=said["checked"],
        wanted=json.dumps(wanted, ensure_ascii=False) if said["kind"] is Kind.CORRECT else None,
        by_id=by.id, due_on=workdays.today() + timedelta(days=config.request_days),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    _record("taken", row, by)
    return row


def decide(request_id: uuid.UUID, granted: bool, answer: str, *, by: User) -> ResidentRequest:
    """Grant or refuse a request with an answer; what is granted is done at once.

    Raises NotTheDecider, RequestDecided.
    """
    row = find(request_id, by, lock=True)
    if not may_decide(by, row):
        raise NotTheDecider(_("A leader decides, and somebody else than who took it down."))
    if row.state is not State.OPEN:
        raise RequestDecided(_("It is decided already."))
    row.state = State.GRANTED if granted else State.REFUSED
    row.decided_at, row.decided_by_id, row.answer = now(), by.id, answer
    if granted and row.kind is Kind.DELETE:
        row.outcome = person.let_go(row, by)
        row.phone = None
        figures.mark([row.household.cell_id])
    elif granted and row.kind is Kind.CORRECT:
        wanted = json.loads(row.wanted or "{}")
        for name in WANTED:
            if name in wanted:
                setattr(row.household, name, wanted[name])
        row.outcome = {"fields": sorted(wanted)}
    db.session.flush()
    _record(row.state.value, row, by)
    return row


def taken_along(row: ResidentRequest, *, by: User) -> None:
    """Write down that the file of all that is kept was taken."""
    _record("file_taken", row, by)


def _record(what: str, row: ResidentRequest, by: User) -> None:
    events.record(
        f"resident_request.{what}", row.id, by=by.id, jurisdiction=row.village_code,
        data={"kind": row.kind.value, **row.outcome},
    )  # fmt: skip

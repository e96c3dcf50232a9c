"""Sending notices outward: deliveries are written, claimed, sent, tried again and given up.

At least once, and never again after a success was written down: an attempt that was cut off between
the gateway's answer and our commit is repeated, because silence would be worse.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import force_locale
from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload, raiseload

from gridserve import workdays
from gridserve.config import Config
from gridserve.db import Instant, db, now
from gridserve.people import User
from gridserve.sealing import SealBroken, unseal
from visits.issues.models import Issue
from visits.telling import wire, words
from visits.telling.causes import (
    ATTEMPTS,
    GROUP_PARTS,
    LONGEST_PAUSE,
    State,
    is_quiet,
    pause_after,
    rest_after,
)
from visits.telling.models import Delivery, Gateway, Notice

ROUTED_AT_ONCE = 2000
LINES = 30  # notices in a message
MOST_IN_DIGEST = 2000  # told in one message, of which the first LINES by line
MESSAGES = 10  # through one gateway in one run: robots take about twenty a minute
# What is being sent when a process dies is taken up again after this.
LEASE = timedelta(seconds=3 * wire.DEADLINE)
RUN = 45.0  # seconds: other jobs wait for the worker too
OPEN = (State.WAITING, State.SENDING)

log = logging.getLogger(__name__)


def send() -> int:
    """Send what is due through every gateway that is open now; gives how many notices went out.

    A job: it may run twice at once, and whatever it leaves the next one finds.
    """
    end, sent = time.monotonic() + RUN, 0
    route()
    for gateway_id in _open_gateways(now()):
        for _message in range(MESSAGES):
            if time.monotonic() > end:
                return sent
            done = _send_one(gateway_id)
            if done is None:
                break
            sent += done
    return sent


def route() -> int:
    """Write the deliveries of new notices, once for each gateway and cause (and person)."""
    total = 0
    while True:
        ids = db.session.scalars(
            select(Notice.id)
            .where(~Notice.routed)
            .order_by(Notice.created_at)
            .limit(ROUTED_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        if not ids:
            db.session.rollback()
            return total
        columns, rows = _deliveries(ids)
        db.session.execute(insert(Delivery).from_select(columns, rows).on_conflict_do_nothing())
        db.session.execute(update(Notice).where(Notice.id.in_(ids)).values(routed=True))
        db.session.commit()
        total += len(ids)


def _deliveries(ids: Sequence[uuid.UUID]) -> tuple[list[str], Any]:
    """The deliveries that follow from notices: columns, and the query that gives them."""
    one = or_(Gateway.each_person, Gateway.user_id.is_not(None))
    hears = or_(
        Gateway.user_id == Notice.user_id,
        and_(
            Gateway.each_person,
            func.starts_with(Notice.at_code, Gateway.jurisdiction_code),
            User.phone.is_not(None),
        ),
        and_(
            ~one,
            ~Issue.about_staff,  # a group may hold whom it is about
            Notice.at_code == Gateway.jurisdiction_code, Notice.part.in_(GROUP_PARTS)
        ),
    )  # fmt: skip
    moment = literal(now(), Instant())
    person = case((one, Notice.user_id))
    key = case((one, Notice.cause + ":" + cast(Notice.user_id, String)), else_=Notice.cause)
    values: dict[str, Any] = {
        "id": func.gen_random_uuid(), "gateway_id": Gateway.id, "notice_id": Notice.id,
        "user_id": person, "key": key, "state": literal(State.WAITING.value),
        "attempts": literal(0), "next_try": moment, "last_error": literal(""),
        "created_at": moment,
    }  # fmt: skip
    rows = (
        select(*values.values())
        .select_from(Notice)
        .join(User, User.id == Notice.user_id)
        .join(Issue, Issue.id == Notice.issue_id, isouter=True)
        .join(Gateway, hears)
        .where(Notice.id.in_(ids), Gateway.active, User.active)
        .order_by(Notice.created_at, Notice.id)
    )
    return list(values), rows


def _has_come(at: Any, moment: datetime) -> ColumnElement[bool]:
    """Whether a delivery's or a gateway's time has come; also where it is further away than any
    pause is long, which a clock that was ahead has written."""
    return or_(at <= moment, at > moment + 2 * LONGEST_PAUSE)


def _open_gateways(moment: datetime) -> list[uuid.UUID]:
    """Gateways with something due that neither rest nor are quiet nor wait for their hour."""
    config: Config = current_app.extensions["gridserve"]
    come = _has_come(Delivery.next_try, moment)
    due = select(Delivery.gateway_id).where(Delivery.state.in_(OPEN), come)
    gateways = db.session.scalars(
        select(Gateway).where(
            Gateway.active,
            or_(Gateway.resting_until.is_(None), _has_come(Gateway.resting_until, moment)),
            Gateway.id.in_(due),
        )
    ).all()
    local, found = moment.astimezone(config.zone), []
    for gateway in gateways:
        waits = gateway.digest_at is not None and (
            local.time() < gateway.digest_at or gateway.digest_on == local.date()
        )
        if not waits and not is_quiet(moment, gateway.quiet_from, gateway.quiet_to, config.zone):
            found.append(gateway.id)
    db.session.rollback()
    return found


def _send_one(gateway_id: uuid.UUID) -> int | None:
    """Claim and send one message; gives how many notices it told, None to leave the gateway."""
    gateway = db.session.get_one(Gateway, gateway_id)
    claimed = _claim(gateway)
    if not claimed:
        if gateway.digest_at is not None:
            gateway.digest_on = workdays.today()
        db.session.commit()
        return None
    ids = [each.id for each in claimed]
    shown = [each.notice for each in claimed[:LINES]]
    person = claimed[0].user
    language = person.language if person and person.language else None
    phone = (person.phone if person else None) or ""
    config: Config = current_app.extensions["gridserve"]
    with force_locale(language or config.language):
        title, body = words.message(shown, more=len(claimed) - len(shown))
    body = gateway.template.replace("{words}", body)
    sealed, expects = gateway.url, gateway.expects
    db.session.commit()  # claimed; nothing is held open while the gateway is waited for
    fault = _fault(sealed, title, body, phone, expects)
    _write_down(gateway_id, ids, fault)
    return len(ids) if fault is None else None


def _claim(gateway: Gateway) -> Sequence[Delivery]:
    """Mark what goes into the next message as being sent, for one person or one group."""
    due = (
        select(Delivery)
        .where(
            Delivery.gateway_id == gateway.id,
            Delivery.state.in_(OPEN),
            _has_come(Delivery.next_try, now()),
        )
        .order_by(Delivery.created_at, Delivery.id)
        .with_for_update(skip_locked=True, of=Delivery)
    )
    first = db.session.scalar(due.limit(1))
    if first is None:
        return []
    most = MOST_IN_DIGEST if gateway.digest_at is not None else LINES
    notice = joinedload(Delivery.notice).joinedload(Notice.issue)
    claimed = db.session.scalars(
        due.where(Delivery.user_id.is_not_distinct_from(first.user_id))
        .limit(most)
        .options(
            notice.joinedload(Issue.category),
            notice.joinedload(Issue.village),
            joinedload(Delivery.user),
            raiseload("*"),
        )
        .execution_options(populate_existing=True)
    ).all()
    for each in claimed:
        each.state, each.attempts, each.next_try = State.SENDING, each.attempts + 1, now() + LEASE
    db.session.flush()
    return claimed


def _fault(sealed: str, title: str, body: str, phone: str, expects: str) -> str | None:
    """Send; gives why it was not taken."""
    config: Config = current_app.extensions["gridserve"]
    inside = config.private_gateways
    try:
        url = unseal(sealed)
        wire.post(url, title, body, phone=phone, expects=expects, inside_allowed=inside)
    except SealBroken:
        return "sealed"
    except wire.Refused as refused:
        return str(refused)[:200]
    return None


def _write_down(gateway_id: uuid.UUID, ids: Sequence[uuid.UUID], fault: str | None) -> None:
    """Keep what became of a message. A gateway that failed rests, so that nobody waits for it."""
    moment = now()
    gateway = db.session.get_one(Gateway, gateway_id, with_for_update=True)
    mine = Delivery.id.in_(ids)
    if fault is None:
        gateway.failures, gateway.resting_until, gateway.last_error = 0, None, ""
        gateway.last_ok_at = moment
        db.session.execute(
            update(Delivery).where(mine).values(state=State.SENT, sent_at=moment, last_error="")
        )
    else:
        log.warning("gateway %s: %s", gateway_id, fault)
        gateway.failures = min(gateway.failures + 1, 1000)
        gateway.resting_until = moment + rest_after(gateway.failures)
        gateway.last_error = fault
        for each in db.session.scalars(select(Delivery).where(mine)):
            given_up = each.attempts >= ATTEMPTS
            each.state = State.FAILED if given_up else State.WAITING
            each.next_try = moment + pause_after(each.attempts)
            each.last_error = fault
    db.session.commit()


def attempt(gateway_id: uuid.UUID, heading: str, body: str) -> None:
    """Send a message of trial through a gateway and keep what became of it; a job."""
    gateway = db.session.get_one(Gateway, gateway_id)
    sealed, expects, text = gateway.url, gateway.expects, gateway.template.replace("{words}", body)
    db.session.commit()
    fault = _fault(sealed, heading, text, "", expects)
    gateway = db.session.get_one(Gateway, gateway_id)
    gateway.last_error = fault or ""
    if fault is None:
        gateway.last_ok_at, gateway.failures, gateway.resting_until = now(), 0, None
    db.session.commit()

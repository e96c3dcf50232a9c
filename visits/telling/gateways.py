"""Keeping gateways: entered, changed, switched off, tried. Nothing here commits.

Their addresses are secrets: kept encrypted, never shown again, and in no event or log.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Jurisdiction
from gridserve import events
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.errors import Forbidden, Invalid, NotFound
from gridserve.jobs import enqueue
from gridserve.people import Post, User
from gridserve.permissions import Permission, may
from gridserve.sealing import seal
from visits.issues.models import Issue
from visits.telling import posting, wire
from visits.telling.causes import State
from visits.telling.models import Delivery, Gateway, Notice
from visits.telling.permissions import kept_gateways
from visits.telling.words import BAD_ADDRESS

FAILED_SHOWN = 50
PLAIN = ("name", "expects", "template", "quiet_from", "quiet_to", "digest_at")


class GatewayUnknown(NotFound):
    code = "gateway.not_found"


def save(said: dict[str, Any], *, by: User) -> Gateway:
    """Enter a gateway or change it, by `said` (GatewayIn); without `url` the address stays.

    Raises Invalid, Forbidden outside `by`'s jurisdiction.
    """
    gateway = db.session.get(Gateway, said["id"], with_for_update=True)
    if gateway is not None:
        gateway = known(gateway.id, by)
    elif not said.get("url"):
        raise Invalid(errors={"/url": [_("Required.")]})
    code = said["jurisdiction"]
    if not may(by, Permission.GATEWAY, code):
        raise Forbidden(_("This place lies outside your jurisdiction."))
    if db.session.get(Jurisdiction, code) is None:
        raise Invalid(errors={"/jurisdiction": [_("No such jurisdiction.")]})
    if (said.get("quiet_from") is None) != (said.get("quiet_to") is None):
        raise Invalid(errors={"/quiet_to": [_("Give both ends of the quiet hours, or none.")]})
    if "{words}" not in said["template"]:
        raise Invalid(errors={"/template": [_("It has to hold {words}: what is told goes there.")]})
    new = gateway is None
    if gateway is None:
        gateway = Gateway(id=said["id"], each_person=False)
        db.session.add(gateway)
    with db.session.no_autoflush:
        gateway.jurisdiction_code = code
        gateway.user_id = _person(said["person"], code).id if said.get("person") else None
        for name in PLAIN:
            setattr(gateway, name, said.get(name))
        gateway.expects = gateway.expects or ""
        if said.get("url"):
            _take_address(gateway, said["url"])
        if gateway.each_person and gateway.user_id is not None:
            words = _("With {phone} it is for each person of the place: leave the person out.")
            raise Invalid(errors={"/person": [words]})
    db.session.flush()
    action = "gateway.entered" if new else "gateway.changed"
    data = {"name": gateway.name, "shown": gateway.shown, "address": bool(said.get("url"))}
    events.record(action, gateway.id, by=by.id, jurisdiction=code, data=data)
    return gateway


def _take_address(gateway: Gateway, url: str) -> None:
    config: Config = current_app.extensions["gridserve"]
    try:
        wire.check(url, inside_allowed=config.private_gateways)
    except wire.BadAddress as bad:
        raise Invalid(errors={"/url": [str(BAD_ADDRESS[bad.why])]}) from bad
    gateway.url, gateway.shown = seal(url), wire.shown(url)
    gateway.each_person = wire.PLACEHOLDER in url
    gateway.failures, gateway.resting_until, gateway.last_error = 0, None, ""


def _person(login: str, code: str) -> User:
    """An account with a post within the jurisdiction."""
    held = select(Post.id).where(
        Post.user_id == User.id, func.starts_with(Post.jurisdiction_code, code)
    )
    person = db.session.scalar(
        select(User).where(User.login == login.strip().lower(), User.active, held.exists())
    )
    if person is None:
        raise Invalid(errors={"/person": [_("No such account with a post in this place.")]})
    return person


def known(gateway_id: uuid.UUID, by: User) -> Gateway:
    """A gateway that `by` keeps; raises GatewayUnknown."""
    found = db.session.scalar(kept_gateways(by).where(Gateway.id == gateway_id))
    if found is None:
        raise GatewayUnknown(_("No such gateway in your jurisdiction."))
    return found


def switch(gateway_id: uuid.UUID, *, on: bool, by: User) -> Gateway:
    """Switch a gateway on or off; off, what it had still to send is dropped."""
    gateway = known(gateway_id, by)
    if gateway.active is not on:
        gateway.active = on
        gateway.failures, gateway.resting_until = 0, None
        if not on:
            mine = Delivery.gateway_id == gateway.id
            db.session.execute(
                update(Delivery)
                .where(mine, Delivery.state.in_((*posting.OPEN, State.FAILED)))
                .values(state=State.DROPPED)
            )
        events.record(
            "gateway.switched_on" if on else "gateway.switched_off", gateway.id, by=by.id,
            jurisdiction=gateway.jurisdiction_code,
        )  # fmt: skip
    return gateway


def attempt(gateway_id: uuid.UUID, *, by: User) -> None:
    """Have a message of trial sent; what became of it stands with the gateway afterwards."""
    gateway = known(gateway_id, by)
    words = _("A trial from GridServe: this gateway works.")
    enqueue(posting.attempt, gateway.id, _("GridServe"), words)
    events.record(
        "gateway.tried", gateway.id, by=by.id, jurisdiction=gateway.jurisdiction_code
    )  # fmt: skip


def again(ids: Sequence[uuid.UUID] | None, *, by: User) -> int:
    """Have failed deliveries tried again, these or all that `by` keeps; gives how many."""
    mine = kept_gateways(by).with_only_columns(Gateway.id).where(Gateway.active)
    query = update(Delivery).where(Delivery.state == State.FAILED, Delivery.gateway_id.in_(mine))
    if ids is not None:
        query = query.where(Delivery.id.in_(ids))
    done = db.session.execute(
        query.values(state=State.WAITING, attempts=0, next_try=now()).returning(
            Delivery.id, Delivery.gateway_id
        )
    ).all()
    for gateway_id in {row.gateway_id for row in done}:
        gateway = db.session.get_one(Gateway, gateway_id)
        gateway.failures, gateway.resting_until = 0, None
        count = sum(row.gateway_id == gateway_id for row in done)
        events.record(
            "gateway.tried_again", gateway_id, by=by.id,
            jurisdiction=gateway.jurisdiction_code, data={"deliveries": count},
        )  # fmt: skip
    if done:
        enqueue(posting.send, once=True)
    return len(done)


def overview(user: User) -> list[dict[str, Any]]:
    """The gateways that `user` keeps (at most 200), each {gateway, waiting, failed, sent}."""
    states = (State.WAITING, State.SENDING, State.FAILED, State.SENT)
    counted = (
        select(
            Delivery.gateway_id,
            *(func.count().filter(Delivery.state == each).label(each.value) for each in states),
        )
        .group_by(Delivery.gateway_id)
        .subquery()
    )
    rows = db.session.execute(
        kept_gateways(user)
        .add_columns(*(func.coalesce(counted.c[each.value], 0) for each in states))
        .join(counted, counted.c.gateway_id == Gateway.id, isouter=True)
        .options(joinedload(Gateway.user), raiseload("*"))
        .order_by(Gateway.active.desc(), Gateway.jurisdiction_code, Gateway.name, Gateway.id)
        .limit(200)
    )
    return [
        {"gateway": row[0], "waiting": row[1] + row[2], "failed": row[3], "sent": row[4]}
        for row in rows
    ]


def failed(user: User) -> Sequence[Delivery]:
    """The latest deliveries that were given up, with what they tell."""
    notice = joinedload(Delivery.notice).joinedload(Notice.issue)
    mine = kept_gateways(user).with_only_columns(Gateway.id)
    return db.session.scalars(
        select(Delivery)
        .where(Delivery.state == State.FAILED, Delivery.gateway_id.in_(mine))
        .order_by(Delivery.created_at.desc(), Delivery.id)
        .limit(FAILED_SHOWN)
        .options(
            notice.joinedload(Issue.category), notice.joinedload(Issue.village),
            joinedload(Delivery.gateway), joinedload(Delivery.user), raiseload("*"),
        )
    ).all()  # fmt: skip

"""One's own sign-ins, by browser and phone: looked at, and ended where one does not know them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, select

from gridserve import events
from gridserve.db import db, now
from gridserve.errors import NotFound
from gridserve.people import DeviceToken, User

SHOWN = 100


def _living(user_id: uuid.UUID) -> ColumnElement[bool]:
    return and_(
        DeviceToken.user_id == user_id,
        DeviceToken.revoked_at.is_(None),
        DeviceToken.expires_at > now(),
    )


def living(user: User) -> Sequence[DeviceToken]:
    """The sign-ins of `user` that hold, the newest first; at most a hundred."""
    query = select(DeviceToken).where(_living(user.id))
    return db.session.scalars(query.order_by(DeviceToken.created_at.desc()).limit(SHOWN)).all()


def end(token_id: uuid.UUID, *, by: User) -> None:
    """End one sign-in of one's own, at once; one that has ended already stays so.

    Raises NotFound for what is not one's own.
    """
    found = db.session.scalar(
        select(DeviceToken)
        .where(DeviceToken.id == token_id, DeviceToken.user_id == by.id)
        .with_for_update()
    )
    if found is None:
        raise NotFound(_("You have no such sign-in."))
    if found.revoked_at is None:
        _end(found, by)


def end_others(kept: DeviceToken, *, by: User) -> int:
    """End all of one's own but the one that the request came by; gives how many."""
    others = db.session.scalars(
        select(DeviceToken)
        .where(_living(by.id), DeviceToken.id != kept.id)
        .order_by(DeviceToken.id)
        .with_for_update()
    ).all()
    for token in others:
        _end(token, by)
    return len(others)


def _end(token: DeviceToken, by: User) -> None:
    token.revoked_at = now()
    events.record("sign_in.ended", by.id, by=by.id, data={"device": token.device})

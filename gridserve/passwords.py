"""Passwords: chosen by their owner, or given by somebody else and then good for one thing only, to
choose another one. The last ones are kept as hashes, so that none comes back."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from gridserve import events, passwordrules, people
from gridserve.db import Base, db, now, reference
from gridserve.errors import Invalid
from gridserve.people import User

NOT_AGAIN = 5  # passwords, with the present one, of which the next one is none
GIVEN_LASTS = timedelta(days=30)  # after which a password that nobody has used signs nobody in

# Without those that are taken for each other when read from paper.
ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
RANDOM_LENGTH = 16


class PasswordBefore(Base):
    """The hash of a password that an account had."""

    __tablename__ = "password_before"
    __table_args__ = reference(Index(None, "user_id", "until"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    password_hash: Mapped[str] = mapped_column(String(128))
    until: Mapped[datetime] = mapped_column(default=now)


def random_password() -> str:
    """A password of 16 characters that can be read out, about 92 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))


def give(user: User, password: str, *, by: User | None = None, chosen: bool = False) -> None:
    """Give `user` a password; every sign-in of theirs ends. `by` is None on the command line.

    Its owner has to choose another one at the first sign-in, unless it was `chosen` by them.
    Raises Invalid.
    """
    check(user, password)
    _set(user, password)
    user.password_given_at = None if chosen else now()
    people.end_sign_ins(user)
    events.record("user.password_set", user.id, by=by.id if by else None)


def change(user: User, password: str, *, kept: uuid.UUID) -> None:
    """Let `user`, a row of the session, choose another password; other sign-ins than `kept` end.

    Raises Invalid where it is not good enough, or is one of the last five.
    """
    check(user, password)
    if any(people.matches(one, password) for one in _last(user)):
        raise Invalid(
            _("This is one of your last %(n)s passwords. Choose one that is new.", n=NOT_AGAIN)
        )
    _set(user, password)
    user.password_given_at = None
    people.end_sign_ins(user, but=kept)
    events.record("user.password_changed", user.id, by=user.id)


def check(user: User, password: str) -> None:
    """Raise Invalid where `password` is none that `user` may have."""
    least = current_app.extensions["gridserve"].password_length
    fault = passwordrules.fault(password, least, (user.login, user.name, user.phone))
    if fault:
        raise Invalid(fault)


def given_too_long_ago(user: User) -> bool:
    """Whether a password that was given to `user` has lain unused for too long."""
    given = user.password_given_at
    return given is not None and given < now() - GIVEN_LASTS


def _last(user: User) -> list[str]:
    return [user.password_hash, *(row.password_hash for row in _before(user)[: NOT_AGAIN - 1])]


def _before(user: User) -> Sequence[PasswordBefore]:
    query = select(PasswordBefore).where(PasswordBefore.user_id == user.id)
    return db.session.scalars(query.order_by(PasswordBefore.until.desc())).all()


def _set(user: User, password: str) -> None:
    for old in _before(user)[NOT_AGAIN - 2 :]:
        db.session.delete(old)
    db.session.add(PasswordBefore(user_id=user.id, password_hash=user.password_hash))
    user.password_hash = people.hashed(password)

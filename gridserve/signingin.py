"""Signing in: by password, or by what a provider of single sign-on vouches for.

Failures are counted by login and address, whether the login exists or not; counted by login alone,
anybody could lock out anybody. The counts are committed by the caller also when a function here
raises (see `gridserve.auth`).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NoReturn

from flask_babel import gettext as _
from sqlalchemy import String, case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from gridserve import events
from gridserve.db import Base, db, now, reference
from gridserve.errors import Forbidden, TooMany, Unauthorized
from gridserve.people import DeviceToken, User, digest, password_is

TRIES_BEFORE_PAUSE = 5
PAUSE = timedelta(minutes=5)


class SignInFailure(Base):
    """Refusals in a row for a login, from one address; also for logins that do not exist."""

    __tablename__ = "sign_in_failure"
    __table_args__ = reference()

    login: Mapped[str] = mapped_column(String(64), primary_key=True)
    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


class UnknownPerson(Forbidden):
    """Vouched for by the provider, but nobody here has that login."""

    code = "auth.unknown_person"


def by_password(
    login: str, password: str, device: str, *, days: int, address: str
) -> tuple[str, DeviceToken]:
    """Check a password and give a new token for this device.

    After five wrong passwords in a row from one address the login rests for five minutes for that
    address.
    """
    login = _plain(login)
    failure = _failure(login, address)
    user = db.session.scalar(select(User).where(User.login == login))
    if not password_is(user, password) or user is None or not user.active:
        _refuse(login, address, user, Unauthorized(_("Account or password is wrong.")))
    return _give_token(user, failure, {"device": device}, days)


def by_provider(login: str, device: str, *, days: int, address: str) -> tuple[str, DeviceToken]:
    """Give a token to the account with the `login` that a provider vouches for.

    No account is made and no right is given: whoever has none here is refused, and counted.
    """
    login = _plain(login)
    failure = _failure(login, address)
    user = db.session.scalar(select(User).where(User.login == login, User.active))
    if user is None:
        known = db.session.scalar(select(User).where(User.login == login))
        words = _(
            "You are signed in there as “%(login)s”, but no account here has this name. Ask the "
            "administrator of your township or county for one.",
            login=login,
        )
        _refuse(login, address, known, UnknownPerson(words))
    return _give_token(user, failure, {"device": device, "through": "provider"}, days)


def rest(login: str, address: str) -> None:
    """Raise TooMany while `login` rests for `address`."""
    _failure(_plain(login), address)


def count_failure(login: str, address: str) -> None:
    """Count one more refusal; a count of long ago begins anew."""
    statement = insert(SignInFailure).values(
        login=login, address=address[:64], failures=1, last_at=now()
    )
    new = statement.excluded
    recent = SignInFailure.last_at > now() - PAUSE
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["login", "address"],
            set_={
                "failures": case((recent, SignInFailure.failures + 1), else_=new.failures),
                "last_at": new.last_at,
            },
        )
    )


def forget_failures() -> None:
    """Drop counts of refusals that no longer matter."""
    db.session.execute(delete(SignInFailure).where(SignInFailure.last_at < now() - PAUSE))


def _plain(login: str) -> str:
    return login.strip().lower()[:64]


def _failure(login: str, address: str) -> SignInFailure | None:
    failure = db.session.get(SignInFailure, (login, address[:64]), with_for_update=True)
    if failure and failure.last_at > now() - PAUSE and failure.failures >= TRIES_BEFORE_PAUSE:
        raise TooMany(_("Too many attempts that failed. Try again in a few minutes."))
    return failure


def _refuse(login: str, address: str, user: User | None, problem: Exception) -> NoReturn:
    count_failure(login, address)
    if user is not None:
        events.record("sign_in.refused", user.id, by=None)
    raise problem


def _give_token(
    user: User, failure: SignInFailure | None, how: dict[str, str], days: int
) -> tuple[str, DeviceToken]:
    if failure is not None:
        db.session.delete(failure)
    token = secrets.token_urlsafe(32)
    row = DeviceToken(
        user_id=user.id,
        token_hash=digest(token),
        device=how["device"],
        expires_at=now() + timedelta(days=days),
    )
    db.session.add(row)
    events.record("sign_in.done", user.id, by=user.id, data=how)
    return token, row

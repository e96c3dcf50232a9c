"""Signing in: by password, or by what a provider of single sign-on vouches for.

How tries are counted: gridserve/attempts.py. Who calls commits also when a function here raises, so
that refusals are in the trail (see `gridserve.auth`).
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NoReturn

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from gridserve import events, passwords
from gridserve.attempts import plain
from gridserve.db import db, now
from gridserve.errors import Forbidden, Problem, Unauthorized
from gridserve.people import DeviceToken, Kind, Proof, User, digest, password_is


class UnknownPerson(Forbidden):
    """Vouched for by the provider, but nobody here has that login."""

    code = "auth.unknown_person"


class GivenPasswordExpired(Unauthorized):
    """The password was given by an administrator, and lay unused for too long."""

    code, title = "auth.password_expired", _l("This password has expired")


class PasswordDue(Forbidden):
    """The password was given by somebody else; until its owner chooses one nothing else works."""

    code, title = "auth.password_due", _l("Choose your own password first")


def by_password(login: str, password: str) -> User:
    """The account with this login and password. Raises Unauthorized."""
    user = db.session.scalar(select(User).where(User.login == plain(login)))
    if not password_is(user, password) or user is None or not user.active:
        _refuse(user, Unauthorized(_("Account or password is wrong.")))
    if passwords.given_too_long_ago(user):
        words = _(
            "It was given to you more than %(n)s days ago. Ask your administrator for another.",
            n=passwords.GIVEN_LASTS.days,
        )
        _refuse(user, GivenPasswordExpired(words))
    return user


def by_provider(login: str) -> User:
    """The account with the `login` that a provider vouches for.

    No account is made and no right is given: whoever has none here is refused.
    """
    user = db.session.scalar(select(User).where(User.login == plain(login)))
    if user is None or not user.active:
        words = _(
            "You are signed in there as “%(login)s”, but no account here has this name. Ask the "
            "administrator of your township or county for one.",
            login=plain(login),
        )
        _refuse(user, UnknownPerson(words))
    return user


def enter(
    user: User, device: str, proof: Proof, kind: Kind, lasts: timedelta
) -> tuple[str, DeviceToken]:
    """A new sign-in of `user`, who has shown who it is, and the token for it."""
    token = secrets.token_urlsafe(32)
    row = DeviceToken(
        user_id=user.id,
        token_hash=digest(token),
        device=device,
        kind=kind,
        proof=proof,
        expires_at=now() + lasts,
    )
    db.session.add(row)
    through = {"through": "provider"} if proof == Proof.PROVIDER else {}
    events.record("sign_in.done", user.id, by=user.id, data={"device": device} | through)
    return token, row


def due(sign_in: DeviceToken) -> Problem | None:
    """What has to be done first, before this sign-in is good for anything else.

    The page where it is done is named by the problem's `at`.
    """
    if sign_in.user.password_given_at is not None and sign_in.proof != Proof.PROVIDER:
        words = _("An administrator gave you the present one. Open /account/password, or send PUT "
                  "/api/v1/me/password.")  # fmt: skip
        return PasswordDue(words, at="/account/password")
    return None


def _refuse(user: User | None, problem: Exception) -> NoReturn:
    if user is not None:
        events.record("sign_in.refused", user.id, by=None)
    raise problem

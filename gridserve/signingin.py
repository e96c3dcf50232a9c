"""Signing in: by password, or by what a provider of single sign-on vouches for.

How tries are counted: gridserve/attempts.py. Who calls commits also when a function here raises, so
that refusals are in the trail (see `gridserve.auth`).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from gridserve import events, passwords, secondfactor
from gridserve.attempts import plain
from gridserve.db import SKEW, db, now
from gridserve.errors import Forbidden, Problem, Unauthorized
from gridserve.people import DeviceToken, Kind, Proof, User, digest, password_is
from gridserve.permissions import Role, roles

HALF_WAY_SECONDS = 300  # between the password and the code


class UnknownPerson(Forbidden):
    """Vouched for by the provider, but nobody here has that login."""

    code = "auth.unknown_person"


class GivenPasswordExpired(Unauthorized):
    """The password was given by an administrator, and lay unused for too long."""

    code, title = "auth.password_expired", _l("This password has expired")


class PasswordDue(Forbidden):
    """The password was given by somebody else; until its owner chooses one nothing else works."""

    code, title = "auth.password_due", _l("Choose your own password first")


class CodeRequired(Unauthorized):
    """Login and password are right; the second step is missing."""

    code, title = "auth.code_required", _l("A code is needed too")


class SecondFactorDue(Forbidden):
    """The role asks for a second step of signing in, which is not set up or was not taken."""

    code, title = "auth.second_factor_due", _l("Set up the second step of signing in first")


@dataclass(frozen=True)
class HalfWay:
    """Somebody whose password was right a moment ago, as a browser's signed cookie keeps it."""

    login: str
    mark: str  # of the password, so that it is worth nothing once that is another
    at: int  # seconds since 1970


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


def second_step(user: User, code: str | None) -> Proof:
    """What `user`, whose password was right, has shown in all.

    Raises CodeRequired where no code came and one is needed, or CodeWrong.
    """
    if secondfactor.of(user.id) is None:
        return Proof.PASSWORD
    if not code:
        raise CodeRequired(
            _("Send it as “code” together with login and password: the six digits that your app "
              "shows, or a recovery code.")
        )  # fmt: skip
    try:
        secondfactor.spend(user, code)
    except secondfactor.CodeWrong as problem:
        _refuse(user, problem)
    return Proof.CODE


def half_way_of(login: str) -> HalfWay:
    """What to keep of somebody whose password was right just now."""
    user = db.session.scalars(select(User).where(User.login == plain(login))).one()
    return HalfWay(user.login, digest(user.password_hash)[:16], int(time.time()))


def half_way(half: HalfWay) -> User:
    """Who that is. Raises Unauthorized where it was too long ago."""
    user = db.session.scalar(select(User).where(User.login == half.login, User.active))
    since = time.time() - half.at
    # Nor what a clock that was ahead has begun: it would be good until it is that late.
    late = not -SKEW.total_seconds() <= since <= HALF_WAY_SECONDS
    if user is None or late or digest(user.password_hash)[:16] != half.mark:
        raise Unauthorized(_("That took too long. Begin with account and password again."))
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
    through = {"through": proof.value} if proof != Proof.PASSWORD else {}
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
    if sign_in.proof == Proof.PASSWORD and compelled(sign_in.user):
        words = _("Open /account/second-factor; from then on send a code too.")
        return SecondFactorDue(words, at="/account/second-factor")
    return None


def compelled(user: User) -> bool:
    """Whether a role that `user` holds today asks for a second step."""
    return bool(roles(user) & _compelled())


def _compelled() -> set[Role]:
    return {Role(name) for name in current_app.extensions["gridserve"].second_factor}


def _refuse(user: User | None, problem: Exception) -> NoReturn:
    if user is not None:
        events.record("sign_in.refused", user.id, by=None)
    raise problem

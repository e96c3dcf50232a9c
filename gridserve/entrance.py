"""Where people come in: tries are counted and committed, then checked, then there is a sign-in.

This is the edge, as a route is: it knows the request and commits. What is checked is in
gridserve/signingin.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import request, session
from flask_babel import gettext as _

from gridserve import (
    attempts,
    knownbrowsers,
    passwords,
    people,
    secondfactor,
    signingin,
    timeouts,
)
from gridserve.auth import current_sign_in, current_user
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.people import DeviceToken, Proof, User


def by_password(
    login: str, password: str, device: str, *, code: str | None = None, target: str | None = None
) -> tuple[str, DeviceToken]:
    """Check a password, and a code where one is asked for, and give a token.

    A browser goes on to `target`. Raises CodeRequired where only the code is missing.
    """
    with counted(login):
        user = signingin.by_password(login, password)
        proof = signingin.second_step(user, code)
    return _enter(user, device, proof, target)


def by_code(half: signingin.HalfWay, code: str, target: str) -> tuple[str, DeviceToken]:
    """The second step of somebody whose password was right a moment ago."""
    with counted(half.login):
        user = signingin.half_way(half)
        proof = signingin.second_step(user, code)
    return _enter(user, "browser", proof, target)


def by_provider(login: str, target: str) -> tuple[str, DeviceToken]:
    """Give a token to whom the provider of sign-on vouches for."""
    here = (attempts.Counted.PAIR, f"{attempts.plain(login)} {_address()}")
    with _counted(attempts.begin, here):
        user = signingin.by_provider(login)
    return _enter(user, "browser", Proof.PROVIDER, target)


@contextmanager
def asking_provider(wrong: type[Problem]) -> Iterator[None]:
    """Around the question to a provider; its answers that are `wrong` are counted by address."""
    with _counted(attempts.begin, (attempts.Counted.PROVIDER, _address()), wrong=wrong):
        yield


def change_password(old: str, new: str) -> None:
    """Let who asks choose another password. Raises Invalid, and TooMany after many wrong ones."""
    check_password(old)
    passwords.change(_own(), new, kept=current_sign_in().id)


def check_password(password: str) -> None:
    """Make sure that whoever sits there is who signed in. Raises Invalid, or TooMany."""
    with counted(current_user.login):
        if not people.password_is(current_user, password):
            raise Invalid(_("The present password is not right."))


def begin_second_factor(password: str) -> None:
    """Make a secret for who asks, whose password it has to be."""
    check_password(password)
    secondfactor.begin(_own())


def confirm_second_factor(code: str) -> list[str]:
    """Take it into use by a first code; other sign-ins end. Gives the recovery codes."""
    with counted(current_user.login):
        codes = secondfactor.confirm(_own(), code)
    here = db.session.get_one(DeviceToken, current_sign_in().id)
    here.proof = Proof.CODE
    people.end_sign_ins(_own(), but=here.id)
    return codes


def renew_recovery(code: str) -> list[str]:
    """New recovery codes for who asks and has a code."""
    with counted(current_user.login):
        secondfactor.spend(_own(), code)
    return secondfactor.renew(_own())


def end_second_factor(code: str) -> None:
    """Sign in without a second step from now on; who has to have one sets it up anew."""
    with counted(current_user.login):
        secondfactor.spend(_own(), code)
    secondfactor.end(_own(), by=_own())
    db.session.get_one(DeviceToken, current_sign_in().id).proof = Proof.PASSWORD


def counted(login: str) -> Any:
    """Around what checks whether somebody is who has this login."""
    return _counted(attempts.of_account, login, _address(), knownbrowsers.mark_of(login))


@contextmanager
def _counted(
    begin: Callable[..., attempts.Attempt], *args: Any, wrong: type[Problem] = Problem
) -> Iterator[None]:
    """Count a try before its body checks it; it stays counted where that raises `wrong`.

    Committed at once, so that tries at the same time are counted too, and so is a refusal. Where
    only the code is missing, nothing is forgotten yet: or whoever knows a password could guess on.
    """
    attempt = begin(*args)
    db.session.commit()
    try:
        yield
    except Problem as problem:
        half = isinstance(problem, signingin.CodeRequired)
        if half or not isinstance(problem, wrong):
            attempts.was_right(attempt, wholly=not half)
        else:
            attempts.was_wrong(attempt)
        db.session.commit()
        raise
    attempts.was_right(attempt)


def _enter(user: User, device: str, proof: Proof, target: str | None) -> tuple[str, DeviceToken]:
    db.session.flush()
    kind = timeouts.kind_of(people.with_posts(user.id), target)
    return signingin.enter(user, device, proof, kind, timeouts.lasts(kind))


def keep(token: str) -> None:
    """Put `token` into this browser's cookie, which keeps nothing of before but the language."""
    language, before = session.get("lang"), session.get("token")
    if before:
        people.end_sign_in(before)
    session.clear()
    session.update({"token": token} | ({"lang": language} if language else {}))
    session.permanent = True
    timeouts.note()


def _own() -> User:
    """The row of who asks, locked."""
    return db.session.get_one(User, current_user.id, with_for_update=True)


def _address() -> str:
    return request.remote_addr or ""

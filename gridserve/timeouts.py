"""How long a sign-in lasts: at a desk it ends after a while without work, and with the day; on a
phone it goes on for weeks, since work without signal must not wait for a password.

When somebody last worked at a desk lies in its signed cookie, so that looking at a page writes
nothing to the database.
"""

from __future__ import annotations

import time
from datetime import timedelta

from flask import current_app, request, session, url_for
from flask_babel import gettext as _

from gridserve.config import Config
from gridserve.people import Kind, User
from gridserve.permissions import Permission, Role, may, roles

PHONE_PAGES = "/m/"
NOTED_EVERY = 60  # seconds
# Which a page sends with what it asks by itself: nobody need be sitting there.
UNATTENDED = "X-Unattended"
ALWAYS_A_DESK = {Role.ADMINISTRATOR, Role.AUDITOR}


def home(user: User) -> str | None:
    """The address to which `/` sends `user`; None without a post."""
    held = roles(user)
    homes = current_app.extensions["gridserve.homes"]
    return next((url_for(endpoint) for role, endpoint in homes if role in held), None)


def kind_of(user: User, target: str | None) -> Kind:
    """What a sign-in is that goes on to `target`; None is a program."""
    if target is None:
        return Kind.PROGRAM
    goes_to = (home(user) if target == "/" else target) or ""
    visits = may(user, Permission.VISIT_RECORD) and not roles(user) & ALWAYS_A_DESK
    return Kind.PHONE if visits and goes_to.startswith(PHONE_PAGES) else Kind.DESK


def lasts(kind: Kind) -> timedelta:
    """After how long a sign-in ends, whatever is done with it."""
    config: Config = current_app.extensions["gridserve"]
    if kind == Kind.DESK:
        return timedelta(hours=config.desk_hours)
    return timedelta(days=config.session_days)


def idle() -> bool:
    """Whether nobody has worked for too long at the desk that this request comes from.

    Otherwise it is noted that somebody has.
    """
    config: Config = current_app.extensions["gridserve"]
    since = time.time() - session.get("worked", 0)
    if since > config.desk_idle_minutes * 60:
        return True
    ahead = since < -NOTED_EVERY  # noted by a clock that was: it would never be idle
    if ahead or (since > NOTED_EVERY and UNATTENDED not in request.headers):
        note()
    return False


def note() -> None:
    """Somebody works here now."""
    session["worked"] = int(time.time())


def words() -> str:
    """What whoever comes back too late is told."""
    minutes = current_app.extensions["gridserve"].desk_idle_minutes
    return _("You were signed out, as nothing was done here for %(n)s minutes.", n=minutes)

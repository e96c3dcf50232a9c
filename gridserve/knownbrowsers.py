"""Browsers that remember who signed in here before, by a signed cookie that opens nothing.

Where a stranger guesses at an account from everywhere, tries for it rest. Its owner's own browser
is counted by itself and is let in (the “device cookies” of OWASP).
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from flask import current_app, request
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.wrappers import Response

from gridserve.attempts import plain

COOKIE = "known"
LASTS = timedelta(days=400)  # as long as browsers keep a cookie
MOST = 5  # accounts of one browser


def mark_of(login: str) -> str:
    """How tries for `login` from this browser are told from others; "" where it is not known."""
    return _known().get(_name(login), "")


def remember(response: Response, login: str) -> None:
    """Let this browser know the account `login`, which has just signed in."""
    known, name = _known(), _name(login)
    mark = known.pop(name, "") or secrets.token_hex(8)
    known = dict([*known.items(), (name, mark)][-MOST:])
    config, rules = current_app.config, current_app.session_interface
    response.set_cookie(
        COOKIE, _signer().dumps(known), max_age=LASTS, httponly=True,
        secure=rules.get_cookie_secure(current_app),
        samesite=rules.get_cookie_samesite(current_app),
        partitioned=config["SESSION_COOKIE_PARTITIONED"],
    )  # fmt: skip


def _known() -> dict[str, str]:
    try:
        found: dict[str, str] = _signer().loads(request.cookies.get(COOKIE, ""))
    except BadData:
        return {}
    return found


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="known browser")


def _name(login: str) -> str:
    return hashlib.sha256(plain(login).encode()).hexdigest()[:16]

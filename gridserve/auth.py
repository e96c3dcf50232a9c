"""Who is asking: bearer tokens for programs and phones, a cookie for pages, and the two marks
that every endpoint carries, `@requires` or `@public`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from flask import Flask, flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, generate_csrf, validate_csrf
from werkzeug.local import LocalProxy
from wtforms import ValidationError as CsrfInvalid

from gridserve import people, signingin, timeouts
from gridserve.errors import BadRequest, Forbidden, Unauthorized, wants_page
from gridserve.permissions import WORDS, Permission, may

View = TypeVar("View", bound=Callable[..., Any])
SAFE = {"GET", "HEAD", "OPTIONS"}


def _load() -> people.DeviceToken | None:
    if "sign_in" not in g:
        g.sign_in, g.by_cookie = None, True  # should the look-up fail, the error page still works
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            g.by_cookie = False
            g.sign_in = people.find_token(token.strip())
        else:
            token = session.get("token", "")
            g.sign_in = _at_work(people.find_token(token)) if token else None
    return cast("people.DeviceToken | None", g.sign_in)


def _at_work(sign_in: people.DeviceToken | None) -> people.DeviceToken | None:
    """The sign-in of a browser, unless it is at a desk that nobody has worked at for too long."""
    if sign_in is not None and sign_in.kind == people.Kind.DESK and timeouts.idle():
        g.idle = timeouts.words()
        return None
    return sign_in


def _user() -> people.User | None:
    sign_in = _load()
    return sign_in.user if sign_in else None


# The person asking. Only inside endpoints that are marked with @requires; elsewhere `visitor()`.
current_user = cast(people.User, LocalProxy(_user, unbound_message="nobody is signed in"))


def visitor() -> people.User | None:
    """The person asking, or None when nobody is signed in."""
    return _user()


def current_sign_in() -> people.DeviceToken:
    """The sign-in by which the present request came."""
    sign_in = _load()
    assert sign_in is not None
    return sign_in


def ready() -> bool:
    """Whether somebody is signed in who has nothing to do first, such as choosing a password."""
    sign_in = _load()
    return sign_in is not None and signingin.due(sign_in) is None


def requires(permission: Permission, *, first: bool = False) -> Callable[[View], View]:
    """Let in those who hold `permission` in at least one of their posts today.

    Where they hold it is asked by the query or the operation. Requests that change something and
    come with the cookie must carry a CSRF token. What is `first` is open also to those who have
    something to do before anything else.
    """

    def mark(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            user = _user()
            if user is None:
                idle = g.get("idle")
                if wants_page() and request.method in SAFE:
                    if idle:
                        flash(idle)
                    return redirect(url_for("account.login", next=_here()))
                raise Unauthorized(
                    idle or _("Sign in first: no valid token came with the request.")
                )
            if g.by_cookie and request.method not in SAFE:
                check_csrf()
            if not first and (due := signingin.due(current_sign_in())):
                if wants_page() and request.method in SAFE:
                    return redirect(f"{due.extra['at']}?{urlencode({'next': _here()})}")
                raise due
            # one's own account is everybody's, also when the last post has ended
            if permission is not Permission.ACCOUNT and not may(user, permission):
                raise Forbidden(_("None of your posts includes: %(what)s.", what=WORDS[permission]))
            return view(*args, **kwargs)

        guarded.access = permission  # type: ignore[attr-defined]  # read by the guard test
        return cast(View, guarded)

    return mark


def _here() -> str:
    return request.full_path.rstrip("?")


def public(view: View) -> View:
    """Mark an endpoint that anybody may call."""

    @wraps(view)
    def open_(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    open_.access = "public"  # type: ignore[attr-defined]  # read by the guard test
    return cast(View, open_)


def check_csrf() -> None:
    """Refuse a cookie request that does not carry the page's token."""
    try:
        validate_csrf(request.headers.get("X-CSRFToken") or request.form.get("csrf_token"))
    except (CsrfInvalid, CSRFError) as error:
        raise BadRequest(_("The page is too old. Load it again and repeat.")) from error


def init_app(app: Flask) -> None:
    """Give templates the person and the CSRF token."""

    @app.context_processor
    def _context() -> dict[str, Any]:
        return {"current_user": visitor(), "csrf_token": generate_csrf}

"""Who is asking: bearer tokens for programs and phones, a cookie for pages, and the two marks
that every endpoint carries, `@requires` or `@public`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from flask import Flask, flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, generate_csrf, validate_csrf
from werkzeug.local import LocalProxy
from wtforms import ValidationError as CsrfInvalid

from gridserve import attempts, knownbrowsers, passwords, people, signingin, timeouts
from gridserve.db import db
from gridserve.errors import BadRequest, Forbidden, Invalid, Problem, Unauthorized, wants_page
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


def sign_in(
    login: str, password: str, device: str, target: str | None = None
) -> tuple[str, people.DeviceToken]:
    """Check a password and give a token; a browser goes on to `target`."""
    with counted(attempts.of_account, login, _address(), knownbrowsers.mark_of(login)):
        user = signingin.by_password(login, password)
    return _enter(user, device, people.Proof.PASSWORD, target)


def sign_in_vouched(login: str, device: str, target: str) -> tuple[str, people.DeviceToken]:
    """Give a token to whom the provider of sign-on vouches for."""
    here = (attempts.Counted.PAIR, f"{attempts.plain(login)} {_address()}")
    with counted(attempts.begin, here):
        user = signingin.by_provider(login)
    return _enter(user, device, people.Proof.PROVIDER, target)


def _enter(
    user: people.User, device: str, proof: people.Proof, target: str | None
) -> tuple[str, people.DeviceToken]:
    db.session.flush()
    kind = timeouts.kind_of(people.with_posts(user.id), target)
    return signingin.enter(user, device, proof, kind, timeouts.lasts(kind))


def change_password(old: str, new: str) -> None:
    """Let who asks choose another password. Raises Invalid, and TooMany after many wrong ones."""
    check_password(old)
    user = db.session.get_one(people.User, current_user.id, with_for_update=True)
    passwords.change(user, new, kept=current_sign_in().id)


def check_password(password: str) -> None:
    """Make sure that whoever sits there is who signed in. Raises Invalid, or TooMany."""
    login = current_user.login
    with counted(attempts.of_account, login, _address(), knownbrowsers.mark_of(login)):
        if not people.password_is(current_user, password):
            raise Invalid(_("The present password is not right."))


@contextmanager
def counted(
    begin: Callable[..., attempts.Attempt], *args: Any, wrong: type[Problem] = Problem
) -> Iterator[None]:
    """Count a try before its body checks it; it stays counted where that raises `wrong`.

    Committed at once, so that tries at the same time are counted too, and so is a refusal.
    """
    attempt = begin(*args)
    db.session.commit()
    try:
        yield
    except Problem as problem:
        if not isinstance(problem, wrong):
            attempts.was_right(attempt)
        db.session.commit()
        raise
    attempts.was_right(attempt)


def _address() -> str:
    return request.remote_addr or ""


def enter(token: str) -> None:
    """Put `token` into this browser's cookie, which keeps nothing of before but the language."""
    language, before = session.get("lang"), session.get("token")
    if before:
        people.end_sign_in(before)
    session.clear()
    session.update({"token": token} | ({"lang": language} if language else {}))
    session.permanent = True
    timeouts.note()


def init_app(app: Flask) -> None:
    """Give templates the person and the CSRF token."""

    @app.context_processor
    def _context() -> dict[str, Any]:
        return {"current_user": visitor(), "csrf_token": generate_csrf}

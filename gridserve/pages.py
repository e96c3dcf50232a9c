"""Signing in and out in the browser, the own sign-ins, and the page that sends each role home."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gridserve import auth, entrance, knownbrowsers, people, signingin, signins, timeouts
from gridserve.auth import current_user, public, requires
from gridserve.config import Config
from gridserve.errors import NotFound, Problem
from gridserve.http import form_id, inside, transaction
from gridserve.permissions import Permission
from gridserve.provider import ProviderRefused, provider

if TYPE_CHECKING:
    from gridserve.openid import Provider

bp = Blueprint("account", __name__)


@bp.get("/login")
@public
def login() -> ResponseReturnValue:
    """The sign-in page."""
    if auth.visitor() is not None:
        return redirect("/")
    return _sign_in_page(inside(request.args.get("next", "/")))


@bp.post("/login")
@public
@transaction
def log_in() -> ResponseReturnValue:
    """Sign in and go to the page that was asked for."""
    target = inside(request.form.get("next", "/"))
    name, password = request.form.get("login", ""), request.form.get("password", "")
    if "\x00" in name:
        name = ""
    try:
        auth.check_csrf()
        token, _row = entrance.by_password(name[:64], password[:128], "browser", target=target)
    except signingin.CodeRequired:
        session["half"] = asdict(signingin.half_way_of(name))
        return redirect(url_for("account.ask_code", next=target))
    except Problem as problem:
        return _sign_in_page(target, problem, name[:64]), problem.status
    return _entered(token, name, target)


def _entered(token: str, login: str, target: str) -> ResponseReturnValue:
    entrance.keep(token)
    answer = redirect(target)
    knownbrowsers.remember(answer, login)
    return answer


@bp.get("/login/code")
@public
def ask_code() -> ResponseReturnValue:
    """The second step of signing in."""
    target = inside(request.args.get("next", "/"))
    if "half" not in session:
        return redirect(url_for("account.login", next=target))
    return render_template("logincode.html", next=target, problem=None)


@bp.post("/login/code")
@public
@transaction
def take_code() -> ResponseReturnValue:
    """Sign in by the code, and go to the page that was asked for."""
    target = inside(request.form.get("next", "/"))
    if "half" not in session:
        return redirect(url_for("account.login", next=target))
    half = signingin.HalfWay(**session["half"])
    try:
        auth.check_csrf()
        token, _row = entrance.by_code(half, request.form.get("code", "")[:40], target)
    except Problem as problem:
        return render_template("logincode.html", next=target, problem=problem), problem.status
    return _entered(token, half.login, target)


def _sign_in_page(target: str, problem: Problem | None = None, name: str = "") -> str:
    return render_template(
        "login.html", next=target, problem=problem, login=name, provider=provider()
    )


@bp.get("/login/sso")
@public
def ask_provider() -> ResponseReturnValue:
    """Go to the provider of sign-on; a platform that shows our pages may begin here."""
    target, asked = inside(request.args.get("next", "/")), provider()
    if asked is None:
        raise NotFound
    config: Config = current_app.extensions["gridserve"]
    scheme = "https" if config.secure_cookies else None
    try:
        answer = asked.send_there(
            url_for("account.come_from_provider", _external=True, _scheme=scheme)
        )
    except Problem as problem:
        return _sign_in_page(target, problem), problem.status
    session["next"] = target
    return answer


@bp.get("/login/sso/back")
@public
@transaction
def come_from_provider() -> ResponseReturnValue:
    """Sign in the account that the provider vouches for, and go on to what was asked for."""
    target, asked = inside(session.pop("next", "/")), provider()
    if asked is None:
        raise NotFound
    try:
        token = _vouched(asked, target)
    except Problem as problem:
        return _sign_in_page(target, problem), problem.status
    if token is not None:
        entrance.keep(token)
    return redirect(target)


def _vouched(asked: Provider, target: str) -> str | None:
    """A token for whom the provider vouches for; None for the one who is signed in here already."""
    # counted and committed, so the connection is not held while the provider is asked
    with entrance.asking_provider(wrong=ProviderRefused):
        login = asked.login()
    here = auth.visitor()
    if here is not None and here.login == login.strip().lower():
        return None
    token, _row = entrance.by_provider(login, target)
    if here is not None:
        people.sign_out(auth.current_sign_in())
    return token


@bp.post("/logout")
@requires(Permission.ACCOUNT, first=True)
@transaction
def log_out() -> ResponseReturnValue:
    """Sign out of this browser."""
    people.sign_out(auth.current_sign_in())
    session.clear()
    return redirect(url_for("account.login"))


@bp.get("/account")
@requires(Permission.ACCOUNT)
def own() -> ResponseReturnValue:
    """Where one is signed in."""
    return _own()


@bp.post("/account")
@requires(Permission.ACCOUNT)
@transaction
def end_sign_ins() -> ResponseReturnValue:
    """End one of the own sign-ins, or without naming one all others."""
    try:
        if "sign_in" not in request.form:
            count = signins.end_others(auth.current_sign_in(), by=current_user)
            flash(_("%(n)s ended.", n=count))
        else:
            signins.end(form_id("sign_in"), by=current_user)
            flash(_("Ended. Whoever used it has to sign in anew."))
    except Problem as problem:
        return _own(problem), problem.status
    return redirect(url_for("account.own"))


def _own(problem: Problem | None = None) -> str:
    return render_template(
        "account.html", sign_ins=signins.living(current_user), problem=problem,
        current=auth.current_sign_in().id,
    )  # fmt: skip


@bp.get("/")
@requires(Permission.ACCOUNT)
def home() -> ResponseReturnValue:
    """Send each role to its own page."""
    address = timeouts.home(current_user)
    return redirect(address) if address else render_template("home.html")

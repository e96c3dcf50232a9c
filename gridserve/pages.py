"""Signing in and out in the browser, and the start page that sends each role home."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from gridserve import auth, people
from gridserve.auth import current_user, public, requires
from gridserve.errors import Problem
from gridserve.http import inside, transaction
from gridserve.permissions import Permission, roles

bp = Blueprint("account", __name__)


@bp.get("/login")
@public
def login() -> ResponseReturnValue:
    """The sign-in page."""
    if auth.visitor() is not None:
        return redirect("/")
    return render_template("login.html", next=inside(request.args.get("next", "/")), problem=None)


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
        token, _row = auth.sign_in(name[:64], password[:128], "browser")
    except Problem as problem:
        page = render_template("login.html", next=target, problem=problem, login=name[:64])
        return page, problem.status
    language = session.get("lang")
    session.clear()
    session.update({"token": token} | ({"lang": language} if language else {}))
    session.permanent = True
    return redirect(target)


@bp.post("/logout")
@requires(Permission.ACCOUNT)
@transaction
def log_out() -> ResponseReturnValue:
    """Sign out of this browser."""
    people.sign_out(auth.current_sign_in())
    session.clear()
    return redirect(url_for("account.login"))


@bp.get("/")
@requires(Permission.ACCOUNT)
def home() -> ResponseReturnValue:
    """Send each role to its own page."""
    held = roles(current_user)
    for role, endpoint in current_app.extensions["gridserve.homes"]:
        if role in held:
            return redirect(url_for(endpoint))
    return render_template("home.html")

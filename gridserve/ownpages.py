"""What one keeps of one's own account on pages: the password, and the second step of signing in."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from gridserve import entrance, passwords, secondfactor, signingin
from gridserve.auth import current_user, requires
from gridserve.errors import Invalid, Problem
from gridserve.http import inside, transaction
from gridserve.permissions import Permission

bp = Blueprint("own", __name__)


@bp.get("/account/password")
@requires(Permission.ACCOUNT, first=True)
def password() -> ResponseReturnValue:
    """The form for a new password."""
    return _password_form(request.args.get("next", ""))


@bp.post("/account/password")
@requires(Permission.ACCOUNT, first=True)
@transaction
def change_password() -> ResponseReturnValue:
    """Choose another password, and go on to what was asked for."""
    form, target = request.form, request.form.get("next", "")
    try:
        if form.get("password") != form.get("again"):
            raise Invalid(_("The two new passwords differ. Type the same one twice."))
        entrance.change_password(form.get("old", ""), form.get("password", ""))
    except Problem as problem:
        return _password_form(target, problem), problem.status
    flash(_("Your password is changed. You are signed out everywhere but here."))
    return redirect(inside(target, "/account"))


def _password_form(target: str, problem: Problem | None = None) -> str:
    return render_template(
        "password.html", next=inside(target, ""), problem=problem,
        given=current_user.password_given_at is not None, not_again=passwords.NOT_AGAIN,
        least=current_app.extensions["gridserve"].password_length,
    )  # fmt: skip


@bp.get("/account/second-factor")
@requires(Permission.ACCOUNT, first=True)
def second_factor() -> ResponseReturnValue:
    """How the second step of signing in stands, and what can be done about it."""
    return _second_factor_page(request.args.get("next", ""))


@bp.post("/account/second-factor")
@requires(Permission.ACCOUNT, first=True)
@transaction
def change_second_factor() -> ResponseReturnValue:
    """Set it up in two steps, make new recovery codes, or end it."""
    form, target = request.form, request.form.get("next", "")
    code = form.get("code", "")[:40]
    codes: list[str] = []
    try:
        if "begin" in form:
            entrance.begin_second_factor(form.get("password", "")[:128])
        elif "confirm" in form:
            codes = entrance.confirm_second_factor(code)
        elif "renew" in form:
            codes = entrance.renew_recovery(code)
        elif "end" in form:
            entrance.end_second_factor(code)
            flash(_("The second step is switched off."))
        else:
            raise Invalid(_("The page is too old. Load it again and repeat."))
    except Problem as problem:
        return _second_factor_page(target, problem), problem.status
    if codes:
        return render_template("recoverycodes.html", codes=codes, next=inside(target, "/account"))
    return redirect(url_for("own.second_factor", next=inside(target, "") or None))


def _second_factor_page(target: str, problem: Problem | None = None) -> str:
    begun = secondfactor.begun(current_user.id)
    address = secondfactor.address(begun, current_user.login) if begun else ""
    return render_template(
        "secondfactor.html", next=inside(target, ""), problem=problem,
        factor=secondfactor.of(current_user.id), begun=begun,
        picture=Markup(secondfactor.picture(address)) if begun else "",  # noqa: S704 - drawn by us
        compelled=signingin.compelled(current_user),
    )  # fmt: skip

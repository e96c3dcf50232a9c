"""What one keeps of one's own account on pages: the password."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gridserve import auth, passwords
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
        auth.change_password(form.get("old", ""), form.get("password", ""))
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

"""The administrator's pages of accounts: the list, a new one, and one with its posts."""

from __future__ import annotations

import uuid
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids import accounts
from grids.schemas import CodeIn
from grids.userfile import LOGIN
from gridserve import secondfactor, signingin, workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import Day, PageIn, Schema, Text, form_id, loaded, page_args, paged, transaction
from gridserve.people import User, held
from gridserve.permissions import Permission, Role, scopes

bp = Blueprint("accounts", __name__, template_folder="templates")


class ListIn(PageIn):
    q = Text(most=64)
    jurisdiction = CodeIn()


class PostIn(Schema):
    role = ma.fields.Enum(Role, by_value=True, required=True)
    jurisdiction = CodeIn(load_default=None, allow_none=True)
    from_date = Day()


class AccountIn(PostIn):
    login = Text(required=True, validate=[ma.validate.Regexp(LOGIN.pattern + r"\Z")], most=64)
    name = Text(required=True, least=1, most=64)
    phone = Text(most=20)


@bp.get("/admin/accounts")
@requires(Permission.ACCOUNTS)
def listing() -> ResponseReturnValue:
    """Who has an account in the own jurisdiction, with the posts that hold."""
    args = page_args(ListIn())
    query = accounts.found(current_user, args.get("q", ""), args.get("jurisdiction", ""))
    page = paged(query, (User.login, User.id), args)
    return render_template(
        "grids/accounts.html", page=page, args=args, names=accounts.names(page["items"]),
        held=held,
    )  # fmt: skip


@bp.get("/admin/accounts/new")
@requires(Permission.ACCOUNTS)
def new() -> ResponseReturnValue:
    """The form for a new account."""
    return _new_form()


@bp.post("/admin/accounts")
@requires(Permission.ACCOUNTS)
@transaction
def make() -> ResponseReturnValue:
    """Make an account with its first post; its password is shown once."""
    try:
        with db.session.begin_nested():
            said = _said(AccountIn(), login=request.form.get("login", "").strip().lower())
            row, password = accounts.create(said, by=current_user)
    except Problem as problem:
        return _new_form(problem), problem.status
    return _shown_once(row, password)


@bp.get("/admin/accounts/<uuid:user_id>")
@requires(Permission.ACCOUNTS)
def show(user_id: uuid.UUID) -> ResponseReturnValue:
    """One account: its posts, how it signs in, and what can be done."""
    return _show(accounts.account(current_user, user_id))


@bp.post("/admin/accounts/<uuid:user_id>")
@requires(Permission.ACCOUNTS)
@transaction
def act(user_id: uuid.UUID) -> ResponseReturnValue:
    """Give or end a post, give a new password, reset the second step, end or revive the account."""
    row = accounts.account(current_user, user_id)
    try:
        with db.session.begin_nested():
            password = _do(request.form.get("do", ""), row)
    except Problem as problem:
        return _show(accounts.account(current_user, user_id), problem), problem.status
    if password:
        return _shown_once(row, password)
    return redirect(url_for("accounts.show", user_id=user_id))


def _do(what: str, row: User) -> str | None:
    """Do it; gives a password where one was made."""
    by = current_user
    if what == "give":
        accounts.give_post(row, _said(PostIn()), by=by)
        flash(_("Post given."))
    elif what == "end":
        accounts.end_post(row, form_id("post"), by=by)
        flash(_("Post ended. Its rights are gone, also on the phone."))
    elif what == "password":
        return accounts.reset_password(row, by=by)
    elif what == "second_factor":
        accounts.reset_second_factor(row, by=by)
        flash(_("The second step is reset; all sign-ins have ended."))
    elif what == "disable":
        accounts.disable(row, by=by)
        flash(_("The account is disabled; all sign-ins have ended."))
    elif what == "enable":
        return accounts.enable(row, by=by)
    else:
        raise Invalid(_("The page is too old. Load it again and repeat."))
    return None


def _said(schema: ma.Schema, **more: str) -> dict[str, Any]:
    """What a form says; empty fields say nothing. Raises Invalid."""
    fields = {name: request.form.get(name, "") for name in schema.fields} | more
    return loaded(schema, {k: v for k, v in fields.items() if v})


def _new_form(problem: Problem | None = None) -> str:
    return render_template(
        "grids/newaccount.html", problem=problem, said=request.form, roles=list(Role),
        reach=scopes(current_user, Permission.ACCOUNTS),
    )  # fmt: skip


def _show(row: User, problem: Problem | None = None) -> str:
    return render_template(
        "grids/account.html", row=row, problem=problem, roles=list(Role), held=held(row),
        may_keep=accounts.may_keep(current_user, row), names=accounts.names([row]),
        factor=secondfactor.of(row.id), last_seen=accounts.last_seen(row),
        compelled=signingin.compelled(row), day=workdays.today(),
        reach=scopes(current_user, Permission.ACCOUNTS),
    )  # fmt: skip


def _shown_once(row: User, password: str) -> str:
    return render_template("grids/onetimepassword.html", row=row, password=password)

"""Accounts and posts within an administrator's jurisdiction: seen, made, ended.

Nobody gives a right that they do not hold: posts lie within the own jurisdiction, nobody keeps
the own account, and administrators, auditors and those who work with households are three kinds of
people (三权分立).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import selectinload

from grids.models import Jurisdiction
from gridserve import events, passwords, people, secondfactor, workdays
from gridserve.db import db
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import DeviceToken, Post, User, held
from gridserve.permissions import Permission, apart, covers, scopes, within


class PowersApart(Conflict):
    """The post would make an administrator, an auditor and somebody who works one person."""

    code, title = "account.powers_apart", _l("These powers stay apart")


class LoginTaken(Conflict):
    code, title = "account.login_taken", _l("The login is taken")


class NotYours(Forbidden):
    """One's own account, or one with posts outside the jurisdiction."""

    code, title = "account.not_yours", _l("You cannot change this account")


def visible_accounts(user: User) -> Select[User]:
    """Accounts that hold, or held, a post in the jurisdictions of `user`; twin of `sees`."""
    there = within(Post.jurisdiction_code, scopes(user, Permission.ACCOUNTS))
    return select(User).where(select(Post.id).where(Post.user_id == User.id, there).exists())


def found(user: User, q: str = "", code: str = "") -> Select[User]:
    """Those among them whose name or login holds `q`, with a post at `code` or below."""
    query = visible_accounts(user).options(selectinload(User.posts))
    if q:
        query = query.where(
            or_(User.name.contains(q, autoescape=True),
                User.login.contains(q.lower(), autoescape=True))
        )  # fmt: skip
    if code:
        there = Post.jurisdiction_code.startswith(code, autoescape=True)
        query = query.where(select(Post.id).where(Post.user_id == User.id, there).exists())
    return query


def account(user: User, id_: uuid.UUID) -> User:
    """One account, with its posts. Raises NotFound."""
    query = visible_accounts(user).where(User.id == id_).options(selectinload(User.posts))
    row = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound(_("No such account in your jurisdiction."))
    return row


def may_keep(user: User, row: User) -> bool:
    """Whether `user` may change the account `row`: all its posts of today and later lie within."""
    reach = scopes(user, Permission.ACCOUNTS)
    return row.id != user.id and all(covers(reach, p.jurisdiction_code or "") for p in held(row))


def names(rows: Iterable[User]) -> dict[str, str]:
    """The names of the jurisdictions in which they hold posts, by code."""
    codes = {post.jurisdiction_code for row in rows for post in row.posts} - {None}
    wanted = select(Jurisdiction).where(Jurisdiction.code.in_(sorted(filter(None, codes))))
    return {each.code: each.short_name for each in db.session.scalars(wanted)}


def last_seen(row: User) -> Any:
    """When somebody last signed in to this account, or None."""
    return db.session.scalar(
        select(func.max(DeviceToken.created_at)).where(DeviceToken.user_id == row.id)
    )


def create(said: dict[str, Any], *, by: User) -> tuple[User, str]:
    """Make an account with one post; gives it and its password, which is kept nowhere."""
    _check_place(said["jurisdiction"], by)
    login = said["login"]
    if db.session.scalar(select(User.id).where(User.login == login)) is not None:
        raise LoginTaken(_("Choose another one."))
    row = people.create_user(login, said["name"], by=by, phone=said.get("phone"))
    _appoint(row, said, by)
    return row, _new_password(row, by)


def give_post(row: User, said: dict[str, Any], *, by: User) -> None:
    """Give `row` one more post."""
    _check(row, by)
    _check_place(said["jurisdiction"], by)
    if not apart({post.role for post in held(row)} | {said["role"]}):
        raise PowersApart(
            _("Who keeps accounts, who audits and who works with households are different people. "
              "Make another account, or end the other posts first.")
        )  # fmt: skip
    same = (said["role"], said["jurisdiction"])
    if any((post.role, post.jurisdiction_code) == same for post in held(row)):
        raise Conflict(_("This post is held already."))
    _appoint(row, said, by)


def end_post(row: User, post_id: uuid.UUID, *, by: User) -> None:
    """End one of the posts of `row` at once, also on phones; again changes nothing."""
    _check(row, by)
    post = next((each for each in row.posts if each.id == post_id), None)
    if post is None:
        raise NotFound(_("No such post."))
    if post in held(row):
        people.end_post(post, workdays.today(), by=by)


def reset_password(row: User, *, by: User) -> str:
    """A new password, good for one sign-in; all sign-ins end."""
    _check(row, by)
    return _new_password(row, by)


def reset_second_factor(row: User, *, by: User) -> None:
    """Forget the second step of somebody who has lost phone and codes; all sign-ins end."""
    _check(row, by)
    if not secondfactor.end(row, by=by):
        raise NotFound(_("No second step is set up."))
    people.end_sign_ins(row)


def disable(row: User, *, by: User) -> None:
    """End all rights of `row` at once, on every device. What the person did stays."""
    _check(row, by)
    if row.active:
        people.disable(row, by=by)


def enable(row: User, *, by: User) -> str:
    """Let `row` sign in again, with the posts that have not ended and a new password."""
    _check(row, by)
    row.active = True
    events.record("user.enabled", row.id, by=by.id)
    return _new_password(row, by)


def _check(row: User, by: User) -> None:
    if row.id == by.id:
        raise NotYours(_("Nobody keeps the own account: another administrator does."))
    if not may_keep(by, row):
        raise NotYours(
            _("It holds posts outside your jurisdiction: who administers those keeps it.")
        )


def _check_place(code: str | None, by: User) -> None:
    if not covers(scopes(by, Permission.ACCOUNTS), code or ""):
        raise Invalid(errors={"/jurisdiction": [
            _("You can give posts within your own jurisdiction only.")]})  # fmt: skip
    if code is not None and db.session.get(Jurisdiction, code) is None:
        raise Invalid(errors={"/jurisdiction": [
            _("No jurisdiction has the code %(code)s.", code=code)]})  # fmt: skip


def _appoint(row: User, said: dict[str, Any], by: User) -> None:
    day: date = said.get("from_date") or workdays.today()
    people.appoint(row, said["role"], said["jurisdiction"], day, by=by)


def _new_password(row: User, by: User) -> str:
    password = passwords.random_password()
    passwords.give(row, password, by=by)
    return password

"""Brings accounts and their posts in from a table: one row for each post of a person."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from grids.models import Jurisdiction
from gridserve import events, people, workdays
from gridserve.db import db
from gridserve.people import User, held
from gridserve.permissions import Permission, Role, apart, covers, scopes
from gridserve.tables import reading, values
from gridserve.tables.columns import Column
from gridserve.tables.reading import Row, Table
from gridserve.tables.report import Report

ROLES: dict[str, Any] = {
    "网格员": Role.CADRE, "包村干部": Role.CADRE, "村干部": Role.CADRE, "调度员": Role.DISPATCHER,
    "乡镇调度员": Role.DISPATCHER, "领导": Role.LEADER, "管理员": Role.ADMINISTRATOR,
    "审计员": Role.AUDITOR, **{role.value: role for role in Role},
}  # fmt: skip
COLUMNS = (
    Column("login", "账号", values.label(64), ("登录名", "用户名", "account"), needed=True,
           width=18, example="示例wang.fang",
           help=_l("What the person signs in with: letters, digits, . _ -")),
    Column("name", "姓名", values.text(64), ("名字", "人员姓名"), needed=True, example="王芳",
           help=_l("The person's name.")),
    Column("role", "角色", values.word(ROLES), ("岗位",), needed=True, example="网格员",
           choices=("网格员", "调度员", "领导", "管理员", "审计员"),
           help=_l("The post; a person with several has a row for each.")),
    Column("jurisdiction", "辖区编码", values.digits(2, 4, 6, 9, 12),
           ("辖区", "区划编码", "所属辖区"), needed=True, width=16, example="530626101",
           help=_l("Where the post is: 2 to 12 digits, within your own jurisdiction.")),
    Column("phone", "电话", values.phone(20), ("联系电话", "手机", "手机号"), width=16,
           example="13800001234", help=_l("One telephone number.")),
    Column("from_date", "开始日期", values.day(), ("起始日期", "任职日期", "from"), width=14,
           example="2026-11-01", help=_l("First day of the post; today unless given.")),
)  # fmt: skip
ABOUT = (
    _l("One row for each post. Accounts that are new get no password here: a sheet with random "
       "ones can be downloaded once, after the import."),
    _l("Rows that say what is stored already change nothing; no post ends by an import."),
)  # fmt: skip
LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


def import_users(
    data: bytes, *, by: User | None, skip_bad: bool = False,
    say: Callable[[str], object] = lambda words: None,
) -> Report:  # fmt: skip
    """Store accounts and posts; known again by login, role and jurisdiction.

    New accounts have a password that nobody knows, their ids are in `Report.accounts`. `by` keeps
    to the own jurisdiction; None is the command line. Raises `BadTable`; the caller commits, or
    rolls back for a dry run.
    """
    say(_("Reading…"))
    table = reading.read(data, COLUMNS)
    report = Report.of(table)
    say(_("Checking…"))
    allowed = [""] if by is None else scopes(by, Permission.GROUND_WRITE)
    _check(table, allowed)
    rows = report.gather(table.rows)
    known = _known({row.values["login"] for row in rows})
    for row in rows:
        _store(table, row, known, allowed, report, by)
    report.faults = []
    report.gather(table.rows)
    report.stored = skip_bad or not report.faults
    return report


def _check(table: Table, allowed: list[str]) -> None:
    codes = {row.values["jurisdiction"] for row in table.rows if "jurisdiction" in row.values}
    there = set(
        db.session.scalars(select(Jurisdiction.code).where(Jurisdiction.code.in_(sorted(codes))))
    )
    names: dict[str, str] = {}
    for row in table.rows:
        for key in ("login", "name", "role", "jurisdiction"):
            if key not in row.values and not any(f.column == table.titles[key] for f in row.faults):
                row.blame(table.titles[key], _("This is missing."), _("Fill it in."))
        code = row.values.get("jurisdiction")
        if code is not None and code not in there:
            row.blame(table.titles["jurisdiction"],
                      _("No jurisdiction has the code %(code)s.", code=code),
                      _("Give a code of the code table."))  # fmt: skip
        elif code is not None and not covers(allowed, code):
            row.blame(table.titles["jurisdiction"],
                      _("%(code)s lies outside your jurisdiction.", code=code),
                      _("You can give posts within your own jurisdiction only."))  # fmt: skip
        login = str(row.values.get("login", "")).lower()
        if login and not LOGIN.fullmatch(login):
            row.blame(table.titles["login"], _("This cannot be a login."),
                      _("Use 2 to 64 letters, digits and . _ - only."))  # fmt: skip
        row.values["login"] = login
        if names.setdefault(login, row.values.get("name", "")) != row.values.get("name", ""):
            row.blame(table.titles["name"],
                      _("The login has another name in a row above."),
                      _("One login is one person: mend the login or the name."))  # fmt: skip


def _known(logins: set[str]) -> dict[str, User]:
    rows = select(User).where(User.login.in_(sorted(logins))).options(selectinload(User.posts))
    return {user.login: user for user in db.session.scalars(rows)}


def _store(
    table: Table, row: Row, known: dict[str, User], allowed: list[str], report: Report,
    by: User | None,
) -> None:  # fmt: skip
    said = row.values
    day = said.get("from_date") or workdays.today()
    user = known.get(said["login"])
    if user is None:
        user = people.create_user(said["login"], said["name"], by=by, phone=said.get("phone"))
        db.session.refresh(user, ["posts"])
        known[user.login] = user
        report.accounts.append(str(user.id))
        people.appoint(user, said["role"], said["jurisdiction"], day, by=by)
        report.new += 1
        db.session.flush()
        db.session.refresh(user, ["posts"])
        return
    if not all(covers(allowed, post.jurisdiction_code or "") for post in user.posts):
        row.blame(table.titles["login"],
                  _("The login belongs to somebody outside your jurisdiction."),
                  _("Choose another login."))  # fmt: skip
        return
    if by is not None and user.id == by.id:
        row.blame(table.titles["login"], _("This is your own account."),
                  _("Nobody gives posts to themselves: another administrator does."))  # fmt: skip
        return
    if not apart({post.role for post in held(user)} | {said["role"]}):
        row.blame(table.titles["role"],
                  _("Who keeps accounts, who audits and who works with households are different "
                    "people."), _("Use another login for this post."))  # fmt: skip
        return
    changed = False
    for key in ("name", "phone"):
        if said.get(key) is not None and getattr(user, key) != said[key]:
            setattr(user, key, said[key])
            changed = True
    if changed:
        events.record("user.changed", user.id, by=by.id if by else None)
    same = (
        post for post in user.posts
        if (post.role, post.jurisdiction_code) == (said["role"], said["jurisdiction"])
        and (post.to_date is None or post.to_date > day)
    )  # fmt: skip
    if next(same, None) is None:
        people.appoint(user, said["role"], said["jurisdiction"], day, by=by)
        db.session.flush()
        db.session.refresh(user, ["posts"])
        changed = True
    report.changed += changed
    report.same += not changed

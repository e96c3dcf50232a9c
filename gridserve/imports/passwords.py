"""First passwords for imported accounts: made when the sheet is downloaded, and kept nowhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from gridserve import passwords
from gridserve.db import db
from gridserve.errors import Forbidden, NotFound
from gridserve.imports.models import Import, ImportState
from gridserve.people import DeviceToken, User
from gridserve.tables import values
from gridserve.tables.columns import Column

# Each password takes a good part of a second to be stored safely.
AT_ONCE = 25
COLUMNS = (
    Column("login", "账号", values.label(64), width=24),
    Column("name", "姓名", values.text(64), width=18),
    Column("password", "初始密码", values.text(64), width=28),
)


def give(ids: Sequence[str], *, by: User | None) -> bytes:
    """Give these accounts random passwords, but for who has signed in before; a sheet of them."""
    from gridserve.tables import books

    signed_in = select(DeviceToken.id).where(DeviceToken.user_id == User.id).exists()
    accounts = db.session.scalars(
        select(User)
        .where(User.id.in_([uuid.UUID(one) for one in ids]), User.active, ~signed_in)
        .order_by(User.login)
        .with_for_update()
    ).all()
    lines = []
    for user in accounts:
        password = passwords.random_password()
        passwords.give(user, password, by=by)
        lines.append((user.login, user.name, password))
    return books.rows(COLUMNS, lines)


def hand_out(row: Import, *, by: User) -> bytes:
    """The sheet of the next accounts of a locked import; each is handed out once, to its sender."""
    report = dict(row.report or {})
    waiting: list[str] = report.get("accounts", [])
    if row.by_id != by.id:
        raise Forbidden(_("Whoever sent the file decides on it."))
    if row.state != ImportState.DONE or not waiting:
        raise NotFound(_("There are no passwords to hand out, or they were handed out already."))
    sheet = give(waiting[:AT_ONCE], by=by)
    row.report = report | {"accounts": waiting[AT_ONCE:]}
    return sheet

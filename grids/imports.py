"""The kinds of import that keep teams and accounts, and their commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from grids import teamfile, userfile
from grids.commands import import_group
from grids.teamfile import import_teams
from grids.userfile import import_users
from gridserve.db import db
from gridserve.imports import passwords
from gridserve.imports.kinds import Kind, Upload
from gridserve.people import User
from gridserve.permissions import Permission
from gridserve.tables.commandline import finish, read_file, say, table_options

TABLES = (".xlsx", ".xlsm", ".csv", ".txt")


def _teams(upload: Upload) -> dict[str, Any]:
    skip = bool(upload.options.get("skip_bad"))
    return import_teams(upload.data, by=upload.by, skip_bad=skip, say=upload.say).as_dict()


def _users(upload: Upload) -> dict[str, Any]:
    skip = bool(upload.options.get("skip_bad"))
    report = import_users(upload.data, by=upload.by, skip_bad=skip, say=upload.say)
    # In a check they are taken back, so there is nobody to give a password.
    return report.as_dict() | ({} if upload.dry_run else {"accounts": report.accounts})


KINDS = (
    Kind(
        "teams", _l("Teams"), _l("XLSX or CSV: one row for each member or cell"),
        Permission.GROUND_WRITE, TABLES, _teams, teamfile.COLUMNS, teamfile.ABOUT,
        page="grids.home",
    ),
    Kind(
        "users", _l("Accounts"), _l("XLSX or CSV: one row for each post of a person"),
        Permission.GROUND_WRITE, TABLES, _users, userfile.COLUMNS, userfile.ABOUT,
        page="grids.home",
    ),
)  # fmt: skip


@import_group.command("teams")
@click.option("--as", "login", metavar="LOGIN", help="The administrator in whose name it is done.")
@table_options(teamfile.COLUMNS, teamfile.ABOUT)
def teams(path: Path, login: str | None, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import teams, their members and cells from FILE (XLSX or CSV)."""
    if not login:
        raise click.UsageError("Say --as LOGIN: changes of teams are in somebody's name.")
    by = db.session.scalar(
        select(User).where(User.login == login.lower(), User.active)
        .options(selectinload(User.posts))
    )  # fmt: skip
    if by is None:
        raise click.ClickException(f"No account has the login {login!r}.")
    report = import_teams(read_file(path), by=by, skip_bad=skip_bad, say=say)
    finish(report, path=path, dry_run=dry_run, as_json=as_json)


@import_group.command("users")
@click.option("--passwords", "sheet", type=click.Path(dir_okay=False, path_type=Path),
              help="Give new accounts random passwords and write them to this .xlsx.")  # fmt: skip
@table_options(userfile.COLUMNS, userfile.ABOUT)
def users(path: Path, sheet: Path | None, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import accounts with their posts from FILE (XLSX or CSV)."""
    report = import_users(read_file(path), by=None, skip_bad=skip_bad, say=say)
    if sheet is not None and report.stored and report.accounts and not dry_run:
        made = passwords.give(report.accounts, by=None)
        sheet.touch(mode=0o600)
        sheet.write_bytes(made)
    finish(report, path=path, dry_run=dry_run, as_json=as_json)
    if report.accounts and sheet is None and not dry_run and not as_json:
        click.echo("New accounts have no password yet: gridserve user reset-password LOGIN.")

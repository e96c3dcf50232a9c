"""Commands that bring households in from a table and take them out to one."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

import click
from tqdm import tqdm

from grids.commands import export_group, import_group
from grids.coordinates import System
from gridserve.commandline import command
from gridserve.db import db, now
from gridserve.tables.commandline import Unreadable, finish, read_file, say, table_options
from gridserve.tables.raw import BadTable
from gridserve.tables.writing import export_mark, write
from visits import householdexport
from visits.householdfile import ABOUT, COLUMNS
from visits.householdimport import import_households


@import_group.command("households")
@click.option(
    "--crs", type=click.Choice([s.value for s in System]),
    help="Coordinate system of longitude and latitude where no column says it.",
)  # fmt: skip
@table_options(COLUMNS, ABOUT)
def households(path: Path, crs: str | None, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import households from FILE (XLSX or CSV); known again by village and number.

    An empty cell leaves what is stored; 清空 in it forgets what is stored.
    """
    report = import_households(
        read_file(path), by=None, system=System(crs) if crs else None, skip_bad=skip_bad,
        dry_run=dry_run, say=say,
    )  # fmt: skip
    finish(report, path=path, dry_run=dry_run, as_json=as_json)


@export_group.command("households")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--jurisdiction", metavar="CODE", help="Only those below this code, 2 to 12 digits.")
@click.option("--reveal", is_flag=True, help="Names and phones in full; needs --reason.")
@click.option("--reason", help="Why names are needed; it is kept in the audit trail.")
@command()
def export_households(
    path: Path, jurisdiction: str | None, reveal: bool, reason: str | None
) -> None:
    """Write households to FILE (.xlsx or .csv by its name), names and phones masked.

    With --reveal the file can be imported again, and then changes nothing.
    """
    if reveal != bool(reason and reason.strip()):
        raise click.UsageError("--reveal and --reason TEXT go together.")
    if jurisdiction is not None and not re.fullmatch(r"[0-9]{2,12}", jurisdiction):
        raise click.UsageError("--jurisdiction takes 2 to 12 digits.")
    lines = tqdm(
        householdexport.households(jurisdiction, reveal=reveal),
        disable=None, delay=1, leave=False, unit=" households",
    )  # fmt: skip
    try:
        count = write(path, COLUMNS, lines, mark=export_mark(getpass.getuser(), now()))
    except (BadTable, OSError) as error:
        raise Unreadable(str(error)) from error
    householdexport.record(
        jurisdiction, count=count, reason=reason.strip()[:200] if reason else None
    )
    db.session.commit()
    click.echo(f"{count:,} households written to {path}" + ("." if reveal else ", names masked."))


# The groups that these belong to.
COMMANDS: tuple[click.Command, ...] = (import_group, export_group)

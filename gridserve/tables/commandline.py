"""What the commands that import tables share: options, reading the file, saying what came of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gridserve.commandline import command
from gridserve.db import db
from gridserve.tables.columns import Column
from gridserve.tables.raw import LARGEST, BadTable
from gridserve.tables.report import Report

FAULTS_SHOWN = 20


class Unreadable(click.ClickException):
    """The whole input cannot be read."""

    exit_code = 2


def table_options(columns: Sequence[Column], about: Sequence[Any]) -> Callable[..., Any]:
    """FILE, the options of every import of a table, and --template."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        @command()
        def run(*args: Any, path: Path | None, template: Path | None, **kwargs: Any) -> Any:
            try:
                if template is not None and template.suffix.lower() != ".xlsx":
                    raise click.UsageError(f"A template is an .xlsx: {template.stem}.xlsx")
                if template is not None:
                    from gridserve.tables import books  # loads openpyxl

                    template.write_bytes(books.template(columns, [str(line) for line in about]))
                    click.echo(f"{template} written: fill it in and import it.")
                    return None
                if path is None:
                    raise click.UsageError("Give a FILE, or --template FILE to get an empty table.")
                return function(*args, path=path, **kwargs)
            except BadTable as error:
                raise Unreadable(str(error)) from error
            except OSError as error:
                raise Unreadable(f"{error.filename}: {error.strerror}.") from error

        for option in (
            click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
            click.option("--skip-bad", is_flag=True, help="Leave faulty rows out, store the rest."),
            click.option("--dry-run", is_flag=True, help="Check everything, store nothing."),
            click.option("--template", type=click.Path(dir_okay=False, path_type=Path),
                         help="Write an empty table to fill in, and stop."),
            click.argument("path", metavar="[FILE]", required=False,
                           type=click.Path(path_type=Path)),
        ):  # fmt: skip
            run = option(run)
        return run

    return wrap


def read_file(path: Path) -> bytes:
    """The bytes of a file, no more than an import takes."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def say(words: str) -> None:
    """Tell a person at a terminal what is being done."""
    if sys.stderr.isatty():
        click.echo(words, err=True)


def finish(report: Report, *, path: Path, dry_run: bool, as_json: bool) -> None:
    """Commit or roll back, say what happened, and leave with 1 where nothing could be stored."""
    if report.stored and not dry_run:
        db.session.commit()
    else:
        db.session.rollback()
    if as_json:
        answer = report.as_dict() | {"stored": report.stored and not dry_run, "dry_run": dry_run}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(report, path, dry_run)
    if not report.stored:
        raise SystemExit(1)


def _print(report: Report, path: Path, dry_run: bool) -> None:
    for note in report.notes:
        click.echo(f"{path.name}: {note}", err=True)
    for fault in report.faults[:FAULTS_SHOWN]:
        where = f"{path.name}, row {fault.row}" + (f", {fault.column}" if fault.column else "")
        click.echo(f"{where}: {fault.reason} {fault.mend}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        rest = len(report.faults) - FAULTS_SHOWN
        click.echo(f"… and {rest:,} more; --json lists all of them.", err=True)
    counts = f"{report.new:,} new, {report.changed:,} changed, {report.same:,} as they were"
    if not report.stored:
        click.echo(
            f"Nothing was imported; faults found: {len(report.faults):,} in {report.left_out:,} of "
            f"{report.read:,} rows ({counts} without them). Mend what is named above, or leave it "
            "out with --skip-bad.",
            err=True,
        )
        return
    click.echo(
        counts
        + (f"; left out for their faults: {report.left_out:,}" if report.faults else "")
        + (" (dry run: nothing was stored)." if dry_run else ".")
    )

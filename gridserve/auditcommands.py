"""Commands for the audit trail: hold it against its seals, say its head, archive a month."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import click
from tqdm import tqdm

from gridserve import trail, trailcheck, trailfile
from gridserve.commandline import command
from gridserve.db import db
from gridserve.trail import Head
from gridserve.trailcheck import Found


class HeadParam(click.ParamType):
    """A head as `audit head` says it."""

    name = "HEAD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        said = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", value.strip())
        if said is None:
            self.fail("as `gridserve audit head` says it: NUMBER:CODE", param, ctx)
        return Head(int(said[1]), bytes.fromhex(said[2]))


class Month(click.ParamType):
    """A month as 2026-03."""

    name = "MONTH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(f"{value}-01")
        except ValueError:
            self.fail("write a month as 2026-03", param, ctx)


@click.group("audit")
def audit_group() -> None:
    """The audit trail and its seals."""


@audit_group.command("head")
@command()
def head() -> None:
    """Seal what waits and say the last seal: note it where the database's keepers cannot write."""
    while trail.seal():
        db.session.commit()
    db.session.commit()
    click.echo(trail.head())


@audit_group.command("verify")
@click.argument(
    "files", metavar="[FILE]...", nargs=-1,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--head", "noted", type=HeadParam(), help="A head that was noted elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@command()
def verify(files: tuple[Path, ...], noted: Head | None, as_json: bool) -> None:
    """Find what of the trail was changed, lost, added or exchanged; exit code 1 when anything was.

    With FILEs (of `audit archive`) these are looked at instead of the database.
    """
    try:
        results = [(str(path), trailfile.verify(path)) for path in files]
    except trailfile.BadArchive as bad:
        raise click.ClickException(str(bad)) from bad
    if not files:
        with tqdm(unit=" events", disable=as_json or None) as bar:
            results = [("database", trailcheck.verify(noted, say=bar.update))]
    if as_json:
        click.echo(json.dumps([_told(where, found) for where, found in results]))
    else:
        for where, found in results:
            _say(where, found)
    click.get_current_context().exit(any(found.faults for _where, found in results))


def _told(where: str, found: Found) -> dict[str, object]:
    return {
        "where": where, "events": found.events, "seals": found.seals, "waiting": found.waiting,
        "waiting_since": found.waiting_since and found.waiting_since.isoformat(),
        "head": str(found.head), "faults": found.faults,
    }  # fmt: skip


def _say(where: str, found: Found) -> None:
    for words in found.faults:
        click.echo(f"{where}: {words}")
    good = "" if found.faults else "; all as they were sealed"
    click.echo(f"{where}: {found.events:,} events in {found.seals:,} seals{good}")
    if found.waiting:
        click.echo(f"{where}: {found.waiting:,} events wait for the next seal")
    if trailcheck.overdue(found):
        click.echo(f"{where}: they wait for more than an hour: does the scheduler run?")
    click.echo(f"{where}: head {found.head}")


@audit_group.command("archive")
@click.argument("month", type=Month())
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@command()
def archive(month: date, path: Path) -> None:
    """Write what was sealed in MONTH (as 2026-03) to FILE. The trail itself stays as it is."""
    found = trailfile.write(month, path)
    _say(str(path), found)
    click.get_current_context().exit(bool(found.faults))


COMMANDS: tuple[click.Command, ...] = (audit_group,)

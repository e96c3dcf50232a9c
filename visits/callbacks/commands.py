"""Commands that draw the weekly samples and check them."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import click

from gridserve.commandline import command
from gridserve.db import db
from visits.callbacks import sampling


def _week(ctx: click.Context, param: click.Parameter, value: str) -> date:
    found = re.fullmatch(r"(\d{4})-?W(\d\d)", value)
    try:
        if not found:
            raise ValueError
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError as error:
        raise click.BadParameter("give an ISO week such as 2026-W47.") from error


WEEK = click.option("--week", required=True, callback=_week, metavar="YYYY-Www",
                    help="ISO week, such as 2026-W47.")  # fmt: skip
TOWNSHIP = click.option("--township", metavar="CODE", help="Only this township (9 digits).")


@click.group()
def sample() -> None:
    """The weekly random sample of visits that are confirmed with residents."""


@sample.command("draw")
@WEEK
@TOWNSHIP
@command()
def draw(week: date, township: str | None) -> None:
    """Draw the samples of a week that are not drawn yet."""
    count = sampling.draw(week, township)
    db.session.commit()
    click.echo(f"{count} samples drawn.")


@sample.command("verify")
@WEEK
@TOWNSHIP
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@command()
def verify(week: date, township: str | None, as_json: bool) -> None:
    """Draw the samples of a week again from their seeds; exit code 1 where they differ."""
    checked = sampling.verify(week, township)
    rows: list[dict[str, Any]] = [
        {"township": one.township_code, "seed": one.seed, "visits": one.visits,
         "differences": differences}
        for one, differences in checked
    ]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows))
    for row in [] if as_json else rows:
        said = "; ".join(row["differences"]) or "as drawn"
        click.echo(f"{row['township']} seed {row['seed']} from {row['visits']} visits: {said}")
    if not rows and not as_json:
        click.echo("No sample of this week.")
    if any(row["differences"] for row in rows):
        click.get_current_context().exit(1)


COMMANDS: tuple[click.Command, ...] = (sample,)

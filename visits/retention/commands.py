"""`gridserve retention`: what is older than its period, and letting it go."""

from __future__ import annotations

import json

import click
from tqdm import tqdm

from gridserve.commandline import command
from visits.retention import operations
from visits.retention.kinds import KINDS


@click.command()
@click.option("--do", "really", is_flag=True, help="Let it go. Without it, it is only counted.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@command()
def retention(really: bool, as_json: bool) -> None:
    """Count what is older than its period (GRIDSERVE_RETENTION_DAYS), and with --do let it go."""
    counts = operations.due()
    days = operations.periods()
    if really:
        with tqdm(total=sum(counts.values()), unit=" rows", disable=None, leave=False) as bar:
            counts = dict(operations.run(lambda _kind, count: bar.update(count)).counts)
    if as_json:
        click.echo(json.dumps({"done": really, "days": days, "counts": counts}))
        return
    for kind in KINDS:
        kept = f"{days[kind.key]:,} days" if days[kind.key] else "kept for good"
        click.echo(f"{kind.key:<10} {counts.get(kind.key, 0):>10,}  {kept:<14} {kind.label}")
    click.echo("Done." if really else "Nothing was changed; --do lets it go.")


COMMANDS: tuple[click.Command, ...] = (retention,)

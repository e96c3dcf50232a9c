"""Commands over households: the first division of a village, and the check of what is kept."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from tqdm import tqdm

from grids.guides import multi_line, read_lines
from gridserve import workdays
from gridserve.commandline import command
from gridserve.db import db
from visits import figures, mapcommands  # noqa: F401 - adds to the group of imports
from visits.division import computing, operations
from visits.division.ground import find_village
from visits.division.models import Draft
from visits.division.states import state_of
from visits.issues import projection
from visits.issues.models import Issue
from visits.jobs import check_consistency


@click.command()
@click.argument("village", metavar="VILLAGE")
@click.option("--min", "smallest", type=click.IntRange(1, 10_000), default=300, show_default=True,
              help="Fewest households of a cell.")  # fmt: skip
@click.option("--max", "largest", type=click.IntRange(1, 10_000), default=500, show_default=True,
              help="Most households of a cell.")  # fmt: skip
@click.option("--lines", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="GeoJSON of roads and rivers for borders of cells to follow.")  # fmt: skip
@click.option("--write", is_flag=True, help="Make the cells and put the households into them.")
@click.option("--from-date", type=click.DateTime(["%Y-%m-%d"]),
              help="First day on which the cells are valid; today unless given.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the proposal as JSON.")
@command()
def split(
    village: str, smallest: int, largest: int, lines: Path | None, write: bool,
    from_date: datetime | None, as_json: bool,
) -> None:  # fmt: skip
    """Propose a first division of VILLAGE (12 digits) into cells by its households.

    Nothing is stored without --write.
    """
    if smallest > largest:
        raise click.UsageError(f"--min {smallest} is above --max {largest}.")
    asked = {"id": uuid.uuid4(), "village": village, "smallest": smallest, "largest": largest}
    if lines is not None:
        asked["lines"] = _read_lines(lines)
    draft, _repeat = operations.ask(asked, by=None)
    with tqdm(total=100, unit="%", leave=False, disable=None) as bar:
        computing.work_out(draft, lambda share: bar.update(round(100 * share) - bar.n) and None)
    if write:
        day = from_date.date() if from_date else workdays.today()
        operations.adopt(draft, {"version": draft.version, "on": day}, by=None)
    answer = _answer(draft) | {"written": write}
    if write:
        db.session.commit()
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)


def _read_lines(path: Path) -> dict[str, Any]:
    """The lines of a GeoJSON file as a MultiLineString."""
    try:
        given = json.loads(path.read_bytes())
        return multi_line(read_lines(given))
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--lines {path}: {error}") from error


def _answer(draft: Draft) -> dict[str, Any]:
    """The figures by which a division is judged."""
    state = state_of(draft)
    cells = [
        {"serial": serial, "code": cell.get("code"), "groups": len(cell["groups"])}
        | {name: cell[name] for name in ("households", "hectares", "compactness")}
        for serial, cell in enumerate(state.cells, 1)
    ]
    village = find_village(draft.village_code)
    named = {"village": village.code, "name": village.name, "derived": draft.territory is not None}
    return named | {"assigned": None} | state.figures | {"cells": cells}


def _print(answer: dict[str, Any]) -> None:
    click.echo(
        f"{answer['village']} {answer['name']}: {answer['households']:,.0f} active households, "
        f"{len(answer['cells'])} cells"
    )
    click.echo("cell             households   hectares  compactness")
    for cell in answer["cells"]:
        name = cell["code"] or f"{cell['serial']:03}"
        click.echo(
            f"{name:<15} {cell['households']:>11,.0f} {cell['hectares']:>10,.1f} "
            f"{cell['compactness']:>12.2f}"
        )
    click.echo(f"mean compactness: {answer['compactness']:.2f}")
    if answer["groups"]:
        cut = answer["groups_cut"]
        names = f" ({', '.join(cut[:10])}{' …' if len(cut) > 10 else ''})" if cut else ""
        click.echo(
            f"villagers' groups: {answer['groups']}, of these cut: {len(cut)}{names}; "
            f"{answer['apart']:,} households apart from their group"
        )
    ratio = answer["largest_to_smallest"]
    said = f"{ratio:.2f}" if ratio else "cannot be said: a cell has no households"
    click.echo(f"largest ÷ smallest: {said}")
    if answer["outside"]:
        click.echo(f"{answer['outside']:,} households lie outside the boundary: check them.")
    if answer["derived"]:
        click.echo("No boundary is stored: the ground was worked out from where households live.")
    if answer["written"]:
        click.echo(f"Written; {answer['assigned']:,} households assigned to the new cells.")
    else:
        click.echo("A proposal only; --write makes the cells.")


@click.command()
@click.option("--mend", is_flag=True, help="Write what differs anew from the base tables.")
@command()
def check(mend: bool) -> None:
    """Compare kept figures and issues with the visits and steps that they derive from.

    The same is done every night. Exit code 1 when something differs and was not mended.
    """
    differences = [str(d) for d in figures.check()]
    differences += [f"issue {id_} differs from its steps" for id_ in projection.check()]
    for words in differences:
        click.echo(words)
    if not differences:
        click.echo("All agree.")
    elif mend:
        check_consistency()
        db.session.commit()
        click.echo(f"{len(differences)} mended.")
    else:
        click.echo("Mend with --mend.")
        raise SystemExit(1)


@click.group()
def rebuild() -> None:
    """Write kept rows anew from what they derive from."""


@rebuild.command("issues")
@click.option("--number", metavar="N", help="Only the issue of this number, as 261123-7KQ4M.")
@command()
def rebuild_issues(number: str | None) -> None:
    """Write the rows of issues anew from their steps, due times included.

    Safe at any time: a row that is right stays as it is.
    """
    if number is None:
        total = db.session.scalar(select(func.count()).select_from(Issue))
        with tqdm(total=total, unit=" issues", leave=False, disable=None) as bar:
            changed = projection.rebuild_all(bar.update)
    else:
        found = db.session.scalar(select(Issue.id).where(Issue.number == number.strip().upper()))
        if found is None:
            raise click.ClickException(f"No issue has the number {number}.")
        total, changed = 1, int(projection.rebuild(found))
    db.session.commit()
    click.echo(f"{total:,} looked at, {changed:,} written anew.")


# `import cells` is in mapcommands, which the group of imports learns by loading it.
COMMANDS: tuple[click.Command, ...] = (split, check, rebuild)

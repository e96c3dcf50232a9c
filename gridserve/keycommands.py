"""Commands for the keys that seal what lies in the database."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from tqdm import tqdm

from gridserve import keyuse, sealing
from gridserve.commandline import command
from gridserve.keyuse import Use


@click.group("keys")
def keys_group() -> None:
    """The keys of GRIDSERVE_DATA_KEY and what they seal."""


@keys_group.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@command()
def check(as_json: bool) -> None:
    """Say what lies under which key; exit code 1 where one is missing."""
    found = keyuse.uses()
    if as_json:
        click.echo(json.dumps([
            {**asdict(use), "known": use.known, "present": use.present} for use in found
        ]))  # fmt: skip
    else:
        for use in found:
            cipher = f" ({use.cipher})" if use.cipher else ""
            click.echo(f"{use.where:<22} {use.count:>10,}  {use.key}{cipher}  {_word(use)}")
        for key in list(sealing.data_keys())[1:]:
            if not any(use.key == key.hex() for use in found):
                click.echo(f"{key.hex()} seals nothing here any more: only older backups need it.")
    click.get_current_context().exit(not all(use.known for use in found))


def _word(use: Use) -> str:
    if not use.known:
        return "MISSING: add the key to GRIDSERVE_DATA_KEY, after a comma"
    if use.present:
        return "present key"
    if not use.cipher:
        return "earlier key: keep it for as long as these seals are to be verified"
    return "to be sealed anew: gridserve keys rotate"


@keys_group.command("rotate")
@command()
def rotate() -> None:
    """Seal with the first key of GRIDSERVE_DATA_KEY what lies under others.

    The application goes on meanwhile, and finds numbers under all keys. Stopped, it goes on where
    it was. The audit trail keeps the seals that it has.
    """
    with tqdm(total=keyuse.waiting(), unit=" values", disable=None, leave=False) as bar:
        done = keyuse.rotate(bar.update)
    click.echo(f"{done.sealed:,} values sealed anew.")
    if done.left:
        click.echo(f"{done.left:,} were held by others all the time: run it again.")
    if done.broken:
        click.echo(f"{done.broken:,} cannot be opened: gridserve keys check names the key.")
    click.get_current_context().exit(bool(done.left or done.broken))


COMMANDS: tuple[click.Command, ...] = (keys_group,)

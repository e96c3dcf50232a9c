"""Commands for backups: make one, restore it, try whether it could be restored."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypeVar

import click
from flask import current_app

from gridserve import backup, upkeep
from gridserve.commandline import command
from gridserve.db import db
from gridserve.local import Local

Done = TypeVar("Done")
FOLDER = click.Path(file_okay=False, path_type=Path)
KEY = click.option(
    "--key", "key", type=click.File(), required=True,
    help="File of the private key; it need not lie on this machine otherwise.",
)  # fmt: skip


def _say(words: str) -> None:
    click.echo(words, err=True)


def _plainly(work: Callable[[], Done]) -> Done:
    try:
        return work()
    except backup.BackupFailed as failed:
        raise click.ClickException(str(failed)) from failed


@click.group("backup")
def backup_group() -> None:
    """Back up the database and its pictures and documents, and restore them."""


@backup_group.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command()
def new_key(file: Path) -> None:
    """Make a pair of keys: the private one goes into FILE, the public one is shown."""
    private, public = backup.new_identity()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise click.ClickException(f"{file} is there already; it is not overwritten.") from error
    with os.fdopen(handle, "w") as opened:
        opened.write(f"# public key: {public}\n{private}\n")
    click.echo(f"Keep {file} away from the server: without it no backup can be read.")
    click.echo(f"GRIDSERVE_BACKUP_FOR={public}")


@backup_group.command("make")
@click.argument("folder", type=FOLDER)
@click.option(
    "--for", "recipient", envvar="GRIDSERVE_BACKUP_FOR", required=True, metavar="AGE1…",
    help="The public key; read from GRIDSERVE_BACKUP_FOR where it is not given.",
)  # fmt: skip
@command()
def make(folder: Path, recipient: str) -> None:
    """Back up into a new folder under FOLDER, while the application goes on."""
    made = _plainly(lambda: backup.make(folder, recipient, _say))
    upkeep.done("backup")
    db.session.commit()
    missing = backup.read_manifest(made)["missing"]
    if missing:
        _say(f"The store has lost {len(missing)} pictures or documents; see {backup.MANIFEST}.")
    click.echo(made)


@backup_group.command("restore")
@click.argument("folder", type=FOLDER)
@KEY
@command()
def restore(folder: Path, key: TextIO) -> None:
    """Put the backup in FOLDER into an empty database and its store."""
    found = _plainly(lambda: backup.restore(folder, key.read(), _say))
    click.echo(f"Restored: {sum(found['rows'].values())} rows as of {found['made_at']}.")
    click.echo("Bring it up to date with: gridserve db upgrade")


@backup_group.command("try")
@click.argument("folder", type=FOLDER)
@KEY
@command()
def try_(folder: Path, key: TextIO) -> None:
    """Restore the backup in FOLDER into servers made for that alone, and compare."""
    from gridserve.app import create_app
    from gridserve.config import Config

    own: Config = current_app.extensions["gridserve"]
    there = Path(tempfile.mkdtemp(prefix="gridserve-try-"))
    there.chmod(0o755)  # the database's account has to pass
    local = Local(there / "data", say=_say)
    try:
        found = local.start()
        config = replace(
            own, database_url=found.database_url, redis_url=found.redis_url,
            blobs=str(there / "blobs"),
        )  # fmt: skip
        with create_app(config).app_context():
            try:
                manifest = _plainly(lambda: backup.restore(folder, key.read(), _say))
            finally:
                db.engine.dispose()
    finally:
        local.stop()
        shutil.rmtree(there, ignore_errors=True)
    click.echo(
        f"This backup can be restored: {sum(manifest['rows'].values())} rows and "
        f"{manifest['blobs']} pictures and documents as of {manifest['made_at']}."
    )


COMMANDS: tuple[click.Command, ...] = (backup_group,)

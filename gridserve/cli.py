"""The `gridserve` command; what the domain packages add is named in gridserve.app.COMMANDS."""

import copy
import functools
import json as jsonlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gridserve.deploycommands import deploy
from gridserve.installation import default_data, read_dotenv, servers
from gridserve.loading import loading
from gridserve.local import LocalError


class Commands(click.Group):
    """Core commands at once; the domain's only when one is asked for, since they load the app."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_domain_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _domain_commands().get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LocalError as error:
            raise click.ClickException(str(error)) from error


@functools.cache
def _domain_commands() -> dict[str, click.Command]:
    with loading():
        from gridserve.app import COMMANDS

    return {command.name or "": _in_app(command) for command in COMMANDS}


def _in_app(command: click.Command) -> click.Command:
    """The command, run with servers that answer and inside the application's context."""
    wrapped = copy.copy(command)
    if isinstance(wrapped, click.Group):
        wrapped.commands = {name: _in_app(one) for name, one in wrapped.commands.items()}
        return wrapped
    inner = command.callback
    if inner is not None:
        wrapped.callback = needs_app(inner)
    return wrapped


def needs_app(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command's function inside the application, starting private servers if need be."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        data = click.get_current_context().find_root().params["data"]
        with servers(data):
            with loading():
                from sqlalchemy.exc import ProgrammingError

                from gridserve.app import create_app
                from gridserve.db import UNDEFINED_COLUMN, UNDEFINED_TABLE, sqlstate

                app = create_app()
            with app.app_context():
                try:
                    return function(*args, **kwargs)
                except ProgrammingError as error:
                    if sqlstate(error) not in (UNDEFINED_TABLE, UNDEFINED_COLUMN):
                        raise
                    raise click.ClickException(
                        "The database's tables are missing or of an older version. "
                        f"Bring them up to date with: gridserve --data {data} db upgrade"
                    ) from error

    return run


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gridserve")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), envvar="GRIDSERVE_DATA",
    default=default_data, show_default="var",
    help="Folder of what a run makes: private database, logs, keys.",
)  # fmt: skip
def main(data: Path) -> None:
    """Grid management: cells, teams, household visits, issues and maps."""
    read_dotenv()


@main.command()
@click.option("--demo", is_flag=True, help="Load the demonstration county and play one day.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="HTTP port."
)
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="As above.")
@click.pass_context
def up(ctx: click.Context, demo: bool, port: int, data: Path | None) -> None:
    """Serve on this machine until Ctrl-C: database, web, worker and scheduler."""
    from gridserve.up import up as run

    ctx.exit(run(data or ctx.find_root().params["data"], port, demo))


main.add_command(deploy)


@main.command()
@click.option("--json", is_flag=True, help="For programs.")
@click.pass_context
def doctor(ctx: click.Context, json: bool) -> None:
    """Say of every dependency whether it is there and well, and how to mend it."""
    from gridserve.doctor import examine

    checks = examine(ctx.find_root().params["data"])
    if json:
        click.echo(jsonlib.dumps([check.as_dict() for check in checks], ensure_ascii=False))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            click.echo(f"{check.sign} {check.name:<{width}}  {check.found}")
            if check.mend:
                click.echo(f"  {'':<{width}}  → {check.mend}")
    ctx.exit(any(check.wrong for check in checks))


@main.group()
def db() -> None:
    """The database's tables."""


@db.command()
@click.argument("revision", default="head")
@needs_app
def upgrade(revision: str) -> None:
    """Bring the tables up to the newest migration, or to REVISION.

    At the newest one, what an installation starts with is stored where there is none yet.
    """
    from flask import current_app

    from gridserve import migrating
    from gridserve.db import ExtensionsMissing
    from gridserve.db import db as database

    try:
        migrating.upgrade(revision)
    except ExtensionsMissing as error:
        raise click.ClickException(str(error)) from error
    if revision == "head":
        for store in current_app.extensions["gridserve.beginnings"]:
            store()
        database.session.commit()


@db.command()
@click.argument("revision", default="-1")
@click.confirmation_option(prompt="Going down can drop tables with their rows. Go on?")
@needs_app
def downgrade(revision: str) -> None:
    """Undo the newest migration, or all down to REVISION."""
    from gridserve import migrating

    migrating.downgrade(revision)


@db.command()
@needs_app
def check() -> None:
    """Whether the tables are up to date and equal to the models; exit code 1 when not."""
    from gridserve import migrating

    migrating.check()


@main.command()
@click.option("--quick", is_flag=True, help="Take short jobs only, so that they never wait.")
@needs_app
def worker(quick: bool) -> None:
    """Work off the queues until told to stop, short jobs first."""
    from flask import current_app

    from gridserve import jobs

    jobs.run_worker(_app(current_app), quick=quick)


@main.command()
@needs_app
def scheduler() -> None:
    """Put the timetable's jobs on the queues when their time comes."""
    from flask import current_app

    from gridserve import jobs

    jobs.run_scheduler(_app(current_app))


def _app(proxy: Any) -> Any:
    return proxy._get_current_object()


if __name__ == "__main__":
    sys.exit(main())

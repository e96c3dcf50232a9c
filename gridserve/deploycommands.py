"""Commands that write the configuration of what stands around the application on a server."""

from pathlib import Path
from typing import Any

import click

OUT = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write into; without it they are shown.",
)  # fmt: skip
PORT = click.IntRange(1, 65535)


@click.group()
def deploy() -> None:
    """Write the site for nginx, or the units for systemd."""


def _write(files: dict[str, str], out: Path | None) -> None:
    from gridserve.deploying import write

    click.echo("\n".join(write(files, out)))


@deploy.command("nginx")
@click.option("--name", required=True, help="Name of the host, as grid.county.gov.cn.")
@click.option("--certificate", default="/etc/gridserve/tls/site.pem", show_default=True)
@click.option("--certificate-key", default="/etc/gridserve/tls/site.key", show_default=True)
@click.option("--upstream", "upstreams", multiple=True, metavar="HOST:PORT",
              help="A web machine; several times. Without it, the socket of this one.")  # fmt: skip
@click.option(
    "--http", type=PORT, default=80, show_default=True, help="Port that sends on to https."
)
@click.option("--https", type=PORT, default=443, show_default=True)
@click.option("--log", default="/var/log/nginx", show_default=True, help="Folder of the logs.")
@OUT
def nginx_(out: Path | None, upstreams: tuple[str, ...], **values: Any) -> None:
    """The site: https, bodies read whole, limits as the application's, static files."""
    from gridserve.deploying import SOCKET, nginx

    _write(nginx({**values, "upstreams": upstreams or (f"unix:{SOCKET}",)}), out)


@deploy.command("systemd")
@click.option("--user", default="gridserve", show_default=True, help="Account that it runs as.")
@click.option("--proxy-user", default="www-data", show_default=True, help="Account of nginx.")
@click.option("--settings", default="/etc/gridserve", show_default=True,
              help="Folder with the settings, in a file .env.")  # fmt: skip
@click.option("--backups", default="/var/backups/gridserve", show_default=True)
@OUT
def systemd_(out: Path | None, **values: Any) -> None:
    """The units: web with its socket, workers, scheduler, and a backup each night."""
    from gridserve.deploying import systemd

    _write(systemd(values), out)

"""`gridserve deploy`: the site for nginx and the units for systemd, with our own limits."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gridserve.installation import ROOT

SITE = "gridserve.conf"
UNITS = (
    "gridserve.target",
    "gridserve-web.socket",
    "gridserve-web.service",
    "gridserve-worker@.service",
    "gridserve-quick.service",
    "gridserve-scheduler.service",
    "gridserve-backup.service",
    "gridserve-backup.timer",
    "settings.env",
)
SOCKET = "/run/gridserve.sock"
_templates = Environment(
    loader=PackageLoader("gridserve", "templates/deploy"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - no page: lines of configuration
)


def nginx(values: Mapping[str, Any]) -> dict[str, str]:
    """The site's file by name: where it answers, as `values` say, and how large a body may be."""
    body, larger = limits()
    found = _templates.get_template(SITE).render(
        body=body, larger=larger, static=ROOT / "gridserve" / "static", **values
    )
    return {SITE: found}


def systemd(values: Mapping[str, Any]) -> dict[str, str]:
    """The units by name, for this installation's programs."""
    programs = Path(sys.executable).parent
    return {
        name: _templates.get_template(name).render(bin=programs, socket=SOCKET, **values)
        for name in UNITS
    }


def limits() -> tuple[int, list[tuple[str, int]]]:
    """Bytes that a body may have, and the addresses, as patterns, whose bodies may have more."""
    from gridserve.app import LARGEST_BODY, create_app
    from gridserve.config import Config

    # Nothing is asked of any server: only which addresses there are.
    app = create_app(
        Config(
            database_url="postgresql+psycopg://", redis_url="redis://", secret_key=32 * "-",
            data_key=(32 * "-",), blobs="blobs",
        )
    )  # fmt: skip
    found: dict[str, int] = {}
    for rule in app.url_map.iter_rules():
        most = getattr(app.view_functions[rule.endpoint], "largest_body", 0)
        if most:
            pattern = re.sub(r"<[^>]+>", "[^/]+", re.escape(rule.rule).replace(r"\-", "-"))
            found[pattern] = max(most, LARGEST_BODY, found.get(pattern, 0))
    return LARGEST_BODY, sorted((p, most) for p, most in found.items() if most > LARGEST_BODY)


def write(files: Mapping[str, str], folder: Path | None) -> list[str]:
    """Put the files into `folder` and give their paths; without one, give what they hold."""
    if folder is None:
        return [f"# ---- {name}\n{content}" for name, content in files.items()]
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return [str(folder / name) for name in files]

"""Commands that bring the ground in: code tables, boundaries, cells."""

from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()

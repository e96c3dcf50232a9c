"""What can be imported. The packages above give the kinds; the composition root names them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import current_app

from gridserve.people import User
from gridserve.permissions import Permission, may
from gridserve.tables.columns import Column


@dataclass(frozen=True)
class Upload:
    """A file to import, and how: `options` are those that the person said."""

    id: uuid.UUID
    name: str
    data: bytes
    options: dict[str, Any]
    by: User
    dry_run: bool
    say: Callable[[str], object] = lambda words: None


@dataclass(frozen=True)
class Kind:
    """One kind of file: who may send it, what it is called, and what is done with it.

    `run` gives the report as plain values: read, new, changed, same, left_out, stored, faults
    (row, column, reason, mend), notes, and for maps question and pictures. It raises
    `gridserve.tables.raw.BadTable`, and `Unsaid` where something has to be said first.
    """

    key: str
    label: Any
    hint: Any
    permission: Permission
    endings: tuple[str, ...]
    run: Callable[[Upload], dict[str, Any]]
    columns: Sequence[Column] = ()
    about: Sequence[Any] = ()
    options: tuple[str, ...] = field(default=())  # of: system, repair
    page: str = ""  # endpoint where what was imported is seen


def all_kinds() -> dict[str, Kind]:
    """The kinds by their keys."""
    found: dict[str, Kind] = current_app.extensions["gridserve.imports"]
    return found


def kinds_of(user: User) -> list[Kind]:
    """The kinds that `user` may import."""
    return [
        kind
        for kind in all_kinds().values()
        if may(user, Permission.IMPORT) and may(user, kind.permission)
    ]

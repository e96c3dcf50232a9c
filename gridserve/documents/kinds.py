"""What can be made. The packages above give the kinds; the composition root names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app

from gridserve.http import Schema
from gridserve.people import User
from gridserve.permissions import Permission, may
from gridserve.tables.writing import export_mark

# What a file is called outside and how a browser takes it.
MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "png": "image/png",
    "csv": "text/csv; charset=utf-8",
    "gpkg": "application/geopackage+sqlite3",
}


@dataclass(frozen=True)
class Asked:
    """What is to be made, for whom, and as things stood when: all that its content depends on."""

    by: User
    arguments: dict[str, Any]  # as the kind's schema loads them
    as_of: datetime
    format: str
    say: Callable[[str], object] = lambda words: None

    @property
    def mark(self) -> str:
        """What stands on each page of what is not for publishing: who had it made, and when."""
        return export_mark(self.by, self.as_of)


@dataclass(frozen=True)
class Kind:
    """One kind of document: who may have it made, of what, and how.

    `arguments` must have a field `jurisdiction`, a code: `permission` has to cover it when the
    document is asked for, made and taken. `check` refuses early what `make` would refuse; `make`
    gives the file. Both raise Problems. For the same Asked it gives the same bytes, as far as what
    was recorded by `as_of` is not changed. `personal`: it shows what the asker may see and is
    nobody else's; other kinds are seen by all whose posts cover the jurisdiction.
    """

    key: str
    label: Any
    permission: Permission
    formats: tuple[str, ...]
    arguments: type[Schema]
    formula: str
    title: Callable[[dict[str, Any]], str]
    make: Callable[[Asked], bytes]
    check: Callable[[Asked], object] = lambda asked: None
    personal: bool = False
    hint: Any = ""
    page: str = ""  # endpoint where it is looked at and asked for


def all_kinds() -> dict[str, Kind]:
    """The kinds by their keys."""
    found: dict[str, Kind] = current_app.extensions["gridserve.documents"]
    return found


def kinds_of(user: User) -> list[Kind]:
    """The kinds that `user` may have made somewhere."""
    return [
        kind
        for kind in all_kinds().values()
        if may(user, Permission.DOCUMENTS) and may(user, kind.permission)
    ]

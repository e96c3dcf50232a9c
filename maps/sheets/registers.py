"""What the two registers 台账 share: their columns, how a row reads, how many there may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Invalid
from maps.places import Place

ON_PAPER = 1_000  # rows of a PDF: half a minute and 640 MB while its pages are laid out
IN_A_TABLE = 300_000  # rows of a workbook
COUNTED = 10_000  # on screen


@dataclass(frozen=True)
class Column:
    """One column: its key in a row, heading, width in a workbook; `screen`: shown on a page."""

    key: str
    title: Any
    width: int
    screen: bool = True
    paper: int = 6  # share of the width on paper


@dataclass(frozen=True)
class Span:
    """Which rows: of a place, from `first` to `last`, both included, as recorded by `as_of`."""

    place: Place
    first: date
    last: date
    as_of: datetime

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The half-open interval of instants."""
        return workdays.span(self.first, self.last)


def count(query: Select[Any], most: int) -> int:
    """How many rows there are, `most` + 1 where there are more."""
    some = query.limit(most + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def bounded(query: Select[Any], most: int) -> int:
    """How many rows there are; Invalid where they are more than fit into the document."""
    found = count(query, most)
    if found > most:
        raise Invalid(
            _(
                "More than %(n)s rows: choose a shorter period or a smaller jurisdiction.",
                n=f"{most:,}",
            )
        )
    return found


def at(moment: datetime | None) -> str:
    """A moment on the local clock, in one form for all languages."""
    return "" if moment is None else f"{moment.astimezone(workdays.zone()):%Y-%m-%d %H:%M}"


def lines(columns: Sequence[Column], rows: Iterator[dict[str, Any]]) -> Iterator[list[Any]]:
    """The rows of a table in the order of its columns."""
    for row in rows:
        yield [row[column.key] for column in columns]

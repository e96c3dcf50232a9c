"""Categories from a table and to one; the catalogue that a new installation starts with.

The limits of visits/data/categories.csv are proposals for the county to change; none of them is
taken from a regulation. Its basis names the law that the matter belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from gridserve import events
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.people import User
from gridserve.tables import reading
from gridserve.tables.reading import Row, Table
from gridserve.tables.report import Report
from gridserve.tables.values import CLEAR
from visits.categoryfile import COLUMNS, line
from visits.issues import catalogue
from visits.issues.models import Category

DEFAULT = Path(__file__).parent / "data" / "categories.csv"
# The columns of the table in which a refusal names its places.
PLACES = {"/parent": "parent_code"}


def import_categories(
    data: bytes, *, by: User | None, skip_bad: bool = False,
    say: Callable[[str], object] = lambda words: None,
) -> Report:  # fmt: skip
    """Make and change categories from a table; known again by their codes.

    Rows may name a category of a later row as the one above them. Raises `BadTable`; the caller
    commits, or rolls back for a dry run.
    """
    say(_("Reading…"))
    table = reading.read(data, COLUMNS)
    report = Report.of(table)
    say(_("Checking…"))
    _blame(table)
    for row in _parents_first(report.gather(table.rows)):
        before = db.session.get(Category, row.values["code"])
        version = before.version if before else 0
        said = {key: _value(key, value) for key, value in row.values.items() if key != "code"}
        if before is None:
            said.setdefault("name_en", said.get("name"))
        try:
            with db.session.begin_nested():
                after = catalogue.save(row.values["code"], said, seen=None, by=by)
        except Problem as problem:
            _refused(table, row, problem)
        else:
            outcome = "new" if not version else "same" if after.version == version else "changed"
            setattr(report, outcome, getattr(report, outcome) + 1)
    report.faults = []
    report.gather(table.rows)
    report.stored = skip_bad or not report.faults
    if by is None:
        _note("categories.imported", new=report.new, changed=report.changed)
    return report


def _blame(table: Table) -> None:
    """Find what is wrong with rows before anything is stored: no code, or one that came before."""
    seen: dict[str, int] = {}
    for row in table.rows:
        code = row.values.get("code")
        if code is None and not any(f.column == table.titles["code"] for f in row.faults):
            row.blame(table.titles["code"], _("This is missing."), _("Fill it in."))
        elif code in seen:
            row.blame(table.titles["code"], _("Row %(row)s has this code.", row=seen[code]),
                      _("Keep one of the rows."))  # fmt: skip
        elif code is not None:
            seen[code] = row.number


def _parents_first(rows: list[Row]) -> Iterator[Row]:
    """The rows so that each comes after the one above it; those of a ring come last."""
    waiting = {row.values["code"]: row for row in rows}
    while waiting:
        ready = [r for r in waiting.values() if r.values.get("parent_code") not in waiting]
        for row in ready or list(waiting.values()):
            del waiting[row.values["code"]]
            yield row


def _value(key: str, value: Any) -> Any:
    if value is CLEAR:
        return None if key == "parent_code" else ""
    if key == "materials":
        return value.replace("；", "\n").replace(";", "\n")
    return value


def _refused(table: Table, row: Row, problem: Problem) -> None:
    faults = problem.errors or {"": [str(problem.detail or problem.title)]}
    for place, words in faults.items():
        key = PLACES.get(place, place.strip("/"))
        row.blame(table.titles.get(key, ""), " ".join(words), _("Mend the row."))


def rows() -> Iterator[list[Any]]:
    """The catalogue as rows of its table; imported again they change nothing."""
    for row in db.session.scalars(select(Category).order_by(Category.code)):
        yield line(row)


def store_default() -> int:
    """Add the categories of the default catalogue that are not stored; gives how many.

    Stored ones stay as they are.
    """
    known = set(db.session.scalars(select(Category.code)))
    table = reading.read(DEFAULT.read_bytes(), COLUMNS)
    new = [row for row in table.rows if row.values["code"] not in known]
    for row in _parents_first(new):
        said = {key: _value(key, value) for key, value in row.values.items() if key != "code"}
        catalogue.save(row.values["code"], said, seen=0, by=None)
    if new:
        _note("categories.stored", new=len(new))
    return len(new)


def _note(action: str, **counts: int) -> None:
    events.record(action, None, by=None, data=counts)


def store_first() -> int:
    """Give an installation without any category the default catalogue; gives how many."""
    return 0 if db.session.scalar(select(Category.code).limit(1)) else store_default()

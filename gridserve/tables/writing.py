"""Writes tables that are taken out, as XLSX or CSV. No cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO

from flask_babel import gettext as _

from gridserve import workdays
from gridserve.people import User
from gridserve.tables.columns import Column
from gridserve.tables.raw import BadTable
from gridserve.tables.reading import EXPORTED
from gridserve.tables.values import FORMULA

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_ENCODING = "utf-8-sig"  # with the mark by which Excel knows UTF-8


def export_mark(by: User | str, at: datetime) -> str:
    """Who took something out and when, as it stands in the file: a name and login, and a time."""
    who = by if isinstance(by, str) else f"{by.name} {by.login}"
    return f"{EXPORTED}{who} {at.astimezone(workdays.zone()):%Y-%m-%d %H:%M}"


def harmless(value: Any) -> Any:
    """A text that no program takes for a formula: one that would begin so gets a ' before it."""
    return "'" + value if isinstance(value, str) and value.startswith(FORMULA) else value


def write(
    path: Path, columns: Sequence[Column], lines: Iterable[Sequence[Any]], *, mark: str = ""
) -> int:
    """Write rows to a file, .xlsx or .csv by its name, and give how many there were. `mark` is the
    last line, which an import passes over; in a workbook it is also at the foot of printed pages.

    The file appears whole or not at all, readable by its owner only. Raises `BadTable` for another
    name.
    """
    kind = path.suffix.lower()
    if kind not in (".xlsx", ".csv"):
        raise BadTable(_("Give a name that ends in .xlsx or .csv."))
    counted = _Counted(lines)
    draft = path.with_name(path.name + ".part")
    try:
        draft.touch(mode=0o600)
        if kind == ".xlsx":
            from gridserve.tables import books  # loads openpyxl

            books.filled(columns, counted, mark).save(draft)
        else:
            _write_csv(draft, columns, counted, mark)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return counted.count


class _Counted:
    """Rows that are counted as they go by."""

    def __init__(self, lines: Iterable[Sequence[Any]]) -> None:
        self.lines, self.count = lines, 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for line in self.lines:
            self.count += 1
            yield line


def csv_bytes(columns: Sequence[Column], lines: Iterable[Sequence[Any]], *, mark: str) -> bytes:
    """The same as CSV; `mark` is the last line."""
    sent = io.BytesIO()
    with io.TextIOWrapper(sent, encoding=CSV_ENCODING, newline="") as file:
        _rows_of_csv(file, columns, lines, mark)
        file.flush()
        return sent.getvalue()


def _write_csv(
    path: Path, columns: Sequence[Column], lines: Iterable[Sequence[Any]], mark: str
) -> None:
    with path.open("w", encoding=CSV_ENCODING, newline="") as file:
        _rows_of_csv(file, columns, lines, mark)


def _rows_of_csv(
    file: TextIO, columns: Sequence[Column], lines: Iterable[Sequence[Any]], mark: str
) -> None:
    writer = csv.writer(file)
    writer.writerow([_as_text(column.title) for column in columns])
    writer.writerows([_as_text(value) for value in line] for line in lines)
    if mark:
        writer.writerow([mark])


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    return str(harmless(value))

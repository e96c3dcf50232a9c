"""Reads XLSX workbooks; what could harm or mislead is found before openpyxl sees the file."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from flask_babel import gettext as _
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries
from openpyxl.utils.cell import coordinate_to_tuple

from gridserve.tables.raw import (
    MOST_COLUMNS,
    MOST_ROWS,
    OLD_EXCEL,
    BadTable,
    Merge,
    Raw,
    too_many_columns,
    too_many_rows,
)

MOST_UNPACKED = 256 * 1024 * 1024  # bytes
MOST_MEMBERS = 2_000
# XML of a sheet shrinks to a tenth, of a very even one to a fiftieth; a bomb to a thousandth.
MOST_SHRUNK = 150
SMALL = 8 * 1024 * 1024  # bytes; what is no larger may shrink as it likes
# Further down than the rows that are read: empty rows below a table are common.
DEEPEST_ROW = 1_048_576


@dataclass
class _Seen:
    """What openpyxl does not tell of a sheet that it reads as a stream."""

    merges: list[Merge] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    formulas: set[tuple[int, int]] = field(default_factory=set)
    filled: int = 0  # rows with a value


def read(data: bytes) -> list[Raw]:
    """The sheets of a workbook; raises `BadTable` where it cannot be read safely and whole."""
    seen = _look_over(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on parts that do not matter here, such as styles
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            try:
                return [_sheet(sheet, seen) for sheet in book.worksheets]
            finally:
                book.close()
    except BadTable:
        raise
    except Exception as error:  # the library raises whatever it stumbles over
        raise _damaged() from error


def _damaged() -> BadTable:
    return BadTable(
        _(
            "The workbook is damaged or incomplete. Open it in Excel or WPS, save it anew as .xlsx "
            "and send that."
        )
    )


def _look_over(data: bytes) -> dict[str, _Seen]:
    """Check the archive's sizes and scan its sheets; gives what was seen by member name."""
    if data.startswith(OLD_EXCEL):
        raise BadTable(
            _(
                "This is a workbook of Excel 97–2003 (.xls), or one with a password, whatever its "
                "name says. Open it, save it as .xlsx without a password and send that."
            )
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_sizes(members, len(data))
            names = {member.filename for member in members}
            if "xl/workbook.xml" not in names:
                raise BadTable(
                    _("This is not a workbook of the kind .xlsx. Save it as .xlsx and send that.")
                )
            found = {}
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as part:
                        if b"<!DOCTYPE" in part.read(4096):
                            raise _damaged()
                if member.filename.startswith("xl/worksheets/") and member.filename.endswith(
                    ".xml"
                ):
                    with archive.open(member) as sheet:
                        found[member.filename] = _scan(sheet)
            return found
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, ValueError,
            RuntimeError, NotImplementedError) as error:  # fmt: skip
        raise _damaged() from error


def _check_sizes(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse what would unpack to very much. A member never unpacks to more than it says."""
    unpacked = sum(member.file_size for member in members)
    bomb = unpacked > SMALL and unpacked > MOST_SHRUNK * packed
    if unpacked > MOST_UNPACKED or len(members) > MOST_MEMBERS or bomb:
        raise BadTable(
            _(
                "The workbook unpacks to %(size)s MB, far more than a table of this kind needs. "
                "Copy the rows into the template and send that.",
                size=f"{unpacked / 1024 / 1024:,.0f}",
            )
        )


def _scan(stream: Any) -> _Seen:
    """Merged regions, hidden rows, formulas; raises `BadTable` beyond the limits."""
    seen = _Seen()
    row, column, valued = 0, 0, False

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, valued
        name = tag.rpartition(" ")[2]
        if name == "c":
            place = attributes.get("r")
            column = coordinate_to_tuple(place)[1] if place else column + 1
        elif name == "v" or name == "is":
            valued = True
            if column > MOST_COLUMNS:
                raise too_many_columns()
        elif name == "f":
            seen.formulas.add((row, column))
        elif name == "row":
            after = int(attributes.get("r") or row + 1)
            if not row < after <= DEEPEST_ROW:
                raise _damaged()
            row, column, valued = after, 0, False
            if attributes.get("hidden") in ("1", "true"):
                seen.hidden.add(row)
        elif name == "mergeCell":
            left, top, right, bottom = range_boundaries(attributes["ref"])
            if None not in (left, top, right, bottom):
                seen.merges.append(Merge(top, left, bottom, right))

    def end(tag: str) -> None:
        if valued and tag.rpartition(" ")[2] == "row":
            seen.filled += 1
            if seen.filled > MOST_ROWS:
                raise too_many_rows()

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.ParseFile(stream)
    return seen


def _sheet(sheet: Any, found: dict[str, _Seen]) -> Raw:
    seen = found.get(str(sheet._worksheet_path).lstrip("/"), _Seen())
    sheet.reset_dimensions()  # what a file says of its own size is often wrong
    rows = []
    rows_with_formulas = {row for row, _column in seen.formulas}
    for number, cells in enumerate(sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS), 1):
        values = list(cells)
        while values and (values[-1] is None or values[-1] == ""):
            values.pop()
        if values or number in rows_with_formulas:
            rows.append((number, values))
    shown = sheet.sheet_state == "visible"
    return Raw(sheet.title, rows, shown, seen.merges, seen.hidden, seen.formulas)

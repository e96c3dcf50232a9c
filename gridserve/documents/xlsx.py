"""Workbooks whose bytes depend on what they hold and on nothing else; the only file that knows
XlsxWriter.

Rows are written as they come and never all held in memory. Text stays text, whatever it begins
with: no cell is a formula.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SAID_EVERY = 5_000  # rows
LONGEST = 32_000  # characters of a cell
HEAD = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#17435F", "text_wrap": True}
TEXT = {"num_format": "@", "text_wrap": True, "valign": "top"}
NUMBER = {"valign": "top"}
NOTE = {"italic": True, "font_color": "#6B6B6B", "num_format": "@"}


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, columns as (heading, width), rows, and lines of words below them."""

    name: str
    columns: Sequence[tuple[str, int]]
    rows: Iterable[Sequence[Any]]
    notes: Sequence[str] = field(default=())


def workbook(
    sheets: Sequence[Sheet],
    as_of: datetime,
    counted: Callable[[int], object] = lambda n: None,
    *,
    mark: str = "",
) -> bytes:
    """The workbook; `counted` hears now and then how many rows there are by now. `mark` stands in
    its properties and at the foot of each printed page."""
    import xlsxwriter  # only jobs need it, as openpyxl

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        created = as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        book.set_properties({"author": "GridServe", "created": created, "comments": mark})
        formats = {
            name: book.add_format(said)
            for name, said in (("head", HEAD), ("text", TEXT), ("number", NUMBER), ("note", NOTE))
        }
        for each in sheets:
            page = book.add_worksheet(each.name[:31])
            if mark:
                page.set_footer("&L" + mark.replace("&", "&&") + "&R&P / &N")
            _write(page, each, formats, counted)
        book.close()
        return path.read_bytes()


def _write(
    page: Any, sheet: Sheet, formats: dict[str, Any], counted: Callable[[int], object]
) -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    page.freeze_panes(1, 0)
    for place, (_words, width) in enumerate(sheet.columns):
        page.set_column(place, place, width)
    for place, (words, _width) in enumerate(sheet.columns):
        page.write_string(0, place, words, formats["head"])
    line = 1
    for row in sheet.rows:
        for place, value in enumerate(row):
            if isinstance(value, int | float):
                page.write_number(line, place, value, formats["number"])
            elif value:
                text = ILLEGAL_CHARACTERS_RE.sub("", str(value))[:LONGEST]
                page.write_string(line, place, text, formats["text"])
        line += 1
        if line % SAID_EVERY == 0:
            counted(line - 1)
    for n, note in enumerate(sheet.notes, line + 1):
        page.write_string(n, 0, note, formats["note"])

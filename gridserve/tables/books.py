"""Draws workbooks: templates to fill in, sheets of faults to mend, tables. No cell is a formula.

Whoever needs one imports this file where it is needed: it loads openpyxl, which takes a while.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from gridserve.tables.columns import FAULTS, Column
from gridserve.tables.reading import EXAMPLE, Fault, Table

HEAD = PatternFill("solid", fgColor="17435F")
NEEDED = PatternFill("solid", fgColor="B3361F")
PALE = PatternFill("solid", fgColor="FBEAE5")
WHITE = Font(bold=True, color="FFFFFF")
GREY = Font(italic=True, color="6B6B6B")
WRAP = Alignment(wrap_text=True, vertical="top")
CHOICES_TO_ROW = 5_000  # rows for which a template offers its drop-downs


def template(columns: Sequence[Column], about: Sequence[str]) -> bytes:
    """An empty table: headings, one marked example row, drop-downs, a sheet that explains."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    _head(sheet, columns)
    sheet.append([_styled(sheet, one.example, GREY) for one in columns])
    for place, column in enumerate(columns, 1):
        if column.choices:
            letter = get_column_letter(place)
            listed = DataValidation("list", formula1=f'"{",".join(column.choices)}"',
                                    allow_blank=True, showErrorMessage=False)  # fmt: skip
            listed.add(f"{letter}2:{letter}{CHOICES_TO_ROW}")
            sheet.data_validations.append(listed)
    help_ = book.create_sheet("说明")
    for letter, width in (("A", 18), ("B", 10), ("C", 70), ("D", 40)):
        help_.column_dimensions[letter].width = width
    for line in (*about, _("Rows that begin with “%(word)s” are passed over.", word=EXAMPLE)):
        help_.append([line])
    help_.append([])
    help_.append([_styled(help_, words, WHITE, HEAD)
                  for words in (_("Column"), _("Needed"), _("Meaning"), _("Choices"))])  # fmt: skip
    for one in columns:
        words = [one.title, _("yes") if one.needed else "", str(one.help), "、".join(one.choices)]
        help_.append([_styled(help_, text, align=WRAP) for text in words])
    return _bytes(book)


def faults(table: Table, found: Sequence[Fault]) -> bytes:
    """The rows of `table` that have faults, with a last column that says what is wrong.

    Mended there, it can be sent as it is: the last column is passed over.
    """
    by_row: dict[int, list[Fault]] = {}
    for fault in found:
        by_row.setdefault(fault.row, []).append(fault)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("待改")
    sheet.freeze_panes = "A2"
    for place in range(1, len(table.headings) + 1):
        sheet.column_dimensions[get_column_letter(place)].width = 16
    sheet.column_dimensions[get_column_letter(len(table.headings) + 1)].width = 80
    names = [heading for heading in table.headings if heading != FAULTS]
    sheet.append([_styled(sheet, name, WHITE, HEAD) for name in (*names, FAULTS)])
    # Places in the file's rows; a sheet of faults that came back does not keep its old words.
    kept = [n for n, heading in enumerate(table.headings) if heading != FAULTS]
    for row in table.rows:
        if row.number not in by_row:
            continue
        wrong = {fault.column for fault in by_row[row.number]}
        words = "；".join(
            _("row %(row)s", row=fault.row) + (f" {fault.column}" if fault.column else "")
            + f": {fault.reason} {fault.mend}" for fault in by_row[row.number]
        )  # fmt: skip
        cells = []
        for n in kept:
            value = row.cells[n] if n < len(row.cells) else None
            heading = table.headings[n]
            cells.append(_styled(sheet, value, fill=PALE if heading in wrong else None))
        sheet.append([*cells, _styled(sheet, words, align=WRAP)])
    return _bytes(book)


def listed(found: Sequence[Fault]) -> bytes:
    """Faults as a list, for files that have no rows to mend."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(FAULTS)
    for letter, width in (("A", 8), ("B", 16), ("C", 70), ("D", 50)):
        sheet.column_dimensions[letter].width = width
    heads = (_("No."), _("Column"), _("What is wrong"), _("How to mend it"))
    sheet.append([_styled(sheet, words, WHITE, HEAD) for words in heads])
    for fault in found:
        values = (fault.row, fault.column, fault.reason, fault.mend)
        sheet.append([_styled(sheet, value, align=WRAP) for value in values])
    return _bytes(book)


def rows(columns: Sequence[Column], lines: Iterable[Sequence[Any]]) -> bytes:
    """The bytes of a workbook of one sheet with these rows, in the order of the columns."""
    return _bytes(filled(columns, lines))


def filled(columns: Sequence[Column], lines: Iterable[Sequence[Any]], mark: str = "") -> Workbook:
    """A workbook of one sheet; `mark` is its last line and the foot of its printed pages."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("数据")
    _head(sheet, columns)
    for line in lines:
        sheet.append([_styled(sheet, value) for value in line])
    if mark:
        sheet.append([_styled(sheet, mark, GREY)])
        sheet.oddFooter.left.text = mark.replace("&", "&&")
        book.properties.description = mark
    return book


def _head(sheet: Any, columns: Sequence[Column]) -> None:
    """Headings, needed ones in the colour of what is pressing; every column is text."""
    sheet.freeze_panes = "A2"
    for place, column in enumerate(columns, 1):
        dimension = sheet.column_dimensions[get_column_letter(place)]
        dimension.width = column.width
        dimension.number_format = "@"  # so that Excel leaves codes and numbers as they are typed
    sheet.append([_styled(sheet, c.title, WHITE, NEEDED if c.needed else HEAD) for c in columns])


def _styled(
    sheet: Any, value: Any, font: Font | None = None, fill: PatternFill | None = None,
    align: Alignment | None = None,
) -> WriteOnlyCell:  # fmt: skip
    cell = WriteOnlyCell(sheet, value=None)
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:32_000]
        cell.data_type = "s"  # never a formula, whatever it begins with
        cell.number_format = "@"
    else:
        cell.value = value
    if font:
        cell.font = font
    if fill:
        cell.fill = fill
    if align:
        cell.alignment = align
    return cell


def _bytes(book: Workbook) -> bytes:
    sent = io.BytesIO()
    book.save(sent)
    return sent.getvalue()

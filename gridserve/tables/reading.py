"""Reads a table of a known kind from XLSX or CSV: its rows as values, each fault with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from gridserve.tables import columns as headings
from gridserve.tables import commas
from gridserve.tables.columns import Column
from gridserve.tables.raw import LARGEST, OLD_EXCEL, BadTable, Raw
from gridserve.tables.values import CLEAR, CLEAR_WORDS, BadValue, cleaned

DEEPEST_HEADING = 12  # rows from the top among which the headings are looked for
EXAMPLE = "示例"
EXPORTED = "导出："  # begins the line that says who took a table out, and when
NAMED = 5  # row numbers in a note
MOST_KNOWN = 20_000
Known = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one row: in which column ("" the whole row), why, how to mend it."""

    row: int
    column: str
    reason: str
    mend: str


@dataclass
class Row:
    """One row: `values` by key without the empty ones; `cells` as they stand in the file."""

    number: int
    values: dict[str, Any]
    cells: list[Any]
    faults: list[Fault] = field(default_factory=list)

    def blame(self, column: str, reason: str, mend: str) -> None:
        """Add a fault."""
        self.faults.append(Fault(self.number, column, reason, mend))


@dataclass
class Table:
    """A table as read: headings as in the file, which keys are there, rows, what to be told."""

    headings: list[str]
    titles: dict[str, str]  # key → heading, that of the file where it has the column
    keys: set[str]  # of the columns that the file has
    rows: list[Row]
    notes: list[str]


def read(data: bytes, columns: Sequence[Column]) -> Table:
    """The rows of a file of at most `LARGEST` bytes; raises `BadTable` where none can be read.

    A cell that cannot be used is a fault of its row. Empty rows, the template's example and the
    line of an export are passed over. A cell merged downwards counts for each of its rows, as it
    looks.
    """
    if len(data) > LARGEST:
        raise BadTable(_("The file is larger than %(n)s MB. Divide it.", n=LARGEST // 1024 // 1024))
    if not data.strip():
        raise BadTable(_("The file is empty."))
    raw = _chosen(_sheets(data), columns)
    top = _heading_row(raw, columns)
    number, names = raw.rows[top]
    notes = headings.check(names, columns)
    found = headings.matched(names, columns)
    table = Table(
        ["" if name is None else str(name) for name in names],
        {column.key: column.title for column in columns}
        | {column.key: str(names[place]) for place, column in found.items()},
        {column.key for column in found.values()},
        [],
        notes,
    )
    crossed = _unmerge(raw, number, notes)
    hidden = [n for n, _cells in raw.rows[top + 1 :] if n in raw.hidden]
    if hidden:
        notes.append(_("Hidden rows were read like the others: %(rows)s.", rows=_named(hidden)))
    known: Known = {}
    for n, cells in raw.rows[top + 1 :]:
        row = _row(n, cells, found, raw, table.titles, known)
        if row is None:
            continue
        if str(row.cells[min(found)] or "").startswith(EXAMPLE):
            notes.append(_("Row %(row)s is the template's example and was passed over.", row=n))
            continue
        if str(row.cells[min(found)] or "").startswith(EXPORTED):
            continue
        if n in crossed:
            row.blame("", _("Cells of this row are merged across columns."),
                      _("Take the merging back and fill each cell."))  # fmt: skip
        table.rows.append(row)
    if not table.rows:
        raise BadTable(_("There are headings and no rows below them."))
    return table


def _sheets(data: bytes) -> list[Raw]:
    if data.startswith((b"PK", OLD_EXCEL)):
        from gridserve.tables import workbook  # loads openpyxl

        return workbook.read(data)
    return commas.read(data)


def _chosen(sheets: list[Raw], columns: Sequence[Column]) -> Raw:
    """The sheet that has the headings; shown ones go before hidden ones."""
    if not sheets:
        raise BadTable(_("The workbook has no sheet with cells."))
    scored = [(_score(sheet, columns), sheet) for sheet in sheets]
    able = [(score, sheet) for score, sheet in scored if score >= _enough(columns)]
    if not able:
        best = max(sheets, key=lambda s: len(s.rows))
        seen = "、".join(str(c) for c in best.rows[0][1] if c not in (None, ""))[:80] if (
            best.rows) else ""  # fmt: skip
        wanted = "、".join(c.title for c in columns if c.needed)
        raise BadTable(
            _(
                "No row of headings was found: “%(wanted)s” and others are looked for in the "
                "first rows; the first row says “%(seen)s”. Copy the rows into the template.",
                wanted=wanted,
                seen=seen,
            )
        )
    shown = [pair for pair in able if pair[1].shown] or able
    if len(shown) > 1:
        raise BadTable(
            _(
                "Several sheets have the headings: %(names)s. Which one is meant cannot be "
                "guessed: keep one in the file.",
                names="、".join(sheet.name for _score, sheet in shown),
            )
        )
    return shown[0][1]


def _enough(columns: Sequence[Column]) -> int:
    """How many known headings make a row of headings."""
    return min(2, len(columns))


def _score(sheet: Raw, columns: Sequence[Column]) -> int:
    tops = sheet.rows[:DEEPEST_HEADING]
    return max((len(headings.matched(cells, columns)) for _n, cells in tops), default=0)


def _heading_row(sheet: Raw, columns: Sequence[Column]) -> int:
    """The place in `sheet.rows` of the row with most known headings, the first of equals."""
    tops = range(min(DEEPEST_HEADING, len(sheet.rows)))
    return max(tops, key=lambda n: (len(headings.matched(sheet.rows[n][1], columns)), -n))


def _unmerge(sheet: Raw, top: int, notes: list[str]) -> set[int]:
    """Give each row its part of cells merged downwards; gives the rows merged across columns."""
    rows = dict(sheet.rows)
    crossed: set[int] = set()
    down = []
    for merge in sheet.merges:
        inside = [n for n in range(max(merge.top, top + 1), merge.bottom + 1) if n in rows] if (
            merge.bottom - merge.top < len(sheet.rows) + 1_000) else []  # fmt: skip
        if merge.left != merge.right:
            crossed.update(inside)
            continue
        source = rows.get(merge.top, [])
        place = merge.left - 1
        value = source[place] if place < len(source) else None
        for n in inside:
            cells = rows[n]
            cells.extend([None] * (place + 1 - len(cells)))
            cells[place] = value
        if inside:
            down.append(inside[0])
    if down:
        notes.append(
            _("Cells merged downwards count for each of their rows (from row %(rows)s on).",
              rows=_named(sorted(down)))
        )  # fmt: skip
    return crossed


def _row(
    number: int, cells: list[Any], found: dict[int, Column], raw: Raw, titles: dict[str, str],
    known: Known,
) -> Row | None:  # fmt: skip
    row = Row(number, {}, cells + [None] * (max(found) + 1 - len(cells)))
    for place, column in found.items():
        try:
            value = _value(column, row.cells[place], known)
        except BadValue as bad:
            row.blame(titles[column.key], bad.reason, bad.mend)
            continue
        if value is not None:
            row.values[column.key] = value
        elif (number, place + 1) in raw.formulas:
            row.blame(
                titles[column.key],
                _("The cell's formula has no result in the file."),
                _("Open the file in Excel or WPS and save it, or paste the values."),
            )
    empty = not row.values and not row.faults
    return None if empty else row


def _value(column: Column, cell: Any, known: Known) -> Any:
    """What the cell says, None where it is empty. Texts that come again are read once."""
    at = (column.key, cell)
    if isinstance(cell, str) and at in known:
        return known[at]
    value = cleaned(cell)
    if value is None:
        return None
    if column.clears and isinstance(value, str) and value in CLEAR_WORDS:
        value = CLEAR
    else:
        value = column.read(value)
    if isinstance(cell, str) and len(known) < MOST_KNOWN:
        known[at] = value
    return value


def _named(numbers: Sequence[int]) -> str:
    shown = "、".join(str(n) for n in numbers[:NAMED])
    return shown if len(numbers) <= NAMED else f"{shown}… ({len(numbers)})"

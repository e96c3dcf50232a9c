"""Reads CSV: in the encodings and with the separators that Excel and WPS write in China."""

from __future__ import annotations

import codecs
import csv
import io

from flask_babel import gettext as _

from gridserve.tables.raw import (
    MOST_COLUMNS,
    MOST_ROWS,
    BadTable,
    Raw,
    too_many_columns,
    too_many_rows,
)

SEPARATORS = (",", "\t", ";", "，", "；", "|")
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read(data: bytes) -> list[Raw]:
    """The one sheet of a CSV file; a row's number is its line. Raises `BadTable`."""
    text = _text(data)
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise BadTable(
            _(
                "Line %(line)s holds a zero byte: this is not a text file, or it is damaged. Save "
                "the table anew as .xlsx or CSV.",
                line=line,
            )
        )
    if text.lstrip()[:1] == "<":
        raise BadTable(
            _("This is a web page or XML, not a table. Open it, save it as .xlsx and send that.")
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    rows, line = [], 1
    try:
        for values in reader:
            number, line = line, reader.line_num + 1
            while values and not values[-1].strip():
                values.pop()
            if len(values) > MOST_COLUMNS:
                raise too_many_columns()
            if values:
                rows.append((number, list(values)))
            if len(rows) > MOST_ROWS:
                raise too_many_rows()
    except csv.Error as error:
        raise BadTable(
            _(
                "From line %(line)s on, the CSV cannot be read: a quotation mark is opened and not "
                "closed, or stands in the middle of a value. Mend the line, or save as .xlsx.",
                line=line,
            )
        ) from error
    return [Raw("", rows)]


def _text(data: bytes) -> str:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(data, "gb18030")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadTable(
            _(
                "Line %(line)s is neither UTF-8 nor GB18030 text. Save the table as .xlsx, or as "
                "CSV in UTF-8.",
                line=data[: error.start].count(b"\n") + 1,
            )
        ) from error


def _separator(text: str) -> str:
    """What stands most often in the first lines that hold something."""
    lines = [line for line in text.splitlines()[:20] if line.strip()][:5]
    counts = {one: sum(line.count(one) for line in lines) for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: counts[one])

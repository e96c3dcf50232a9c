"""Tables as they come from people and programs: each wrong, or odd, in one way."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date

from openpyxl import Workbook

from tests.factories import VILLAGE

HEAD = ["户号", "村编码", "地址", "户主", "人口数"]
ROWS = [["1", VILLAGE, "田坝1号", "王一", 3], ["2", VILLAGE, "田坝2号", "李二", 4]]


def book(*rows: list[object], change: Callable[[Workbook], object] = lambda b: None) -> bytes:
    """A workbook with the headings and these rows."""
    made = Workbook()
    for row in (HEAD, *(rows or ROWS)):
        made.active.append(row)
    change(made)
    sent = io.BytesIO()
    made.save(sent)
    return sent.getvalue()


def edited(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one member changed."""
    sent = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(sent, "w", 8) as new:
        for member in old.namelist():
            part = old.read(member)
            new.writestr(member, change(part) if member == name else part)
    return sent.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def merged() -> bytes:
    """A title across the sheet, and the village merged down over its two households."""

    def change(made: Workbook) -> None:
        made.active.insert_rows(1)
        made.active["A1"] = "田坝村住户登记表"
        made.active["B4"] = None
        made.active.merge_cells("A1:E1")
        made.active.merge_cells("B3:B4")

    return book(change=change)


def across() -> bytes:
    """Address and head merged into one cell."""
    return book(change=lambda made: made.active.merge_cells("C2:D2"))


def formulas() -> bytes:
    """Formulas that no program has counted yet."""
    return book(["1", VILLAGE, "=CONCATENATE(A1,A2)", "王一", 3], ROWS[1])


def floats() -> bytes:
    """Codes that became numbers: one still whole, one cut to six digits, one of 18 digits."""
    return book(
        ["1", float(VILLAGE), "a", "王一", 3],
        ["2", "5.30626E+11", "b", "李二", 4],
        [530626199001011234, VILLAGE, "c", "张三", 4],
    )


def old_excel() -> bytes:
    """The beginning of an .xls file, under the name of an .xlsx."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2048)


def truncated() -> bytes:
    """Two thirds of a workbook."""
    whole = book()
    return whole[: len(whole) * 2 // 3]


def gbk() -> bytes:
    """CSV as Excel in China writes it."""
    lines = [",".join(map(str, row)) for row in (HEAD, *ROWS)]
    return "\r\n".join(lines).encode("gb18030")


def semicolons() -> bytes:
    """CSV with semicolons, a mark in front, full-width digits, stray spaces and an empty row."""
    return f"户号;村编码;地址;户主;人口数\n１;{VILLAGE} ; 田坝1号;王一;３\n;;;;\n".encode(
        "utf-8-sig"
    )


def zero_byte() -> bytes:
    """CSV with a NUL."""
    return gbk() + b"\r\n3,\x00,a,b,1"


def unclosed() -> bytes:
    """CSV with a quotation mark that is never closed."""
    return ("户号,村编码,地址,户主\n1," + VILLAGE + ',"田坝1号,王一\n2,x,y,z\n').encode()


def vast() -> bytes:
    """A sheet that says of itself that it has a million rows and 16,384 columns."""
    data = edited(book(), SHEET, lambda xml: re.sub(rb'(?<=dimension ref=")[^"]*', b"A1:XFD1048576",
                                                    xml))  # fmt: skip
    return data


def far_right() -> bytes:
    """A forgotten word in the last column of Excel."""
    return book(change=lambda made: made.active.cell(2, 16_384, "x"))


def endless() -> bytes:
    """A row with the number of the year when the sun goes out."""
    return edited(book(), SHEET, lambda xml: xml.replace(b'<row r="3"', b'<row r="5000000000"'))


def bomb() -> bytes:
    """A workbook of 300 kB that unpacks to 300 MB."""
    blank = b" " * (1024 * 1024)
    sent = io.BytesIO()
    with zipfile.ZipFile(sent, "w", 8) as archive:
        with zipfile.ZipFile(io.BytesIO(book())) as old:
            for member in old.namelist():
                if member != SHEET:
                    archive.writestr(member, old.read(member))
        with archive.open(SHEET, "w") as part:
            for _ in range(300):
                part.write(blank)
    return sent.getvalue()


def laughs() -> bytes:
    """Entities that multiply."""
    lol = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return edited(book(), SHEET, lambda xml: lol + xml)


def web_page() -> bytes:
    """What a portal offers as .xls: a web page."""
    return "<html><table><tr><td>户号</td></tr></table></html>".encode()


def errors() -> bytes:
    """A formula's error, as text."""
    return book(["1", VILLAGE, "#REF!", "王一", 3])


def twice() -> bytes:
    """Two sheets with the headings."""
    return book(change=lambda made: made.copy_worksheet(made.active))


def dates() -> bytes:
    """A household number that Excel took for a date."""
    return book([date(2026, 11, 3), VILLAGE, "a", "王一", 3])


# name → (what makes it, households stored, words of the refusal)
ALL: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "merged.xlsx": (merged, 2, ""),
    "across.xlsx": (across, 0, "merged across"),
    "formulas.xlsx": (formulas, 0, "no result"),
    "floats.xlsx": (floats, 0, "Excel turned|15 digits"),
    "old.xlsx": (old_excel, 0, "97–2003"),
    "truncated.xlsx": (truncated, 0, "damaged"),
    "gbk.csv": (gbk, 2, ""),
    "semicolons.csv": (semicolons, 1, ""),
    "zero.csv": (zero_byte, 0, "Line 4 holds a zero byte"),
    "unclosed.csv": (unclosed, 0, "quotation mark"),
    "vast.xlsx": (vast, 2, ""),
    "far.xlsx": (far_right, 0, "beyond column 120"),
    "endless.xlsx": (endless, 0, "damaged"),
    "bomb.xlsx": (bomb, 0, "unpacks to 300 MB"),
    "laughs.xlsx": (laughs, 0, "damaged"),
    "page.xls": (web_page, 0, "web page"),
    "errors.xlsx": (errors, 0, "#REF!"),
    "twice.xlsx": (twice, 0, "Several sheets"),
    "dates.xlsx": (dates, 0, "took the value for a date"),
    "empty.xlsx": (lambda: b"", 0, "empty"),
    "noise.csv": (lambda: bytes(range(1, 256)) * 9, 0, "UTF-8|headings|character"),
}

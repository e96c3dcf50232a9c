"""Reads the yearly notice on public holidays as the State Council's office words it. Pure.

    二、春节:2月15日(农历腊月二十八、周日)至23日(农历正月初七、周一)放假调休,共9天。
    2月14日(周六)、2月28日(周六)上班。

Only what is plainly said is taken; a person looks it over before it is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

LONGEST = 5_000  # characters; a notice has about 500
_ASIDE = re.compile(r"[((][^()()]{0,60}[))]")
_HEADING = re.compile(r"(?:[一二三四五六七八九十]+、)?\s*([\u4e00-\u9fff、]{2,20})[::]")
_DAY = r"(?:(\d{1,2})月)?(\d{1,2})日"
_FREE = re.compile(rf"{_DAY}(?:至{_DAY})?(?=[^。;\d]{{0,12}}(?:放假|补休|休息))")
_WORKED = re.compile(r"((?:(?:\d{1,2}月)?\d{1,2}日[、,和及]?)+)[^。\d放]{0,6}(?:上班|工作)")
_SINGLE = re.compile(_DAY)


def read(text: str, year: int) -> list[tuple[date, bool, str]]:
    """The days that a notice for `year` names: (day, worked, name), in order.

    Days that do not exist and spans longer than a month are left out.
    """
    plain = _ASIDE.sub("", text[:LONGEST]).replace(" ", "")
    found: dict[date, tuple[bool, str]] = {}
    name = "放假"
    for line in re.split(r"[\n\r]+", plain):
        heading = _HEADING.match(line)
        if heading:
            name = heading.group(1)
        for sentence in re.split(r"[。;]", line[heading.end() if heading else 0 :]):
            for day in _free(sentence, year):
                found[day] = (False, name)
            for day in _worked(sentence, year):
                found[day] = (True, name + "调休")
    return [(day, worked, called) for day, (worked, called) in sorted(found.items())]


def _free(sentence: str, year: int) -> Iterator[date]:
    for match in _FREE.finditer(sentence):
        month, day, last_month, last_day = match.groups()
        if month is None:
            continue
        first = _date(year, int(month), int(day))
        last = _date(year, int(last_month or month), int(last_day or day))
        if first is not None and last is not None and first.month == 12 > last.month:
            first = date(year, 1, 1)  # it begins in the year before
        if first is None or last is None or not 0 <= (last - first).days <= 31:
            continue
        yield from (first + timedelta(days=n) for n in range((last - first).days + 1))


def _worked(sentence: str, year: int) -> Iterator[date]:
    for match in _WORKED.finditer(sentence):
        month = ""
        for given, day in _SINGLE.findall(match.group(1)):
            month = given or month
            found = _date(year, int(month), int(day)) if month else None
            if found is not None:
                yield found


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

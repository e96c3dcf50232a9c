"""Reads single cells: a text, a code, a number, a day, a word of a list. Each fault says why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from flask_babel import gettext as _

from gridserve.words import UNSEEN

Reader = Callable[[Any], Any]
ROUGHLY = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+")
DAY = re.compile(
    r"(\d{4})\s*(?:[-/.]|年)\s*(\d{1,2})\s*(?:[-/.]|月)\s*(\d{1,2})\s*日?(?:\s+0?0:00(:00)?)?"
)
PLAIN_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")
INVISIBLE = dict.fromkeys([*map(ord, "\u200c\u200d\u00ad"), *UNSEEN])
# Excel keeps 15 digits of a number; the others it has turned into zeros.
EXACT = 10**15
# With what a program might take a cell for a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")
CLEAR_WORDS = ("清空", "CLEAR")


class BadValue(Exception):
    """A cell that cannot be used: why, and how to mend it."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason, self.mend = reason, mend


class _Clear:
    """What a cell with 清空 says: forget what is stored."""

    def __repr__(self) -> str:
        return "CLEAR"


CLEAR = _Clear()


def cleaned(value: Any) -> Any:
    """The value without what cannot be seen around it; None where nothing is left."""
    if not isinstance(value, str):
        return value
    if value.isprintable():
        text = value.strip()
    else:
        text = value.translate(INVISIBLE).replace("\u00a0", " ").replace("\u3000", " ").strip()
        if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\r\t" for c in text):
            raise BadValue(
                _("The cell has a character that cannot be stored."), _("Type the value anew.")
            )
    if text[:1] == "'" and text[1:2] in FORMULA:
        text = text[1:]  # as our own exports write what begins like a formula
    if text in ERRORS:
        raise BadValue(
            _("The cell's formula has the error %(error)s.", error=text),
            _("Mend the formula, or type the value itself."),
        )
    return text or None


def _plain(value: Any) -> str:
    """The cell as text with full-width digits and letters made plain."""
    if isinstance(value, bool):
        raise BadValue(_("The cell holds TRUE or FALSE."), _("Type the value as text."))
    if isinstance(value, datetime | date | time):
        raise BadValue(
            _("Excel took the value for a date."),
            _("Format the column as text, then type the value anew."),
        )
    if isinstance(value, float):
        if not value.is_integer():
            return repr(value)
        value = int(value)
    if isinstance(value, int):
        if abs(value) >= EXACT:
            raise BadValue(
                _("Excel keeps only 15 digits of a number; the end of this one is lost."),
                _("Format the column as text, then type the value anew."),
            )
        return str(value)
    return unicodedata.normalize("NFKC", str(value)).strip()


def text(most: int, *, lines: bool = False) -> Reader:
    """Words of at most `most` characters; line breaks become spaces unless `lines`."""

    def read(value: Any) -> str:
        words = value if isinstance(value, str) else _plain(value)
        words = "\n".join(line.strip() for line in words.splitlines()) if lines else words
        words = words if lines else " ".join(words.split())
        if len(words) > most:
            raise BadValue(
                _("The text has %(n)s characters.", n=len(words)),
                _("Shorten it to %(most)s characters.", most=most),
            )
        return words

    return read


def label(most: int) -> Reader:
    """A number or code that people gave, such as a household's: text without spaces."""

    def read(value: Any) -> str:
        found = re.sub(r"\s+", "", _plain(value))
        if isinstance(value, float) and not value.is_integer():
            raise BadValue(
                _("%(value)s is not a whole number.", value=found), _("Type the number as text.")
            )
        if isinstance(value, str) and ROUGHLY.fullmatch(found):
            raise _rounded(found)
        if len(found) > most:
            raise BadValue(
                _("The number has %(n)s characters.", n=len(found)),
                _("Shorten it to %(most)s characters.", most=most),
            )
        return found

    return read


def _rounded(found: str) -> BadValue:
    return BadValue(
        _("Excel turned the number into %(value)s and its digits are lost.", value=found),
        _("Format the column as text, then type the whole number anew."),
    )


def digits(*lengths: int) -> Reader:
    """A code of one of these numbers of digits."""

    def read(value: Any) -> str:
        found = re.sub(r"\s+", "", _plain(value)).removesuffix(".0").lstrip("'")
        if ROUGHLY.fullmatch(found):
            raise _rounded(found)
        if not (found.isascii() and found.isdigit() and len(found) in lengths):
            wanted = " / ".join(str(n) for n in lengths)
            raise BadValue(
                _("“%(value)s” is not a code of %(wanted)s digits.", value=found[:40],
                  wanted=wanted),
                _("Give the whole code, in digits only."),
            )  # fmt: skip
        return found

    return read


def phone(most: int) -> Reader:
    """A telephone number: digits, and + - ( ) between them."""

    def read(value: Any) -> str:
        found = re.sub(r"\s+", "", _plain(value)).removesuffix(".0")
        if ROUGHLY.fullmatch(found):
            raise _rounded(found)
        if not re.fullmatch(r"[+0-9()\-/*]+", found) or len(found) > most:
            raise BadValue(
                _("This is not a telephone number."),
                _("Give one number in digits, such as 13800001234 or 0870-1234567."),
            )
        return found

    return read


def whole(low: int, high: int) -> Reader:
    """A whole number from `low` to `high`."""

    def read(value: Any) -> int:
        found = _plain(value).removesuffix("人").removesuffix("户").strip()
        found = found.removesuffix(".0")
        if not re.fullmatch(r"[+-]?\d{1,9}", found) or not low <= int(found) <= high:
            raise BadValue(
                _("“%(value)s” is not a whole number from %(low)s to %(high)s.",
                  value=found[:40], low=low, high=high),
                _("Give one number and no words."),
            )  # fmt: skip
        return int(found)

    return read


def degrees(most: int) -> Reader:
    """Degrees as a decimal number between −`most` and `most`."""

    def read(value: Any) -> float:
        found = _plain(value).rstrip("°度EN东北经纬")
        try:
            number = float(found)
        except ValueError:
            number = float("nan")
        if not abs(number) <= most:
            raise BadValue(
                _("“%(value)s” is not a number of degrees.", value=found[:40]),
                _("Give decimal degrees, such as 103.95123 and 28.60123."),
            )
        return number

    return read


def day() -> Reader:
    """A day: a date of Excel, or text such as 2026-11-3, 2026/11/3, 2026.11.03, 2026年11月3日."""

    def read(value: Any) -> date:
        if isinstance(value, datetime):
            return _in_range(value.date(), str(value))
        if isinstance(value, date):
            return _in_range(value, str(value))
        found = "" if isinstance(value, time) else _plain(value)
        match = DAY.fullmatch(found) or PLAIN_DAY.fullmatch(found)
        try:
            if match:
                return _in_range(date(*(int(part) for part in match.groups()[:3])), found)
        except ValueError:
            pass
        raise _no_day(found)

    return read


def _in_range(found: date, said: str) -> date:
    if not 2000 <= found.year <= 2100:
        raise _no_day(said)
    return found


def _no_day(found: str) -> BadValue:
    return BadValue(
        _("“%(value)s” is not a day.", value=found[:40]),
        _("Write it as 2026-11-03 (years 2000 to 2100)."),
    )


def word(words: Mapping[str, Any]) -> Reader:
    """One of the words of `words`, for what it stands."""

    def read(value: Any) -> Any:
        return _one(_plain(value), words)

    return read


def several(words: Mapping[str, Any]) -> Reader:
    """Words of `words` with 、 or a comma between them, for a list without repeats."""

    def read(value: Any) -> list[Any]:
        parts = [part for part in re.split(r"[、,，;；/|\s]+", _plain(value)) if part]
        found = dict.fromkeys(_one(part, words) for part in parts)
        return [one for one in found if one is not None]

    return read


def _one(said: str, words: Mapping[str, Any]) -> Any:
    if said in words:
        return words[said]
    known = {key.casefold(): value for key, value in words.items()}
    if said.casefold() not in known:
        first = {value: key for key, value in reversed(list(words.items()))}
        choices = "、".join(reversed(first.values()))
        raise BadValue(
            _("“%(value)s” is not one of the words that are known here.", value=said[:40]),
            _("Choose from: %(choices)s", choices=choices),
        )
    return known[said.casefold()]


YES_NO = {"是": True, "否": False, "有": True, "无": False, "yes": True, "no": False,
          "true": True, "false": False, "1": True, "0": False}  # fmt: skip


def flag() -> Reader:
    """Yes or no."""
    choose = word(YES_NO)

    def read(value: Any) -> Any:
        return value if isinstance(value, bool) else choose(value)

    return read

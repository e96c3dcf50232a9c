"""The pinyin initials of Chinese words, so that 路灯不亮 is found by typing ldbl. Pure."""

from __future__ import annotations

from bisect import bisect_right

# GB 2312 lists its 3,755 common characters in the order of their pinyin: where each letter begins.
_BEGINS = (
    0xB0A1, 0xB0C5, 0xB2C1, 0xB4EE, 0xB6EA, 0xB7A2, 0xB8C1, 0xB9FE, 0xBBF7, 0xBFA6, 0xC0AC, 0xC2E8,
    0xC4C3, 0xC5B6, 0xC5BE, 0xC6DA, 0xC8BB, 0xC8F6, 0xCBFA, 0xCDDA, 0xCEF4, 0xD1B9, 0xD4D1,
)  # fmt: skip
_LETTERS = "abcdefghjklmnopqrstwxyz"
_END = 0xD7FA


def initials(words: str) -> str:
    """The first letter of each common character; letters and digits stay, the rest is left out.

    A character that is read in several ways counts under the reading by which GB 2312 lists it.
    """
    return "".join(_initial(each) for each in words.lower())


def _initial(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else ""
    try:
        code = int.from_bytes(character.encode("gb2312"), "big")
    except UnicodeEncodeError:
        return ""
    return _LETTERS[bisect_right(_BEGINS, code) - 1] if _BEGINS[0] <= code < _END else ""

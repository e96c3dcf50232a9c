"""Which columns a table of a kind has, and how the headings of a file are matched with them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from gridserve.tables.raw import BadTable
from gridserve.tables.values import Reader

# The column that a sheet of faults has besides; it is passed over when the sheet comes back.
FAULTS = "问题"
PASSED_OVER = (FAULTS, "序号", "no", "no.", "#")
ALIKE = 0.5  # share of equal characters from which a heading is named as the nearest one


@dataclass(frozen=True)
class Column:
    """One column: its Chinese heading, other headings that mean it, and how its cells are read."""

    key: str
    title: str
    read: Reader
    names: tuple[str, ...] = ()
    needed: bool = False  # the column must be there
    clears: bool = False  # 清空 in it forgets what is stored
    width: int = 14
    choices: tuple[str, ...] = ()
    example: str = ""
    help: str = ""

    def meant_by(self, heading: str) -> bool:
        """Whether a heading of a file means this column."""
        return plain(heading) in {plain(name) for name in (self.key, self.title, *self.names)}


def plain(heading: Any) -> str:
    """A heading without what does not matter: width, case, spaces, stars, what is in brackets."""
    text = unicodedata.normalize("NFKC", str(heading or "")).casefold()
    text = re.sub(r"[(\[【].*?[)\]】]", "", text)
    return re.sub(r"[\s*_:：]+", "", text)


def matched(headings: Sequence[Any], columns: Sequence[Column]) -> dict[int, Column]:
    """The columns by their place (0 the first) in a row of headings."""
    meanings = {
        plain(name): column for column in columns for name in (column.key, column.title,
                                                                *column.names)
    }  # fmt: skip
    found = {place: meanings.get(plain(heading)) for place, heading in enumerate(headings)}
    return {place: column for place, column in found.items() if column is not None}


def check(headings: Sequence[Any], columns: Sequence[Column]) -> list[str]:
    """Notes on headings that are not known; raises `BadTable` for missing or repeated ones."""
    found = matched(headings, columns)
    unknown = [
        str(heading) for place, heading in enumerate(headings)
        if heading not in (None, "") and place not in found
        and plain(heading) not in {plain(one) for one in PASSED_OVER}
    ]  # fmt: skip
    seen: dict[str, str] = {}
    for place, column in found.items():
        if column.key in seen:
            raise BadTable(
                _("The columns “%(one)s” and “%(other)s” mean the same. Keep one of them.",
                  one=seen[column.key], other=headings[place])
            )  # fmt: skip
        seen[column.key] = str(headings[place])
    missing = [column for column in columns if column.needed and column.key not in seen]
    if missing:
        raise BadTable(
            _("The column “%(title)s” is missing.", title="”、“".join(c.title for c in missing))
            + " " + " ".join(nearest(one, missing) for one in unknown).strip()
        )  # fmt: skip
    free = [column for column in columns if column.key not in seen]
    return [
        _("The column “%(name)s” is not known and was passed over.", name=name[:40])
        + (" " + near if (near := nearest(name, free)) else "")
        for name in unknown
    ]


def nearest(name: str, columns: Sequence[Column]) -> str:
    """A sentence that names the column whose heading is most like `name`; "" for none."""
    names = {plain(n): column for column in columns for n in (column.title, *column.names)}
    close = difflib.get_close_matches(plain(name), names, n=1, cutoff=ALIKE)
    if not close:
        return ""
    return _("“%(name)s” is most like “%(title)s”: is that what is meant?", name=name[:40],
             title=names[close[0]].title)  # fmt: skip

"""What an import found and did: counts, each fault with its place, and what it has to ask.

Words are kept apart from their values and put into the reader's language when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from shapely.geometry.base import BaseGeometry

from grids.geometry import Fault


class BadInput(Exception):
    """The whole input cannot be read; the message says what, where and how to mend it."""


def said(words: Fault | str) -> str:
    """The words in the language of the present request or command."""
    return words if isinstance(words, str) else _(words.msgid, **words.values)


@dataclass(frozen=True)
class RowFault:
    """One thing wrong with one row (its line in the file, 1 the first) or feature (1 the first).

    `kind` is a stable word for programs; `column` the heading or property; `remedy` says how to
    mend it where the reason does not. For pictures: `shape` is where it is wrong (WGS 84), in
    `village`.
    """

    file: str
    row: int
    words: Fault | str
    kind: str = ""
    column: str = ""
    remedy: Fault | str = ""
    shape: BaseGeometry | None = None
    village: str = ""

    @property
    def reason(self) -> str:
        """What is wrong, in the reader's language."""
        return said(self.words)

    @property
    def mend(self) -> str:
        """How to mend it, "" where the reason says so itself."""
        return said(self.remedy)

    def as_dict(self) -> dict[str, Any]:
        """All but the shape, for programs."""
        return {
            "file": self.file, "row": self.row, "reason": self.reason, "kind": self.kind,
            "column": self.column, "mend": self.mend,
        }  # fmt: skip


@dataclass(frozen=True)
class Note:
    """Something that was done to a row or feature and is no fault, such as a repair."""

    row: int
    words: Fault | str

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"row": self.row, "words": said(self.words)}


@dataclass(frozen=True)
class Question:
    """What must be said before the file can be imported: `option` with one of `choices`.

    Options: `crs` (choices are suggestions, best first; others are possible), `layer`, `swapped`.
    """

    option: str
    words: Fault | str
    choices: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"option": self.option, "words": said(self.words), "choices": list(self.choices)}


@dataclass(frozen=True)
class Picture:
    """A drawing of what is wrong in one village: a whole SVG document without scripts."""

    village: str
    name: str
    svg: str

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {"village": self.village, "name": self.name, "svg": self.svg}


class Asks(BadInput):
    """The input cannot be read before somebody answers `question`."""

    def __init__(self, question: Question) -> None:
        super().__init__(said(question.words))
        self.question = question


@dataclass
class Report:
    """Counts of one import.

    `stored` is false where damage or a question kept everything out; in a dry run it says what
    would have been.
    """

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    absent: int = 0  # stored earlier, not in this file, and left alone
    stored: bool = False
    faults: list[RowFault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    question: Question | None = None
    pictures: list[Picture] = field(default_factory=list)
    villages: list[str] = field(default_factory=list)  # where there are new cells
    households: int = 0  # that changed their cell by it

    def blame(self, file: str, row: int, reasons: Iterable[Fault | str], **more: Any) -> None:
        """Add a fault for each reason; `more` as `RowFault` has it."""
        self.faults.extend(RowFault(file, row, reason, **more) for reason in reasons)

    @property
    def left_out(self) -> int:
        """How many rows have a fault; one row may have several."""
        return len({(fault.file, fault.row) for fault in self.faults})

    def sort(self, files: Iterable[str]) -> None:
        """Put the faults into the order of `files` and rows."""
        place = {name: n for n, name in enumerate(files)}
        self.faults.sort(key=lambda f: (place.get(f.file, len(place)), f.row))
        self.notes.sort(key=lambda note: note.row)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for programs."""
        return {
            "read": self.read,
            "new": self.new,
            "changed": self.changed,
            "same": self.same,
            "absent": self.absent,
            "stored": self.stored,
            "faults": [fault.as_dict() for fault in self.faults],
            "notes": [note.as_dict() for note in self.notes],
            "question": self.question.as_dict() if self.question else None,
            "villages": self.villages,
            "households": self.households,
            "pictures": [picture.as_dict() for picture in self.pictures],
        }

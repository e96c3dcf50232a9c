"""What a map of coverage is asked: which share, of which households, in which days, beside which
earlier ones. Asked by a page, by the script of its map, and by a file that a job makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gridserve.people import User
from maps import asked, places
from maps.coverage import Count, Coverage, Figures, Summed, cells, coverage, summed
from maps.measures import MEASURES, Measure
from maps.places import Area, Place


@dataclass(frozen=True)
class Question:
    """`args` are those of CoveragePageIn, by `by` in parts of the place."""

    args: asked.Args
    place: Place
    by: str
    window: asked.Window
    measure: Measure

    @classmethod
    def of(cls, user: User, args: asked.Args) -> Question:
        """What `user` asks; NoSuchPlace outside of what may be seen."""
        place = places.find(user, args.get("jurisdiction"))
        by, window = places.divided(place, args.get("by")), asked.window(args)
        return cls(args, place, by, window, MEASURES[args["measure"]])

    @property
    def tag(self) -> str | None:
        """Only households with this tag, or with any."""
        return self.args.get("tag")

    @cached_property
    def earlier(self) -> asked.Window | None:
        """The window that is compared with."""
        day = self.args.get("compare")
        return self.window.ending(day) if day else None

    @property
    def filters(self) -> dict[str, Any]:
        """Which households the list behind a figure holds."""
        return self.measure.filters(self.tag)

    def found(self, window: asked.Window, *, drawn: bool = False) -> Coverage:
        """The figures of a window, with shapes where they are to be drawn."""
        return coverage(
            self.place, self.by, window.first, window.last, as_of=window.day, drawn=drawn,
            due=self.measure.due, tag=self.tag,
        )  # fmt: skip

    def _count(self, window: asked.Window) -> Count:
        due = self.measure.due
        return Count(self.place, window.first, window.last, window.day, due, self.tag)

    def cells(self, window: asked.Window) -> Sequence[tuple[str, str, int, int]]:
        """Code, name, numerator and denominator of each cell, whatever the place is divided by."""
        return cells(self._count(window), self.measure.part, self.measure.whole)

    def summed(self, window: asked.Window, low: int) -> Summed:
        """The figures of all cells together, and in how many the share is under `low` per cent."""
        return summed(self._count(window), self.measure.part, self.measure.whole, low)

    def pair(self, figures: Figures) -> tuple[int, int]:
        """Numerator and denominator of the share."""
        return self.measure.pair(figures)

    def before(self) -> Callable[[str], tuple[int, int] | None]:
        """The two numbers of the earlier period by code, "" for the whole; None without one."""
        if self.earlier is None:
            return lambda _code: None
        found = self.found(self.earlier)
        pairs = {row.area.code: self.pair(row) for row in found.rows} | {"": self.pair(found)}
        return lambda code: pairs.get(code, (0, 0))

    def outlines(self, detail: int = places.DETAIL) -> list[Area]:
        """The next larger division over the areas; else the place's own boundary, unnamed."""
        if self.by == self.place.below:
            own = places.outline(self.place, self.window.day)
            return [Area(area.code, "", area.shape) for area in own]
        return places.shapes(self.place, self.place.below, self.window.day, detail)

"""The clock of an issue: when it is due, how old it is, and which light it shows.

Everything is said on the scale of the limit's unit (gridserve/worktime.py), on which due times,
pauses and ages are plain additions. Pure: it imports neither Flask nor SQLAlchemy.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from gridserve.worktime import BY_DAY, WORKING, Calendar, Unit, YearMissing


class Light(enum.StrEnum):
    """How near an issue is to its limit."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    DEEP_RED = "deep_red"


AMBER_FROM, RED_OVER, DEEP_RED_OVER = 0.8, 1.0, 2.0  # shares of the limit


@dataclass(frozen=True)
class Limit:
    """So much time, in this unit."""

    amount: int
    unit: Unit


class Rest(enum.StrEnum):
    """Why a clock stands still."""

    SUSPENDED = "suspended"
    CLOSED = "closed"  # until it is reopened


@dataclass(frozen=True)
class Pause:
    """The clock stands still from `start` to `end`; None: it still does."""

    start: datetime
    end: datetime | None
    why: Rest = Rest.SUSPENDED
    until: datetime | None = None  # it runs again then, whether or not somebody ended the pause

    @property
    def over(self) -> datetime | None:
        """When the clock ran again; None: not said."""
        if self.end is None or self.until is None:
            return self.end
        return min(self.end, self.until)


@dataclass(frozen=True)
class Extension:
    """At `at` the due time was moved to `due`; it holds all pauses until then."""

    at: datetime
    due: datetime


@dataclass(frozen=True)
class Reckoning:
    """An issue's limit on the scale of its unit.

    `starts` and `due` are marks. `stopped` is the mark at which the clock stands still, None while
    it runs, and `resumes` the mark at which it goes on by itself. Where the due time cannot be told
    yet, because the issue is suspended or because nobody has said which days of `missing_year` are
    worked, `due_at` is the earliest that it can be.
    """

    limit: Limit
    starts: float
    due: float
    stopped: float | None
    due_at: datetime
    missing_year: int | None = None
    resumes: float | None = None

    def weight(self, now: float) -> float:
        """Age ÷ limit at the mark `now`, pauses taken out: 0 new, 1 just due."""
        return weight(self.due, self.stopped, self.resumes, self.limit.amount, now)


def weight(
    due: float, stopped: float | None, resumes: float | None, amount: int, now: float
) -> float:
    """Age ÷ limit from marks, as `Reckoning.weight`."""
    at = now
    if stopped is not None:
        # Beyond `resumes` the clock goes on from where it stood.
        at = stopped if resumes is None else max(stopped, now - (resumes - stopped))
    return max(0.0, 1 + (at - due) / amount)


def reckon(
    calendar: Calendar, limit: Limit, begun: datetime, *, pauses: Sequence[Pause] = (),
    extension: Extension | None = None,
) -> Reckoning:  # fmt: skip
    """When what began at `begun` is due; pauses are in order and apart from each other.

    Never raises for a year without data: on days that nobody has said the clock does not move yet.
    """
    unit = limit.unit
    starts = calendar.starts_or_end(unit, begun)
    due, since = starts + limit.amount, starts
    if extension is not None:
        due = calendar.mark_or_end(unit, extension.due)
        since = max(since, calendar.mark_or_end(unit, extension.at))
    stopped = resumes = None
    for pause in pauses:
        start = max(calendar.mark_or_end(unit, pause.start), since)
        if pause.over is None:
            stopped = start
            resumes = calendar.mark_or_end(unit, pause.until) if pause.until else None
        else:
            due += max(0.0, calendar.mark_or_end(unit, pause.over) - start)
    given = 0.0 if stopped is None or resumes is None else max(0.0, resumes - stopped)
    try:
        due_at = calendar.moment(unit, due + given)
        return Reckoning(limit, starts, due, stopped, due_at, None, resumes)
    except YearMissing as missing:
        earliest = calendar.start_of(date(missing.year, 1, 1))
        return Reckoning(limit, starts, due, stopped, earliest, missing.year, resumes)


def light(share: float) -> Light:
    """The light for an age of `share` of the limit: just due is still amber, later is red."""
    if share > DEEP_RED_OVER:
        return Light.DEEP_RED
    if share > RED_OVER:
        return Light.RED
    return Light.AMBER if share >= AMBER_FROM else Light.GREEN


class Why(enum.StrEnum):
    """What a line of an explanation says."""

    BEGUN = "begun"  # the limit begins at `first`
    FIRST_DAY = "first_day"  # the day of beginning does not count
    FREE = "free"  # days that are not worked, by `name` where they have one
    WORKED = "worked"  # a weekend day that is worked, by `name`
    PAUSED = "paused"  # the clock stood still and `amount` is given back
    STOPPED = "stopped"  # the clock stands still since `first`
    EXTENDED = "extended"  # at `first`, to `last`
    DUE = "due"  # at `first`
    YEAR_MISSING = "year_missing"  # `name` is the year


@dataclass(frozen=True)
class Line:
    """One line of how a due time was reckoned."""

    why: Why
    first: datetime | date
    last: datetime | date | None = None
    amount: float | None = None
    name: str = ""


def explain(
    calendar: Calendar, limit: Limit, begun: datetime, *, pauses: Sequence[Pause] = (),
    extension: Extension | None = None,
) -> list[Line]:  # fmt: skip
    """How `reckon` came to its due time, line by line in the order of time, the due time last."""
    found = reckon(calendar, limit, begun, pauses=pauses, extension=extension)
    first = calendar.day_of(begun)
    lines = [Line(Why.BEGUN, begun, amount=limit.amount, name=limit.unit)]
    if limit.unit in BY_DAY:
        lines.append(Line(Why.FIRST_DAY, first))
        first += timedelta(days=1)
    happened: list[Line] = []
    since = found.starts
    if extension is not None:
        happened.append(Line(Why.EXTENDED, extension.at, extension.due))
        since = max(since, calendar.mark_or_end(limit.unit, extension.at))
    for pause in pauses:
        end = pause.over or pause.until
        if end is None:
            happened.append(Line(Why.STOPPED, pause.start, name=pause.why))
            continue
        first_mark, last_mark = (calendar.mark_or_end(limit.unit, at) for at in (pause.start, end))
        given = max(0.0, last_mark - max(first_mark, since))
        happened.append(Line(Why.PAUSED, pause.start, end, given, pause.why))
    last = calendar.day_of(found.due_at)
    if found.missing_year is not None:
        last -= timedelta(days=1)
        year = Line(Why.YEAR_MISSING, date(found.missing_year, 1, 1), name=str(found.missing_year))
    if limit.unit in WORKING:
        happened += _unlike_weekdays(calendar, first, last)
    happened.sort(key=lambda line: _day(calendar, line.first))
    lines += happened
    lines.append(Line(Why.DUE, found.due_at) if found.missing_year is None else year)
    return lines


def _day(calendar: Calendar, at: datetime | date) -> date:
    return calendar.day_of(at) if isinstance(at, datetime) else at


def _unlike_weekdays(calendar: Calendar, first: date, last: date) -> Iterable[Line]:
    """Free days, joined where they follow each other under one name, and weekends worked."""
    days = [
        day
        for day in map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))
        if day.year in calendar.years
    ]

    def kind(day: date) -> tuple[bool, str]:
        special = calendar.exceptions.get(day)
        return calendar.is_worked(day), special.name if special else ""

    for (worked, name), run in groupby(days, kind):
        found = list(run)
        if not worked:
            yield Line(Why.FREE, found[0], found[-1], name=name)
        elif name:
            yield Line(Why.WORKED, found[0], found[-1], name=name)

"""Working time as arithmetic: which days are worked, between which hours, how much time counts.

Pure: it imports neither Flask nor SQLAlchemy. Every unit has a scale of its own that only grows
while its clock runs: `Calendar.mark` reads a moment on it and `Calendar.moment` finds the moment
back. Time that counts between two moments is the difference of their marks, so age, pauses and due
times are additions, in Python and in SQL alike (docs/decisions/0013).
"""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from math import ceil
from zoneinfo import ZoneInfo


class Unit(enum.StrEnum):
    """In what a limit is counted: 紧急工作时 (around the clock), 工作时, 工作日, 自然日."""

    URGENT_HOUR = "urgent_hour"
    WORKING_HOUR = "working_hour"
    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"


# Units that need to know which days are worked.
WORKING = frozenset({Unit.WORKING_HOUR, Unit.WORKING_DAY})
# Units whose first day does not count: time runs from the beginning of the next one.
BY_DAY = frozenset({Unit.WORKING_DAY, Unit.CALENDAR_DAY})

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


class YearMissing(Exception):
    """Nobody has said yet which days of this year are worked."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the working calendar has no data for {year}")
        self.year = year


class BadHours(ValueError):
    """Working hours that overlap, run backwards or are none at all."""


@dataclass(frozen=True)
class Hours:
    """Working hours of a day, valid from `from_date` until other ones are.

    `spans` are (from, to) in local time, ascending, apart from each other; one may end at midnight,
    written as 00:00. Raises BadHours.
    """

    spans: tuple[tuple[time, time], ...]
    from_date: date = date.min

    def __post_init__(self) -> None:
        ends = [(_minutes(a), _minutes(b) or 24 * 60) for a, b in self.spans]
        if not ends or any(a >= b for a, b in ends) or any(a[1] > b[0] for a, b in pairwise(ends)):
            raise BadHours("working hours are spans that follow each other within one day")


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


STANDARD = Hours(((time(8, 30), time(12)), (time(14), time(17, 30))))


@dataclass(frozen=True)
class SpecialDay:
    """A day that is not like its weekday: a holiday, or a weekend day that is worked 调休."""

    working: bool
    name: str


@dataclass(frozen=True)
class Calendar:
    """Which days are worked and when. Weekends are free, but for the exceptions.

    `years` are those whose exceptions are known; every other year raises `YearMissing` as soon as
    a working unit needs it. `hours` are ascending by from_date, the first one from the beginning.
    """

    zone: ZoneInfo
    exceptions: Mapping[date, SpecialDay]
    years: frozenset[int]
    hours: Sequence[Hours] = (STANDARD,)
    _scales: dict[Unit, _Scale] = field(default_factory=dict, compare=False, repr=False)

    def is_worked(self, day: date) -> bool:
        """Whether `day` is a working day; raises `YearMissing`."""
        if day.year not in self.years:
            raise YearMissing(day.year)
        exception = self.exceptions.get(day)
        return day.weekday() < 5 if exception is None else exception.working

    def hours_on(self, day: date) -> Hours:
        """The working hours valid on `day`, worked or not."""
        place = bisect_right([h.from_date for h in self.hours], day)
        return self.hours[max(place - 1, 0)]

    def day_of(self, moment: datetime) -> date:
        """The local day of a moment."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The instant at which a local day begins."""
        return _utc(day, time.min, self.zone)

    def starts(self, unit: Unit, moment: datetime) -> float:
        """The mark from which a limit runs that begins at `moment`.

        Limits in hours run at once, those in days from the next day (民法典 §201); a working-day
        limit thereby from the next working day.
        """
        if unit not in BY_DAY:
            return self.mark(unit, moment)
        day = self.day_of(moment)
        return self._before(unit, day) + self._worth(unit, day)

    def mark(self, unit: Unit, moment: datetime) -> float:
        """`moment` on the unit's scale, in the unit (hours or days); raises `YearMissing`."""
        if unit is Unit.URGENT_HOUR:
            return (moment - EPOCH) / timedelta(hours=1)
        day = self.day_of(moment)
        return self._before(unit, day) + self._within(unit, day, moment)

    def mark_or_end(self, unit: Unit, moment: datetime) -> float:
        """The mark, or the last known one where `moment` lies in a year without data."""
        try:
            return self.mark(unit, moment)
        except YearMissing:
            return self._edge(unit, moment)

    def starts_or_end(self, unit: Unit, moment: datetime) -> float:
        """As `starts`, or the last known mark where that year has no data."""
        try:
            return self.starts(unit, moment)
        except YearMissing:
            return self._edge(unit, moment)

    def _edge(self, unit: Unit, moment: datetime) -> float:
        """The end of the scale that lies nearest to a moment beyond it."""
        if not self.years:
            return 0.0
        scale = self._scale(unit)
        return scale.before[-1] if self.day_of(moment).toordinal() >= scale.first else 0.0

    def moment(self, unit: Unit, mark: float) -> datetime:
        """The first moment at which the unit's scale reaches `mark`; raises `YearMissing`.

        So a limit that is used up at the end of a day's work ends then, not the next morning.
        """
        if unit is Unit.URGENT_HOUR:
            return EPOCH + timedelta(hours=1) * mark
        day = self._day_that_reaches(unit, mark)
        left = mark - self._before(unit, day)
        for start, end, worth in self._spans(unit, day):
            if left <= worth + _HAIR:
                return start + _rounded((end - start) * min(1.0, max(0.0, left / worth)))
            left -= worth
        return _utc(day, time.min, self.zone)  # the beginning of the scale, on a free day

    def _before(self, unit: Unit, day: date) -> float:
        """What has counted on the unit's scale before `day`."""
        if unit is Unit.CALENDAR_DAY:
            return float(day.toordinal() - EPOCH.toordinal())
        if not self.years:
            raise YearMissing(day.year)
        scale = self._scale(unit)
        number = day.toordinal() - scale.first
        if number < 0:
            raise YearMissing(date.fromordinal(scale.first).year - 1)
        if number >= len(scale.before) - 1:
            raise YearMissing(day.year)
        return scale.before[number]

    def _day_that_reaches(self, unit: Unit, mark: float) -> date:
        if unit is Unit.CALENDAR_DAY:
            return date.fromordinal(EPOCH.toordinal() + ceil(mark - _HAIR) - 1)
        scale = self._scale(unit)
        number = bisect_left(scale.before, mark - _HAIR) - 1
        day = date.fromordinal(scale.first + max(number, 0))
        if number >= len(scale.before) - 1:
            raise YearMissing(day.year)
        return day

    def _scale(self, unit: Unit) -> _Scale:
        if unit not in self._scales:
            self._scales[unit] = self._measure(unit)
        return self._scales[unit]

    def _measure(self, unit: Unit) -> _Scale:
        """Add up what each day is worth, over the latest years that follow each other."""
        first = last = max(self.years)
        while first - 1 in self.years:
            first -= 1
        day, end = date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal()
        worth = (self._worth(unit, date.fromordinal(n)) for n in range(day, end + 1))
        return _Scale(day, list(accumulate(worth, initial=0.0)))

    def _worth(self, unit: Unit, day: date) -> float:
        if unit is Unit.WORKING_DAY:
            return float(self.is_worked(day))
        return sum(worth for _start, _end, worth in self._spans(unit, day))

    def _within(self, unit: Unit, day: date, moment: datetime) -> float:
        """What of the day's worth has passed at `moment`."""
        passed = 0.0
        for start, end, worth in self._spans(unit, day):
            if moment >= end:
                passed += worth
            elif moment > start:
                passed += worth * ((moment - start) / (end - start))
        return passed

    def _spans(self, unit: Unit, day: date) -> list[tuple[datetime, datetime, float]]:
        """When the unit's clock runs on `day`: (start, end, worth in the unit), in UTC."""
        if unit is Unit.CALENDAR_DAY:
            start = _utc(day, time.min, self.zone)
            return [(start, _utc(day + _DAY, time.min, self.zone), 1.0)]
        if not self.is_worked(day):
            return []
        spans = [_span(day, a, b, self.zone) for a, b in self.hours_on(day).spans]
        whole = timedelta(hours=1)
        if unit is Unit.WORKING_DAY:
            whole = sum((end - start for start, end in spans), timedelta())
        return [(start, end, (end - start) / whole) for start, end in spans]


@dataclass(frozen=True)
class _Scale:
    """What has counted before each day: the first one an ordinal, and one entry past the last."""

    first: int
    before: list[float]


_HAIR = 1e-9  # of a unit: what additions of fractions may be off by


def _rounded(length: timedelta) -> timedelta:
    """To the millisecond: fractions of days are not exact."""
    return timedelta(milliseconds=round(length / timedelta(milliseconds=1)))


@lru_cache(maxsize=40_000)
def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _span(day: date, start: time, end: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last = day + _DAY if end == time.min else day
    return _utc(day, start, zone), _utc(last, end, zone)

"""Working time: marks grow with the clock and lead back to their moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridserve.worktime import BadHours, Calendar, Hours, SpecialDay, Unit, YearMissing

SHANGHAI = ZoneInfo("Asia/Shanghai")


def days(*spans: str) -> list[date]:
    """The days of spans such as 2026-02-15/23 and of single days."""
    found = []
    for span in spans:
        first, _, last = span.partition("/")
        start = date.fromisoformat(first)
        until = start.replace(day=int(last)) if last else start
        found += [start + timedelta(days=n) for n in range((until - start).days + 1)]
    return found


# The State Council's notices for 2024, 2025 and 2026.
FREE = days(
    "2024-01-01", "2024-02-10/17", "2024-04-04/06", "2024-05-01/05", "2024-06-08/10",
    "2024-09-15/17", "2024-10-01/07",
    "2025-01-01", "2025-01-28/31", "2025-02-01/04", "2025-04-04/06", "2025-05-01/05",
    "2025-05-31", "2025-06-01/02", "2025-10-01/08",
    "2026-01-01/03", "2026-02-15/23", "2026-04-04/06", "2026-05-01/05", "2026-06-19/21",
    "2026-09-25/27", "2026-10-01/07",
)  # fmt: skip
WORKED = days(
    "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14",
    "2024-09-29", "2024-10-12",
    "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11",
    "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
)  # fmt: skip
SPECIAL = {day: SpecialDay(False, "放假") for day in FREE} | {
    day: SpecialDay(True, "调休上班") for day in WORKED
}


def calendar(zone: ZoneInfo = SHANGHAI, *hours: Hours) -> Calendar:
    """2023 (no exceptions) to 2026."""
    years = frozenset(range(2023, 2027))
    return Calendar(zone, SPECIAL, years, hours) if hours else Calendar(zone, SPECIAL, years)


CALENDARS = [
    calendar(),
    calendar(ZoneInfo("Asia/Urumqi")),
    calendar(ZoneInfo("Asia/Kathmandu")),
    calendar(ZoneInfo("Europe/Berlin")),  # with daylight saving: Shanghai had it until 1991
    # summer hours, and a night shift to midnight
    calendar(
        SHANGHAI,
        Hours(((time(8), time(12)), (time(14, 30), time(18)))),
        Hours(((time(9), time(12)), (time(20), time(0))), date(2025, 6, 1)),
    ),
]
moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 30)).map(  # noqa: DTZ001
    lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC)
)
units = st.sampled_from(list(Unit))


@given(st.sampled_from(CALENDARS), units, moments, moments)
def test_marks_never_fall(cal: Calendar, unit: Unit, one: datetime, other: datetime) -> None:
    early, late = sorted([one, other])
    assert cal.mark(unit, early) <= cal.mark(unit, late)


@given(st.sampled_from(CALENDARS), units, moments)
def test_a_mark_leads_back_to_the_first_moment_that_has_it(
    cal: Calendar, unit: Unit, moment: datetime
) -> None:
    mark = cal.mark(unit, moment)
    found = cal.moment(unit, mark)
    assert found <= moment + timedelta(milliseconds=1)
    assert cal.mark(unit, found) == pytest.approx(mark, abs=1e-6)
    earlier = cal.mark(unit, found - timedelta(minutes=1))
    assert earlier < mark or found <= datetime(2023, 1, 3, tzinfo=UTC)


def test_a_day_counts_one_however_long_its_hours_are() -> None:
    cal = CALENDARS[-1]
    for day in (date(2025, 5, 30), date(2025, 6, 3), date(2025, 6, 4)):
        start = datetime.combine(day, time.min, SHANGHAI)
        end = start + timedelta(days=1)
        assert cal.mark(Unit.WORKING_DAY, end) - cal.mark(Unit.WORKING_DAY, start) == 1
    hours = [
        cal.mark(Unit.WORKING_HOUR, end) - cal.mark(Unit.WORKING_HOUR, start)
        for start, end in pairwise(datetime(2025, 6, d, tzinfo=SHANGHAI) for d in (3, 4))
    ]
    assert hours == [7.0]


@pytest.mark.parametrize("unit", [Unit.WORKING_DAY, Unit.WORKING_HOUR])
@pytest.mark.parametrize("years", [frozenset(), frozenset({2025}), frozenset({2023, 2025, 2027})])
def test_a_year_without_data_is_said_and_not_guessed(unit: Unit, years: frozenset[int]) -> None:
    cal = Calendar(SHANGHAI, SPECIAL, years)
    with pytest.raises(YearMissing) as missing:
        cal.mark(unit, datetime(2026, 3, 4, 9, tzinfo=SHANGHAI))
    assert missing.value.year == 2026


def test_the_clock_around_needs_no_calendar() -> None:
    cal = Calendar(SHANGHAI, {}, frozenset())
    at = datetime(2031, 5, 1, 9, tzinfo=SHANGHAI)
    for unit in (Unit.URGENT_HOUR, Unit.CALENDAR_DAY):
        assert cal.moment(unit, cal.mark(unit, at)) == at


@pytest.mark.parametrize(
    "spans",
    [
        (),
        ((time(12), time(8)),),
        ((time(8), time(8)),),
        ((time(8), time(12)), (time(11), time(15))),
        ((time(14), time(18)), (time(8), time(12))),
        ((time(8), time(0)), (time(1), time(2))),
    ],
)
def test_hours_that_make_no_day_are_refused(spans: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(BadHours):
        Hours(spans)

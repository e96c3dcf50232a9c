"""The clock of issues: a table reckoned by hand, and the slow way minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridserve.worktime import BY_DAY, Calendar, Unit
from tests.gridserve.test_worktime import CALENDARS, SHANGHAI, calendar
from visits.issues.clock import (
    Extension,
    Light,
    Limit,
    Pause,
    Why,
    explain,
    light,
    reckon,
)

UNITS = {
    "uh": Unit.URGENT_HOUR, "wh": Unit.WORKING_HOUR, "wd": Unit.WORKING_DAY,
    "cd": Unit.CALENDAR_DAY,
}  # fmt: skip
TABLE = Path(__file__).parent / "data" / "due_times.txt"
MINUTE = timedelta(minutes=1)


def at(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=SHANGHAI)


def cases() -> list[tuple[str, ...]]:
    lines = TABLE.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line[0] != "#"]
    return [(*row, "")[:4] for row in rows]


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(cases()) >= 120


@pytest.mark.parametrize(("limit", "begun", "due", "pauses"), cases())
def test_due_times_reckoned_by_hand(limit: str, begun: str, due: str, pauses: str) -> None:
    unit, amount = limit.split()
    stood = [
        Pause(at(start), at(end))
        for start, end in (pause.split(">") for pause in pauses.split(";") if pause)
    ]
    found = reckon(calendar(), Limit(int(amount), UNITS[unit]), at(begun), pauses=stood)
    if due.startswith("missing"):
        assert found.missing_year == int(due.split()[1])
        assert found.due_at == at(f"{found.missing_year}-01-01 00:00")
    else:
        assert (found.due_at, found.missing_year) == (at(due), None)


def slow_due(cal: Calendar, limit: Limit, begun: datetime, pauses: list[Pause]) -> datetime:
    """The due time by looking at every single minute."""
    minute, counted = begun.astimezone(UTC), 0.0
    first = cal.day_of(begun)
    while True:
        local = minute.astimezone(cal.zone)
        worth = 1 / 60
        if limit.unit is Unit.CALENDAR_DAY:
            start = datetime.combine(local.date(), datetime.min.time(), cal.zone).astimezone(UTC)
            following = local.date() + timedelta(days=1)
            end = datetime.combine(following, datetime.min.time(), cal.zone).astimezone(UTC)
            worth = MINUTE / (end - start)
        elif limit.unit is not Unit.URGENT_HOUR:
            worth = _worked(cal, local, limit.unit)
        if limit.unit in BY_DAY and local.date() == first:
            worth = 0.0
        if any(p.start <= minute and (p.end is None or minute < p.end) for p in pauses):
            worth = 0.0
        counted += worth
        minute += MINUTE
        if counted >= limit.amount - 1e-7:
            return minute


def _worked(cal: Calendar, local: datetime, unit: Unit) -> float:
    if not cal.is_worked(local.date()):
        return 0.0
    now = local.hour * 60 + local.minute
    spans = [
        (a.hour * 60 + a.minute, (b.hour * 60 + b.minute) or 1440)
        for a, b in cal.hours_on(local.date()).spans
    ]
    if not any(a <= now < b for a, b in spans):
        return 0.0
    return 1 / 60 if unit is Unit.WORKING_HOUR else 1 / sum(b - a for a, b in spans)


begins = st.datetimes(datetime(2024, 1, 1), datetime(2026, 10, 31)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
# around the holidays more often than elsewhere
festive = st.sampled_from(
    [
        "2024-02-08",
        "2024-09-13",
        "2024-09-28",
        "2025-01-25",
        "2025-09-27",
        "2026-02-12",
        "2026-04-30",
        "2026-09-18",
        "2026-09-29",
    ]
).flatmap(
    lambda day: st.integers(0, 4 * 1440).map(
        lambda minutes: datetime.fromisoformat(day).replace(tzinfo=UTC) + minutes * MINUTE
    )
)
limits = st.one_of(
    st.builds(Limit, st.integers(1, 8), st.sampled_from([Unit.WORKING_DAY, Unit.CALENDAR_DAY])),
    st.builds(Limit, st.integers(1, 30), st.sampled_from([Unit.WORKING_HOUR, Unit.URGENT_HOUR])),
)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CALENDARS), limits, begins | festive,
    st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4000)), max_size=3),
)  # fmt: skip
def test_the_due_time_is_that_of_counting_every_minute(
    cal: Calendar, limit: Limit, begun: datetime, gaps: list[tuple[int, int]]
) -> None:
    pauses, moment = [], begun
    for wait, length in gaps:
        start = moment + wait * MINUTE
        moment = start + length * MINUTE
        pauses.append(Pause(start, moment))
    due = slow_due(cal, limit, begun, pauses)
    # what happens after the due time moves it no more: a closed issue is not suspended
    pauses = [pause for pause in pauses if pause.start < due]
    found = reckon(cal, limit, begun, pauses=pauses)
    assert abs(found.due_at - due) < timedelta(seconds=1)


def test_weight_is_age_over_limit_and_stands_still_in_a_pause() -> None:
    cal, limit = calendar(), Limit(4, Unit.WORKING_DAY)
    begun = at("2026-03-02 10:00")

    def weight(moment: str, *pauses: Pause) -> float:
        now = cal.mark(limit.unit, at(moment))
        return reckon(cal, limit, begun, pauses=pauses).weight(now)

    assert weight("2026-03-02 17:00") == 0
    assert weight("2026-03-04 17:30") == 0.5
    assert weight("2026-03-06 17:30") == 1
    assert weight("2026-03-12 17:30") == 2
    stood = Pause(at("2026-03-04 17:30"), None)
    assert weight("2026-03-20 10:00", stood) == 0.5
    went_on = Pause(at("2026-03-04 17:30"), at("2026-03-18 17:30"))
    assert weight("2026-03-20 17:30", went_on) == 1


def test_an_extension_moves_the_due_time_and_later_pauses_add_to_it() -> None:
    cal, limit = calendar(), Limit(3, Unit.WORKING_DAY)
    longer = Extension(at("2026-03-05 10:00"), at("2026-03-10 17:30"))
    earlier = Pause(at("2026-03-03 14:00"), at("2026-03-04 12:00"))
    later = Pause(at("2026-03-09 08:30"), at("2026-03-10 08:30"))
    found = reckon(cal, limit, at("2026-03-02 10:00"), pauses=[earlier, later], extension=longer)
    assert found.due_at == at("2026-03-11 17:30")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, Light.GREEN), (0.799, Light.GREEN), (0.8, Light.AMBER), (1, Light.AMBER),
        (1.001, Light.RED), (2, Light.RED), (2.001, Light.DEEP_RED),
    ],
)  # fmt: skip
def test_lights(share: float, shown: Light) -> None:
    assert light(share) is shown


def test_a_due_time_explains_itself_line_by_line() -> None:
    lines = explain(
        calendar(), Limit(3, Unit.WORKING_DAY), at("2026-02-13 16:20"),
        pauses=[Pause(at("2026-02-24 14:00"), at("2026-02-25 14:00"))],
    )  # fmt: skip
    said = [
        (line.why, str(line.first)[:16], str(line.last)[:16] if line.last else "", line.name)
        for line in lines
    ]
    assert said == [
        (Why.BEGUN, "2026-02-13 16:20", "", "working_day"),
        (Why.FIRST_DAY, "2026-02-13", "", ""),
        (Why.WORKED, "2026-02-14", "2026-02-14", "调休上班"),
        (Why.FREE, "2026-02-15", "2026-02-23", "放假"),
        (Why.PAUSED, "2026-02-24 14:00", "2026-02-25 14:00", "suspended"),
        (Why.DUE, "2026-02-26 09:30", "", ""),
    ]


def test_a_due_time_in_an_unknown_year_says_so_and_the_age_is_known_all_the_same() -> None:
    cal, limit = calendar(), Limit(30, Unit.WORKING_DAY)
    found = reckon(cal, limit, at("2026-12-01 10:00"))
    assert (found.due_at, found.missing_year) == (at("2027-01-01 00:00"), 2027)
    assert found.weight(cal.mark(limit.unit, at("2026-12-22 17:30"))) == 0.5
    assert explain(cal, limit, at("2026-12-01 10:00"))[-1].name == "2027"
    reported_then = reckon(cal, limit, at("2027-01-04 10:00"))
    assert reported_then.missing_year == 2027
    later = cal.mark_or_end(limit.unit, at("2027-03-01 10:00"))
    assert reported_then.weight(later) == 0

"""Working calendars stored: entered by notice or API, nearer ones first, due times follow."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from sqlalchemy import select

from gridserve import calendars, workdays
from gridserve.calendarnotice import read
from gridserve.calendars import CalendarChange, seed
from gridserve.db import db
from gridserve.events import Event
from gridserve.worktime import Unit
from tests.factories import COUNTY, TOWNSHIP, Make
from tests.gridserve.test_worktime import FREE, WORKED
from visits.issues import reckoning
from visits.issues.clock import Limit
from visits.issues.jobs import reckon_changes
from visits.issues.models import Issue

NOTICE_2026 = """
一、元旦:1月1日(周四)至3日(周六)放假调休,共3天。1月4日(周日)上班。
二、春节:2月15日(农历腊月二十八、周日)至23日(农历正月初七、周一)放假调休,共9天。2月14日(周六)、2月28日(周六)上班。
三、清明节:4月4日(周六)至6日(周一)放假,共3天。
四、劳动节:5月1日(周五)至5日(周二)放假调休,共5天。5月9日(周六)上班。
五、端午节:6月19日(周五)至21日(周日)放假,共3天。
六、中秋节:9月25日(周五)至27日(周日)放假,共3天。
七、国庆节:10月1日(周四)至7日(周三)放假调休,共7天。9月20日(周日)、10月10日(周六)上班。
"""


def book() -> calendars.Book:
    """The calendars as a new request would see them."""
    g.pop("calendar_book", None)
    return calendars.book()


def test_the_stored_years_are_those_of_the_notices(context: None) -> None:
    stored = book().of("")
    for number in range(date(2024, 1, 1).toordinal(), date(2027, 1, 1).toordinal()):
        day = date.fromordinal(number)
        worked = day in WORKED or (day.weekday() < 5 and day not in FREE)
        assert stored.is_worked(day) == worked, day
    assert seed() == 0


def test_a_notice_is_read_as_it_is_worded() -> None:
    found = read(NOTICE_2026, 2026)
    assert [day for day, worked, _name in found if not worked] == [
        day for day in FREE if day.year == 2026
    ]
    assert [day for day, worked, _name in found if worked] == [
        day for day in WORKED if day.year == 2026
    ]
    assert (date(2026, 2, 28), True, "春节调休") in found


@pytest.mark.parametrize(
    "words", ["", "放假", "13月40日放假", "1月1日" * 2000, "2月30日至3月1日放假。", "(" * 5000]
)
def test_words_that_are_no_notice_are_read_as_nothing(words: str) -> None:
    assert read(words, 2026) == []


def year_said(year: int = 2027, **other: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()), "jurisdiction": COUNTY, "year": year,
        "days": [{"day": f"{year}-01-01", "working": False, "name": "元旦"}],
    } | other  # fmt: skip


def test_a_missing_year_is_said_and_entering_it_tells_the_due_time(
    context: None, make: Make, as_user: Any
) -> None:
    admin = as_user(make.user("administrator", COUNTY))
    desk = make.user("dispatcher", TOWNSHIP)
    missing = max(book().of("").years) + 1
    eve = workdays.start_of(date(missing, 1, 1))
    reported = min(datetime.now(workdays.zone()), eve - timedelta(days=1))
    category = make.category()
    # all that is left of the last known year, and five days more
    known = book().of("")
    left = known.mark(Unit.WORKING_DAY, eve - timedelta(seconds=1)) - known.starts(
        Unit.WORKING_DAY, reported
    )
    category.limit = Limit(round(left) + 5, Unit.WORKING_DAY)
    db.session.commit()
    issue = make.issue(make.household(), desk, at=reported)
    assert (issue.missing_year, issue.due_at) == (missing, eve)
    shown = as_user(desk).get(f"/api/v1/issues/{issue.id}").json
    assert shown["missing_year"] == missing
    assert shown["due_because"][-1]["why"] == "year_missing"

    said = year_said(missing)
    assert admin.put("/api/v1/calendar/year", json=said).status_code == 200
    book()
    assert reckon_changes() == 1
    db.session.refresh(issue)
    weekdays = [
        day
        for day in (date(missing, 1, 2) + timedelta(days=n) for n in range(14))
        if day.weekday() < 5
    ]
    assert issue.missing_year is None
    assert issue.due_at == workdays.start_of(weekdays[4]) + timedelta(hours=17.5)
    change = db.session.scalars(
        select(CalendarChange).where(CalendarChange.jurisdiction_code == COUNTY)
    ).one()
    assert change.recomputed == 1
    assert reckon_changes() == 0


def test_a_repeat_changes_nothing_and_a_nearer_calendar_counts_first(
    context: None, make: Make, as_user: Any
) -> None:
    admin = as_user(make.user("administrator", COUNTY))
    said = year_said(year=2026, days=[{"day": "2026-11-11", "working": False, "name": "民族节日"}])
    for _ in range(2):
        assert admin.put("/api/v1/calendar/year", json=said).status_code == 200
    day = date(2026, 11, 11)
    assert not book().of(TOWNSHIP).is_worked(day)
    assert book().of("44").is_worked(day)
    assert not book().of(TOWNSHIP).is_worked(date(2026, 10, 1))  # the country's own still hold
    hours = {
        "id": str(uuid.uuid4()), "jurisdiction": COUNTY, "from_date": "2026-06-01",
        "spans": [["08:00", "12:00"], ["15:00", "18:30"]],
    }  # fmt: skip
    assert admin.put("/api/v1/calendar/hours", json=hours).status_code == 200
    of_county = book().of(COUNTY)
    assert [str(a) for a, _b in of_county.hours_on(date(2026, 6, 1)).spans] == [
        "08:00:00", "15:00:00",
    ]  # fmt: skip
    assert [str(a) for a, _b in of_county.hours_on(date(2026, 5, 31)).spans] == [
        "08:30:00", "14:00:00",
    ]  # fmt: skip
    assert db.session.scalar(select(Event).where(Event.action == "calendar.changed").limit(1))


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"jurisdiction": "44"}, 403, None),
        (
            {"year": 2026, "days": [{"day": "2027-01-01", "working": False, "name": "x"}]},
            422,
            "/days/0/day",
        ),
        ({"days": [{"day": "2027-01-04", "working": True, "name": "x"}]}, 422, "/days/0/working"),
        ({"days": [{"day": "2027-01-01", "working": False, "name": "x"}] * 2}, 422, "/days"),
    ],
)
def test_what_cannot_be_entered(
    context: None, make: Make, as_user: Any, change: dict[str, Any], status: int, pointer: str
) -> None:
    admin = as_user(make.user("administrator", COUNTY))
    answer = admin.put("/api/v1/calendar/year", json=year_said(**change))
    assert answer.status_code == status
    assert pointer is None or pointer in answer.json["errors"]


def test_only_administrators_enter_and_the_page_reads_a_notice(
    context: None, make: Make, as_user: Any
) -> None:
    desk: FlaskClient = as_user(make.user("dispatcher", TOWNSHIP))
    assert desk.put("/api/v1/calendar/year", json=year_said()).status_code == 403
    assert desk.get("/api/v1/calendar?year=2026").json["known"] is True
    assert desk.get("/api/v1/calendar?year=2031").json["known"] is False


def test_ageing_in_a_query_is_that_of_the_clock(context: None, make: Make) -> None:
    household, desk = make.household(), make.user("dispatcher", TOWNSHIP)
    for number, unit in enumerate(Unit):
        category = make.category(f"test.{unit}")
        category.limit = Limit(3, unit)
        db.session.commit()
        reported = datetime.now(workdays.zone()) - timedelta(days=9 + number)
        make.issue(household, desk, at=reported, category=category.code)
    rows = db.session.execute(
        select(Issue, reckoning.weight_at(datetime.now(workdays.zone())))
    ).all()
    assert len(rows) == len(Unit)
    for issue, weight in rows:
        assert weight == pytest.approx(reckoning.weight_of(issue), abs=1e-3)
        assert weight > 1

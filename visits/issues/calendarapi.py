"""The working calendar over the API. It lives here and not in the core because every change of it
reckons the open issues anew."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve import calendars, workdays
from gridserve.auth import current_user, requires
from gridserve.calendars import CalendarChange, book
from gridserve.http import API, Blueprint, Day, Schema, Text, transaction
from gridserve.jobs import enqueue
from gridserve.permissions import Permission
from visits.issues.jobs import reckon_changes
from visits.schemas import CODE

YEARS = ma.validate.Range(2000, 2100)

bp = Blueprint("calendar_api", __name__, url_prefix=API, description="Working calendars")


class CalendarIn(Schema):
    year = ma.fields.Integer(validate=YEARS)
    jurisdiction = Text(
        most=12,
        load_default="",
        validate=[ma.validate.Regexp(r"^[0-9]*$")],
        metadata={"description": "whose calendar; the nearest one above holds there"},
    )


class SpecialDayIn(Schema):
    day = Day(required=True)
    working = ma.fields.Boolean(required=True)
    name = Text(required=True, least=1, most=40, metadata={"example": "春节"})


class YearIn(Schema):
    """Which days of a year are not like their weekday."""

    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    jurisdiction = Text(required=True, most=12, validate=[ma.validate.Regexp(CODE)])
    year = ma.fields.Integer(required=True, strict=True, validate=YEARS)
    days = ma.fields.List(
        ma.fields.Nested(SpecialDayIn), required=True, validate=ma.validate.Length(max=200)
    )


class HoursIn(Schema):
    """Working hours from a day on."""

    id = ma.fields.UUID(required=True)
    jurisdiction = Text(required=True, most=12, validate=[ma.validate.Regexp(CODE)])
    from_date = Day(required=True)
    spans = ma.fields.List(
        ma.fields.List(ma.fields.Time(format="%H:%M"), validate=ma.validate.Length(equal=2)),
        required=True,
        validate=ma.validate.Length(1, 6),
        metadata={"example": [["08:30", "12:00"], ["14:00", "17:30"]]},
    )


class DayOut(Schema):
    day = ma.fields.Date(required=True)
    working = ma.fields.Boolean(required=True)
    name = ma.fields.String(required=True)


class CalendarOut(Schema):
    year = ma.fields.Integer(required=True)
    jurisdiction = ma.fields.String(required=True, metadata={"description": "who said it last"})
    known = ma.fields.Boolean(
        required=True, metadata={"description": "false: nobody has said this year yet"}
    )
    days = ma.fields.List(ma.fields.Nested(DayOut), required=True)
    hours = ma.fields.List(ma.fields.List(ma.fields.String()), required=True)


class CalendarChangeOut(Schema):
    id = ma.fields.UUID(required=True)
    jurisdiction = ma.fields.String(attribute="jurisdiction_code", required=True)
    at = ma.fields.DateTime(required=True)


@bp.get("/calendar")
@requires(Permission.GROUND_READ)
@bp.arguments(CalendarIn, location="query")
@bp.response(200, CalendarOut)
def read(asked: dict[str, Any]) -> dict[str, Any]:
    """The days of a year that are not like their weekday, and the working hours today."""
    return of_year(asked["jurisdiction"], asked.get("year") or workdays.today().year)


@bp.put("/calendar/year")
@requires(Permission.CALENDAR_WRITE)
@transaction
@bp.arguments(YearIn)
@bp.response(200, CalendarChangeOut)
def put_year(said: dict[str, Any]) -> CalendarChange:
    """Say a year, in place of what was said before; open issues are reckoned anew by a job."""
    return and_reckon(calendars.enter_year(said, by=current_user))


@bp.put("/calendar/hours")
@requires(Permission.CALENDAR_WRITE)
@transaction
@bp.arguments(HoursIn)
@bp.response(200, CalendarChangeOut)
def put_hours(said: dict[str, Any]) -> CalendarChange:
    """Say the working hours from a day on; open issues are reckoned anew by a job."""
    return and_reckon(calendars.set_hours(said, by=current_user))


def and_reckon(change: CalendarChange) -> CalendarChange:
    """Have the open issues reckoned anew once the change is stored."""
    enqueue(reckon_changes, long=True)
    return change


def of_year(code: str, year: int) -> dict[str, Any]:
    """A year of the calendar that holds in a jurisdiction (CalendarOut)."""
    found = book()
    calendar = found.of(code)
    return {
        "year": year,
        "jurisdiction": found.nearest(code),
        "known": year in calendar.years,
        "days": [
            {"day": day, "working": special.working, "name": special.name}
            for day, special in sorted(calendar.exceptions.items())
            if day.year == year
        ],
        "hours": [
            [f"{start:%H:%M}", f"{end:%H:%M}"]
            for start, end in calendar.hours_on(workdays.today()).spans
        ],
    }

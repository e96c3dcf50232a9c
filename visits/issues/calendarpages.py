"""The page of the working calendar: a year at a glance, entered from the notice's own words."""

from __future__ import annotations

import uuid
from calendar import monthrange
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, or_, select

from gridserve import calendarnotice, calendars, workdays
from gridserve.auth import current_user, requires
from gridserve.calendars import CalendarChange, book
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import loaded, transaction
from gridserve.permissions import Permission, may, scopes, within
from gridserve.worktime import Calendar
from visits.issues.calendarapi import HoursIn, YearIn, and_reckon, of_year

CHANGES_SHOWN = 10

bp = Blueprint("calendar", __name__, template_folder="../templates")


@bp.get("/calendar")
@requires(Permission.GROUND_READ)
def show() -> ResponseReturnValue:
    """A year at a glance; the administrator enters a year from the notice's own words."""
    return _page()


@bp.post("/calendar")
@requires(Permission.CALENDAR_WRITE)
@transaction
def enter() -> ResponseReturnValue:
    """Read a notice (`read`), or store what was looked over (`year`, `hours`)."""
    form = request.form
    try:
        with db.session.begin_nested():
            if form.get("do") == "hours":
                and_reckon(calendars.set_hours(_hours_said(), by=current_user))
            elif form.get("do") == "year":
                and_reckon(calendars.enter_year(_year_said(), by=current_user))
            else:
                year = _year(form.get("year", ""))
                return _page(found=calendarnotice.read(form.get("notice", ""), year), year=year)
    except Problem as problem:
        return _page(problem=problem), problem.status
    flash(_("Stored. Open issues are reckoned anew in a moment."))
    return redirect(url_for("calendar.show", year=form.get("year")))


def _year(words: str) -> int:
    year = int(words) if words.isascii() and words.isdigit() and len(words) == 4 else 0
    if not 2000 <= year <= 2100:
        raise Invalid(errors={"/year": [_("Give a year such as 2027.")]})
    return year


def _year_said() -> dict[str, Any]:
    form = request.form
    days = [
        {"day": day, "working": working == "1", "name": name}
        for day, working, name in zip(
            form.getlist("day"), form.getlist("working"), form.getlist("name"), strict=False
        )
        if day
    ]
    return loaded(
        YearIn(),
        {
            "id": form.get("id"), "jurisdiction": form.get("jurisdiction"),
            "year": _year(form.get("year", "")), "days": days,
        },
    )  # fmt: skip


def _hours_said() -> dict[str, Any]:
    form = request.form
    starts, ends = form.getlist("start"), form.getlist("end")
    spans = [[a, b] for a, b in zip(starts, ends, strict=False) if a and b]
    return loaded(
        HoursIn(),
        {
            "id": form.get("id"), "jurisdiction": form.get("jurisdiction"),
            "from_date": form.get("from_date"), "spans": spans,
        },
    )  # fmt: skip


def _page(
    *, found: Any = None, year: int | None = None, problem: Problem | None = None
) -> str:  # fmt: skip
    code = _own_code()
    asked = request.values.get("year", "")
    year = year or (_year(asked) if asked.isdigit() and len(asked) == 4 else workdays.today().year)
    calendar = book().of(code)
    changes = db.session.scalars(
        select(CalendarChange)
        .where(_concerns(CalendarChange.jurisdiction_code))
        .order_by(CalendarChange.at.desc())
        .limit(CHANGES_SHOWN)
    ).all()
    here = workdays.today().year
    return render_template(
        "issues/calendar.html",
        year=year,
        known=year in calendar.years,
        year_choices=[
            {"label": y, "href": url_for("calendar.show", year=y), "active": y == year}
            for y in sorted({*range(here - 1, here + 2), year})
        ],
        missing=[y for y in (here, here + 1) if y not in calendar.years],
        months=[_month(calendar, year, month) for month in range(1, 13)],
        said=of_year(code, year),
        found=found,
        problem=problem,
        code=code,
        changes=changes,
        may_write=may(current_user, Permission.CALENDAR_WRITE) and bool(code),
        new_id=uuid.uuid4,
        today=workdays.today(),
    )


def _concerns(code: Any) -> ColumnElement[bool]:
    """Calendars of the own jurisdictions and below, and those above that hold there too."""
    held = scopes(current_user, Permission.GROUND_READ)
    above = {prefix[:n] for prefix in held for n in range(len(prefix))}
    return or_(within(code, held), code.in_(above))


def _own_code() -> str:
    """The jurisdiction whose calendar the person sees: the widest of the own ones."""
    codes = scopes(current_user, Permission.CALENDAR_WRITE) or scopes(
        current_user, Permission.GROUND_READ
    )
    return min(codes, key=len, default="")


def _month(calendar: Calendar, year: int, month: int) -> dict[str, Any]:
    """A month as weeks of cells: {day, worked, special name} or None before and after."""
    first = date(year, month, 1)
    days: list[dict[str, Any] | None] = [None] * first.weekday()
    for number in range(1, monthrange(year, month)[1] + 1):
        day = date(year, month, number)
        special = calendar.exceptions.get(day)
        worked = special.working if special else day.weekday() < 5
        days.append({"day": day, "worked": worked, "name": special.name if special else ""})
    days += [None] * (-len(days) % 7)
    return {"first": first, "weeks": [days[n : n + 7] for n in range(0, len(days), 7)]}

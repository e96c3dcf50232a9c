"""The working calendars of jurisdictions: holidays, make-up working days and working hours.

What is said for a jurisdiction holds for all below it; "" is the whole country. Nearer ones say it
over those above. Nationwide years come from the `chinesecalendar` package as far as it knows them;
a year that nobody has said is missing, and said to be so.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from chinese_calendar import constants
from flask import current_app, g
from flask_babel import gettext as _
from sqlalchemy import CheckConstraint, Date, ForeignKey, SmallInteger, String, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from gridserve import events, workdays
from gridserve.db import Base, Code, db, now, reference
from gridserve.errors import Forbidden, Invalid
from gridserve.people import User
from gridserve.permissions import Permission, may
from gridserve.worktime import STANDARD, BadHours, Calendar, Hours, SpecialDay

FIRST_YEAR = 2020
SOURCE = "chinesecalendar"


class CalendarYear(Base):
    """Somebody said which days of this year are worked."""

    __tablename__ = "calendar_year"
    __table_args__ = reference(
        CheckConstraint("jurisdiction_code ~ '^[0-9]*$'", name="jurisdiction_code"),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year"),
    )

    jurisdiction_code: Mapped[str] = mapped_column(Code(12), primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(80))


class CalendarDay(Base):
    """A day that is not like its weekday: a holiday, or a weekend day that is worked."""

    __tablename__ = "calendar_day"
    __table_args__ = reference(
        CheckConstraint("jurisdiction_code ~ '^[0-9]*$'", name="jurisdiction_code")
    )

    jurisdiction_code: Mapped[str] = mapped_column(Code(12), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    working: Mapped[bool]
    name: Mapped[str] = mapped_column(String(40))


class WorkingHours(Base):
    """Working hours from a day on: `spans` is [["08:30", "12:00"], ["14:00", "17:30"]]."""

    __tablename__ = "working_hours"
    __table_args__ = reference(
        CheckConstraint("jurisdiction_code ~ '^[0-9]*$'", name="jurisdiction_code")
    )

    jurisdiction_code: Mapped[str] = mapped_column(Code(12), primary_key=True)
    from_date: Mapped[date] = mapped_column(Date, primary_key=True)
    spans: Mapped[list[list[str]]] = mapped_column(JSONB)


class CalendarChange(Base):
    """A change of a calendar, and how many open issues were reckoned anew because of it."""

    __tablename__ = "calendar_change"
    __table_args__ = reference(
        CheckConstraint("jurisdiction_code ~ '^[0-9]*$'", name="jurisdiction_code")
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    jurisdiction_code: Mapped[str] = mapped_column(Code(12))
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    recomputed: Mapped[int | None]  # None until the job has done it


@dataclass(frozen=True)
class Book:
    """All calendars, by the jurisdiction that said something of its own; "" is always one."""

    calendars: Mapping[str, Calendar]

    def nearest(self, code: str) -> str:
        """The jurisdiction at or above `code` whose calendar holds there."""
        return max((own for own in self.calendars if code.startswith(own)), key=len)

    def of(self, code: str) -> Calendar:
        """The calendar that holds in the jurisdiction `code`."""
        return self.calendars[self.nearest(code)]

    def missing_years(self, code: str, years: Iterable[int]) -> list[int]:
        """Of these years, those that nobody has said for the jurisdiction."""
        known = self.of(code).years
        return [year for year in years if year not in known]


def book() -> Book:
    """All calendars as they are now; read anew only after one was changed."""
    if "calendar_book" not in g:
        changes = select(func.count(), func.max(CalendarChange.at))
        version = tuple(db.session.execute(changes).one())
        kept = current_app.extensions.get("gridserve.calendars")
        if kept is None or kept[0] != version:
            kept = (version, _read())
            current_app.extensions["gridserve.calendars"] = kept
        g.calendar_book = kept[1]
    found: Book = g.calendar_book
    return found


def _read() -> Book:
    years: dict[str, set[int]] = {"": set()}
    special: dict[str, dict[date, SpecialDay]] = {}
    hours: dict[str, list[Hours]] = {}
    for year in db.session.scalars(select(CalendarYear)):
        years.setdefault(year.jurisdiction_code, set()).add(year.year)
    for day in db.session.scalars(select(CalendarDay)):
        special.setdefault(day.jurisdiction_code, {})[day.day] = SpecialDay(day.working, day.name)
    for row in db.session.scalars(select(WorkingHours).order_by(WorkingHours.from_date)):
        hours.setdefault(row.jurisdiction_code, []).append(Hours(_times(row.spans), row.from_date))
    codes = sorted({*years, *special, *hours}, key=len)
    calendars = {}
    for code in codes:
        above = [own for own in codes if code.startswith(own)]  # the country first
        calendars[code] = Calendar(
            workdays.zone(),
            {day: what for own in above for day, what in special.get(own, {}).items()},
            frozenset(year for own in above for year in years.get(own, ())),
            next((hours[own] for own in reversed(above) if own in hours), (STANDARD,)),
        )
    return Book(calendars)


def _times(spans: Sequence[Sequence[str]]) -> tuple[tuple[time, time], ...]:
    return tuple((time.fromisoformat(start), time.fromisoformat(end)) for start, end in spans)


def enter_year(said: Mapping[str, Any], *, by: User) -> CalendarChange:
    """Say which days of a year are not like their weekday, in place of what was said before.

    `said` is id, jurisdiction, year, days: [{day, working, name}]. Raises Forbidden outside `by`'s
    scope, Invalid where a day is of another year, named twice or like its weekday anyhow.
    """
    code, year, days = said["jurisdiction"], said["year"], said["days"]
    if known := _repeat(said, by):
        return known
    errors: dict[str, list[str]] = {}
    for place, day in enumerate(days):
        if day["day"].year != year:
            errors[f"/days/{place}/day"] = [_("Not a day of %(year)s.", year=year)]
        elif day["working"] and day["day"].weekday() < 5:
            errors[f"/days/{place}/working"] = [_("Worked anyhow: it is no weekend day.")]
    if len({day["day"] for day in days}) < len(days):
        errors["/days"] = [_("A day is named twice.")]
    if errors:
        raise Invalid(errors=errors)
    first, last = date(year, 1, 1), date(year, 12, 31)
    for row in db.session.scalars(
        select(CalendarDay).where(
            CalendarDay.jurisdiction_code == code, CalendarDay.day.between(first, last)
        )
    ):
        db.session.delete(row)
    db.session.flush()
    db.session.add_all(CalendarDay(jurisdiction_code=code, **day) for day in days)
    db.session.merge(CalendarYear(jurisdiction_code=code, year=year, source=by.name))
    return _write_down(said, {"year": year, "days": len(days)}, by)


def set_hours(said: Mapping[str, Any], *, by: User) -> CalendarChange:
    """Say the working hours of a jurisdiction from a day on.

    `said` is id, jurisdiction, from_date, spans: [[from, to]] as times of day. Raises Forbidden,
    Invalid.
    """
    if known := _repeat(said, by):
        return known
    spans = [[start.strftime("%H:%M"), end.strftime("%H:%M")] for start, end in said["spans"]]
    try:
        Hours(_times(spans))
    except BadHours as bad:
        words = _("Give spans within one day, each after the one before, such as 08:30–12:00.")
        raise Invalid(errors={"/spans": [words]}) from bad
    code = said["jurisdiction"]
    if not db.session.scalar(select(WorkingHours).where(WorkingHours.jurisdiction_code == code)):
        # Until that day the hours stay those that held so far.
        before = [[a.strftime("%H:%M"), b.strftime("%H:%M")] for a, b in _spans_now(code)]
        db.session.add(
            WorkingHours(jurisdiction_code=code, from_date=date(2000, 1, 1), spans=before)
        )
    db.session.merge(WorkingHours(jurisdiction_code=code, from_date=said["from_date"], spans=spans))
    return _write_down(said, {"from": said["from_date"].isoformat(), "spans": spans}, by)


def _spans_now(code: str) -> tuple[tuple[time, time], ...]:
    return book().of(code).hours_on(workdays.today()).spans


def _repeat(said: Mapping[str, Any], by: User) -> CalendarChange | None:
    """The change of this id, if it was made before; checks the right to make it."""
    if not may(by, Permission.CALENDAR_WRITE, said["jurisdiction"]):
        raise Forbidden(_("This jurisdiction lies outside your own."))
    return db.session.get(CalendarChange, said["id"])


def _write_down(said: Mapping[str, Any], what: dict[str, Any], by: User) -> CalendarChange:
    code = said["jurisdiction"]
    change = CalendarChange(id=said["id"], jurisdiction_code=code, said=what, by_id=by.id)
    db.session.add(change)
    events.record("calendar.changed", change.id, by=by.id, jurisdiction=code or None, data=what)
    db.session.flush()
    g.pop("calendar_book", None)
    return change


def package_days() -> dict[int, list[dict[str, Any]]]:
    """What the package knows, nationwide: year → days that are not like their weekday."""
    found: dict[int, list[dict[str, Any]]] = {}
    for days, working in ((constants.holidays, False), (constants.workdays, True)):
        for day, english in days.items():
            if day.year >= FIRST_YEAR:
                name = constants.Holiday(english).chinese
                row = {"day": day, "working": working, "name": name + ("调休" if working else "")}
                found.setdefault(day.year, []).append(row)
    return found


def seed() -> int:
    """Store the nationwide years that the package knows and nobody has said; gives how many."""
    stored = set(
        db.session.scalars(select(CalendarYear.year).where(CalendarYear.jurisdiction_code == ""))
    )
    new = {year: days for year, days in package_days().items() if year not in stored}
    for year, days in new.items():
        # Two workers may start at once: the year's row decides.
        added = db.session.execute(
            insert(CalendarYear)
            .values(jurisdiction_code="", year=year, source=SOURCE)
            .on_conflict_do_nothing()
        )
        if added.rowcount:  # type: ignore[attr-defined]
            db.session.add_all(CalendarDay(jurisdiction_code="", **day) for day in days)
    if new:
        what = {"years": sorted(new), "source": SOURCE}
        db.session.add(CalendarChange(id=uuid.uuid4(), jurisdiction_code="", said=what))
    db.session.flush()
    g.pop("calendar_book", None)
    return len(new)

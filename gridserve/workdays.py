"""Days as the county counts them: where a day begins and ends on the clock.

The calendar of holidays and make-up working weekends belongs here too (not yet built).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from gridserve.db import now


def zone() -> ZoneInfo:
    """The installation's time zone."""
    return current_app.extensions["gridserve"].zone


def today() -> date:
    """The present day in the installation's zone."""
    return day_of(now())


def day_of(moment: datetime) -> date:
    """The day on which `moment` falls in the installation's zone."""
    return moment.astimezone(zone()).date()


def start_of(day: date) -> datetime:
    """The instant at which `day` begins."""
    return datetime.combine(day, time.min, tzinfo=zone())


def end_of(day: date) -> datetime:
    """The instant at which `day` is over: the first one of the next."""
    return start_of(day + timedelta(days=1))


def span(first: date, last: date) -> tuple[datetime, datetime]:
    """The half-open interval of instants from the start of `first` to the end of `last`."""
    return start_of(first), end_of(last)

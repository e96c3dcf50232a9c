"""Jobs over issues."""

from __future__ import annotations

from sqlalchemy import select

from gridserve import calendars
from gridserve.calendars import CalendarChange
from gridserve.db import db
from gridserve.jobs import Scheduled
from visits.issues import reckoning

SCHEDULE = (
    Scheduled("visits.issues.jobs.seed_and_reckon", cron="10 3 * * *"),
    Scheduled("visits.issues.jobs.reckon_changes", every=300),
    Scheduled("visits.issues.backlog.keep_weeks", every=600),
)


def reckon_changes() -> int:
    """Reckon open issues anew for each calendar change that waits for it; gives how many moved.

    Each change is committed by itself, so a job that is killed is taken up again where it was.
    """
    total = 0
    while True:
        change = db.session.scalar(
            select(CalendarChange)
            .where(CalendarChange.recomputed.is_(None))
            .order_by(CalendarChange.at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if change is None:
            return total
        change.recomputed = reckoning.recompute(change.jurisdiction_code)
        total += change.recomputed
        db.session.commit()


def seed_and_reckon() -> int:
    """Take over new years from the package and reckon all open issues anew.

    An issue that was being reported while a calendar changed may still stand on the old one.
    """
    calendars.seed()
    return reckon_changes() + reckoning.recompute("")

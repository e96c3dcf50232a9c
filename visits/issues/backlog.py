"""The backlog at the ends of the last weeks, kept so that nobody waits for its counting.

What was open then follows from the steps. It changes only by steps that arrive late, from a phone
without signal: a week for which such steps have come since is not taken from here until it has
been kept anew (docs/decisions/0037).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import delete, exists, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from gridserve import workdays
from gridserve.db import db, now
from visits.issues.models import BacklogIssue, BacklogWeek, Issue, Step
from visits.issues.past import standing

WEEKS = 26
# A step is stored some time after it was received: what came this shortly before may be missing.
MARGIN = timedelta(minutes=10)


def week_ends(today: date) -> list[date]:
    """The Sundays with which the last weeks ended, the earliest first."""
    last = today - timedelta(days=today.weekday() + 1)
    return [last - timedelta(weeks=n) for n in reversed(range(WEEKS))]


def kept(days: Iterable[date]) -> set[date]:
    """Those of `days` of which the whole backlog is kept, as far as steps have come."""
    late = exists().where(
        Step.received_at > BacklogWeek.received_until, Step.happened_at <= BacklogWeek.ends_at
    )
    counted = BacklogWeek.received_until <= now()  # and not by a clock that was ahead
    rows = select(BacklogWeek.day).where(BacklogWeek.day.in_(list(days)), counted, ~late)
    return set(db.session.scalars(rows))


def keep_weeks() -> int:
    """Keep what is missing of the last weeks or has changed, forget older ones; gives how many
    weeks were counted. Safe at any time; each week is committed by itself."""
    until = now() - MARGIN
    days = week_ends(workdays.today())
    whole = kept(days)
    db.session.execute(delete(BacklogWeek).where(BacklogWeek.day.not_in(days)))
    for day in days:
        if day not in whole:
            _keep(day, until)
        db.session.commit()
    fresh = BacklogWeek.day.in_(whole) & (BacklogWeek.received_until < until)
    db.session.execute(update(BacklogWeek).where(fresh).values(received_until=until))
    return len(days) - len(whole)


def _keep(day: date, until: datetime) -> None:
    """Write the backlog of a day in place of what was kept. Two at once wait for each other."""
    moment = workdays.end_of(day)
    week = {"day": day, "ends_at": moment, "received_until": until}
    db.session.execute(
        insert(BacklogWeek).values(week).on_conflict_do_update(index_elements=["day"], set_=week)
    )
    db.session.execute(delete(BacklogIssue).where(BacklogIssue.day == day))
    then = standing(moment, live=False)
    rows = then.query.with_only_columns(literal(day), Issue.id, then.team, then.desk, then.weight)
    columns = ["day", "issue_id", "team_id", "desk_code", "weight"]
    db.session.execute(insert(BacklogIssue).from_select(columns, rows))

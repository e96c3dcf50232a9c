"""Telling who is first responsible 首问责任 that no desk has accepted the issue yet: when the time
for accepting is nearly over, and when it is over; each once, and only to that person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from gridserve.calendars import book
from gridserve.db import Instant, db, now
from gridserve.people import User
from gridserve.worktime import Calendar, YearMissing
from visits.issues import clock
from visits.issues.chain import Status
from visits.issues.clock import Limit
from visits.issues.models import CategoryVersion, Issue
from visits.telling import operations
from visits.telling.causes import Kind, Part
from visits.telling.models import Notice

_COLUMNS = (
    "id", "user_id", "cause", "kind", "part", "at_code", "issue_id", "said", "created_at", "routed",
)  # fmt: skip


def sweep() -> int:
    """Tell of every issue that nobody has accepted while it was time; gives how many. A job."""
    moment = now()
    late = Issue.stage_due_at <= moment
    near = and_(~late, Issue.stage_due_at <= _nearly_over(moment))
    told = _tell(Kind.ACCEPT_OVER, late, moment) + _tell(Kind.ACCEPT_NEAR, near, moment)
    if told:
        operations.nudge()
    db.session.commit()
    return told


def _tell(kind: Kind, which: ColumnElement[bool], moment: datetime) -> int:
    cause = literal(f"{kind}:") + cast(Issue.id, String)
    rows = (
        select(
            func.gen_random_uuid(), Issue.first_id, cause, literal(kind.value),
            literal(Part.REPORTER.value), Issue.desk_code, Issue.id, cast({}, JSONB),
            literal(moment, Instant()), literal(False),
        )
        .join(User, User.id == Issue.first_id)
        .join(CategoryVersion, and_(
            CategoryVersion.category_code == Issue.category_code,
            CategoryVersion.version == Issue.category_version))
        .where(
            User.active,
            Issue.status == Status.REPORTED,
            Issue.closed_at.is_(None),
            Issue.about_id.is_distinct_from(Issue.first_id),
            which,
            ~select(Notice.id).where(Notice.cause == cause).exists(),
        )
    )  # fmt: skip
    done: Any = db.session.execute(
        insert(Notice).from_select(_COLUMNS, rows).on_conflict_do_nothing(),
        execution_options={"preserve_rowcount": True},
    )
    return int(done.rowcount)


def _nearly_over(moment: datetime) -> ColumnElement[datetime]:
    """What is to be accepted until then has spent as much of that time as an amber issue has of
    its whole, on each calendar and for each limit that there is."""
    limits = db.session.scalars(select(CategoryVersion.accept_limit).distinct()).all()
    marks = [
        (
            and_(
                Issue.calendar_code == code,
                CategoryVersion.accept_limit == limit,
            ),
            literal(_ahead(calendar, limit, moment), Instant()),
        )
        for code, calendar in book().calendars.items()
        for limit in limits
    ]
    return case(*marks, else_=literal(moment, Instant()))


def _ahead(calendar: Calendar, limit: Limit, moment: datetime) -> datetime:
    rest = (1 - clock.AMBER_FROM) * limit.amount
    try:
        return calendar.moment(limit.unit, calendar.mark_or_end(limit.unit, moment) + rest)
    except YearMissing:
        return moment

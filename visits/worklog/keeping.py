"""The work log 工作日志: what a person did, day by day, generated from visits and steps.

Nothing is typed for it; own words can be added. It is the person's own: nobody else reads it here
(docs/decisions/0027).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload, raiseload

from gridserve import events, workdays
from gridserve.db import db, now
from gridserve.errors import Invalid
from gridserve.people import User
from visits.issues.chain import BEGINNINGS
from visits.issues.models import Issue, Step
from visits.masking import masked_name
from visits.models import Outcome, Visit
from visits.operations import CLOCK_TOLERANCE
from visits.permissions import names_seen
from visits.worklog.models import LogWords

LONGEST = timedelta(days=31)  # of what is asked for at once: a month to print


@dataclass
class Day:
    """What somebody did on a day; each list in the order of time."""

    day: date
    visits: list[Visit] = field(default_factory=list)
    issues: list[Step] = field(default_factory=list)  # reported, or settled on the spot
    steps: list[Step] = field(default_factory=list)
    words: str = ""

    @property
    def met(self) -> int:
        """How many visits met somebody."""
        return sum(visit.outcome is Outcome.MET for visit in self.visits)


def log(user: User, first: date, last: date) -> list[Day]:
    """The days from `first` to `last`, both included, on which there is something, in order.

    Raises Invalid for more than a month. Complaints about staff are in no log: it is handed on.
    """
    if last < first:
        raise Invalid(errors={"/to": [_("Lies before `from`.")]})
    if last - first >= LONGEST:
        raise Invalid(errors={"/to": [_("At most %(n)s days at once.", n=LONGEST.days)]})
    days = {first + timedelta(days=n): Day(first + timedelta(days=n))
            for n in range((last - first).days + 1)}  # fmt: skip
    seen = names_seen(user)
    for visit in _visits(user, first, last):
        name = visit.household.head_name
        visit.called = name if seen(visit.household) else masked_name(name)  # type: ignore[misc]
        days[workdays.day_of(visit.started_at)].visits.append(visit)
    for step in _steps(user, first, last):
        here = days[workdays.day_of(step.happened_at)]
        (here.issues if step.action in BEGINNINGS else here.steps).append(step)
    added = select(LogWords).where(LogWords.user_id == user.id, LogWords.day.between(first, last))
    for row in db.session.scalars(added):
        days[row.day].words = row.words
    return [day for day in days.values() if day.visits or day.issues or day.steps or day.words]


def _visits(user: User, first: date, last: date) -> Sequence[Visit]:
    start, end = workdays.span(first, last)
    return db.session.scalars(
        select(Visit)
        .where(Visit.visitor_id == user.id, Visit.started_at >= start, Visit.started_at < end)
        .options(
            joinedload(Visit.household), joinedload(Visit.cell), joinedload(Visit.for_whom),
            raiseload("*"),
        )
        .order_by(Visit.started_at, Visit.id)
    ).all()  # fmt: skip


def _steps(user: User, first: date, last: date) -> Sequence[Step]:
    start, end = workdays.span(first, last)
    issue = joinedload(Step.issue)
    return db.session.scalars(
        select(Step)
        .join(Issue, Issue.id == Step.issue_id)
        # By the index on when they were received: none is before it happened.
        .where(Step.actor_id == user.id, Step.received_at >= start - CLOCK_TOLERANCE)
        .where(Step.happened_at >= start, Step.happened_at < end, ~Issue.about_staff)
        .options(
            joinedload(Step.for_whom), issue.joinedload(Issue.category),
            issue.joinedload(Issue.village), issue.joinedload(Issue.cell), raiseload("*"),
        )
        .order_by(Step.happened_at, Step.seq, Step.id)
    ).all()  # fmt: skip


def add_words(day: date, words: str, *, by: User) -> None:
    """Put down own words on a day, in place of those that were there; empty ones take them away.

    Raises Invalid for a day that has not come.
    """
    if day > workdays.today():
        raise Invalid(errors={"/day": [_("This day has not come yet.")]})
    if words:
        row = {"user_id": by.id, "day": day, "words": words, "at": now()}
        statement = insert(LogWords).values(row)
        new = statement.excluded
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["user_id", "day"], set_={"words": new.words, "at": new.at}
            )
        )
    else:
        mine = (LogWords.user_id == by.id, LogWords.day == day)
        db.session.execute(delete(LogWords).where(*mine))
    events.record("log.words_said", by.id, by=by.id, data={"day": day.isoformat()})

"""Due times of issues, reckoned from their steps on the working calendar of their place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, inspect, literal, or_, select

from gridserve import workdays
from gridserve.calendars import Book, book
from gridserve.db import db, now
from gridserve.worktime import Unit
from visits.issues.chain import CLOSED, Action, Status
from visits.issues.clock import (
    RED_OVER,
    Extension,
    Limit,
    Line,
    Pause,
    Reckoning,
    Rest,
    explain,
    reckon,
    weight,
)
from visits.issues.models import CategoryVersion, Issue, Step, Terms

# Which limit a status counts on, beside the whole one.
STAGES = {
    Status.REPORTED: "accept_limit",
    Status.ACCEPTED: "accept_limit",
    Status.DISPATCHED: "handle_limit",
    Status.HANDLING: "handle_limit",
    Status.REVIEWING: "review_limit",
}


def pauses(steps: Sequence[Step]) -> list[Pause]:
    """When the clock stood still, from the steps in their order."""
    found: list[Pause] = []
    for step in steps:
        why = _rest(step.status_after)
        last = found[-1] if found else None
        if last is not None and last.end is None:
            if why is last.why:
                continue
            found[-1] = Pause(last.start, step.happened_at, last.why, last.until)
        if why is not None:
            until = step.data.get("until") if step.action is Action.SUSPEND else None
            end = workdays.end_of(date.fromisoformat(until)) if until else None
            found.append(Pause(step.happened_at, None, why, end))
    return found


def _rest(status: Status) -> Rest | None:
    if status in CLOSED:
        return Rest.CLOSED
    return Rest.SUSPENDED if status is Status.SUSPENDED else None


def extension(steps: Sequence[Step]) -> Extension | None:
    """The last extension of the limit."""
    for step in reversed(steps):
        if step.action is Action.EXTEND:
            return Extension(step.happened_at, datetime.fromisoformat(step.data["due_at"]))
    return None


def explained(issue: Issue, steps: Sequence[Step]) -> list[Line]:
    """How the due time came about, line by line."""
    return explain(
        book().of(issue.village_code), issue.limit, issue.reported_at, pauses=pauses(steps),
        extension=extension(steps),
    )  # fmt: skip


def stage_due(
    issue: Issue, steps: Sequence[Step], terms: Terms, calendars: Book
) -> datetime | None:
    """When the present stage should be over; None where it has no limit or the year no data."""
    stage = STAGES.get(steps[-1].status_after)
    if stage is None:
        return None
    entered = steps[-1]
    for step in reversed(steps):
        if STAGES.get(step.status_after) != stage:
            break
        entered = step
    limit: Limit = getattr(terms, stage)
    found = reckon(calendars.of(issue.village_code), limit, entered.happened_at)
    return found.due_at if found.missing_year is None else None


def terms_of(issue: Issue) -> CategoryVersion:
    """The terms under which the issue was reported, whatever its category says by now."""
    return db.session.get_one(CategoryVersion, (issue.category_code, issue.category_version))


def all_terms() -> dict[tuple[str, int], CategoryVersion]:
    """The terms of all categories, past and present, by code and version."""
    found = db.session.scalars(select(CategoryVersion))
    return {(row.category_code, row.version): row for row in found}


def write(
    issue: Issue, steps: Sequence[Step], terms: Terms, calendars: Book | None = None
) -> Reckoning:
    """Bring the issue's due times to the state after `steps`, which are in order and not empty.

    A last step that is not stored yet takes down what was reckoned with it.
    """
    calendars = calendars or book()
    calendar = calendars.of(issue.village_code)
    found = reckon(
        calendar, issue.limit, issue.reported_at, pauses=pauses(steps), extension=extension(steps)
    )
    last = steps[-1]
    if inspect(last).transient:
        last.due_at, last.due_mark = found.due_at, found.due
        last.stopped_mark, last.resumes_mark = found.stopped, found.resumes
    issue.calendar_code = calendars.nearest(issue.village_code)
    issue.due_mark = found.due
    issue.stopped_mark, issue.resumes_mark = found.stopped, found.resumes
    issue.due_at, issue.missing_year = found.due_at, found.missing_year
    issue.stage_due_at = stage_due(issue, steps, terms, calendars)
    return found


def weight_of(issue: Issue) -> float:
    """Age ÷ limit of an issue at present, or when it was closed."""
    unit = issue.limit.unit
    present = book().calendars[issue.calendar_code].mark_or_end(unit, now())
    return weight(
        issue.due_mark, issue.stopped_mark, issue.resumes_mark, issue.limit.amount, present
    )


def weight_at(
    moment: datetime,
    due: ColumnElement[float] | None = None,
    stopped: ColumnElement[Any] | None = None,
    resumes: ColumnElement[Any] | None = None,
) -> ColumnElement[float]:
    """Age ÷ limit at `moment`, as `weight_of` has it, for use in a query.

    The marks are those that held then, all three, where they are not the present ones.
    """
    if due is None or stopped is None or resumes is None:
        columns = Issue.__table__.c
        due, stopped, resumes = columns.due_mark, columns.stopped_mark, columns.resumes_mark
    unit, code = Issue.__table__.c.limit_unit, Issue.calendar_code
    marks = [
        ((code == own) & (unit == kind), literal(calendar.mark_or_end(kind, moment), Float()))
        for own, calendar in book().calendars.items()
        for kind in Unit
    ]
    now_mark = case(*marks)
    # greatest() leaves null out: without `resumes` the clock stands still at `stopped`.
    stood = case((stopped.is_not(None), func.greatest(stopped, now_mark - (resumes - stopped))))
    at = func.coalesce(stood, now_mark)
    limit = cast(Issue.__table__.c.limit_amount, Float)
    return func.greatest(0.0, 1 + (at - due) / limit)


def is_overdue() -> ColumnElement[bool]:
    """Whether an issue is open and over its limit now: both red lights."""
    # Both are cheap to read; only few issues have to be weighed after them.
    late = or_(Issue.due_at < now(), Issue.stopped_mark > Issue.due_mark)
    return and_(Issue.closed_at.is_(None), late, weight_at(now()) > RED_OVER)


def recompute(prefix: str, *, at_once: int = 500) -> int:
    """Reckon the open issues of a jurisdiction anew; gives how many came out otherwise.

    Commits nothing. Issues are locked in batches in the order of ids, so that two runs do not wait
    for each other in a ring.
    """
    changed, last = 0, None
    while True:
        rows = select(Issue).where(Issue.closed_at.is_(None), Issue.village_code.startswith(prefix))
        if last is not None:
            rows = rows.where(Issue.id > last)
        issues = db.session.scalars(
            rows.order_by(Issue.id).limit(at_once).with_for_update()
            .execution_options(populate_existing=True)
        ).all()  # fmt: skip
        if not issues:
            return changed
        changed += _again(issues)
        last = issues[-1].id
        db.session.flush()


def _again(issues: Sequence[Issue]) -> int:
    """Reckon some locked issues anew; gives how many changed."""
    chains: dict[object, list[Step]] = {issue.id: [] for issue in issues}
    for step in db.session.scalars(
        select(Step).where(Step.issue_id.in_(chains)).order_by(Step.issue_id, Step.seq)
    ):
        chains[step.issue_id].append(step)
    terms = all_terms()
    changed = 0
    for issue in issues:
        before = (issue.due_at, issue.missing_year, issue.stage_due_at)
        write(issue, chains[issue.id], terms[issue.category_code, issue.category_version])
        changed += before != (issue.due_at, issue.missing_year, issue.stage_due_at)
    return changed

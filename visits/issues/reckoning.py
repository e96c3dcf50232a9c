"""Due times of issues, reckoned from their steps on the working calendar of their place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Float, case, func, inspect, literal, select

from gridserve.calendars import Book, book
from gridserve.db import db, now
from gridserve.worktime import Unit
from visits.issues.chain import CLOSED, Status
from visits.issues.clock import Limit, Line, Pause, Reckoning, Rest, explain, reckon, weight
from visits.issues.models import Category, Issue, Step

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
    started: datetime | None = None
    for step in steps:
        if started is None and step.status_after in CLOSED:
            started = step.happened_at
        elif started is not None and step.status_after not in CLOSED:
            found.append(Pause(started, step.happened_at, Rest.CLOSED))
            started = None
    if started is not None:
        found.append(Pause(started, None, Rest.CLOSED))
    return found


def explained(issue: Issue, steps: Sequence[Step]) -> list[Line]:
    """How the due time came about, line by line."""
    calendar = book().of(issue.village_code)
    return explain(calendar, issue.limit, issue.reported_at, pauses=pauses(steps))


def stage_due(
    issue: Issue, steps: Sequence[Step], category: Category, calendars: Book
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
    limit: Limit = getattr(category, stage)
    found = reckon(calendars.of(issue.village_code), limit, entered.happened_at)
    return found.due_at if found.missing_year is None else None


def write(
    issue: Issue, steps: Sequence[Step], category: Category, calendars: Book | None = None
) -> Reckoning:
    """Bring the issue's due times to the state after `steps`, which are in order and not empty.

    A last step that is not stored yet takes down what was reckoned with it.
    """
    calendars = calendars or book()
    calendar = calendars.of(issue.village_code)
    found = reckon(calendar, issue.limit, issue.reported_at, pauses=pauses(steps))
    last = steps[-1]
    if inspect(last).transient:
        last.due_at, last.due_mark, last.stopped_mark = found.due_at, found.due, found.stopped
    issue.calendar_code = calendars.nearest(issue.village_code)
    issue.due_mark, issue.stopped_mark = found.due, found.stopped
    issue.due_at, issue.missing_year = found.due_at, found.missing_year
    issue.stage_due_at = stage_due(issue, steps, category, calendars)
    return found


def weight_of(issue: Issue) -> float:
    """Age ÷ limit of an issue at present, or when it was closed."""
    unit = issue.limit.unit
    present = book().calendars[issue.calendar_code].mark_or_end(unit, now())
    return weight(issue.due_mark, issue.stopped_mark, issue.limit.amount, present)


def weight_at(
    moment: datetime,
    due: ColumnElement[float] | None = None,
    stopped: ColumnElement[float | None] | None = None,
) -> ColumnElement[float]:
    """Age ÷ limit at `moment`, as `weight_of` has it, for use in a query.

    `due` and `stopped` are the marks that held then, where those are not the present ones.
    """
    unit, code = Issue.__table__.c.limit_unit, Issue.calendar_code
    marks = [
        ((code == own) & (unit == kind), literal(calendar.mark_or_end(kind, moment), Float()))
        for own, calendar in book().calendars.items()
        for kind in Unit
    ]
    at = func.coalesce(Issue.stopped_mark if stopped is None else stopped, case(*marks))
    left = at - (Issue.due_mark if due is None else due)
    return func.greatest(0.0, 1 + left / Issue.__table__.c.limit_amount)


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
    categories = {c.code: c for c in db.session.scalars(select(Category))}
    changed = 0
    for issue in issues:
        before = (issue.due_at, issue.missing_year, issue.stage_due_at)
        write(issue, chains[issue.id], categories[issue.category_code])
        changed += before != (issue.due_at, issue.missing_year, issue.stage_due_at)
    return changed

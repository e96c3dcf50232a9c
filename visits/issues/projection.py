"""The issue row as a projection of its steps: applied step by step, checked, rebuilt."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from sqlalchemy import select

from gridserve.calendars import CalendarChange
from gridserve.db import db
from visits.issues import reckoning
from visits.issues.chain import CLOSED, Action, Rating, Status
from visits.issues.models import Issue, Step, Terms


def apply(issue: Issue, step: Step) -> None:
    """Bring `issue` to the state after `step`. The only place where a status is set."""
    issue.status = step.status_after
    issue.step_no = step.seq
    issue.desk_code = step.desk_code
    issue.team_id = step.team_after_id
    issue.handler_id = step.handler_id
    if step.status_after is not Status.REPORTED:
        issue.first_id = None
    elif step.action is Action.REPORT:
        issue.first_id = step.actor_id
    if step.action is Action.MERGE:
        issue.merged_into_id = uuid.UUID(step.data["into"])
    elif step.status_after is not Status.MERGED:
        issue.merged_into_id = None
    if step.status_after not in CLOSED:
        issue.closed_at = None
        issue.rating = None
    elif step.status_before not in CLOSED:
        issue.closed_at = step.happened_at
    if step.action is Action.EVALUATE:
        issue.rating = Rating(step.data["rating"])


# What follows from the steps, compared with the row; and what is reckoned besides, of open issues:
# a closed one keeps what was said of it, whatever becomes of the calendar.
FOLLOWS = (
    "status", "step_no", "desk_code", "team_id", "handler_id", "first_id", "merged_into_id",
    "closed_at", "rating",
)  # fmt: skip
RECKONED = ("due_mark", "stopped_mark", "resumes_mark", "due_at", "missing_year", "stage_due_at")
AT_ONCE = 500
MOST = 1000


def replayed(issue: Issue, steps: Sequence[Step], terms: Terms) -> Issue:
    """What the row of `issue` should be after its steps, as a row that is not stored."""
    fresh = Issue(
        id=issue.id, reported_at=issue.reported_at, village_code=issue.village_code,
        limit=issue.limit,
    )  # fmt: skip
    for step in steps:
        apply(fresh, step)
    reckoning.write(fresh, steps, terms)
    return fresh


def differs(issue: Issue, steps: Sequence[Step], terms: Terms, *, due: bool = True) -> bool:
    """Whether the row is another than its steps make it; `due`: compare due times too."""
    if not steps:
        return True
    wanted = replayed(issue, steps, terms)
    names = FOLLOWS + RECKONED if due and issue.closed_at is None else FOLLOWS
    return any(getattr(issue, name) != getattr(wanted, name) for name in names)


def check() -> list[uuid.UUID]:
    """The issues (at most 1,000) whose row is not what their steps make it, due times included.

    While open issues wait to be reckoned on a changed calendar, due times are not compared.
    """
    waiting = select(CalendarChange.id).where(CalendarChange.recomputed.is_(None))
    due = not db.session.scalar(select(waiting.exists()))
    terms = reckoning.all_terms()
    found: list[uuid.UUID] = []
    for issues in _batches():
        chains = steps_of(issues)
        found += [
            issue.id
            for issue in issues
            if differs(
                issue, chains[issue.id], terms[issue.category_code, issue.category_version], due=due
            )
        ]
        if len(found) >= MOST:
            break
    return found[:MOST]


def _batches() -> Iterator[Sequence[Issue]]:
    """All issues in the order of their ids, some at a time, each batch forgotten after it."""
    last: uuid.UUID | None = None
    while True:
        rows = select(Issue).order_by(Issue.id).limit(AT_ONCE)
        if last is not None:
            rows = rows.where(Issue.id > last)
        issues = db.session.scalars(rows.execution_options(populate_existing=True)).all()
        if not issues:
            return
        last = issues[-1].id
        yield issues


def steps_of(issues: Iterable[Issue]) -> dict[uuid.UUID, list[Step]]:
    """The steps of each issue, in their order."""
    chains: dict[uuid.UUID, list[Step]] = {issue.id: [] for issue in issues}
    for step in db.session.scalars(
        select(Step).where(Step.issue_id.in_(chains)).order_by(Step.issue_id, Step.seq)
    ):
        chains[step.issue_id].append(step)
    return chains


def rebuild(issue_id: uuid.UUID) -> bool:
    """Write the issue's row anew from its steps; gives whether it was another."""
    issue = db.session.get_one(Issue, issue_id, with_for_update=True, populate_existing=True)
    steps = steps_of([issue])[issue_id]
    terms = reckoning.terms_of(issue)
    changed = differs(issue, steps, terms)
    if changed:
        for step in steps:
            apply(issue, step)
        reckoning.write(issue, steps, terms)
    return changed


def rebuild_all(done: Callable[[int], object] = lambda count: None) -> int:
    """Write the rows of all issues anew from their steps; gives how many were others.

    Each batch is committed by itself, so it can be stopped and begun again.
    """
    changed = 0
    for issues in _batches():
        ids = [issue.id for issue in issues]
        changed += sum(rebuild(id_) for id_ in ids)
        db.session.commit()
        done(len(ids))
    return changed

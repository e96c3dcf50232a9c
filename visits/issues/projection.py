"""The issue row as a projection of its steps: applied step by step, checked, rebuilt."""

from __future__ import annotations

import uuid

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from gridserve.db import db
from visits.issues import reckoning
from visits.issues.chain import CLOSED, Action, Rating
from visits.issues.models import Issue, Step


def apply(issue: Issue, step: Step) -> None:
    """Bring `issue` to the state after `step`. The only place where a status is set."""
    issue.status = step.status_after
    issue.step_no = step.seq
    issue.desk_code = step.desk_code
    issue.team_id = step.team_after_id
    issue.handler_id = step.handler_id
    into = step.data.get("into") if step.action is Action.MERGE else None
    issue.merged_into_id = uuid.UUID(into) if into else None
    if step.status_after not in CLOSED:
        issue.closed_at = None
        issue.rating = None
    elif step.status_before not in CLOSED:
        issue.closed_at = step.happened_at
    if step.action is Action.EVALUATE:
        issue.rating = Rating(step.data["rating"])


def check() -> list[uuid.UUID]:
    """The issues (at most 1,000) whose row does not agree with their last step."""
    last = aliased(Step)
    highest = select(func.max(Step.seq)).where(Step.issue_id == Issue.id).scalar_subquery()
    return list(
        db.session.scalars(
            select(Issue.id)
            .join(last, (last.issue_id == Issue.id) & (last.seq == highest), isouter=True)
            .where(
                or_(
                    last.id.is_(None),
                    Issue.step_no != last.seq,
                    Issue.status != last.status_after,
                    Issue.desk_code != last.desk_code,
                    Issue.team_id.is_distinct_from(last.team_after_id),
                    Issue.handler_id.is_distinct_from(last.handler_id),
                )
            )
            .limit(1000)
        )
    )


def rebuild(issue_id: uuid.UUID) -> None:
    """Write the issue's row anew from its steps."""
    issue = db.session.get_one(Issue, issue_id, with_for_update=True)
    steps = db.session.scalars(
        select(Step).where(Step.issue_id == issue_id).order_by(Step.seq)
    ).all()
    for step in steps:
        apply(issue, step)
    reckoning.write(issue, steps, reckoning.terms_of(issue))

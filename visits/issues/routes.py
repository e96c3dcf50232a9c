"""Issues and their chains over the API."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.http import API, Blueprint, paged, transaction
from gridserve.permissions import Permission
from visits.issues import operations, queries, together
from visits.issues.chain import Action
from visits.issues.choices import suggestion
from visits.issues.deskschemas import OutcomesOut, StepsIn
from visits.issues.models import Issue
from visits.issues.permissions import actions
from visits.issues.schemas import (
    IssueIn,
    IssueOut,
    IssuePage,
    IssuesIn,
    StepIn,
    StepOut,
)

bp = Blueprint("issues_api", __name__, url_prefix=API, description="Issues and their chains")


def _whole(issue_id: uuid.UUID) -> Issue:
    issue = queries.issue(current_user, issue_id)
    issue.actions = list(actions(current_user, issue))  # type: ignore[attr-defined]
    issue.in_charge = queries.in_charge(issue)  # type: ignore[attr-defined]
    to_dispatch = Action.DISPATCH in issue.actions  # type: ignore[attr-defined]
    issue.suggested = suggestion(issue) if to_dispatch else None  # type: ignore[attr-defined]
    return issue


@bp.get("/issues")
@requires(Permission.ISSUE_READ)
@bp.arguments(IssuesIn, location="query")
@bp.response(200, IssuePage)
def list_issues(args: dict[str, Any]) -> dict[str, Any]:
    """The issues that the caller may see, newest first."""
    query = queries.issues(current_user, args)
    return paged(query, (Issue.reported_at, Issue.id), args, descending=True)


@bp.post("/issues")
@requires(Permission.ISSUE_REPORT)
@transaction
@bp.arguments(IssueIn)
@bp.response(201, IssueOut)
def report_issue(data: dict[str, Any]) -> Issue:
    """Report an issue, with or without a visit. Sending it again changes nothing."""
    return _whole(operations.report(data, by=current_user).id)


@bp.get("/issues/<uuid:issue_id>")
@requires(Permission.ISSUE_READ)
@bp.response(200, IssueOut)
def get_issue(issue_id: uuid.UUID) -> Issue:
    """One issue with its chain and what the caller may do next."""
    return _whole(issue_id)


@bp.post("/issues/<uuid:issue_id>/steps")
@requires(Permission.ISSUE_READ)
@transaction
@bp.arguments(StepIn)
@bp.response(201, StepOut)
def take_step(data: dict[str, Any], issue_id: uuid.UUID) -> Any:
    """Take a step. Sending it again changes nothing; an old `seen` answers issue.stale_step."""
    step = operations.take_step(issue_id, data, by=current_user)
    db.session.flush()
    db.session.refresh(step, ["actor", "for_whom", "handler", "team_after", "photos"])
    return step


@bp.post("/issues/steps")
@requires(Permission.ISSUE_READ)
@transaction
@bp.arguments(StepsIn)
@bp.response(200, OutcomesOut)
def take_steps(data: dict[str, Any]) -> dict[str, Any]:
    """Accept, dispatch or urge several issues; each has a result of its own.

    Dispatching accepts first what is only reported. Sending it again changes nothing.
    """
    return {"results": together.take(data, by=current_user)}

"""What somebody may do with an issue on its page, and from what there is to choose."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import raiseload

from grids.models import Jurisdiction, Level, Team
from gridserve.db import db
from gridserve.people import User
from visits.issues.chain import Action, Rating, Way
from visits.issues.demands import admits
from visits.issues.models import Issue
from visits.issues.permissions import actions, beside_complaint, desk_issues
from visits.issues.suggestions import Suggestion, suggestions

# The steps that bring an issue on; the others are folded away.
ONWARD = (
    Action.ACCEPT, Action.DISPATCH, Action.SIGN, Action.FEED_BACK, Action.PASS_REVIEW,
    Action.FAIL_REVIEW, Action.RESUME, Action.SUPPLY, Action.EVALUATE, Action.URGE,
)  # fmt: skip
# Whoever may take one of these decides where the issue goes.
DECIDES = {Action.ACCEPT, Action.DISPATCH}
SHOWN = 500


def choices(issue: Issue, user: User) -> dict[str, Any]:
    """The actions, those that bring the issue on first, and what their fields offer."""
    possible = actions(user, issue)
    needed = {name for rule in possible.values() for name in rule.needs}
    suggested = suggestion(issue) if possible.keys() & DECIDES else None
    onward = [Action.ESCALATE] if suggested and suggested.above else []
    onward += [action for action in ONWARD if action in possible]
    return {
        "onward": {action: possible[action] for action in onward},
        "others": {a: rule for a, rule in possible.items() if a not in onward},
        "teams": _teams(issue) if "team_id" in needed else [],
        "suggested": suggested,
        "desks": _desks(issue) if "to_desk" in needed else [],
        "mergeable": _mergeable(issue, user) if "into" in needed else [],
        "ratings": Rating,
        # By code the resident evaluates alone (visits/intake/resident.py).
        "ways": (Way.CALL_BACK, Way.SIGNATURE),
        "merged_number": db.session.scalar(
            select(Issue.number).where(Issue.id == issue.merged_into_id)
        ),
    }


def _teams(issue: Issue) -> list[Team]:
    rows = (
        select(Team)
        .where(Team.jurisdiction_code.like(issue.desk_code + "%"), Team.to_date.is_(None))
        .where(admits(issue))
        .order_by(Team.jurisdiction_code, Team.name)
    )
    if issue.about_staff:
        rows = rows.where(Team.id.not_in(beside_complaint(issue)))
    return list(db.session.scalars(rows.limit(SHOWN)))


def suggestion(issue: Issue) -> Suggestion | None:
    """To which team the issue most likely goes, and why."""
    return suggestions([issue]).get(issue.id)


def _desks(issue: Issue) -> list[Jurisdiction]:
    """The jurisdictions from the county to the village, without the one that has the issue."""
    levels = (Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE)
    codes = {issue.village_code[:level] for level in levels} - {issue.desk_code}
    rows = select(Jurisdiction).where(Jurisdiction.code.in_(codes))
    return list(db.session.scalars(rows.order_by(Jurisdiction.code)))


def _mergeable(issue: Issue, user: User) -> list[Issue]:
    """Open issues of the desk in the same village, the newest first."""
    rows = (
        desk_issues(user, complaints=issue.about_staff)
        .where(
            Issue.village_code == issue.village_code,
            Issue.closed_at.is_(None),
            Issue.id != issue.id,
        )
        .options(raiseload("*"))
        .order_by(Issue.reported_at.desc())
    )
    return list(db.session.scalars(rows.limit(50)))

"""Who may see which issues and take which steps: for one row, and as the query that agrees."""

from __future__ import annotations

import uuid

from sqlalchemy import Select, or_, select

from grids.permissions import in_scope, is_member, teams_of
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, covers, may, scopes, within
from visits.issues import charge
from visits.issues.chain import HANDLING_ACTIONS, Action, Rule, Who, rules_from
from visits.issues.models import Issue, Step


def visible_issues(user: User) -> Select[Issue]:
    """Issues of the user's jurisdictions; for a cadre those of the own cells, those that the own
    teams hold, and those reported by oneself."""
    return select(Issue).where(
        or_(
            in_scope(user, Permission.ISSUE_READ, Issue.village_code, Issue.cell_id),
            Issue.team_id.in_(teams_of(user, workdays.today())),
            Issue.reported_by_id == user.id,
        )
    )


def desk_issues(user: User) -> Select[Issue]:
    """The issues whose desk the user is; the query that agrees with Who.DESK."""
    return select(Issue).where(within(Issue.desk_code, scopes(user, Permission.ISSUE_DESK)))


def _is_handler(user: User, issue: Issue) -> bool:
    taken = select(Step.id).where(
        Step.issue_id == issue.id,
        or_(Step.actor_id == user.id, Step.for_id == user.id),
        Step.action.in_(HANDLING_ACTIONS),
    )
    return bool(db.session.scalar(select(taken.exists())))


def _desk_instead(user: User, team_id: uuid.UUID, desk_code: str) -> bool:
    """Whether the desk acts for a team of which nobody is there today."""
    desk = covers(scopes(user, Permission.ISSUE_DESK), desk_code)
    return desk and charge.choose(team_id) is None


def may_take(user: User, issue: Issue, rule: Rule) -> bool:
    """Whether `user`, who can see `issue`, may take the action that `rule` governs."""
    if rule.who in (Who.GROUND, Who.ROSTER) or not may(user, Permission.ISSUE_STEP):
        return False
    if rule.who is Who.DESK:
        right = covers(scopes(user, Permission.ISSUE_DESK), issue.desk_code)
    elif rule.who is Who.HOLDER:
        right = issue.team_id is not None and bool(
            db.session.scalar(select(is_member(user, issue.team_id, workdays.today())))
            or _desk_instead(user, issue.team_id, issue.desk_code)
        )
    else:
        right = True
    return right and not (rule.not_handler and _is_handler(user, issue))


def actions(user: User, issue: Issue) -> dict[Action, Rule]:
    """What `user` may do with `issue` now; the page's buttons are these."""
    return {
        action: rule
        for action, rule in rules_from(issue.status).items()
        # evaluated once after each closing: reopening takes the rating away
        if not (action is Action.EVALUATE and issue.rating) and may_take(user, issue, rule)
    }


def sees_resident(user: User, issue: Issue) -> bool:
    """Whether the resident's name and phone are shown in full: to the desk and the holders."""
    if covers(scopes(user, Permission.ISSUE_DESK), issue.desk_code):
        return True
    if issue.reported_by_id == user.id:
        return True
    return issue.team_id is not None and bool(
        db.session.scalar(select(is_member(user, issue.team_id, workdays.today())))
    )

"""Who may see which issues and take which steps: for one row, and as the query that agrees."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy import Select, or_, select

from grids.models import Duty, Membership
from grids.permissions import in_scope, is_member, serves, teams_of
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, covers, may, scopes, within
from visits.issues import charge
from visits.issues.chain import BY_ITSELF, HANDLING_ACTIONS, Action, Rule, Who, rules_from
from visits.issues.models import Assistance, Issue, Step


def visible_issues(user: User) -> Select[Issue]:
    """Issues of the user's jurisdictions; for a cadre those of the own cells, those that the own
    teams hold, and those reported by oneself."""
    return select(Issue).where(
        or_(
            in_scope(user, Permission.ISSUE_READ, Issue.village_code, Issue.cell_id),
            Issue.team_id.in_(teams_of(user, workdays.today())),
            Issue.reported_by_id == user.id,
            Issue.id.in_(
                select(Assistance.issue_id).where(
                    Assistance.team_id.in_(teams_of(user, workdays.today()))
                )
            ),
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


def may_take(user: User, issue: Issue, action: Action, rule: Rule) -> bool:
    """Whether `user`, who can see `issue`, may take `action`, which `rule` governs."""
    who = rule.who
    if action is Action.REQUEST_MATERIAL and asked_for_material(issue.id):
        who = Who.LEADER  # what is missing is said at once: a second list needs somebody above
    if who in BY_ITSELF:
        return False
    if who not in (Who.LEADER, Who.ANYONE) and not may(user, Permission.ISSUE_STEP):
        return False
    right = RIGHTS[who](user, issue)
    return right and not (rule.not_handler and _is_handler(user, issue))


def asked_for_material(issue_id: uuid.UUID) -> bool:
    """Whether the resident was given a list of missing material before."""
    listed = select(Step.id).where(
        Step.issue_id == issue_id, Step.action == Action.REQUEST_MATERIAL
    )
    return bool(db.session.scalar(select(listed.exists())))


def _is_desk(user: User, issue: Issue) -> bool:
    return covers(scopes(user, Permission.ISSUE_DESK), issue.desk_code)


def _holds(user: User, issue: Issue) -> bool:
    return issue.team_id is not None and bool(
        db.session.scalar(select(is_member(user, issue.team_id, workdays.today())))
        or _desk_instead(user, issue.team_id, issue.desk_code)
    )


def _leads_team(user: User, issue: Issue) -> bool:
    """The desk, or whoever leads the team that holds the issue, or stands in for that one."""
    if _is_desk(user, issue):
        return True
    led = select(Membership.id).where(
        Membership.team_id == issue.team_id,
        Membership.duty == Duty.LEADER,
        serves(user, workdays.today()),
    )
    return issue.team_id is not None and bool(db.session.scalar(select(led.exists())))


def _leads(user: User, issue: Issue) -> bool:
    return covers(scopes(user, Permission.ISSUE_URGE), issue.village_code)


RIGHTS: dict[Who, Callable[[User, Issue], bool]] = {
    Who.DESK: _is_desk,
    Who.HOLDER: _holds,
    Who.LEAD: _leads_team,
    Who.LEADER: _leads,
    Who.CALLER: lambda _user, _issue: True,
    Who.ANYONE: lambda _user, _issue: True,
}


def actions(user: User, issue: Issue) -> dict[Action, Rule]:
    """What `user` may do with `issue` now; the page's buttons are these."""
    return {
        action: rule
        for action, rule in rules_from(issue.status, held=issue.team_id is not None).items()
        # evaluated once after each closing: reopening takes the rating away
        if not (action is Action.EVALUATE and issue.rating) and may_take(user, issue, action, rule)
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

"""Who may see which issues and take which steps: for one row, and as the query that agrees."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import aliased

from grids.models import Assignment, Duty, Membership
from grids.permissions import holds_on, in_scope, is_member, serves, teams_of
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
    helped = select(Assistance.issue_id).where(
        Assistance.team_id.in_(teams_of(user, workdays.today()))
    )
    works = or_(
        Issue.team_id.in_(teams_of(user, workdays.today())),
        Issue.reported_by_id == user.id,
        Issue.id.in_(helped),
    )
    wide = in_scope(user, Permission.ISSUE_READ, Issue.village_code, Issue.cell_id)
    return select(Issue).where(or_(wide, works), or_(~Issue.about_staff, _told(user, works)))


def _told(user: User, works: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a complaint about staff is the user's to see.

    To leaders of the jurisdiction whose desk has it, to those who work on it, and to whoever took
    it down; never to the person nor to anybody of that person's teams or of the place's.
    """
    heads = within(Issue.desk_code, scopes(user, Permission.ISSUE_COMPLAINTS))
    other = Issue.about_id.is_distinct_from(user.id)
    own = and_(Issue.reported_by_id == user.id, other)
    return or_(own, and_(or_(heads, works), other, ~_beside(user)))


def _beside(user: User) -> ColumnElement[bool]:
    """Whether the user serves today in a team of the person complained about, or of the cell."""
    today = workdays.today()
    served, held = aliased(Membership), aliased(Assignment)
    mine = teams_of(user, today)
    with_person = exists().where(
        served.user_id == Issue.about_id, holds_on(served, today), served.team_id.in_(mine)
    )
    of_cell = exists().where(
        held.cell_id == Issue.cell_id, holds_on(held, today), held.team_id.in_(mine)
    )
    return or_(with_person, of_cell)


def beside_complaint(issue: Issue) -> Select[uuid.UUID]:
    """The teams that never see a complaint about staff: those of the person and of the cell."""
    today = workdays.today()
    of_person = select(Membership.team_id).where(
        Membership.user_id == issue.about_id, holds_on(Membership, today)
    )
    of_cell = select(Assignment.team_id).where(
        Assignment.cell_id == issue.cell_id, holds_on(Assignment, today)
    )
    both = of_person.union(of_cell).subquery()
    return select(both.c.team_id)


def desk_issues(user: User, *, complaints: bool = False) -> Select[Issue]:
    """The issues whose desk the user is; the query that agrees with Who.DESK.

    `complaints`: the complaints about staff instead, whose desk are the leaders.
    """
    if complaints:
        heads = within(Issue.desk_code, scopes(user, Permission.ISSUE_COMPLAINTS))
        return visible_issues(user).where(Issue.about_staff, heads)
    mine = within(Issue.desk_code, scopes(user, Permission.ISSUE_DESK))
    return select(Issue).where(mine, ~Issue.about_staff)


def _is_handler(user: User, issue: Issue) -> bool:
    taken = select(Step.id).where(
        Step.issue_id == issue.id,
        or_(Step.actor_id == user.id, Step.for_id == user.id),
        Step.action.in_(HANDLING_ACTIONS),
    )
    return bool(db.session.scalar(select(taken.exists())))


def _desk_instead(user: User, issue: Issue, team_id: uuid.UUID) -> bool:
    """Whether the desk acts for a team of which nobody is there today."""
    return _is_desk(user, issue) and charge.choose(team_id) is None


def may_take(user: User, issue: Issue, action: Action, rule: Rule) -> bool:
    """Whether `user`, who can see `issue`, may take `action`, which `rule` governs."""
    who = rule.who
    if action is Action.REQUEST_MATERIAL and asked_for_material(issue.id):
        who = Who.LEADER  # what is missing is said at once: a second list needs somebody above
    if who in BY_ITSELF:
        return False
    heads = issue.about_staff and may(user, Permission.ISSUE_COMPLAINTS)
    if who not in (Who.LEADER, Who.ANYONE) and not (heads or may(user, Permission.ISSUE_STEP)):
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
    wanted = Permission.ISSUE_COMPLAINTS if issue.about_staff else Permission.ISSUE_DESK
    return covers(scopes(user, wanted), issue.desk_code)


def _holds(user: User, issue: Issue) -> bool:
    return issue.team_id is not None and bool(
        db.session.scalar(select(is_member(user, issue.team_id, workdays.today())))
        or _desk_instead(user, issue, issue.team_id)
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
    """Whether the resident's name and phone are shown in full: to the desk and the holders; of a
    complaint about staff to its desk and to whoever took it down."""
    if _is_desk(user, issue) or issue.reported_by_id == user.id:
        return True
    if issue.about_staff:
        return False
    return issue.team_id is not None and bool(
        db.session.scalar(select(is_member(user, issue.team_id, workdays.today())))
    )


def resident_seen(user: User) -> ColumnElement[bool]:
    """The same as a criterion on issues; the twin of `sees_resident`."""
    desk = within(Issue.desk_code, scopes(user, Permission.ISSUE_DESK))
    heads = within(Issue.desk_code, scopes(user, Permission.ISSUE_COMPLAINTS))
    return or_(
        and_(desk, ~Issue.about_staff),
        and_(heads, Issue.about_staff),
        Issue.reported_by_id == user.id,
        and_(~Issue.about_staff, Issue.team_id.in_(teams_of(user, workdays.today()))),
    )

"""Who may see which issues and take which steps: for one row, and as the query that agrees."""

from __future__ import annotations

import uuid
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import aliased

from grids.models import Assignment, Membership
from grids.permissions import holds_on, in_scope, teams_of
from gridserve import workdays
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from visits.issues.chain import Action, Rule
from visits.issues.models import Assistance, Issue
from visits.issues.rights import Rights


def visible_issues(user: User, *, complaints: bool = True) -> Select[Issue]:
    """Issues of the user's jurisdictions; for a cadre those of the own cells, those that the own
    teams hold, and those reported by oneself. Without `complaints` about staff, where they are not
    wanted anyway, it is planned and asked in half of the time."""
    mine = teams_of(user, workdays.today())
    helped = select(Assistance.issue_id).where(Assistance.team_id.in_(mine))
    works = or_(
        Issue.team_id.in_(mine),
        Issue.reported_by_id == user.id,
        Issue.id.in_(helped),
    )
    wide = in_scope(user, Permission.ISSUE_READ, Issue.village_code, Issue.cell_id)
    seen = select(Issue).where(or_(wide, works))
    if not complaints:
        return seen.where(~Issue.about_staff)
    return seen.where(or_(~Issue.about_staff, _told(user, works, mine)))


def _told(user: User, works: ColumnElement[bool], mine: Select[uuid.UUID]) -> ColumnElement[bool]:
    """Whether a complaint about staff is the user's to see, whose teams today are `mine`.

    To leaders of the jurisdiction whose desk has it, to those who work on it, and to whoever took
    it down; never to the person nor to anybody of that person's teams or of the place's.
    """
    heads = within(Issue.desk_code, scopes(user, Permission.ISSUE_COMPLAINTS))
    other = Issue.about_id.is_distinct_from(user.id)
    own = and_(Issue.reported_by_id == user.id, other)
    return or_(own, and_(or_(heads, works), other, ~_beside(mine)))


@cache
def _apart() -> tuple[type[Membership], type[Assignment]]:
    """Members and assignments under names of their own; made once, for that takes long."""
    return aliased(Membership), aliased(Assignment)


def _beside(mine: Select[uuid.UUID]) -> ColumnElement[bool]:
    """Whether one of these teams is of the person complained about, or of the cell, today."""
    today = workdays.today()
    served, held = _apart()
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


def may_take(user: User, issue: Issue, action: Action, rule: Rule) -> bool:
    """Whether `user`, who can see `issue`, may take `action`, which `rule` governs."""
    return Rights(user, [issue]).may_take(issue, action, rule)


def actions(user: User, issue: Issue) -> dict[Action, Rule]:
    """What `user` may do with `issue` now; of many issues see Rights."""
    return Rights(user, [issue]).actions(issue)


def sees_resident(user: User, issue: Issue) -> bool:
    """Whether the resident's name and phone are shown in full; of many issues see Rights."""
    return Rights(user, [issue]).sees_resident(issue)


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

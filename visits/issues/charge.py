"""Who of a team is in charge 承办人 of an issue, and who acts while that person is away.

An issue keeps the person whose charge it is; who acts today follows from absences and deputies of
the day, so work goes to B when A's absence begins and back when it ends, with nothing to be done.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from grids.models import Duty, Membership
from grids.permissions import holds_on, is_absent, stood_in
from grids.standins import Deputy
from gridserve.db import db
from gridserve.people import Post, User
from gridserve.permissions import GRANTS, Permission
from visits.issues.models import Issue

# To whom an issue goes by duty, the first who can; guides back a team and come last.
ORDER = (Duty.FULL_TIME, Duty.LEADER, Duty.PART_TIME, Duty.OTHER, Duty.GUIDE)
HANDLING_ROLES = tuple(role for role, held in GRANTS.items() if Permission.ISSUE_STEP in held)


@dataclass(frozen=True)
class Person:
    """Somebody by id and name."""

    id: uuid.UUID
    name: str


@dataclass(frozen=True)
class Served:
    """Somebody who serves in a team on a day; `deputy` only where there is one who can act."""

    person: Person
    duty: Duty
    since: date
    can_act: bool
    away: bool
    deputy: Person | None

    @property
    def acting(self) -> Charge | None:
        """Who acts in this person's charge; None where nobody can."""
        if self.away:
            return Charge(self.deputy, self.person) if self.deputy else None
        return Charge(self.person, None) if self.can_act else None


@dataclass(frozen=True)
class Charge:
    """Who acts, and for whom (None: for oneself)."""

    person: Person
    for_whom: Person | None


@cache
def _account() -> type[User]:
    """Accounts under a name of their own: the caller's query may ask for accounts too."""
    return aliased(User)


def can_act(user_id: InstrumentedAttribute[uuid.UUID], day: date) -> ColumnElement[bool]:
    """Whether an account can sign in and holds a post by which issues are handled on `day`."""
    account = _account()
    post = select(Post.id).where(
        Post.user_id == user_id, Post.role.in_(HANDLING_ROLES), holds_on(Post, day)
    )
    return post.exists() & exists().where(account.id == user_id, account.active)


def crews(team_ids: Iterable[uuid.UUID], day: date) -> dict[uuid.UUID, list[Served]]:
    """Who serves in each team on `day`, in one query; without those who only stand in."""
    b = aliased(User)
    rows = (
        select(
            Membership,
            User.name,
            b.id.label("b"),
            b.name.label("b_name"),
            can_act(Membership.user_id, day).label("can_act"),
            is_absent(Membership.user_id, day).label("away"),
        )
        .join(User, User.id == Membership.user_id)
        .join(
            Deputy,
            (Deputy.membership_id == Membership.id)
            & holds_on(Deputy, day)
            & can_act(Deputy.user_id, day)
            & ~is_absent(Deputy.user_id, day),
            isouter=True,
        )
        .join(b, b.id == Deputy.user_id, isouter=True)
        .where(Membership.team_id.in_(list(team_ids)), holds_on(Membership, day))
        .order_by(Membership.from_date, Membership.id)
    )
    found: dict[uuid.UUID, list[Served]] = defaultdict(list)
    for row in db.session.execute(rows):
        member = row.Membership
        deputy = Person(row.b, row.b_name) if row.b else None
        found[member.team_id].append(
            Served(
                Person(member.user_id, row.name), member.duty, member.from_date, row.can_act,
                row.away, deputy,
            )
        )  # fmt: skip
    return found


def choose(crew: Sequence[Served], load: Mapping[uuid.UUID, int]) -> uuid.UUID | None:
    """Whose charge new work of a team is; None where nobody of it can act today.

    By duty (`foremost`); of several the one with the fewest open issues in charge, which `load`
    tells, then who has served longest.
    """
    return min(foremost(crew), key=lambda person: load.get(person, 0), default=None)


def foremost(crew: Sequence[Served]) -> list[uuid.UUID]:
    """Who of a team comes first for new work by duty, in the order in which they joined.

    The full-time members who can act, else the leader, then the others.
    """
    able = [each for each in crew if each.acting]
    duty = min((each.duty for each in able), key=ORDER.index, default=None)
    return [each.person.id for each in able if each.duty is duty]


def open_of(people: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many open issues each of these people has in charge; without those who have none."""
    rows = (
        select(Issue.handler_id, func.count())
        .where(Issue.handler_id.in_(people), Issue.closed_at.is_(None))
        .group_by(Issue.handler_id)
    )
    return {person: count for person, count in db.session.execute(rows) if person is not None}


def after(crew: Sequence[Served], gone: uuid.UUID | None = None) -> Served | None:
    """Who takes over in a team from `gone`: the leader, else the next by duty; None for nobody."""
    order = (Duty.LEADER, *(duty for duty in ORDER if duty is not Duty.LEADER))
    able = [each for each in crew if each.acting and each.person.id != gone]
    return min(able, key=lambda each: order.index(each.duty), default=None)


def in_charge(issues: Sequence[Issue], day: date) -> dict[uuid.UUID, Charge]:
    """Who acts on `day` for each issue that a team holds, in one query.

    The person in charge or the deputy; else who takes over in the team. An issue for which nobody
    of its team can act is missing: the desk sees to it.
    """
    teams = {issue.team_id for issue in issues if issue.team_id}
    crew_of = crews(teams, day) if teams else {}
    found = {}
    for issue in issues:
        crew = crew_of.get(issue.team_id, []) if issue.team_id else []
        own = next((each for each in crew if each.person.id == issue.handler_id), None)
        acting = own.acting if own else None
        if acting is None and (other := after(crew)):
            acting = other.acting
        if acting is not None:
            found[issue.id] = acting
    return found


def for_whom(user: User, issue: Issue, day: date) -> uuid.UUID | None:
    """For whom `user` acts on an issue that a team holds; None for oneself.

    For the person in charge where the user stands in for just that one, also within a team; else
    as oneself where the user is of the team, and for whoever is stood in for where not.
    """
    served = select(Membership.user_id).where(
        Membership.team_id == issue.team_id, holds_on(Membership, day)
    )
    rows = db.session.execute(
        served.add_columns(Membership.duty).where(Membership.id.in_(stood_in(user, day)))
    ).all()
    if issue.handler_id in {row.user_id for row in rows}:
        return issue.handler_id
    own = db.session.scalar(select(served.where(Membership.user_id == user.id).exists()))
    if own or not rows:
        return None
    first: uuid.UUID = min(rows, key=lambda row: (ORDER.index(row.duty), row.user_id)).user_id
    return first

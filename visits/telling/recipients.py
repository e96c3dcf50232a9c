"""Who they are: the people in charge, team leaders, desks and leaders, found for many at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from grids.models import Duty, Level
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db
from gridserve.people import Post, User
from gridserve.permissions import Role
from visits.issues import charge
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues
from visits.telling.causes import Part

# Where posts can lie, from a village up to the whole installation.
LENGTHS = (*sorted(Level, reverse=True), 0)
Held = tuple[uuid.UUID, uuid.UUID | None]  # a team, and the person in charge


@dataclass(frozen=True)
class Told:
    """Somebody who is told something, as what, and of which jurisdiction."""

    user_id: uuid.UUID
    part: Part
    at_code: str


class Offices:
    """Dispatchers, leaders and administrators of some desks and of all above, in one query; `but`
    one person, who is not to judge the own case."""

    def __init__(self, codes: Iterable[str], *, but: uuid.UUID | None = None) -> None:
        wanted = {code[:length] for code in codes for length in LENGTHS if length <= len(code)}
        code = func.coalesce(Post.jurisdiction_code, "")
        rows = db.session.execute(
            select(code, Post.role, Post.user_id)
            .join(User, User.id == Post.user_id)
            .where(
                User.active,
                Post.role.in_((Role.DISPATCHER, Role.LEADER, Role.ADMINISTRATOR)),
                code.in_(wanted),
                holds_on(Post, workdays.today()),
            )
        )
        self._held: dict[tuple[str, Role], set[uuid.UUID]] = defaultdict(set)
        for at, role, user_id in rows:
            if user_id != but:
                self._held[at, role].add(user_id)

    def _nearest(self, code: str, part: Part, *roles: Role) -> set[Told]:
        """Who holds one of the roles at `code`, else at the next above that has somebody."""
        for length in LENGTHS:
            if length <= len(code):
                found = {
                    user_id
                    for role in roles
                    for user_id in self._held.get((code[:length], role), ())
                }
                if found:
                    return {Told(user_id, part, code[:length]) for user_id in found}
        return set()

    def desk(self, code: str, *, complaint: bool = False) -> set[Told]:
        """The dispatchers of a desk; of a complaint about staff the leaders, who are its desk."""
        return self._nearest(code, Part.DESK, Role.LEADER if complaint else Role.DISPATCHER)

    def leaders(self, code: str) -> set[Told]:
        """The leaders of a place."""
        return self._nearest(code, Part.LEADER, Role.LEADER)

    def administrators(self, code: str) -> set[Told]:
        """Who keeps the accounts of a place."""
        return self._nearest(code, Part.ADMINISTRATOR, Role.ADMINISTRATOR)

    def above(self, code: str) -> set[Told]:
        """Desk and leaders of the next jurisdiction above that has any."""
        upper = [length for length in LENGTHS if length < len(code)]
        return self._nearest(code[: upper[0]], Part.UPPER, Role.LEADER, Role.DISPATCHER)


def who_may_see(issue_id: uuid.UUID, people: Iterable[Told]) -> set[Told]:
    """Of these people, those who may see the issue: asked for complaints about staff, one by one.

    They are few, and the person complained about hears of it neither as leader nor as a member.
    """
    by_id = defaultdict(set)
    for each in people:
        by_id[each.user_id].add(each)
    users = db.session.scalars(
        select(User).where(User.id.in_(by_id)).options(selectinload(User.posts))
    ).all()
    return {
        told
        for user in users
        if db.session.scalar(
            visible_issues(user).where(Issue.id == issue_id).with_only_columns(Issue.id)
        )
        for told in by_id[user.id]
    }


class Crews:
    """Who of some teams is told, in one query."""

    def __init__(self, teams: Iterable[uuid.UUID]) -> None:
        teams = set(teams)
        self._crews = charge.crews(teams, workdays.today()) if teams else {}

    def holders(self, held: Held, code: str) -> set[Told]:
        """The person in charge and who acts today: the deputy, or who takes over in the team."""
        team_id, handler_id = held
        crew = self._crews.get(team_id, [])
        own = next((each for each in crew if each.person.id == handler_id), None)
        acting = own.acting if own else None
        if acting is None and (other := charge.after(crew)):
            acting = other.acting
        people = {own.person.id} if own and own.can_act else set()
        if acting is not None:
            people.add(acting.person.id)
        return {Told(person, Part.HOLDER, code) for person in people}

    def leads(self, team_id: uuid.UUID, code: str, part: Part = Part.LEAD) -> set[Told]:
        """The team's leader, or who stands in for that one."""
        acting = [each.acting for each in self._crews.get(team_id, []) if each.duty is Duty.LEADER]
        return {Told(each.person.id, part, code) for each in acting if each}

    def helpers(self, team_id: uuid.UUID, code: str) -> set[Told]:
        """The leader of a team that was asked to help, else the next by duty."""
        found = self.leads(team_id, code, Part.HELPER)
        other = charge.after(self._crews.get(team_id, []))
        if not found and other and other.acting:
            found = {Told(other.acting.person.id, Part.HELPER, code)}
        return found

"""What somebody may do with issues: asked of one, or of all that a phone or a list shows at once.

The facts are looked up for all the issues together, and only those that an answer needs; the number
of queries does not grow with the issues.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Select, or_, select

from grids.models import Duty, Membership
from grids.permissions import serves
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, covers, may, scopes
from visits.issues import charge
from visits.issues.chain import BY_ITSELF, HANDLING_ACTIONS, Action, Rule, Who, rules_from
from visits.issues.models import Issue, Step


class Rights:
    """The rights of `user` in `issues`, all of which the user can see, as they stand now."""

    def __init__(self, user: User, issues: Sequence[Issue]) -> None:
        self.user, self.day = user, workdays.today()
        self.issue_ids = [issue.id for issue in issues]
        self.team_ids = {issue.team_id for issue in issues if issue.team_id}

    def actions(self, issue: Issue) -> dict[Action, Rule]:
        """What the user may do with the issue now; the page's buttons are these."""
        rules = rules_from(issue.status, held=issue.team_id is not None)
        return {
            action: rule
            for action, rule in rules.items()
            # evaluated once after each closing: reopening takes the rating away
            if not (action is Action.EVALUATE and issue.rating)
            and self.may_take(issue, action, rule)
        }

    def may_take(self, issue: Issue, action: Action, rule: Rule) -> bool:
        """Whether the user may take `action`, which `rule` governs."""
        who = rule.who
        if action is Action.REQUEST_MATERIAL and issue.id in self._asked_for_material:
            who = Who.LEADER  # what is missing is said at once: a second list needs somebody above
        if who in BY_ITSELF:
            return False
        heads = issue.about_staff and bool(self._heads)
        if who not in (Who.LEADER, Who.ANYONE) and not (heads or self._may_step):
            return False
        right = RIGHTS[who](self, issue)
        return right and not (rule.not_handler and issue.id in self._handled)

    def is_desk(self, issue: Issue) -> bool:
        """Whether the user is the issue's desk; of a complaint about staff that is a leader."""
        return covers(self._heads if issue.about_staff else self._desks, issue.desk_code)

    def is_of_team(self, issue: Issue) -> bool:
        """Whether the user serves today in the team that holds the issue, for somebody too."""
        return issue.team_id is not None and issue.team_id in self._teams

    def sees_resident(self, issue: Issue) -> bool:
        """Whether the resident's name and phone are shown in full: to the desk and the holders; of
        a complaint about staff to its desk and to whoever took it down."""
        if self.is_desk(issue) or issue.reported_by_id == self.user.id:
            return True
        return not issue.about_staff and self.is_of_team(issue)

    def _holds(self, issue: Issue) -> bool:
        """The team's people; the desk instead of a team of which nobody is there today."""
        if issue.team_id is None:
            return False
        return self.is_of_team(issue) or (self.is_desk(issue) and issue.team_id in self._deserted)

    def _leads_team(self, issue: Issue) -> bool:
        """The desk, or whoever leads the team that holds the issue, or stands in for that one."""
        return self.is_desk(issue) or (issue.team_id is not None and issue.team_id in self._led)

    def _leads(self, issue: Issue) -> bool:
        return covers(self._urging, issue.village_code)

    @cached_property
    def _desks(self) -> list[str]:
        return scopes(self.user, Permission.ISSUE_DESK)

    @cached_property
    def _heads(self) -> list[str]:
        return scopes(self.user, Permission.ISSUE_COMPLAINTS)

    @cached_property
    def _urging(self) -> list[str]:
        return scopes(self.user, Permission.ISSUE_URGE)

    @cached_property
    def _may_step(self) -> bool:
        return may(self.user, Permission.ISSUE_STEP)

    @cached_property
    def _teams(self) -> set[uuid.UUID]:
        return self._found(self._served()) if self.team_ids else set()

    @cached_property
    def _led(self) -> set[uuid.UUID]:
        return self._found(self._served().where(Membership.duty == Duty.LEADER))

    @cached_property
    def _deserted(self) -> set[uuid.UUID]:
        """The teams of which nobody can act today."""
        crews = charge.crews(self.team_ids, self.day)
        return {team for team in self.team_ids if not any(each.acting for each in crews[team])}

    @cached_property
    def _handled(self) -> set[uuid.UUID]:
        """The issues that the user handled, or somebody for the user."""
        mine = or_(Step.actor_id == self.user.id, Step.for_id == self.user.id)
        return self._found(self._taken(HANDLING_ACTIONS).where(mine))

    @cached_property
    def _asked_for_material(self) -> set[uuid.UUID]:
        """The issues of which the resident was given a list of missing material before."""
        return self._found(self._taken([Action.REQUEST_MATERIAL]))

    def _served(self) -> Select[uuid.UUID]:
        return select(Membership.team_id).where(
            Membership.team_id.in_(self.team_ids), serves(self.user, self.day)
        )

    def _taken(self, actions: Any) -> Select[uuid.UUID]:
        return select(Step.issue_id).where(
            Step.issue_id.in_(self.issue_ids), Step.action.in_(actions)
        )

    @staticmethod
    def _found(query: Select[uuid.UUID]) -> set[uuid.UUID]:
        return set(db.session.scalars(query))


RIGHTS: dict[Who, Callable[[Rights, Issue], bool]] = {
    Who.DESK: Rights.is_desk,
    Who.HOLDER: Rights._holds,
    Who.LEAD: Rights._leads_team,
    Who.LEADER: Rights._leads,
    Who.CALLER: lambda _rights, _issue: True,
    Who.ANYONE: lambda _rights, _issue: True,
}

"""What has to be known to take steps in the chains of issues, looked up for all of them at once."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlalchemy import select, tuple_

from grids.models import Assignment, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.issues import charge, projection
from visits.issues.models import Category, CategoryVersion, Issue, Step
from visits.issues.permissions import visible_issues


def lock(ids: Iterable[uuid.UUID], user: User) -> Sequence[Issue]:
    """Those of some issues that the user can see, locked, as they stand now.

    In the order of ids, so that two who want the same issues never wait in a ring.
    """
    query = visible_issues(user).where(Issue.id.in_(ids)).order_by(Issue.id)
    return db.session.scalars(
        query.with_for_update().execution_options(populate_existing=True)
    ).all()


class Facts:
    """Of locked `issues`, to which steps of the ids `step_ids` are to be added, some of them with
    one of the teams `team_ids`.

    Each fact is looked up when it is first asked for, and then for all of the issues.
    """

    def __init__(
        self,
        issues: Iterable[Issue],
        *,
        step_ids: Iterable[uuid.UUID] = (),
        team_ids: Iterable[uuid.UUID] = (),
    ) -> None:
        self.issues = {issue.id: issue for issue in issues}
        self.step_ids, self.team_ids = set(step_ids), set(team_ids)
        self.taken: list[tuple[Issue, Step]] = []

    def add(self, issue: Issue, step: Step) -> None:
        """A step was taken."""
        self.chains[issue.id].append(step)
        self.known[step.id] = step
        self.taken.append((issue, step))

    def forget(self) -> None:
        """Leave out the steps that a savepoint has taken back: the session does not hold them."""
        for chain in self.chains.values():
            chain[:] = [step for step in chain if step in db.session]
        self.known = {step.id: step for step in self.known.values() if step in db.session}
        self.taken = [(issue, step) for issue, step in self.taken if step in db.session]

    @cached_property
    def known(self) -> dict[uuid.UUID, Step]:
        """Steps of the given ids, in whatever chain: something is sent again."""
        found = db.session.scalars(select(Step).where(Step.id.in_(self.step_ids)))
        return {step.id: step for step in found}

    @cached_property
    def chains(self) -> dict[uuid.UUID, list[Step]]:
        """The steps of each issue in their order."""
        return projection.steps_of(self.issues.values())

    def terms(self, issue: Issue) -> CategoryVersion:
        """The terms under which the issue was reported."""
        return self._terms[issue.category_code, issue.category_version]

    @cached_property
    def _terms(self) -> dict[tuple[str, int], CategoryVersion]:
        key = (CategoryVersion.category_code, CategoryVersion.version)
        wanted = {(each.category_code, each.category_version) for each in self.issues.values()}
        rows = db.session.scalars(select(CategoryVersion).where(tuple_(*key).in_(wanted)))
        return {(row.category_code, row.version): row for row in rows}

    @cached_property
    def teams(self) -> dict[uuid.UUID, Team]:
        """The teams, locked, shared: nobody of them leaves while this chooses who is in charge."""
        rows = select(Team).where(Team.id.in_(self.team_ids)).order_by(Team.id)
        found = db.session.scalars(
            rows.with_for_update(read=True).execution_options(populate_existing=True)
        )
        return {team.id: team for team in found}

    def admits(self, issue: Issue, team: Team) -> bool:
        """Whether the list of what cells may be given 网格事项准入清单 lets the team have it.

        The category is on today's list, or the team has no cells.
        """
        return issue.category_code in self._listed or team.id not in self._with_cells

    @cached_property
    def _listed(self) -> set[str]:
        wanted = {issue.category_code for issue in self.issues.values()}
        return set(
            db.session.scalars(
                select(Category.code).where(Category.code.in_(wanted), Category.to_cells)
            )
        )

    @cached_property
    def _with_cells(self) -> set[uuid.UUID]:
        held = select(Assignment.team_id).where(
            Assignment.team_id.in_(self.team_ids), holds_on(Assignment, workdays.today())
        )
        return set(db.session.scalars(held))

    def choose(self, team_id: uuid.UUID) -> uuid.UUID | None:
        """Whose charge new work of the team is, counting what was given to each just now."""
        person = charge.choose(self._crews[team_id], self._load)
        if person is not None:
            self._load[person] += 1
        return person

    @cached_property
    def _crews(self) -> dict[uuid.UUID, list[charge.Served]]:
        return charge.crews(self.team_ids, workdays.today())

    @cached_property
    def _load(self) -> Counter[uuid.UUID]:
        """How many open issues those have in charge among whom there is a choice."""
        able = [charge.foremost(crew) for crew in self._crews.values()]
        people = {person for each in able if len(each) > 1 for person in each}
        return Counter(charge.open_of(people) if people else {})

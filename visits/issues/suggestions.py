"""Which team an issue most likely goes to, and why: from its cell, and from who closed its kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, exists, func, literal_column, or_, select

from grids.models import Assignment, Cell, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db, now
from visits.issues.models import Category, Issue, Step

# How far back a team's closed issues count.
RECORD = timedelta(days=365)


@dataclass(frozen=True)
class Suggestion:
    """A team for an issue. `cell` is the name of the cell for which it answers first; without one
    the team is suggested for the issues of the kind that it closed there, `closed` in a year."""

    team: Team
    cell: str | None
    closed: int

    @property
    def words(self) -> str:
        """Why, in words."""
        past = ngettext(
            "closed %(num)s of this kind here in a year",
            "closed %(num)s of this kind here in a year",
            self.closed,
        )
        if self.cell is None:
            return past
        first = _("answers first for %(cell)s", cell=self.cell)
        return _("%(one)s; %(other)s", one=first, other=past) if self.closed else first


def suggestions(issues: Sequence[Issue]) -> dict[uuid.UUID, Suggestion]:
    """A team for each issue for which there is one, in at most three queries.

    The lead team of the cell today; without one, the team that closed most issues of the category
    in the village. Only teams to which the issue's desk may dispatch: where the category is not on
    the list of what cells may be given, teams without cells.
    """
    leads = _leads({issue.cell_id for issue in issues if issue.cell_id})
    records = _records(issues) if issues else {}
    able = {team_id for found in records.values() for team_id in found}
    teams = _teams(able - {team.id for team, _cell in leads.values()})
    found = {}
    for issue in issues:
        record = records.get((issue.village_code, issue.category_code), {})
        team, cell = leads.get(issue.cell_id, (None, None)) if issue.cell_id else (None, None)
        # from the session, where the list has loaded them
        listed = db.session.get_one(Category, issue.category_code).to_cells
        if team is None or not listed or not _under(team, issue):
            cell = None
            others = [teams[each] for each in record if each in teams]
            able_ones = (t for t, cells in others if _under(t, issue) and (listed or not cells))
            team = next(able_ones, None)
        if team is not None:
            found[issue.id] = Suggestion(team, cell, record.get(team.id, 0))
    return found


def _under(team: Team, issue: Issue) -> bool:
    return team.jurisdiction_code.startswith(issue.desk_code)


def _there(query: Select[Team]) -> Select[Team]:
    """Teams that have not ended."""
    return query.where(or_(Team.to_date.is_(None), Team.to_date > workdays.today()))


def _leads(cells: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[Team, str]]:
    """The lead team of each cell today, with the cell's name."""
    query = (
        _there(select(Team))
        .join(Assignment, Assignment.team_id == Team.id)
        .join(Cell, Cell.id == Assignment.cell_id)
        .where(Cell.id.in_(cells), holds_on(Assignment, workdays.today()), Assignment.lead)
    )
    rows = db.session.execute(query.add_columns(Cell.id, Cell.name)) if cells else ()
    return {cell_id: (team, name) for team, cell_id, name in rows}


def _records(issues: Sequence[Issue]) -> dict[tuple[str, str], dict[uuid.UUID, int]]:
    """Issues closed within a year by village, category and team, the most first."""
    rows = db.session.execute(
        select(Issue.village_code, Issue.category_code, Step.team_before_id, func.count())
        .join(Step, Step.issue_id == Issue.id)
        .where(
            Step.action == literal_column("'pass_review'"),  # spelt out: the index holds only these
            Step.happened_at > now() - RECORD,
            Issue.village_code.in_({issue.village_code for issue in issues}),
            Issue.category_code.in_({issue.category_code for issue in issues}),
        )
        .group_by(Issue.village_code, Issue.category_code, Step.team_before_id)
        .order_by(func.count().desc(), Step.team_before_id)
    )
    found: dict[tuple[str, str], dict[uuid.UUID, int]] = {}
    for village, category, team_id, closed in rows:
        if team_id is not None:
            found.setdefault((village, category), {})[team_id] = closed
    return found


def _teams(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[Team, bool]]:
    """Teams that have not ended, each with whether it has cells today."""
    cells = exists().where(Assignment.team_id == Team.id, holds_on(Assignment, workdays.today()))
    query = _there(select(Team)).where(Team.id.in_(ids)).add_columns(cells)
    rows = db.session.execute(query) if ids else ()
    return {team.id: (team, has_cells) for team, has_cells in rows}

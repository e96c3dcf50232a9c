"""Which team an issue most likely goes to, and why: from its cell, from what units answer for, and
from who closed its kind."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, exists, func, literal, literal_column, or_, select

from grids.models import Assignment, Cell, Jurisdiction, Level, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db, now
from visits.issues.chain import Tier
from visits.issues.models import Category, Issue, Remit, Step
from visits.labels import category_name

# How far back a team's closed issues count.
RECORD = timedelta(days=365)


@dataclass(frozen=True)
class Suggestion:
    """A team for an issue, for one of three reasons: it answers first for the `cell`, it answers
    for the category (`remit`, as 民政 · 中城镇), or it closed issues of the kind there, `closed` in
    a year.

    `above` is the jurisdiction of a team to which the issue's desk cannot dispatch: it escalates to
    the desk there.
    """

    team: Team
    cell: str | None
    closed: int
    remit: str | None = None
    above: Jurisdiction | None = None

    @property
    def reason(self) -> str:
        """Why the desk escalates it, for the chain to keep."""
        return _("%(team)s answers for it (%(what)s)", team=self.team.name, what=self.remit)

    @property
    def words(self) -> str:
        """Why, in words."""
        if self.above is not None:
            return _(
                "answers for %(what)s: belongs to %(place)s, escalate it there",
                what=self.remit,
                place=self.above.short_name,
            )
        past = ngettext(
            "closed %(num)s of this kind here in a year",
            "closed %(num)s of this kind here in a year",
            self.closed,
        )
        if self.remit is not None:
            first = _("answers for %(what)s", what=self.remit)
        elif self.cell is not None:
            first = _("answers first for %(cell)s", cell=self.cell)
        else:
            return past
        return _("%(one)s; %(other)s", one=first, other=past) if self.closed else first


@dataclass(frozen=True)
class Unit:
    """A team that answers for a category or one `depth` levels above it."""

    team: Team
    depth: int
    has_cells: bool
    words: str
    place: Jurisdiction


def suggestions(issues: Sequence[Issue]) -> dict[uuid.UUID, Suggestion]:
    """A team for each issue for which there is one, in at most four queries.

    The unit that answers for just this category, the lead team of the cell today, a unit that
    answers for a family around the category, the team that closed most issues of the category in
    the village: the first of these to which the issue's desk may dispatch. Where the category is
    not on the list of what cells may be given, teams without cells. What is solved in the county
    goes to the county's unit, and so does what nobody below answers for: there a desk below it
    escalates. For a complaint about staff nobody is suggested.
    """
    issues = [issue for issue in issues if not issue.about_staff]
    leads = _leads({issue.cell_id for issue in issues if issue.cell_id})
    units = _units(issues) if issues else {}
    records = _records(issues) if issues else {}
    teams = _teams({team_id for found in records.values() for team_id in found})
    found = {}
    for issue in issues:
        # from the session, where the list has loaded them
        category = db.session.get_one(Category, issue.category_code)
        record = records.get((issue.village_code, issue.category_code), {})
        unit = _unit(units.get(category.code, ()), issue, category)
        lead = leads.get(issue.cell_id) if issue.cell_id and category.to_cells else None
        closed = (teams[each] for each in record if each in teams)
        able = (t for t, cells in closed if _under(t, issue) and (category.to_cells or not cells))
        other, above = next(able, None), unit is not None and not _under(unit.team, issue)
        if above and category.tier is not Tier.COUNTY and (lead or other):
            unit, above = None, False  # it can be seen to below
        if unit is not None and unit.depth == 0:
            lead = None
        if lead is not None and _under(lead[0], issue):
            team, cell = lead
            found[issue.id] = Suggestion(team, cell, record.get(team.id, 0))
        elif unit is not None:
            past = record.get(unit.team.id, 0)
            up = unit.place if above else None
            found[issue.id] = Suggestion(unit.team, None, past, unit.words, up)
        elif other is not None:
            found[issue.id] = Suggestion(other, None, record[other.id])
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


def _units(issues: Sequence[Issue]) -> dict[str, list[Unit]]:
    """The teams of the issues' places that answer for each of their categories."""
    wanted = {issue.category_code for issue in issues}
    places = {issue.village_code[:level] for issue in issues for level in Level}
    above = (
        select(Category.code, Category.code.label("around"), literal(0).label("depth"))
        .where(Category.code.in_(wanted))
        .cte(recursive=True)
    )
    above = above.union_all(
        select(above.c.code, Category.parent_code, above.c.depth + 1)
        .join(Category, Category.code == above.c.around)
        .where(Category.parent_code.is_not(None))
    )
    cells = exists().where(Assignment.team_id == Team.id, holds_on(Assignment, workdays.today()))
    rows = db.session.execute(
        _there(select(Team))
        .add_columns(Jurisdiction, Category, above.c.code, above.c.depth, cells)
        .join(Remit, Remit.team_id == Team.id)
        .join(above, above.c.around == Remit.category_code)
        .join(Category, Category.code == Remit.category_code)
        .join(Jurisdiction, Jurisdiction.code == Team.jurisdiction_code)
        .where(Team.jurisdiction_code.in_(places))
        .order_by(Team.name, Team.id)
    )
    found: dict[str, list[Unit]] = {}
    for team, place, category, code, depth, has_cells in rows:
        words = f"{category_name(category)} · {place.short_name}"
        found.setdefault(code, []).append(Unit(team, depth, has_cells, words, place))
    return found


def _unit(units: Sequence[Unit], issue: Issue, category: Category) -> Unit | None:
    """The unit of the issue's place for its category: by the narrowest family, then the nearest
    one; for what is solved in the county, one of the county. One above the issue's desk only for
    that, or where there is none below."""
    county = category.tier is Tier.COUNTY
    nearer = 1 if county else -1
    able = [
        each
        for each in units
        if issue.village_code.startswith(each.team.jurisdiction_code)
        and (category.to_cells or not each.has_cells)
    ]

    def order(unit: Unit) -> tuple[bool, int, int]:
        away = not county and not _under(unit.team, issue)
        return away, unit.depth, nearer * len(unit.team.jurisdiction_code)

    return min(able, key=order, default=None)


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

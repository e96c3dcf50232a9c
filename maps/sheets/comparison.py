"""The quarterly comparison of teams 一季一评比: what came of the work, never how much was done.

Each measure is a share with its cases and the interval in which it may lie; it is compared with
that of all teams of the township together. Nobody is ranked. An issue counts for the team that held
it last; a visit for the team that answered for the cell on the day of the visit.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.orm import aliased

from grids.models import Assignment, Cell, Team
from gridserve import workdays
from gridserve.db import db
from maps.bands import percent
from maps.places import Place, under
from maps.sheets.intervals import LEAST, Share, Verdict, verdict
from maps.sheets.registers import at
from maps.sheets.standing import standing
from visits.callbacks.models import Callback, Try
from visits.callbacks.models import Outcome as Said
from visits.issues.chain import CLOSED, Action, Rating, Status
from visits.issues.models import Issue, Step
from visits.models import Household, HouseholdStatus, Outcome, Visit
from visits.objections.operations import quarter_end, window
from visits.past import cell_on, status_on

FORMULA = "comparison-1"
MEASURES = {
    "timely": _l("Issues closed in time, of those due"),
    "passed": _l("Results that passed the review at once"),
    "content": _l("Evaluations: satisfied or fairly satisfied"),
    "met": _l("Households met, of the cells led all quarter"),
    "confirmed": _l("Visits that households confirmed, of the sample"),
}
Shares = dict[uuid.UUID, Share]


@dataclass
class TeamRow:
    """A team with its shares by measure; `suspended` issues are due and stand still."""

    id: uuid.UUID
    name: str
    code: str
    suspended: int = 0
    shares: dict[str, Share] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """The teams of a township in the order of their codes and names, and all of them together."""

    teams: list[TeamRow]
    whole: dict[str, Share]

    def verdict(self, team: TeamRow, measure: str) -> Verdict:
        """How the team stands to all together."""
        return verdict(team.shares[measure], self.whole[measure])


def comparison(place: Place, quarter: date, as_of: datetime) -> Comparison:
    """Compare the teams of `place` over the quarter that begins with `quarter`. Six queries."""
    last = quarter_end(quarter)
    start, until = workdays.span(quarter, last)
    issues = _issues(place, start, until, as_of)
    found = {
        "timely": {team: Share(good, n) for team, good, n, _s in issues},
        "passed": _shares(_reviews(place, start, until, as_of)),
        "content": _shares(_evaluations(place, start, until, as_of)),
        "met": _shares(_met(place, quarter, last, as_of)),
        "confirmed": _shares(_confirmed(place, start, until, as_of)),
    }
    suspended = {team: n for team, _good, _n, n in issues}
    seen = set().union(*found.values())
    teams = db.session.execute(
        select(Team.id, Team.name, Team.jurisdiction_code)
        .where(under(Team.jurisdiction_code, place.code), Team.id.in_(seen))
        .order_by(Team.jurisdiction_code, Team.name, Team.id)
    )
    none = Share(0, 0)
    rows = [
        TeamRow(
            *each, suspended.get(each.id, 0), {m: found[m].get(each.id, none) for m in MEASURES}
        )
        for each in teams
    ]
    whole = {m: sum((row.shares[m] for row in rows), none) for m in MEASURES}
    return Comparison(rows, whole)


def _shares(query: Any) -> Shares:
    found: Shares = defaultdict(lambda: Share(0, 0))
    for team, good, cases in db.session.execute(query):
        found[team] = Share(good, cases)
    return dict(found)


def _issues(place: Place, start: datetime, until: datetime, as_of: datetime) -> list[Any]:
    """(team, closed in time, due, suspended) of the issues that were due in the quarter."""
    was = standing(as_of)
    closed = was.last.c.status_after.in_(CLOSED)
    team = case((closed, was.ended.c.team_before_id), else_=was.last.c.team_after_id)
    rows = (
        was.joined(select(Issue.id).select_from(Issue))
        .where(
            under(Issue.village_code, place.code), ~Issue.about_staff, team.is_not(None),
            was.last.c.due_at >= start, was.last.c.due_at < until,
            was.last.c.status_after.not_in((Status.DECLINED, Status.MERGED)),
        )
        .with_only_columns(
            team.label("team"),
            (closed & (was.ended.c.happened_at <= was.last.c.due_at)).label("good"),
            (was.last.c.status_after == Status.SUSPENDED).label("still"),
        )
        .subquery()
    )  # fmt: skip
    return list(
        db.session.execute(
            select(
                rows.c.team, func.count().filter(rows.c.good), func.count(),
                func.count().filter(rows.c.still),
            ).group_by(rows.c.team)
        )
    )  # fmt: skip


def _reviews(place: Place, start: datetime, until: datetime, as_of: datetime) -> Any:
    return (
        select(
            Step.team_before_id, func.count().filter(Step.action == Action.PASS_REVIEW),
            func.count(),
        )
        .join(Issue, Issue.id == Step.issue_id)
        .where(
            Step.action.in_((Action.PASS_REVIEW, Action.FAIL_REVIEW)),
            Step.team_before_id.is_not(None), Step.happened_at >= start, Step.happened_at < until,
            Step.received_at <= as_of, under(Issue.village_code, place.code), ~Issue.about_staff,
        )
        .group_by(Step.team_before_id)
    )  # fmt: skip


def _evaluations(place: Place, start: datetime, until: datetime, as_of: datetime) -> Any:
    """Each evaluation counts for the team that held the issue when it was closed before it."""
    closing = aliased(Step)
    handled = (
        select(closing.team_before_id)
        .where(
            closing.issue_id == Step.issue_id, closing.seq < Step.seq,
            closing.status_after == Status.CLOSED, closing.status_before.not_in(CLOSED),
        )
        .order_by(closing.seq.desc())
        .limit(1)
        .lateral("handled")
    )  # fmt: skip
    good = Step.data["rating"].astext.in_((Rating.SATISFIED.value, Rating.FAIRLY.value))
    return (
        select(handled.c.team_before_id, func.count().filter(good), func.count())
        .select_from(Step)
        .join(Issue, Issue.id == Step.issue_id)
        .join(handled, handled.c.team_before_id.is_not(None))
        .where(
            Step.action == Action.EVALUATE, Step.happened_at >= start, Step.happened_at < until,
            Step.received_at <= as_of, under(Issue.village_code, place.code), ~Issue.about_staff,
        )
        .group_by(handled.c.team_before_id)
    )  # fmt: skip


def _met(place: Place, first: date, last: date, as_of: datetime) -> Any:
    """Households of cells that one team led all quarter: cells that changed hands are left out."""
    start, until = workdays.span(first, last)
    day = min(last, workdays.today())
    met = exists().where(
        Visit.household_id == Household.id, Visit.outcome == Outcome.MET,
        Visit.team_id == Assignment.team_id, Visit.started_at >= start, Visit.started_at < until,
        Visit.received_at <= as_of,
    )  # fmt: skip
    cell = cell_on(day) if day < workdays.today() else Household.cell_id.expression
    return (
        select(Assignment.team_id, func.count().filter(met), func.count())
        .select_from(Household)
        .join(Cell, Cell.id == cell)
        .join(Assignment, Assignment.cell_id == Cell.id)
        .where(
            under(Household.village_code, place.code),
            status_on(day) == HouseholdStatus.ACTIVE,
            Assignment.lead, Assignment.from_date <= first,
            or_(Assignment.to_date.is_(None), Assignment.to_date > day),
        )
        .group_by(Assignment.team_id)
    )  # fmt: skip


def _confirmed(place: Place, start: datetime, until: datetime, as_of: datetime) -> Any:
    """Of the visits drawn by lot what households said last, where they were reached."""
    last = (
        select(Try.outcome)
        .where(Try.visit_id == Callback.visit_id, Try.at <= as_of)
        .order_by(Try.at.desc(), Try.id)
        .limit(1)
        .lateral("last_try")
    )
    return (
        select(Visit.team_id, func.count().filter(last.c.outcome == Said.CONFIRMED), func.count())
        .select_from(Callback)
        .join(Visit, Visit.id == Callback.visit_id)
        .join(last, last.c.outcome != Said.NOT_REACHED)
        .where(
            Callback.week.is_not(None), Visit.team_id.is_not(None),
            under(Callback.township_code, place.code),
            Visit.started_at >= start, Visit.started_at < until,
        )
        .group_by(Visit.team_id)
    )  # fmt: skip


VERDICTS = {
    Verdict.ABOVE: _l("above all together"),
    Verdict.BELOW: _l("below all together"),
    Verdict.ALIKE: _l("no clear difference"),
    Verdict.TOO_FEW: _l("too few to compare"),
}


def told(share: Share) -> dict[str, str]:
    """A share in words: {share, span, cases}."""
    if share.value is None or share.interval is None:
        return {"share": "–", "span": "", "cases": "0"}
    low, high = share.interval
    return {
        "share": percent(share.good, share.cases),
        "span": f"{100 * low:.0f}–{100 * high:.0f} %",
        "cases": f"{share.good:,} / {share.cases:,}",
    }


def rows(found: Comparison) -> Iterator[list[Any]]:
    """The rows of a table: one for each team and measure, all together last."""
    for name, words in MEASURES.items():
        for team in found.teams:
            yield _row(team.name, words, team.shares[name], VERDICTS[found.verdict(team, name)])
        yield _row(_("All teams together"), words, found.whole[name], "")


def _row(team: str, words: Any, share: Share, said: Any) -> list[Any]:
    low, high = share.interval or (None, None)
    shown = [None if n is None else round(n, 4) for n in (share.value, low, high)]
    return [team, str(words), share.good, share.cases, *shown, str(said)]


def words(code: str, quarter: date) -> list[str]:
    """What a reader of the comparison should know."""
    _begins, ends = window(code, quarter)
    return [
        _("A team is said to be above or below only where its interval of 95 per cent (Wilson) "
          "leaves out the share of all teams together; nobody is ranked, and how much somebody "
          "did is not counted."),
        _("Under %(n)s cases nothing is compared.", n=LEAST),
        _("An issue counts for the team that held it last, a visit for the team of its day; cells "
          "that changed hands within the quarter are left out of the households met."),
        _("Teams may object until %(time)s.", time=at(ends)),
    ]  # fmt: skip

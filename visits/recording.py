"""Recording visits: one, or all that a phone brings, in a number of queries that does not grow.

Nothing here commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from flask_babel import gettext as _
from sqlalchemy import Row, Table, select, text
from sqlalchemy.dialects.postgresql import insert

from grids.permissions import answers, reach
from gridserve import events, workdays
from gridserve.db import db, now
from gridserve.errors import Invalid, Problem
from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes
from visits import extras, figures, past
from visits.models import Household, Outcome, Purpose, Visit
from visits.operations import CLOCK_TOLERANCE, HouseholdUnknown, IdTaken, InFuture, digest, point_of

TABLE = cast(Table, Visit.__table__)
LONGEST_VISIT = timedelta(days=1)
HOMES = select(
    Household.id, Household.village_code, Household.cell_id, Household.status, Household.last_met_at
)
MET = """
    UPDATE household SET last_met_at = met.at
    FROM unnest(CAST(:homes AS uuid[]), CAST(:ats AS timestamptz[])) AS met (id, at)
    WHERE household.id = met.id
"""


Home = Row[Any, *tuple[Any, ...]]
Homes = dict[uuid.UUID, Home]


@dataclass(slots=True)
class Recorded:
    """A visit that was sent and what became of it: stored, now or before, or a problem."""

    said: dict[str, Any]
    day: date
    problem: Problem | None = None
    visit: Visit | None = None  # a new one stands outside the session
    new: bool = False
    home: Home | None = None  # the household as it is now, where there is one
    columns: dict[str, Any] = field(default_factory=dict)


def record_visit(said: dict[str, Any], *, by: User) -> Visit:
    """Store a visit once, however often it is sent: `record_visits` of one, raising its problem."""
    (one,) = record_visits([said], by=by)
    if one.problem is not None:
        raise one.problem
    assert one.visit is not None
    return one.visit


def record_visits(saids: Sequence[dict[str, Any]], *, by: User) -> list[Recorded]:
    """Store visits once each, however often and in whatever company they are sent.

    Each of `saids` is VisitIn: id, household_id, purpose, outcome, started_at, and optionally
    ended_at, typed_at, notes, point {lon, lat, crs}, accuracy_m. The cell is the household's on the
    day of the visit, and the team the one through which `by` answered for that cell on that day, as
    oneself or for somebody absent (`for_id`); where there was none the visit is stored all the
    same, with in_scope false.

    Problems: IdTaken when the id stands for something else, HouseholdUnknown outside the visitor's
    jurisdiction, InFuture and Invalid for times that cannot be.

    What can be stored is stored, and only what was not new is looked for among the stored ones: an
    equal request that came long ago and one that comes at this moment are met alike.
    """
    sent = [Recorded(said, workdays.day_of(said["started_at"])) for said in saids]
    homes = _locked({said["household_id"] for said in saids})
    _judge(sent, homes, by)
    _insert([one for one in sent if one.problem is None])
    new = [one for one in sent if one.new]
    if new:
        _follow(new, homes, by)
        extras.store([(one.visit, one.said) for one in new if one.visit], by)
    _look_up([one for one in sent if not one.new], by)
    return sent


def _locked(ids: Collection[uuid.UUID]) -> Homes:
    """The households by id. Visits to one queue up here, so `last_met_at` never goes back; all
    lock in the order of ids, so that two outboxes never wait in a ring."""
    query = HOMES.where(Household.id.in_(ids)).order_by(Household.id)
    return {home.id: home for home in db.session.execute(query.with_for_update(key_share=True))}


def _judge(sent: list[Recorded], homes: Homes, by: User) -> None:
    """Give each the columns of its visit, or the problem for which it cannot be stored."""
    allowed, latest = Allowed(by), now() + CLOCK_TOLERANCE
    for one in sent:
        one.home = home = homes.get(one.said["household_id"])
        if home is None or not allowed(home.village_code, one.day):
            one.problem = HouseholdUnknown(_("No such household in your jurisdiction."))
        else:
            one.problem = _wrong_times(one.said, latest)
    good = [one for one in sent if one.problem is None]
    cells = past.cells_on({(one.said["household_id"], one.day) for one in good})
    teams: dict[tuple[Any, date], Any] = {}
    for one in good:
        cell = cells[one.said["household_id"], one.day]
        if cell is not None and (cell, one.day) not in teams:
            teams[cell, one.day] = db.session.execute(answers(by, cell, one.day)).first()
        team, for_id = teams.get((cell, one.day)) or (None, None)
        assigned = {"cell_id": cell, "team_id": team, "for_id": for_id}
        try:
            one.columns = _columns(one.said, by) | assigned | {"in_scope": team is not None}
        except Problem as no_place:
            one.problem = no_place


class Allowed:
    """Whether a visit by `user` in a village on a day is accepted.

    Wider than what a cadre sees: a visit made before cells or teams changed must not be lost, so
    every household of the post's jurisdiction will do, and of villages in which the user stood in
    on that day. The visit says whether it was in scope.
    """

    def __init__(self, user: User) -> None:
        self.user, self.posts = user, scopes(user, Permission.VISIT_RECORD)
        self.reach: dict[date, list[str]] = {}

    def __call__(self, village_code: str, day: date) -> bool:
        if covers(self.posts, village_code):
            return True
        if day not in self.reach:
            self.reach[day] = reach(self.user, Permission.VISIT_RECORD, day)
        return covers(self.reach[day], village_code)


def _wrong_times(said: dict[str, Any], latest: datetime) -> Problem | None:
    problems = {
        f"/{name}": [_("Lies in the future. Check the clock of the phone.")]
        for name in ("started_at", "ended_at", "typed_at")
        if said.get(name) is not None and said[name] > latest
    }
    kind = InFuture if problems else Invalid
    if said.get("ended_at") is not None:
        lasted = said["ended_at"] - said["started_at"]
        if lasted < timedelta():
            problems["/ended_at"] = [_("Lies before the start.")]
        elif lasted > LONGEST_VISIT:
            problems["/ended_at"] = [_("Lies more than a day after the start.")]
    return kind(_("Mend the times and send it again."), errors=problems) if problems else None


def _columns(said: dict[str, Any], by: User) -> dict[str, Any]:
    """What a visit keeps of what was sent, as it will be read back."""
    return {
        "id": said["id"],
        "household_id": said["household_id"],
        "visitor_id": by.id,
        "purpose": Purpose(said["purpose"]),
        "outcome": Outcome(said["outcome"]),
        "started_at": said["started_at"].astimezone(UTC),
        "ended_at": said.get("ended_at") and said["ended_at"].astimezone(UTC),
        "typed_at": said.get("typed_at") and said["typed_at"].astimezone(UTC),
        "received_at": now(),
        "notes": said.get("notes", ""),
        "point": None,
        "point_source": None,
        "accuracy_m": said.get("accuracy_m"),
        "said": digest(said),
        **point_of(said.get("point")),
    }


def _insert(good: list[Recorded]) -> None:
    """Store these; those that were not there before are `new` and have their visit.

    In the order of ids, so that whoever stores the same at this moment waits and never crosses.
    """
    first: dict[uuid.UUID, Recorded] = {}
    for one in good:
        first.setdefault(one.said["id"], one)
    rows = [first[visit_id].columns for visit_id in sorted(first)]
    if not rows:
        return
    statement = insert(TABLE).on_conflict_do_nothing().returning(TABLE.c.id)
    for visit_id in db.session.scalars(statement, rows):
        one = first[visit_id]
        one.new, one.visit = True, Visit(**one.columns)


def _follow(new: list[Recorded], homes: Homes, by: User) -> None:
    """What follows from new visits: when households were last met, figures, the trail."""
    met: dict[uuid.UUID, datetime] = {}
    for one in new:
        if one.columns["outcome"] is Outcome.MET:
            home, at = one.said["household_id"], one.columns["started_at"]
            met[home] = max(at, met.get(home, at))
    later = {
        home: at
        for home, at in met.items()
        if (before := homes[home].last_met_at) is None or before < at
    }
    if later:
        said = {"homes": list(later), "ats": list(later.values())}
        db.session.execute(text(MET), said)
    _mark(new, homes)
    subjects = [(one.said["id"], homes[one.said["household_id"]].village_code) for one in new]
    events.record_all("visit.recorded", subjects, by=by.id)


def _mark(new: list[Recorded], homes: Homes) -> None:
    """Figures of the cells of today, and where a visit came late of the cell of that day too."""
    today = workdays.today()
    since: dict[uuid.UUID, date] = {}
    for one in new:
        if one.columns["outcome"] is not Outcome.MET:
            continue
        day = workdays.day_of(one.columns["started_at"])
        for cell in {homes[one.said["household_id"]].cell_id, one.columns["cell_id"]} - {None}:
            since[cell] = min(day, since.get(cell, today))
    for day in set(since.values()):
        figures.mark((cell for cell, each in since.items() if each == day), since=day)


def _look_up(others: list[Recorded], by: User) -> None:
    """Tell the repeats among those that were not stored just now from other things of that id."""
    if not others:
        return
    ids = {one.said["id"] for one in others}
    known = {row.id: row for row in db.session.scalars(select(Visit).where(Visit.id.in_(ids)))}
    for one in others:
        visit = known.get(one.said["id"])
        if visit is None:
            continue
        if visit.said == digest(one.said) and visit.visitor_id == by.id:
            one.visit, one.problem = visit, None
        else:
            one.problem = IdTaken(_("This id is already used for another visit; make a new one."))

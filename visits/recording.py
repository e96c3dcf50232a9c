"""Recording visits: one, or all that a phone brings, in queries that grow only with their days.

Nothing here commits.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from flask_babel import gettext as _
from geoalchemy2 import WKTElement
from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, any_, bindparam, select
from sqlalchemy.orm import selectinload

from grids.models import Assignment
from grids.permissions import ANY_DAY, ANYBODY, answered, answers, reach
from gridserve import workdays
from gridserve.db import Asked, db, new_id, now, run
from gridserve.errors import Invalid, Problem
from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes
from visits import extras, figures, past
from visits.models import Household, Outcome, Purpose, Visit
from visits.operations import CLOCK_TOLERANCE, HouseholdUnknown, IdTaken, InFuture, digest, point_of

LONGEST_VISIT = timedelta(days=1)
# Stores what was not stored before and what follows from it: when the households, which are
# locked, were last met; marks on the figures of their cells, of then and of today; the trail. Rows
# go in in the order of ids: whoever stores the same at this moment waits, and never crosses.
STORE = """
    WITH sent AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(%(visits)s AS json)) AS sent (
            id uuid, household_id uuid, for_id uuid, cell_id uuid, team_id uuid, in_scope boolean,
            purpose varchar, outcome varchar, started_at timestamptz, ended_at timestamptz,
            typed_at timestamptz, notes text, point text, point_source varchar, accuracy_m float8,
            mocked boolean, said varchar, day date, village_code varchar, cell_now uuid,
            event_id uuid)
    ), new AS (
        INSERT INTO visit (id, household_id, visitor_id, for_id, cell_id, team_id, in_scope,
            purpose, outcome, started_at, ended_at, typed_at, received_at, notes, point,
            point_source, accuracy_m, mocked, said)
        SELECT id, household_id, %(visitor)s, for_id, cell_id, team_id, in_scope,
            purpose, outcome, started_at, ended_at, typed_at, %(received_at)s, notes,
            CAST(point AS geometry), point_source, accuracy_m, mocked, said
        FROM sent ORDER BY id
        ON CONFLICT DO NOTHING RETURNING id
    ), stored AS (
        SELECT sent.* FROM new JOIN sent USING (id)
    ), last AS (
        UPDATE household SET last_met_at = met.at
        FROM (
            SELECT household_id, max(started_at) AS at FROM stored WHERE outcome = 'met'
            GROUP BY household_id
        ) AS met
        WHERE household.id = met.household_id
            AND (household.last_met_at IS NULL OR household.last_met_at < met.at)
    ), mark AS (
        INSERT INTO coverage_mark (id, cell_id, since)
        SELECT gen_random_uuid(), cell.id, least(min(stored.day), %(today)s)
        FROM stored, unnest(ARRAY[stored.cell_id, stored.cell_now]) AS cell (id)
        WHERE stored.outcome = 'met' AND cell.id IS NOT NULL GROUP BY cell.id
    ), trail AS (
        INSERT INTO event (id, at, action, subject_id, actor_id, jurisdiction_code, data)
        SELECT event_id, %(received_at)s, 'visit.recorded', id, %(visitor)s,
            village_code, '{}'
        FROM stored
    )
    SELECT id, outcome FROM stored
"""


def _locking(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Households, locked, each with the team through which a user answers for it."""
    home = (
        select(Household.id, Household.village_code, Household.cell_id, Household.status)
        .where(which)
        .order_by(Household.id)
        .with_for_update(key_share=True)
        .cte("home")
    )
    theirs = Assignment.cell_id.in_(select(home.c.cell_id))
    found = answers(ANYBODY, ANY_DAY, theirs).subquery()
    return select(home, found.c.team_id, found.c.for_id).outerjoin(
        found, found.c.cell_id == home.c.cell_id
    )


# One by its id and many by theirs: where PostgreSQL has to guess how many there will be it plans
# anew each time, which takes longer than the rest.
_LOCK_ONE = Asked(lambda: _locking(Household.id == bindparam("id", type_=Uuid())))
_LOCK = Asked(lambda: _locking(Household.id == any_(bindparam("ids", type_=ARRAY(Uuid)))))
Home = Any  # a row of it
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
    cell: uuid.UUID | None = None  # in which the household counted on the day
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
    ended_at, typed_at, notes, point {lon, lat, crs}, accuracy_m, mocked. The cell is the
    household's on the day of the visit, and the team the one through which `by` answered for that
    cell on that day, as oneself or for somebody absent (`for_id`); where there was none the visit
    is stored all the same, with in_scope false.

    Problems: IdTaken when the id stands for something else, HouseholdUnknown outside the visitor's
    jurisdiction, InFuture and Invalid for times that cannot be.

    What can be stored is stored, and only what was not new is looked for among the stored ones: an
    equal request that came long ago and one that comes at this moment are met alike.
    """
    sent = [Recorded(said, workdays.day_of(said["started_at"])) for said in saids]
    moment = now()
    _judge(sent, _locked({said["household_id"] for said in saids}, by), by, moment)
    _store([one for one in sent if one.problem is None], by, moment)
    new = [(one.visit, one.said) for one in sent if one.new and one.visit]
    if new:
        extras.store(new, by)
    _look_up([one for one in sent if not one.new], by)
    return sent


def _locked(ids: Collection[uuid.UUID], by: User) -> Homes:
    """The households by id, each with the team through which `by` answers for it today.

    Visits to one queue up here, so `last_met_at` never goes back; all lock in the order of ids, so
    that two outboxes never wait in a ring.
    """
    today = workdays.today()
    if len(ids) == 1:
        rows = _LOCK_ONE(id=next(iter(ids)), user=by.id, day=today)
    else:
        rows = _LOCK(ids=list(ids), user=by.id, day=today)
    return {home.id: home for home in rows}


def _judge(sent: list[Recorded], homes: Homes, by: User, moment: datetime) -> None:
    """Give each the columns of its visit, or the problem for which it cannot be stored."""
    allowed, latest = Allowed(by), moment + CLOCK_TOLERANCE
    for one in sent:
        one.home = home = homes.get(one.said["household_id"])
        if home is None or not allowed(home.village_code, one.day):
            one.problem = HouseholdUnknown(_("No such household in your jurisdiction."))
        else:
            one.problem = _wrong_times(one.said, latest)
    good = [one for one in sent if one.problem is None]
    today = workdays.today()
    cells = past.cells_on({(one.said["household_id"], one.day) for one in good if one.day < today})
    teams = {
        (home.cell_id, today): (home.team_id, home.for_id)
        for home in homes.values()
        if home.team_id
    }
    # Of today too: while the lock was waited for the cell may have been made, which went unseen.
    open_: dict[date, set[uuid.UUID]] = defaultdict(set)
    for one in good:
        assert one.home is not None
        one.cell = cells.get((one.home.id, one.day), one.home.cell_id)
        if one.cell is not None and (one.cell, one.day) not in teams:
            open_[one.day].add(one.cell)
    for day, unknown in open_.items():
        found = answered(by, unknown, day)
        teams |= {(cell, day): answer for cell, answer in found.items()}
    for one in good:
        team, for_id = teams.get((one.cell, one.day), (None, None))
        judged = {
            "cell_id": one.cell,
            "team_id": team,
            "for_id": for_id,
            "in_scope": team is not None,
        }
        try:
            one.columns = _columns(one.said) | judged
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


def _columns(said: dict[str, Any]) -> dict[str, Any]:
    """What a visit keeps of what was sent, as it will be read back."""
    return {
        "id": said["id"],
        "household_id": said["household_id"],
        "purpose": Purpose(said["purpose"]),
        "outcome": Outcome(said["outcome"]),
        "started_at": said["started_at"].astimezone(UTC),
        "ended_at": said.get("ended_at") and said["ended_at"].astimezone(UTC),
        "typed_at": said.get("typed_at") and said["typed_at"].astimezone(UTC),
        "notes": said.get("notes", ""),
        "point": None,
        "point_source": None,
        "accuracy_m": said.get("accuracy_m"),
        "mocked": said.get("mocked"),
        "said": digest(said),
        **point_of(said.get("point")),
    }


def _store(good: list[Recorded], by: User, moment: datetime) -> None:
    """Store these; those that were not there before are `new` and have their visit."""
    first: dict[uuid.UUID, Recorded] = {}
    for one in good:
        first.setdefault(one.said["id"], one)
    if not first:
        return
    rows = [
        one.columns
        | {"day": one.day, "village_code": one.home.village_code, "cell_now": one.home.cell_id}
        | {"event_id": new_id()}
        for one in first.values()
        if one.home
    ]
    visitor = by.id
    stored = run(
        STORE,
        visits=msgspec.json.encode(rows, enc_hook=_written).decode(),
        visitor=visitor,
        received_at=moment,
        today=workdays.today(),
    )
    for visit_id, _outcome in stored:
        one = first[visit_id]
        one.new, one.visit = True, Visit()
        # As if it were loaded: what each assignment of a column tells the session is not needed.
        one.visit.__dict__.update(one.columns, visitor_id=visitor, received_at=moment)
    if any(outcome == Outcome.MET for _id, outcome in stored):
        figures.refresh_soon()


def _written(point: WKTElement) -> str:
    return f"SRID={point.srid};{point.data}"


def _look_up(others: list[Recorded], by: User) -> None:
    """Tell the repeats among those that were not stored just now from other things of that id."""
    if not others:
        return
    ids = {one.said["id"] for one in others}
    query = select(Visit).where(Visit.id.in_(ids)).options(selectinload(Visit.photos))
    known = {row.id: row for row in db.session.scalars(query)}
    visitor = by.id
    for one in others:
        visit = known.get(one.said["id"])
        if visit is None:
            continue
        if visit.said == digest(one.said) and visit.visitor_id == visitor:
            one.visit, one.problem = visit, None
        else:
            one.problem = IdTaken(_("This id is already used for another visit; make a new one."))

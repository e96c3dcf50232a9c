"""Telling that issues age, and that answers to urgings are due: sweeps over all that is open.

Each may be killed at any point and run twice: what was told is written with the stage up to which
it was told, in batches, and a notice exists once for each person and cause.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.orm import aliased

from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import Instant, db, now
from gridserve.jobs import enqueue
from gridserve.worktime import Calendar, Unit, YearMissing
from visits.issues import clock
from visits.issues.chain import Action
from visits.issues.models import Issue, Step
from visits.issues.reckoning import weight_at
from visits.telling import operations
from visits.telling.causes import AMBER, RED, RED_1, RED_5, WORKING_DAYS_OVER, Kind, Part
from visits.telling.models import Alarm, Delivery, Notice
from visits.telling.recipients import Crews, Offices, Told, who_may_see

BATCH = 2000  # issues told in one transaction
RUN = 8.0  # seconds: other jobs wait for the worker too
ANSWERS_AT_ONCE = 500
KEPT = timedelta(days=400)  # notices of closed issues
# Desk, team and person in charge: who hears of an issue follows from them. A complaint about staff
# is a place of its own, by its id.
Place = tuple[Any, ...]

_TELL = text("""
    INSERT INTO notice (id, user_id, cause, kind, part, at_code, issue_id, said, created_at,
                        routed)
    SELECT DISTINCT ON (late.issue_id, who.user_id) gen_random_uuid(), who.user_id,
           'age:' || late.issue_id || ':' || late.cycle || ':' || who.stage,
           CASE WHEN who.stage = 4 THEN 'red_5' WHEN who.stage = 3 THEN 'red_1'
                WHEN late.stage > 1 THEN 'red' ELSE 'amber' END,
           who.part, who.at_code, late.issue_id, '{}', :moment, false
    FROM unnest(CAST(:issues AS uuid[]), CAST(:places AS integer[]), CAST(:told AS smallint[]),
                CAST(:stages AS smallint[]), CAST(:cycles AS integer[]))
         AS late(issue_id, place, told, stage, cycle)
    JOIN unnest(CAST(:who_places AS integer[]), CAST(:who_stages AS smallint[]),
                CAST(:who_users AS uuid[]), CAST(:who_parts AS text[]), CAST(:who_codes AS text[]))
         AS who(place, stage, user_id, part, at_code)
      ON who.place = late.place AND who.stage > late.told AND who.stage <= late.stage
    -- Somebody who is concerned at two stages that are reached at once is told of the later one.
    ORDER BY late.issue_id, who.user_id, who.stage DESC
    ON CONFLICT (cause, user_id) DO NOTHING
""")
_KEEP = text("""
    INSERT INTO alarm (issue_id, cycle, stage)
    SELECT * FROM unnest(CAST(:issues AS uuid[]), CAST(:cycles AS integer[]),
                         CAST(:stages AS smallint[]))
    ON CONFLICT (issue_id) DO UPDATE SET stage = greatest(alarm.stage, excluded.stage)
    WHERE alarm.cycle = excluded.cycle
""")


@dataclass(slots=True)
class Late:
    """An open issue that has reached a stage of which nobody was told."""

    issue_id: Any
    place: int
    told: int
    stage: int
    cycle: int


def sweep() -> int:
    """Tell of open issues that have become amber, red, or red for long; gives of how many.

    A job. Where there are more than it can tell of in RUN, the rest is left to a run after this.
    """
    moment, end, told = now(), time.monotonic() + RUN, 0
    late, places = _late(moment)
    who = _who(places)
    rest = iter(late)
    while batch := list(islice(rest, BATCH)):
        _tell(batch, who, moment)
        db.session.commit()
        told += len(batch)
        if time.monotonic() > end:
            break
    if late:
        operations.nudge()
    if told < len(late):
        enqueue(sweep, once=True)
    db.session.commit()
    return told


def stage_at(moment: datetime) -> ColumnElement[int]:
    """The stage that an open issue has reached at `moment`, 0 for none, for use in a query."""
    weight = weight_at(moment)
    over = weight > clock.RED_OVER
    return case(
        (and_(over, Issue.due_at <= _over_since(RED_5, moment)), RED_5),
        (and_(over, Issue.due_at <= _over_since(RED_1, moment)), RED_1),
        (over, RED),
        (weight >= clock.AMBER_FROM, AMBER),
        else_=0,
    )


def _over_since(stage: int, moment: datetime) -> ColumnElement[datetime]:
    """What was due until then is over by the stage's working days, on each calendar."""
    days = WORKING_DAYS_OVER[stage]
    marks = {code: _before(calendar, days, moment) for code, calendar in book().calendars.items()}
    return case(
        *((Issue.calendar_code == code, literal(at, Instant())) for code, at in marks.items())
    )


def _before(calendar: Calendar, days: int, moment: datetime) -> datetime:
    """The moment from which `days` working days have passed at `moment`."""
    unit = Unit.WORKING_DAY
    try:
        return calendar.moment(unit, calendar.mark_or_end(unit, moment) - days)
    except YearMissing:
        return datetime(2000, 1, 1, tzinfo=UTC)  # nobody knows how many: then not yet


def _late(moment: datetime) -> tuple[list[Late], list[Place]]:
    """The issues to tell of, and the places among which they are."""
    stage, told = stage_at(moment), func.coalesce(Alarm.stage, 0)
    rows = db.session.execute(
        select(
            Issue.id, Issue.desk_code, Issue.team_id, Issue.handler_id, told, stage,
            func.coalesce(Alarm.cycle, 0), case((Issue.about_staff, Issue.id)),
        )
        .join(Alarm, Alarm.issue_id == Issue.id, isouter=True)
        .where(Issue.closed_at.is_(None), stage > told)
        .order_by(Issue.id)
    )  # fmt: skip
    numbers: dict[Place, int] = {}
    late = []
    for issue_id, desk, team, handler, was, reached, cycle, complaint in rows:
        place = numbers.setdefault((desk, team, handler, complaint), len(numbers))
        late.append(Late(issue_id, place, was, reached, cycle))
    return late, list(numbers)


def _who(places: Sequence[Place]) -> list[list[tuple[int, Told]]]:
    """Who is told at which stage, for each place, in a few queries for all of them."""
    offices = Offices({place[0] for place in places})
    crews = Crews({place[1] for place in places if place[1] is not None})
    found = []
    for desk, team, handler, complaint in places:
        at_desk = offices.desk(desk, complaint=complaint is not None)
        holders, leads = set(), set()
        if team is not None:
            holders, leads = crews.holders((team, handler), desk), crews.leads(team, desk)
        told = [
            (AMBER, holders or at_desk), (RED, leads | at_desk),
            (RED_1, offices.leaders(desk)), (RED_5, offices.above(desk)),
        ]  # fmt: skip
        if complaint is not None:
            told = [(stage, who_may_see(complaint, people)) for stage, people in told]
        found.append([(stage, each) for stage, people in told for each in people])
    return found


def _tell(batch: Sequence[Late], who: Sequence[list[tuple[int, Told]]], moment: datetime) -> None:
    issues = {
        "issues": [each.issue_id for each in batch],
        "cycles": [each.cycle for each in batch],
        "stages": [each.stage for each in batch],
    }
    rows = [(n, stage, each) for n in sorted({e.place for e in batch}) for stage, each in who[n]]
    people = {
        "who_places": [n for n, _stage, _each in rows],
        "who_stages": [stage for _n, stage, _each in rows],
        "who_users": [each.user_id for _n, _stage, each in rows],
        "who_parts": [each.part.value for _n, _stage, each in rows],
        "who_codes": [each.at_code for _n, _stage, each in rows],
    }
    late = {"places": [each.place for each in batch], "told": [each.told for each in batch]}
    db.session.execute(_TELL, {**issues, **late, **people, "moment": moment})
    db.session.execute(_KEEP, issues)


def answers() -> int:
    """Tell of urgings whose answer is due today or was before, once each; gives how many. A job.

    Anything that somebody else has put into the chain since is an answer.
    """
    total = 0
    while True:
        found = _unanswered()
        for step, issue in found:
            code = issue.desk_code
            people = {Told(step.actor_id, Part.ASKER, code)} if step.actor_id else set()
            if issue.team_id is not None:
                crews = Crews([issue.team_id])
                people |= crews.holders((issue.team_id, issue.handler_id), code)
                people |= crews.leads(issue.team_id, code)
            else:
                people |= Offices([code]).desk(code, complaint=issue.about_staff)
            values = {"until": step.data["until"]}
            operations.write(
                Kind.ANSWER_DUE, f"answer:{step.id}", issue, people, step=step, values=values
            )
        db.session.commit()
        total += len(found)
        if len(found) < ANSWERS_AT_ONCE:
            return total


def _unanswered() -> Sequence[tuple[Step, Issue]]:
    """Urgings of open issues whose day has come, nobody having said anything since."""
    later = aliased(Step)
    by_itself = (Action.URGE, Action.REASSIGN, Action.HAND_OVER, Action.PROPOSE_CLOSE)
    answered = select(later.id).where(
        later.issue_id == Step.issue_id, later.seq > Step.seq, later.actor_id != Step.actor_id,
        later.action.not_in(by_itself),
    )  # fmt: skip
    told = select(Notice.id).where(Notice.cause == "answer:" + cast(Step.id, String))
    rows = db.session.execute(
        select(Step, Issue)
        .join(Issue, Issue.id == Step.issue_id)
        .where(
            Step.action == Action.URGE,
            Issue.closed_at.is_(None),
            Step.data["until"].astext <= workdays.today().isoformat(),
            ~answered.exists(),
            ~told.exists(),
        )
        .order_by(Step.issue_id, Step.seq)
        .limit(ANSWERS_AT_ONCE)
    )
    return [(step, issue) for step, issue in rows]


def forget() -> int:
    """Delete what was told long ago of what is over; gives how many. A job."""
    old = (
        select(Notice.id)
        .join(Issue, Issue.id == Notice.issue_id, isouter=True)
        .where(
            Notice.created_at < now() - KEPT,
            or_(Notice.issue_id.is_(None), Issue.closed_at < now() - KEPT),
        )
        .limit(BATCH)
    )
    total = 0
    while ids := db.session.scalars(old).all():
        _drop(ids)
        total += len(ids)
    return total


def _drop(ids: Iterable[Any]) -> None:
    ids = list(ids)
    db.session.execute(delete(Delivery).where(Delivery.notice_id.in_(ids)))
    db.session.execute(delete(Notice).where(Notice.id.in_(ids)))
    db.session.commit()

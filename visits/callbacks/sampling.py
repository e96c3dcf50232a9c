"""Drawing the samples of a week and checking them: what is drawn can be drawn again."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from grids.models import Jurisdiction, Level
from gridserve import events, workdays
from gridserve.config import Config
from gridserve.db import db, now
from visits.callbacks.drawing import drawn
from visits.callbacks.models import Callback, Sample
from visits.models import Household, Outcome, Visit
from visits.operations import CLOCK_TOLERANCE

# What phones bring late still counts for the draw, which comes so long after the week's end.
WAIT = timedelta(days=1)
SETTLED = timedelta(minutes=10)  # what came in since may not have been committed yet
WEEK = timedelta(days=7)
WEEKS_BACK = 4  # a scheduler that stood still makes up for so many


@dataclass(frozen=True)
class Frame:
    """What is drawn from: (visit, household), and the visits left out for do-not-disturb."""

    visits: list[tuple[uuid.UUID, uuid.UUID]]
    left_out: list[uuid.UUID]


def monday_of(day: date) -> date:
    """The Monday of the day's ISO week."""
    return day - timedelta(days=day.weekday())


def draw_due() -> int:
    """Draw what is not drawn yet of the last weeks; gives how many samples. A job."""
    last = monday_of(workdays.day_of(now() - WAIT)) - WEEK
    return sum(draw(last - n * WEEK) for n in range(WEEKS_BACK))


def draw(week: date, township: str | None = None) -> int:
    """Draw the samples of a week (its Monday), of all townships or one; gives how many are new.

    A township without a met visit in the week has none. What is drawn is never drawn anew.
    """
    config: Config = current_app.extensions["gridserve"]
    until = now() - SETTLED
    done = set(db.session.scalars(select(Sample.township_code).where(Sample.week == week)))
    count = 0
    for code in _visited(week, until):
        if code not in done and township in (None, code):
            count += _draw_one(code, week, until, config)
    return count


def _draw_one(code: str, week: date, until: datetime, config: Config) -> bool:
    frame = _frame(code, week, until, None)
    seed = secrets.token_hex(16)
    sample: dict[str, Any] = {
        "township_code": code, "week": week, "seed": seed,
        "share": config.sample_share, "minimum": config.sample_minimum, "received_until": until,
        "visits": len(frame.visits), "left_out": frame.left_out, "drawn_at": now(),
    }  # fmt: skip
    stored = insert(Sample).on_conflict_do_nothing().returning(Sample.seed)
    if db.session.scalar(stored, sample) is None:
        return False  # somebody drew it at this moment
    chosen = drawn(seed, frame.visits, config.sample_share, config.sample_minimum)
    rows = [
        {"visit_id": visit, "township_code": code, "week": week, "position": n, "added_at": now()}
        for n, visit in enumerate(chosen, 1)
    ]
    if rows:
        statement = insert(Callback)
        # One that is to be confirmed after a hint belongs to the sample from now on.
        again = {"week": statement.excluded.week, "position": statement.excluded.position}
        statement = statement.on_conflict_do_update(index_elements=["visit_id"], set_=again)
        db.session.execute(statement, rows)
    events.record(
        "sample.drawn", None, by=None, jurisdiction=code,
        data={"week": week.isoformat(), "seed": seed, "visits": len(frame.visits),
              "drawn": len(rows)},
    )  # fmt: skip
    return True


def verify(week: date, township: str | None = None) -> list[tuple[Sample, list[str]]]:
    """Draw the samples of a week again from their seeds; each with what differs, nothing if all is
    as it was drawn."""
    query = select(Sample).where(Sample.week == week).order_by(Sample.township_code)
    if township:
        query = query.where(Sample.township_code == township)
    return [(sample, _differences(sample)) for sample in db.session.scalars(query).all()]


def _differences(sample: Sample) -> list[str]:
    code, week = sample.township_code, sample.week
    frame = _frame(code, week, sample.received_until, sample.left_out)
    kept = db.session.scalars(
        select(Callback.visit_id)
        .where(Callback.township_code == code, Callback.week == week)
        .order_by(Callback.position)
    ).all()
    found = []
    if len(frame.visits) != sample.visits:
        found.append(f"drawn from {sample.visits} visits, now there are {len(frame.visits)}")
    again = drawn(sample.seed, frame.visits, sample.share, sample.minimum)
    if list(kept) != again:
        same = len(set(kept) & set(again))
        found.append(f"{len(kept)} calls are kept, of which {same} are drawn again")
    return found


def _period(week: date) -> tuple[datetime, datetime]:
    return workdays.start_of(week), workdays.start_of(week + WEEK)


def _visited(week: date, until: datetime) -> Sequence[str]:
    """The townships with a met visit in the week."""
    first, last = _period(week)
    code = func.left(Household.village_code, Level.TOWNSHIP.value)
    codes = (
        select(code)
        .join(Visit, Visit.household_id == Household.id)
        .where(
            Visit.started_at >= first, Visit.started_at < last,
            Visit.received_at.between(first - CLOCK_TOLERANCE, until),
            Visit.outcome == Outcome.MET,
        )
        .distinct()
    )  # fmt: skip
    known = select(Jurisdiction.code).where(Jurisdiction.code.in_(codes))
    return db.session.scalars(known.order_by(Jurisdiction.code)).all()


def _frame(code: str, week: date, until: datetime, left_out: Sequence[uuid.UUID] | None) -> Frame:
    """The met visits of the week; `left_out` are those of an earlier draw, else by do-not-disturb
    as it is now."""
    first, last = _period(week)
    rows = db.session.execute(
        select(Visit.id, Visit.household_id, Household.do_not_disturb)
        .join(Household, Household.id == Visit.household_id)
        .where(
            Household.village_code.like(code + "%"), Visit.outcome == Outcome.MET,
            Visit.started_at >= first, Visit.started_at < last,
            Visit.received_at.between(first - CLOCK_TOLERANCE, until),
        )
        .order_by(Visit.id)
    ).all()  # fmt: skip
    out = {row.id for row in rows if row.do_not_disturb} if left_out is None else set(left_out)
    visits = [(row.id, row.household_id) for row in rows if row.id not in out]
    return Frame(visits, [row.id for row in rows if row.id in out])

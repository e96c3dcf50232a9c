"""Visits recorded by the batch: as one by one, in a number of queries that does not grow."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select

from gridserve.db import db, now
from gridserve.events import Event
from tests.statements import statements
from visits import figures
from visits.models import CoverageMark, Household, Outcome, Purpose, Visit
from visits.recording import record_visits


def said(household, **changes):
    return {
        "id": uuid.uuid4(),
        "household_id": household,
        "purpose": Purpose.REGULAR,
        "outcome": Outcome.MET,
        "started_at": now() - timedelta(hours=1),
        **changes,
    }


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


def test_each_of_a_batch_gets_its_own_result(make):
    cell = make.cell()
    cadre, other = make.cadre([cell]), make.cadre([cell])
    one, two = make.household(cell).id, make.household(cell).id
    first = said(one)
    theirs = make.visit(db.session.get_one(Household, one), other)
    late = said(two, started_at=now() - timedelta(days=3))
    batch = [
        first,
        dict(first),  # twice in one batch
        {**first, "notes": "另一次"},  # the same id for something else
        said(two, id=theirs.id),
        said(two, household_id=uuid.uuid4()),
        said(two, started_at=now() + timedelta(days=1)),
        late,
    ]
    done = record_visits(batch, by=cadre)
    assert [(one.new, one.problem and one.problem.code) for one in done] == [
        (True, None),
        (False, None),
        (False, "request.id_taken"),
        (False, "request.id_taken"),
        (False, "household.not_found"),
        (False, "visit.in_future"),
        (True, None),
    ]
    again = record_visits(batch, by=cadre)
    assert [one.problem and one.problem.code for one in again] == [
        one.problem and one.problem.code for one in done
    ]
    assert not any(one.new for one in again)
    db.session.commit()
    assert count(Visit) == 3
    assert db.session.get_one(Household, two).last_met_at == late["started_at"]
    figures.refresh_marked()
    assert figures.check() == []


def test_a_batch_takes_as_many_queries_as_a_few(make):
    cell = make.cell()
    cadre = make.cadre([cell])
    households = [make.household(cell).id for _ in range(40)]

    def queries(some, **when):
        with statements() as found:
            done = record_visits([said(household, **when) for household in some], by=cadre)
            db.session.flush()
        assert all(one.new for one in done)
        return len(found)

    few, many = queries(households[:3]), queries(households)
    assert few == many <= 2  # the lock, and the store
    late = {"started_at": now() - timedelta(days=3)}
    few, many = queries(households[:3], **late), queries(households, **late)
    assert few == many <= 4  # and which cells those were, and who answered for them
    assert count(CoverageMark) == 4
    recorded = select(func.count()).where(Event.action == "visit.recorded")
    assert db.session.scalar(recorded) == 86

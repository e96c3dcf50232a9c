"""Outboxes that cross, repeat and arrive in any order: always the same in the end."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from geoalchemy2.shape import from_shape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from sqlalchemy import select, text, update

from grids.models import Assignment, Cell, Duty, Membership, Team
from gridserve.db import SRID, db, now
from gridserve.permissions import Role
from tests.factories import LONG_AGO, SOUTH, STEP, VILLAGE, WEST, Make
from tests.test_at_once import port as port  # a fixture
from tests.test_at_once import post
from visits import figures
from visits.issues import projection
from visits.issues.models import Issue, Step
from visits.models import Household, Visit

PAIRS = 200 if os.environ.get("PHONES_FULL") else 60


def visit(household, **changes):
    return {
        "id": str(uuid.uuid4()),
        "household_id": str(household),
        "outcome": "met",
        "started_at": (now() - timedelta(minutes=5)).isoformat(),
        **changes,
    }


def item(data, kind="visit", **more):
    return {"kind": kind, "data": data, **more}


def test_a_visit_that_waits_while_its_household_moves_counts_for_the_new_cell(committed, port):
    make = Make()
    cadre = make.cadre([make.cell(1)])
    home = make.household(make.cell(2))
    token = make.token(cadre)
    db.session.execute(update(Household).values(address="别处"))  # locked as by a change of cells
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(post, port, token, "/visits", visit(home.id))
        until_somebody_waits()
        shape = from_shape(box(WEST + 2 * STEP, SOUTH, WEST + 3 * STEP, SOUTH + STEP), srid=SRID)
        cell = Cell(
            code=f"{VILLAGE}003",
            village_code=VILLAGE,
            name="新网格",
            from_date=LONG_AGO,
            polygon=shape,
        )
        team = Team(name="新团队", jurisdiction_code=VILLAGE)
        db.session.add_all([cell, team])
        db.session.flush()
        since = {"from_date": LONG_AGO, "team_id": team.id}
        db.session.add(Assignment(cell_id=cell.id, lead=True, **since))
        db.session.add(Membership(user_id=cadre.id, duty=Duty.FULL_TIME, **since))
        db.session.execute(update(Household).values(cell_id=cell.id))
        made = team.id, db.session.get_one(Household, home.id).cell_id
        db.session.commit()
    status, body = sent.result()
    assert status == 201, body
    stored = db.session.scalars(select(Visit)).one()
    assert (stored.team_id, stored.cell_id, stored.in_scope) == (*made, True)


def until_somebody_waits():
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    until = time.monotonic() + 20
    with db.engine.connect() as connection:
        while not connection.scalar(waiting):
            assert time.monotonic() < until
            connection.rollback()
            time.sleep(0.02)


def test_many_pairs_of_equal_requests_at_the_same_instant(committed, port):
    """Alone, in batches, refused ones too: one row each, the same answer, nothing untrue."""
    make = Make()
    cell = make.cell()
    make.category()
    cadres = [make.user(Role.CADRE, VILLAGE) for _ in range(8)]
    make.team([cell], cadres)
    homes = [make.household(cell).id for _ in range(10)]
    tokens = [make.token(cadre) for cadre in cadres]
    db.session.remove()
    jobs = []
    for n in range(PAIRS):
        one, two, wrong = visit(homes[n % 10]), visit(homes[n % 7]), visit(uuid.uuid4())
        told = item(
            {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路灯不亮",
             "visit_id": one["id"]}, "issue",
        )  # fmt: skip
        batch = [told, item(two), item(wrong), item(one)]
        jobs.append((n, "/visits", visit(homes[n % 10])))
        jobs.append((n, "/submissions", {"items": batch}))

    def send_twice(job):
        n, path, body = job
        meet = threading.Barrier(2)

        def send(_which):
            meet.wait()
            return post(port, tokens[n % 8], path, body)

        with ThreadPoolExecutor(2) as both:
            return job, list(both.map(send, range(2)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send_twice, jobs))
    for (_n, path, body), pair in answers:
        if path == "/visits":
            assert [status for status, _body in pair] == [201, 201]
            assert pair[0] == pair[1]
            continue
        assert [status for status, _body in pair] == [200, 200], pair
        first, second = (json.loads(answer)["results"] for _status, answer in pair)
        for one, other, sent in zip(first, second, body["items"], strict=True):
            results = {one.pop("result"), other.pop("result")}
            assert one == other
            if sent is body["items"][2]:
                assert results == {"forbidden"}
                assert one["kept"]
            else:
                assert results <= {"applied", "duplicate"}, (results, one)
    counted = db.session.execute(
        text(
            "SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM issue),"
            " (SELECT count(*) FROM submission),"
            " (SELECT count(*) FROM event WHERE action = 'visit.recorded')"
        )
    ).one()
    assert tuple(counted) == (3 * PAIRS, PAIRS, PAIRS, 3 * PAIRS)
    figures.refresh_marked()
    db.session.commit()
    assert figures.check() == []
    assert projection.check() == []


def test_outboxes_that_cross_in_different_orders_never_wait_in_a_ring(committed, port):
    make = Make()
    cell = make.cell()
    make.category()
    cadres = [make.user(Role.CADRE, VILLAGE) for _ in range(8)]
    make.team([cell], cadres)
    homes = [make.household(cell).id for _ in range(12)]
    tokens = [make.token(cadre) for cadre in cadres]
    db.session.remove()

    def send(n):
        order = homes[n:] + homes[:n]
        items = [item(visit(home)) for home in (order if n % 2 else reversed(order))]
        items += [
            item({"id": str(uuid.uuid4()), "category": "facility.road", "words": "路",
                  "household_id": str(home)}, "issue")
            for home in order[:3]
        ]  # fmt: skip
        status, body = post(port, tokens[n], "/submissions", {"items": items})
        return status, {one["result"] for one in json.loads(body)["results"]}

    for _turn in range(5):
        with ThreadPoolExecutor(8) as pool:
            assert set(map(str, pool.map(send, range(8)))) == {str((200, {"applied"}))}
    deadlocks = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert db.session.scalar(deadlocks) == 0


@pytest.fixture
def sender(make, as_user):
    """A cadre's client, and a household of the own cell."""
    make.category()
    cell = make.cell()
    return as_user(make.cadre([cell])), make.household(cell).id


CHOICES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=14), max_size=6)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=CHOICES)
def test_any_order_and_any_part_with_repeats_gives_the_same_in_the_end(sender, batches):
    client, home = sender
    seen = [visit(home) for _ in range(4)]
    refused = visit(home, outcome="asleep")
    told = [
        {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路", "visit_id": v["id"]}
        for v in seen[:2]
    ]
    steps = [
        {"id": str(uuid.uuid4()), "action": "comment", "seen": n + 1, "words": f"{n}"}
        for n in range(3)
    ]
    outbox = [
        *(item(v) for v in (*seen, refused)),
        *(item(t, "issue") for t in told),
        *(item(s, "step", issue_id=told[0]["id"]) for s in steps),
    ]

    def send(items):
        answer = client.post("/api/v1/submissions", json={"items": items})
        assert answer.status_code == 200
        return answer.json["results"]

    for batch in batches:
        for n, one in zip(batch, send([outbox[n] for n in batch]), strict=True):
            assert (one["result"] in ("applied", "duplicate")) or one["retry"] or n == 4
    waiting = outbox
    for _turn in range(4):  # as a phone does: what is told to come again comes again
        answers = send(list(reversed(waiting)))
        waiting = [i for i, one in zip(reversed(waiting), answers, strict=True) if one["retry"]]
    assert waiting == []
    ids = [uuid.UUID(v["id"]) for v in seen]
    stored = db.session.scalars(select(Visit.id).where(Visit.id.in_([*ids, refused["id"]])))
    assert set(stored) == set(ids)
    chain = select(Step.id).where(Step.issue_id == uuid.UUID(told[0]["id"])).order_by(Step.seq)
    assert [str(id_) for id_ in db.session.scalars(chain)] == [
        told[0]["id"],
        *(s["id"] for s in steps),
    ]
    assert len(db.session.scalars(select(Issue).where(Issue.visit_id.in_(ids))).all()) == 2
    assert [one["result"] for one in send(outbox)] == ["duplicate"] * 4 + ["invalid"] + [
        "duplicate"
    ] * 5

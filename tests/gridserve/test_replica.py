"""Maps read from a real streaming replica: own writes kept, the replica killed, and promoted."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from gridserve import replica
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import REPLICA, db, now
from gridserve.local import postgres
from gridserve.permissions import Role
from tests.conftest import Client
from tests.factories import COUNTY, Make
from tests.replicas import Pair, replicated, until_equal
from visits.models import Visit

FIGURES = f"/api/v1/coverage?jurisdiction={COUNTY}&by=township"


@pytest.fixture
def pair(app: Flask, config: Config) -> Iterator[Pair]:
    with app.app_context():
        db.engine.dispose()
    sockets = parse_qs(urlsplit(config.database_url).query)["host"][0]
    with replicated(Path(sockets)) as one:
        yield one


@pytest.fixture
def own(pair: Pair, config: Config) -> Iterator[Flask]:
    """An application on the pair."""
    replica._rests.clear()
    one = create_app(
        replace(config, database_url=pair.both(), replica_url=postgres.url(pair.replica))
    )
    one.test_client_class = Client
    one.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    yield one
    with one.app_context():
        db.engine.dispose()
        db.engines[REPLICA].dispose()


@pytest.fixture
def people(own: Flask) -> dict[str, str]:
    """Tokens of a leader and a cadre, and a household that nobody has visited."""
    with own.app_context():
        make = Make()
        cell = make.cell()
        leader, cadre = make.user(Role.LEADER), make.cadre([cell])
        households = [str(make.household(cell).id) for _ in range(3)]
        db.session.commit()
        return {
            "leader": make.token(leader), "cadre": make.token(cadre), "cell": cell.code,
            "household": households[0], "other": households[1],
        }  # fmt: skip


def asks(app: Flask, token: str) -> Client:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def visit(client: Client, household: str) -> int:
    said = {"id": str(uuid.uuid4()), "household_id": household, "outcome": "met",
            "started_at": now().isoformat()}  # fmt: skip
    return client.post("/api/v1/visits", json=said).status_code


def read_from(server: str) -> float:
    return replica.READS.labels(server)._value.get()


def met(client: Client) -> int:
    answer = client.get(FIGURES)
    assert answer.status_code == 200, answer.text
    return answer.json["total"]["met"]


def test_every_map_and_figure_may_be_read_there(app: Flask):
    reading = {
        name for name, view in app.view_functions.items() if getattr(view, "from_replica", False)
    }
    drawn = {
        rule.endpoint for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("maps", "coverage.", "weeks.", "tiles."))
        and not rule.endpoint.endswith("_json")
    }  # fmt: skip
    assert reading == drawn


def test_maps_come_from_the_replica_but_own_writes_are_seen(own, pair, people):
    leader, cadre = asks(own, people["leader"]), asks(own, people["cadre"])
    until_equal(pair)
    before = read_from("replica")
    assert met(leader) == 0
    assert read_from("replica") == before + 1
    pair.ask(pair.replica, "SELECT pg_wal_replay_pause()")
    assert visit(cadre, people["household"]) == 201
    assert met(leader) == 0  # the replica has not heard of it, and is not far behind
    assert read_from("replica") == before + 2
    tile = "/tiles/cells/5/25/13.mvt"
    seen = read_from("primary")
    assert cadre.get(tile).status_code == 200  # who wrote is answered by the primary
    assert read_from("primary") == seen + 1
    pair.ask(pair.replica, "SELECT pg_wal_replay_resume()")
    until_equal(pair)
    seen = read_from("replica")
    assert met(leader) == 1
    assert cadre.get(tile).status_code == 200
    assert read_from("replica") == seen + 2


def test_without_the_replica_maps_come_from_the_primary(own, pair, people):
    leader = asks(own, people["leader"])
    until_equal(pair)
    stop, answers = threading.Event(), set[int]()

    def look() -> None:
        client = asks(own, people["leader"])
        while not stop.is_set():
            answers.add(client.get(FIGURES).status_code)

    looking = [threading.Thread(target=look) for _ in range(3)]
    for one in looking:
        one.start()
    try:
        until(lambda: answers)
        pair.kill(pair.replica)
        seen = read_from("primary")
        until(lambda: read_from("primary") > seen + 5)
    finally:
        stop.set()
        for one in looking:
            one.join()
    assert answers == {200}
    assert met(leader) == 0


def test_what_was_acknowledged_is_on_the_promoted_replica(own, pair, people):
    for setting in ("synchronous_standby_names = '*'", "synchronous_commit = on"):
        pair.ask(pair.primary, f"ALTER SYSTEM SET {setting}")
    pair.ask(pair.primary, "SELECT pg_reload_conf()")
    until(lambda: pair.ask(pair.primary, "SELECT sync_state FROM pg_stat_replication")
          == [("sync",)])  # fmt: skip
    stop, acknowledged, answers = threading.Event(), set[str](), set[int]()

    def phone() -> None:
        """Sends each visit until it is acknowledged, as a phone does."""
        client = asks(own, people["cadre"])
        while not stop.is_set():
            said = {"id": str(uuid.uuid4()), "household_id": people["household"],
                    "outcome": "met", "started_at": now().isoformat()}  # fmt: skip
            while True:
                status = client.post("/api/v1/visits", json=said).status_code
                answers.add(status)
                if status in (200, 201):
                    acknowledged.add(said["id"])
                    break
                time.sleep(0.05)

    phones = [threading.Thread(target=phone) for _ in range(4)]
    for one in phones:
        one.start()
    try:
        until(lambda: len(acknowledged) > 40)
        pair.kill(pair.primary)
        pair.promote()
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 40)
    finally:
        stop.set()
        for one in phones:
            one.join()
    assert answers <= {200, 201, 503}
    with own.app_context():
        stored = [str(one) for one in db.session.scalars(select(Visit.id))]
        assert acknowledged <= set(stored)
        assert db.session.scalar(select(func.count()).select_from(Visit)) == len(set(stored))
    assert met(asks(own, people["leader"])) == 1


def until(true, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)

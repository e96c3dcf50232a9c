"""What is written down of requests, jobs and faults: enough to find them, and nobody's data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from rq import Queue, SimpleWorker
from sqlalchemy import text

from gridserve import jobs, logs
from gridserve.app import create_app
from gridserve.auth import public
from gridserve.config import Config
from gridserve.db import db
from gridserve.jobs import connect
from gridserve.permissions import Role
from tests.factories import VILLAGE, Make

SECRETS = ("王小二", "13900001234", "wrong-Passw0rd", "小二家")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict]]]:
    """What a process that serves writes, as objects."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", written)
    logs.begin("json")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def breaks() -> str:
    """A fault of the database whose own words quote a row."""
    db.session.execute(text("CREATE TEMPORARY TABLE said (word text PRIMARY KEY) ON COMMIT DROP"))
    for _ in range(2):
        db.session.execute(text("INSERT INTO said VALUES (:word)"), {"word": SECRETS[0]})
    return ""


def breaks_of_itself() -> str:
    raise ValueError(SECRETS[1])


def test_each_request_leaves_a_line_with_its_id_and_nobodys_data(make: Make, as_user, lines):
    cadre = make.user(Role.CADRE, VILLAGE)
    client = as_user(cadre)
    answer = client.get("/api/v1/households?q=王小二&limit=3000")
    assert answer.status_code == 422
    signed = client.post("/api/v1/sessions", json={"login": "x", "password": SECRETS[2]})
    assert signed.status_code == 401
    client.get("/小二家/13900001234")
    first, second, third = (line for line in lines() if line["message"] == "request")
    assert (first["route"], first["status"], first["by"]) == (
        "/api/v1/households", 422, str(cadre.id),
    )  # fmt: skip
    assert first["id"] == answer.headers["X-Request-ID"]
    assert second["id"] != first["id"]
    assert (third["route"], third["status"]) == ("-", 404)
    said = json.dumps(lines(), ensure_ascii=False)
    token = client.environ_base["HTTP_AUTHORIZATION"].split()[1]
    assert not [secret for secret in (*SECRETS, token) if secret in said]


def test_faults_are_told_without_the_values_that_they_quote(config: Config, lines):
    app = create_app(config)
    app.add_url_rule("/broken", "broken", public(breaks))
    app.add_url_rule("/own", "own", public(breaks_of_itself))
    client = app.test_client()
    assert client.get("/broken", headers={"Accept": "text/html"}).status_code == 409
    page = client.get("/own", headers={"Accept": "text/html"})
    assert page.status_code == 500
    said = json.dumps(lines(), ensure_ascii=False)
    assert "IntegrityError 23505 said_pkey" in said
    fault = next(line for line in lines() if line.get("fault"))
    assert fault["message"] == "fault in /own"
    assert "breaks_of_itself" in fault["fault"][-2]
    assert fault["fault"][-1] == "ValueError"
    assert fault["id"] in page.text  # so that it can be read out
    told = client.get("/own").json
    assert told["request_id"] == lines()[-1]["id"]
    assert not [secret for secret in SECRETS if secret in said]
    with app.app_context():
        db.engine.dispose()


def test_only_a_proxy_may_name_the_request(config: Config):
    for proxies, given, kept in (
        (1, "a1b2c3d4e5f6", True),
        (1, "short", False),
        (1, "a b; drop table", False),
        (0, "a1b2c3d4e5f6", False),
    ):
        app = create_app(replace(config, proxies=proxies))
        answer = app.test_client().get("/healthz", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is kept


def test_a_job_carries_the_id_of_the_request_that_asked_for_it(committed: Flask, lines):
    committed.add_url_rule("/asks", "asks", public(asks))
    answer = committed.test_client().get("/asks")
    redis = connect(committed.extensions["gridserve"])
    jobs._worker_app = committed
    try:
        SimpleWorker([Queue(jobs.QUEUE, connection=redis)], connection=redis).work(burst=True)
    finally:
        jobs._worker_app = None
    done = [line for line in lines() if line["message"] == "job"]
    assert [(line["job"], line["result"]) for line in done] == [
        ("gridserve.attempts.forget", "ok"),
        (f"{__name__}.breaks", "failed"),
    ]
    assert {line["id"] for line in done} == {answer.headers["X-Request-ID"]}
    assert not [secret for secret in SECRETS if secret in json.dumps(lines(), ensure_ascii=False)]
    counted = {key.decode(): float(n) for key, n in redis.hgetall(jobs.DONE).items()}
    assert counted[f"{__name__}.breaks failed"] == 1


def asks() -> str:
    from gridserve.attempts import forget

    jobs.enqueue(forget)
    jobs.enqueue(breaks)
    db.session.commit()
    return ""

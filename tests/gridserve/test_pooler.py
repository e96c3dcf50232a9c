"""The application behind a real PgBouncer in transaction mode: no transaction leans on the session
of the one before."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text

from gridserve import trail
from gridserve.app import create_app
from gridserve.db import db, now, run
from gridserve.permissions import Role
from gridserve.trailcheck import verify
from tests.conftest import Client
from tests.factories import COUNTY, PASSWORD, Make
from visits import figures
from visits.models import Visit

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
CONNECTIONS = 2  # of the pooler to the database: fewer than there are threads


@pytest.fixture
def pooled(committed: Flask, tmp_path: Path) -> Iterator[Flask]:
    """The application of `committed`, through a pooler."""
    config = committed.extensions["gridserve"]
    name = urlsplit(config.database_url).path.strip("/")
    server = Path(parse_qs(urlsplit(config.database_url).query)["host"][0])
    folder = Path("/tmp") / f"gs-pool-{uuid.uuid4().hex[:8]}"  # a socket's path is short
    folder.mkdir(mode=0o700)
    owner = server.stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host={server} user=gridserve pool_size={CONNECTIONS}\n"
        f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_port = 6432\nlisten_addr =\n"
        "auth_type = any\npool_mode = transaction\nserver_reset_query_always = 0\n"
    )
    os.chown(settings, owner.st_uid, owner.st_gid)
    as_other = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    pooler = subprocess.Popen(
        [str(PROGRAM), "--quiet", str(settings)], **(as_other if os.geteuid() == 0 else {})
    )
    url = f"postgresql+psycopg://gridserve@/{name}?host={folder}&port=6432"
    try:
        until_up(folder, name)
        own = create_app(replace(config, database_url=url, pooler=True))
        own.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
        own.test_client_class = Client
        yield own
        with own.app_context():
            db.engine.dispose()
    finally:
        pooler.terminate()
        pooler.wait(10)
        shutil.rmtree(folder)


def until_up(folder: Path, name: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(host=str(folder), port=6432, user="gridserve", dbname=name).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
def test_a_day_through_a_pooler(pooled: Flask) -> None:
    with pooled.app_context():
        make = Make()
        cell = make.cell()
        cadres, leader = [make.cadre([cell]) for _ in range(6)], make.user(Role.LEADER)
        households = [str(make.household(cell).id) for _ in range(30)]
        db.session.commit()
        logins = [cadre.login for cadre in cadres]
        seen_by = make.token(leader)
    answers, faults = Counter[int](), list[str]()

    def note(answer) -> None:
        answers[answer.status_code] += 1
        if answer.status_code >= 400:
            faults.append(f"{answer.request.path}: {answer.text[:200]}")

    def work(number: int) -> None:
        client = pooled.test_client()
        said = client.post("/api/v1/sessions", json={"login": logins[number], "password": PASSWORD})
        note(said)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {said.json['token']}"
        leads = pooled.test_client()
        leads.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {seen_by}"
        for household in households[number::6]:
            visit = {"id": str(uuid.uuid4()), "household_id": household, "outcome": "met",
                     "started_at": now().isoformat()}  # fmt: skip
            note(client.post("/api/v1/visits", json=visit))
            batch = {"items": [{"kind": "visit", "data": {**visit, "id": str(uuid.uuid4())}}]}
            note(client.post("/api/v1/submissions", json=batch))
            note(client.get("/api/v1/workset"))
            note(leads.get(f"/api/v1/coverage?jurisdiction={COUNTY}&by=township"))
            note(leads.get("/tiles/cells/5/25/13.mvt"))
            note(leads.get("/maps/aging", headers={"Accept": "text/html"}))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []
    with pooled.app_context():
        figures.refresh_marked()
        db.session.commit()
        while trail.seal():
            db.session.commit()
        assert db.session.scalar(select(func.count()).select_from(Visit)) == 60
        assert db.session.scalar(text("SHOW TimeZone")) == "UTC"
        # On a connection of the pooler, which served all of them: nobody prepared anything there.
        assert run("SELECT name FROM pg_prepared_statements") == []
        assert figures.check() == []
        db.session.rollback()
        assert verify().faults == []

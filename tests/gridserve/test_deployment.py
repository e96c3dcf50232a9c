"""The generated nginx site and systemd units, tried: TLS, limits, slow senders, and a restart while
visits arrive."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from gridserve.attempts import Counted, SignInFailure
from gridserve.cli import main
from gridserve.config import Config
from gridserve.db import db, now
from tests.conftest import own_database
from tests.deployment import Site, find_nginx, served, slow_sender, write_nginx
from tests.factories import Make
from visits.models import Visit

needs_nginx = pytest.mark.skipif(find_nginx() is None, reason="nginx is not installed")
THREADS_OF_ALL = 32


@pytest.fixture(scope="module")
def county(app: Flask, config: Config) -> Iterator[tuple[Flask, str, list[uuid.UUID]]]:
    """An application with a cadre's token and households to visit."""
    with own_database(app, config) as own:
        with own.app_context():
            make = Make()
            cell = make.cell()
            cadre = make.cadre([cell])
            households = [make.household(cell).id for _ in range(50)]
            db.session.commit()
            token = make.token(cadre)
        yield own, token, households


@pytest.fixture(scope="module")
def site(county, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with served(county[0].extensions["gridserve"], folder) as one:
        yield one


@needs_nginx
def test_pages_and_files_come_through_tls(site: Site):
    checked = subprocess.run([str(find_nginx()), "-t", *write_nginx(site)], capture_output=True)
    assert checked.returncode == 0, checked.stderr
    client = site.session()
    sent_on = client.get(f"http://localhost:{site.http}/login?x=1", allow_redirects=False)
    assert sent_on.status_code == 301
    assert sent_on.headers["Location"] == f"{site.url}/login?x=1"
    page = client.get(f"{site.url}/login", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert page.headers["Set-Cookie"].count("Secure") == 1
    assert len(page.headers["X-Request-ID"]) == 14
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert files
    for path in files:
        file = client.get(site.url + path)
        assert file.status_code == 200
        assert file.headers["Cache-Control"] == "no-cache"
        assert file.headers["X-Content-Type-Options"] == "nosniff"
        assert "ETag" in file.headers
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{site.url}/login", timeout=10)  # an authority that nobody knows


@needs_nginx
def test_who_asks_is_known_whatever_he_claims(site: Site, county):
    client = site.session()
    claims = {"X-Forwarded-For": "6.6.6.6", "X-Request-ID": "my-own-request-1"}
    body = {"login": "nobody-here", "password": "wrong"}
    answer = client.post(f"{site.url}/api/v1/sessions", json=body, headers=claims)
    assert answer.status_code == 401
    assert answer.headers["X-Request-ID"] != claims["X-Request-ID"]
    with county[0].app_context():
        asked = select(SignInFailure.subject).where(SignInFailure.kind == Counted.ADDRESS)
        assert db.session.scalars(asked).all() == ["127.0.0.1"]
    assert client.get(f"{site.url}/metrics", headers=claims).status_code == 200
    log = (site.folder / "gridserve.access.log").read_text()
    assert answer.headers["X-Request-ID"] in log
    assert "/api/" not in log


@needs_nginx
@pytest.mark.parametrize(
    ("path", "most"), [("/api/v1/visits", 4 << 20), ("/api/v1/submissions", 8 << 20)]
)
def test_a_body_may_be_as_large_as_the_application_says(site: Site, county, path: str, most: int):
    client = site.session()
    client.headers["Authorization"] = f"Bearer {county[1]}"
    client.headers["Content-Type"] = "application/json"
    taken = client.post(site.url + path, data=b" " * most)
    assert taken.status_code in (400, 422), taken.text  # read to its end, and no JSON
    refused = client.post(site.url + path, data=b" " * (most + 1))
    assert refused.status_code == 413
    assert refused.json()["code"] == "request.too_large"
    assert refused.headers["Content-Type"] == "application/problem+json"


@needs_nginx
def test_slow_senders_hold_up_nobody(site: Site):
    senders = [slow_sender(site) for _ in range(2 * THREADS_OF_ALL)]
    try:
        assert site.session().get(f"{site.url}/readyz", timeout=9).status_code == 200
    finally:
        for sender in senders:
            sender.close()


@needs_nginx
def test_a_restart_while_visits_arrive_loses_and_refuses_none(site: Site, county):
    app, token, households = county
    stop, answers, faults = threading.Event(), Counter[int](), list[str]()
    sent = set[str]()
    longest = [0.0]

    def phone(number: int) -> None:
        client = site.session()
        client.headers["Authorization"] = f"Bearer {token}"
        while not stop.is_set():
            visit = {
                "id": str(uuid.uuid4()), "household_id": str(households[number]),
                "outcome": "met", "started_at": now().isoformat(),
            }  # fmt: skip
            began = time.monotonic()
            try:
                answer = client.post(f"{site.url}/api/v1/visits", json=visit, timeout=150)
            except requests.RequestException as error:
                faults.append(repr(error))
                continue
            longest[0] = max(longest[0], time.monotonic() - began)
            answers[answer.status_code] += 1
            sent.add(visit["id"])

    phones = [threading.Thread(target=phone, args=(number,)) for number in range(8)]
    for one in phones:
        one.start()
    try:
        while answers[201] < 20 and not faults:
            time.sleep(0.05)
        site.restart()
        site.wait()
    finally:
        stop.set()
        for one in phones:
            one.join()
    print(f"{answers[201]} visits over a restart, the longest waited {longest[0]:.1f} s")
    assert faults == []
    assert set(answers) == {201}
    with app.app_context():
        stored = {str(one) for one in db.session.scalars(select(Visit.id))}
        assert sent <= stored
        assert db.session.scalar(select(func.count()).select_from(Visit)) == answers[201]


@needs_nginx
def test_without_the_application_it_says_to_try_again(site: Site):
    site.stop()
    site.listener.close()
    try:
        page = site.session().get(f"{site.url}/", headers={"Accept": "text/html"}, timeout=60)
        told = site.session().get(f"{site.url}/api/v1/me", timeout=60)
    finally:
        site.listen()
        site.start()
        site.wait()
    assert page.status_code == told.status_code == 503
    assert "过一会儿再试" in page.content.decode()
    assert told.json()["code"] == "server.unavailable"
    assert told.headers["Retry-After"] == "2"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path):
    done = CliRunner().invoke(main, ["deploy", "systemd", "--user", "root", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    units = [path for path in tmp_path.iterdir() if path.name != "settings.env"]
    checked = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")

"""Keys are changed while people work: what is sealed follows, and is found all the time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import text

from gridserve import keyuse, trail, trailcheck
from gridserve.db import db
from gridserve.installation import ROOT
from gridserve.permissions import Role
from tests.conftest import DATA_KEY
from tests.factories import TOWNSHIP, VILLAGE, Make
from visits.demo.bulk import copy_rows
from visits.issues.models import Issue
from visits.models import Household

NEW = "only-for-tests-" + "n" * 32
MANY = 3_000


def environment(app, keys: str) -> dict[str, str]:
    config = app.extensions["gridserve"]
    return {
        **os.environ, "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url, "GRIDSERVE_SECRET_KEY": config.secret_key,
        "GRIDSERVE_DATA_KEY": keys, "GRIDSERVE_BLOBS": config.blobs,
    }  # fmt: skip


def command(app, *args: str, keys: str = f"{NEW},{DATA_KEY}") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "gridserve", *args], cwd=ROOT, env=environment(app, keys),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(process: subprocess.Popen) -> tuple[int, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def fill(make: Make) -> None:
    make.jurisdictions(VILLAGE)
    seal = Household.__table__.c.phone.type.seal
    rows = (
        (f"{n:032x}", f"N{n}", VILLAGE, "田坝", "李四", seal(f"138{n:08}"), 3, "{}", "active", "f",
         "")
        for n in range(1, MANY + 1)
    )  # fmt: skip
    columns = "id number village_code address head_name phone size tags status do_not_disturb note"
    copy_rows("household", columns.split(), rows)
    db.session.commit()


def under_old() -> int:
    left = keyuse.waiting()
    db.session.rollback()
    return left


def test_keys_are_changed_under_traffic_and_a_killed_run_goes_on(committed):
    make = Make()
    fill(make)
    clerk = make.user(Role.DISPATCHER, TOWNSHIP)
    issue = make.issue(make.household(make.cell(1)), clerk)
    issue.resident_phone = "13987654321"
    db.session.commit()
    trail.seal()
    db.session.commit()
    token, issue_id = Make.token(clerk), str(issue.id)
    # What goes on working knows both keys and seals with the new one already.
    before = committed.extensions["gridserve"]
    committed.extensions["gridserve"] = replace(before, data_key=(NEW, DATA_KEY))
    assert under_old() > MANY
    written: dict[str, str] = {}
    faults: list[str] = []
    stop = threading.Event()

    def work(start: int) -> None:
        client = committed.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        n = start
        while not stop.is_set():
            id_, n = f"{n:032x}", (n + 2) % MANY + 1
            with committed.app_context():
                home = db.session.get(Household, id_)
                home.phone = f"139{n:08}"
                db.session.commit()
                db.session.remove()
            written[id_] = f"139{n:08}"
            found = client.get("/api/v1/issues", query_string={"q": "4321"})
            if found.status_code != 200 or [x["id"] for x in found.json["items"]] != [issue_id]:
                faults.append(found.text[:200])
            time.sleep(0.05)  # people pause, and a rotation is to come to an end

    workers = [threading.Thread(target=work, args=(n,)) for n in (1, 2)]
    for each in workers:
        each.start()
    try:
        killed = command(committed, "keys", "rotate")
        deadline = time.monotonic() + 60
        while under_old() > MANY - 750 and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        between = under_old()
        code, words = finished(command(committed, "keys", "rotate"))
    finally:
        stop.set()
        for each in workers:
            each.join()
    assert killed.returncode == -signal.SIGKILL
    assert between > 0
    assert (code, faults) == (0, []), words
    assert under_old() == 0
    assert len(written) > 10
    # With the new key alone everything is read, and what was written meanwhile stayed.
    committed.extensions["gridserve"] = replace(before, data_key=(NEW,))
    db.session.expire_all()
    phones = {home.id.hex: home.phone for home in db.session.query(Household)}
    expected = {f"{n:032x}": f"138{n:08}" for n in range(1, MANY + 1)} | written
    assert {id_: phones[id_] for id_ in expected} == expected
    assert db.session.get(Issue, issue.id).resident_phone == "13987654321"
    db.session.rollback()
    # The trail's seals are not made anew: they want the key that they were made with.
    code, words = finished(command(committed, "keys", "check"))
    assert code == 0
    assert "earlier key: keep it for as long as these seals are to be verified" in words
    committed.extensions["gridserve"] = replace(before, data_key=(NEW, DATA_KEY))
    trail.seal()
    db.session.commit()
    assert trailcheck.verify(None).faults == []


def test_a_key_that_is_missing_is_named_at_start_and_by_the_check(committed):
    Make().household()
    name = bytes(db.session.scalar(text("SELECT phone FROM household")))[1:5].hex()
    db.session.rollback()
    code, words = finished(command(committed, "keys", "check", keys=NEW))
    assert code == 1
    assert f"{name} (aes)  MISSING" in words
    code, words = finished(command(committed, "keys", "rotate", keys=NEW))
    assert code == 1
    assert "1 cannot be opened" in words
    started = subprocess.run(
        [sys.executable, "-c", "import wsgi"], cwd=ROOT, env=environment(committed, NEW),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert started.returncode == 1
    assert f"household.phone lies sealed under the key {name}, which is not in" in started.stderr


@pytest.mark.parametrize(("now", "then"), [("sm4", "aes"), ("aes", "sm4")])
def test_another_cipher_is_taken_up_by_the_same_command(make, context, now, then):
    app = context
    before = app.extensions["gridserve"]
    app.extensions["gridserve"] = replace(before, data_cipher=then)
    try:
        home = make.household(phone="13800001234")
        app.extensions["gridserve"] = replace(before, data_cipher=now)
        assert keyuse.rotate().sealed >= 1
        assert {use.cipher for use in keyuse.uses() if use.cipher} == {now}
        db.session.expire_all()
        assert db.session.get(Household, home.id).phone == "13800001234"
    finally:
        app.extensions["gridserve"] = before

"""Twenty phones on a hostile line while the server is killed: nothing lost, nothing doubled.

A sober size by default; PHONES_FULL=1 runs 20 phones × 200 submissions.
"""

from __future__ import annotations

import json
import os
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.hostilephones import Outbox
from tests.hostileproxy import Line
from tests.installed import finished, gridserve, of_this, until

FULL = bool(os.environ.get("PHONES_FULL"))
PHONES, EACH = (20, 200) if FULL else (4, 15)
FATES = {
    "breaks_back": 0.12,
    "breaks_there": 0.12,
    "twice": 0.12,
    "late": 0.06,
    "slow": 0.10,
}
# What is there of it; an issue's first step has the id.
STORED = """
SELECT 'visit', id::text FROM visit UNION ALL
SELECT 'issue', id::text FROM issue UNION ALL
SELECT 'step', id::text FROM step WHERE seq > 1
"""


def call(port, method, path, said=None, token=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, f"/api/v1{path}", json.dumps(said) if said else None, headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    assert answer.status < 300, found
    return found


def phone_of(account, port, line_port, n):
    """A signed-in phone with an outbox full of things from the own cells."""
    said = {"login": account["login"], "password": account["password"], "device": "phone"}
    token = call(port, "POST", "/sessions", said)["token"]
    page = call(port, "GET", "/households?limit=20&status=active", token=token)
    box = Outbox(line_port, token, random.Random(n))
    box.fill(EACH, [home["id"] for home in page["items"]])
    return box


@pytest.mark.slow
def test_what_phones_were_told_is_there_once_whatever_the_line_does(installation):
    data, url = installation
    port = urlsplit(url).port
    accounts = json.loads((data / "accounts.json").read_text())
    accounts = accounts.get("accounts", accounts) if isinstance(accounts, dict) else accounts
    cadres = [a for a in accounts if a["role"] == "cadre" and not a.get("unit")][:PHONES]
    dsn = f"host={data}/run dbname=gridserve user=gridserve"

    def stored() -> set[tuple[str, str]]:
        with psycopg.connect(dsn) as connection:
            return set(connection.execute(STORED).fetchall())

    before = stored()
    with Line(port, FATES, seed=1).open() as line:
        boxes = [phone_of(account, port, line.port, n) for n, account in enumerate(cadres)]
        wanted = {id_: item for box in boxes for id_, item in box.waiting.items()}
        assert len(wanted) == PHONES * EACH
        arrived = lambda: sum(len(box.acknowledged) for box in boxes)  # noqa: E731
        with ThreadPoolExecutor(PHONES) as pool:
            sending = [pool.submit(box.send_all) for box in boxes]
            until(lambda: arrived() > len(wanted) // 4)
            os.kill(of_this(data, "gunicorn"), signal.SIGKILL)
            until(lambda: arrived() > len(wanted) // 2)
            redis.Redis(unix_socket_path=str(data / "run" / "redis.sock")).flushall()
            for each in sending:
                each.result()
    assert [box.refused for box in boxes if box.refused] == []
    assert {id_ for box in boxes for id_ in box.acknowledged} == set(wanted)
    # Ids are the rows' own, so what was doubled would be there under another one.
    assert stored() - before == {(item["kind"], id_) for id_, item in wanted.items()}
    print(f"{len(wanted)} items, line: {dict(line.seen)}, "
          f"{sum(box.unanswered for box in boxes)} times no answer, "
          f"{sum(box.repeats for box in boxes)} told as duplicates")  # fmt: skip
    assert line.seen.keys() >= {*FATES, "passes"}
    assert sum(box.repeats for box in boxes) > 0  # some had arrived without the phone's hearing
    assert "All agree." in finished(gridserve(data, "check"))

"""`gridserve up` with each of its parts killed -9 during a working day: nothing lost or doubled."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import psycopg
import pytest

from tests.installed import finished, gridserve, of_this, until

PARTS = ("gunicorn", "worker", "redis-server", "postgres")


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_whatever_is_killed(installation):
    data, url = installation
    day = gridserve(data, "simulate-day", "--url", url, "--accounts", str(data / "accounts.json"),
                    "--visits", "400", "--cadres", "20", "--repeat", "--json")  # fmt: skip
    dsn = f"host={data}/run dbname=gridserve user=gridserve"

    def visits() -> int:
        try:
            with psycopg.connect(dsn) as connection:
                return connection.execute("SELECT count(*) FROM visit").fetchone()[0]
        except psycopg.OperationalError:
            return 0

    before = visits()
    for part in PARTS:
        seen = visits()
        until(lambda seen=seen: visits() > seen or day.poll() is not None)  # the day goes on
        assert day.poll() is None, "the day was over before everything had been killed"
        os.kill(of_this(data, part), signal.SIGKILL)
    report = json.loads(finished(day).splitlines()[-1])
    assert report["visits_sent"] == report["visits_stored"] == visits() - before

    def marks() -> int:
        with psycopg.connect(dsn) as connection:
            return connection.execute("SELECT count(*) FROM coverage_mark").fetchone()[0]

    until(lambda: marks() == 0, 60)  # the sweep finds what the killed parts had forgotten
    assert "All agree." in finished(gridserve(data, "check"))
    assert named_in_logs(data, dsn) == set()


def named_in_logs(data: Path, dsn: str) -> set[str]:
    """Names, phones, addresses and passwords that stand in what the installation wrote down."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT head_name, address FROM household UNION ALL SELECT name, login FROM account "
            "UNION ALL SELECT words, resident_name FROM issue"
        ).fetchall()
    said = {word for row in rows for word in row if word and len(word) > 1}
    said |= {account["password"] for account in json.loads((data / "accounts.json").read_text())}
    logs = "".join(path.read_text() for path in (data / "log").glob("*.log"))
    assert "/api/v1/" in logs  # the day's requests
    phones = re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", logs)
    return {word for word in said if word in logs} | set(phones)

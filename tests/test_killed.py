"""`gridserve up` with each of its parts killed -9 during a working day: nothing lost or doubled."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
import pytest

from gridserve.installation import ROOT

TABLE = ROOT / "tests" / "data" / "530626"
COUNTY = ["--households", "1000", "--visits", "1000", "--issues", "80", "--cadres", "100"]
PARTS = ("gunicorn", "worker", "redis-server", "postgres")


def gridserve(data: Path, *args: str, **kwargs) -> subprocess.Popen:
    """The command in its own process, without what this test's own environment says."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSERVE_")}
    command = [sys.executable, "-m", "gridserve", "--data", str(data), *args]
    return subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **kwargs)  # fmt: skip


def finished(process: subprocess.Popen, seconds: float = 180) -> str:
    words, _none = process.communicate(timeout=seconds)
    assert process.returncode == 0, words
    return words


def until(true: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.1)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def of_this(data: Path, part: str) -> int:
    """The process id of one part of the installation under `data`, by what it was started with."""
    if part == "postgres":
        return int((data / "postgres" / "postmaster.pid").read_text().split()[0])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            ours = str(data) in line or str(data).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if part in line and ours and "guard" not in line:
            return int(folder.name)
    raise AssertionError(f"{part} does not run")


@contextmanager
def installed(data: Path) -> Iterator[str]:
    """The address of a small county in `data`, served by `gridserve up` on a free port."""
    data.chmod(0o755)  # the database's account has to pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = gridserve(data, "up", "--port", str(port))
    try:
        until(lambda: up.poll() is not None or answers(f"http://127.0.0.1:{port}/readyz"))
        finished(gridserve(data, "demo-data", "--table", str(TABLE), "--accounts",
                           str(data / "accounts.json"), *COUNTY))  # fmt: skip
        yield f"http://127.0.0.1:{port}"
    finally:
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=30)


@pytest.fixture
def installation() -> Iterator[tuple[Path, str]]:
    """The folder and the address of a small county."""
    data = Path(tempfile.mkdtemp(prefix="gs-"))
    with installed(data) as url:
        yield data, url
    shutil.rmtree(data, ignore_errors=True)


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

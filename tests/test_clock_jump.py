"""The clock of a whole installation (web, workers, timetable, PostgreSQL, Redis) jumps a day ahead,
back, an hour behind, and back: what people hear, what is kept, and that all goes on."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import psycopg
import pytest

from gridserve.installation import ROOT
from gridserve.local.binaries import find_postgres, find_redis
from tests.installed import finished, gridserve, installed, until

DAY, HOUR = 86_400, 3_600
SEALED_WITHIN = 100  # seconds: the timetable seals each minute


class Clock:
    """A clock that is right until it is `set` so many seconds off, for programs with its `env`."""

    def __init__(self, folder: Path) -> None:
        library, self.file = folder / "clock.so", folder / "clock"
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("without a C compiler no clock can be moved")
        source = ROOT / "tests" / "clock.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        self.set(0)
        self.env = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self.file)}
        # The private servers start with a clean environment: programs that set theirs first.
        postgres, bin_ = find_postgres().bin, folder / "bin"
        bin_.mkdir()
        for program in postgres.iterdir():
            (bin_ / program.name).symlink_to(program)
        for name in ("initdb", "pg_ctl"):  # which look for postgres beside where they really lie
            (bin_ / name).unlink()
            shutil.copy(postgres / name, bin_)
        (bin_ / "postgres").unlink()
        self._wrapped(postgres / "postgres", bin_ / "postgres")
        self._wrapped(find_redis(), folder / "redis-server")
        self.env["GRIDSERVE_POSTGRES_BIN"] = str(bin_)
        self.env["GRIDSERVE_REDIS_BIN"] = str(folder / "redis-server")

    def _wrapped(self, program: Path, path: Path) -> None:
        said = "".join(f"export {name}='{value}'\n" for name, value in self.env.items())
        path.write_text(f'#!/bin/sh\n{said}exec {program} "$@"\n')
        path.chmod(0o755)

    def set(self, seconds: int) -> None:
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    with tempfile.TemporaryDirectory(prefix="gs-") as one, tempfile.TemporaryDirectory() as other:
        for each in (one, other):
            Path(each).chmod(0o755)  # the database's account has to pass
        yield Path(one), Path(other)


class Browser:
    def __init__(self, url: str, account: dict[str, Any]) -> None:
        self.url, self.opener = url, build_opener(HTTPCookieProcessor(CookieJar()))
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', self.ask("/login")[1])
        assert csrf
        said = {name: account[name] for name in ("login", "password")}
        assert self.ask("/login", {**said, "csrf_token": csrf[1]})[0].endswith("/desk")

    def ask(self, path: str, said: dict[str, str] | None = None) -> tuple[str, str]:
        """The address at which it ends, and the page."""
        body = urlencode(said).encode() if said else None
        request = Request(self.url + path, body, {"Accept": "text/html"})
        with self.opener.open(request, timeout=30) as answer:
            return answer.url, answer.read().decode()

    @property
    def is_in(self) -> bool:
        return "/login" not in self.ask("/desk")[0]


class Phone:
    def __init__(self, url: str, account: dict[str, Any]) -> None:
        self.url, self.account, self.token = url, account, ""
        status, answer = self.sign_in()
        assert status == 201, answer
        self.token = answer["token"]
        self.home = self.ask("GET", "/households?limit=1&status=active")[1]["items"][0]["id"]

    def ask(self, method: str, path: str, said: Any = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps(said).encode() if said is not None else None
        request = Request(f"{self.url}/api/v1{path}", body, headers, method=method)
        try:
            with build_opener().open(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def sign_in(self, password: str = "") -> tuple[int, Any]:
        said = {"login": self.account["login"], "device": "phone"}
        return self.ask(
            "POST", "/sessions", said | {"password": password or self.account["password"]}
        )

    def visit(self) -> dict[str, Any]:
        """A visit of now, by the phone's own clock, which is right."""
        at = datetime.now(UTC).isoformat()
        return {"id": str(uuid.uuid4()), "household_id": self.home, "outcome": "met",
                "started_at": at}  # fmt: skip

    def send(self, visit: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        said = {"device_time": now, "items": [{"kind": "visit", "data": visit}]}
        status, answer = self.ask("POST", "/submissions", said)
        assert status == 200, answer
        result: dict[str, Any] = answer["results"][0]
        return result


@pytest.mark.rare
def test_a_clock_that_jumps_loses_nothing_and_stops_nothing():
    with folders() as (data, beside):
        clock = Clock(beside)
        with installed(data, clock.env) as url:
            dsn = f"host={data}/run dbname=gridserve user=gridserve"
            with psycopg.connect(dsn, autocommit=True) as connection:
                jumps(url, data, clock, connection)
            assert "All agree." in finished(gridserve(data, "check"))
            print(finished(gridserve(data, "audit", "verify")))


def jumps(url: str, data: Path, clock: Clock, connection: psycopg.Connection) -> None:
    accounts = json.loads((data / "accounts.json").read_text())
    desk = next(a for a in accounts if a["role"] == "dispatcher")
    phone = Phone(url, next(a for a in accounts if a["role"] == "cadre" and not a.get("unit")))
    at_desk, sent = Browser(url, desk), []

    def off() -> float:
        """By how much the database's clock is off, in hours."""
        (there,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
        return round((there - datetime.now(UTC)) / timedelta(hours=1), 1)

    def stored(visit: dict[str, Any]) -> None:
        assert phone.send(visit)["result"] == "applied"
        sent.append(visit["id"])

    def sealed() -> None:
        """What is in the trail by now is sealed by the timetable."""
        query = "SELECT 1 FROM event_waiting"
        until(lambda: not connection.execute(query).fetchone(), SEALED_WITHIN)

    stored(phone.visit())
    clock.set(DAY)
    assert off() == 24
    assert not at_desk.is_in  # twelve hours are over
    at_desk = Browser(url, desk)
    stored(phone.visit())
    for _n in range(6):
        status, _answer = phone.sign_in("wrong password")
    assert (status, phone.sign_in()[0]) == (429, 429)
    sealed()

    clock.set(0)
    assert off() == 0
    assert at_desk.is_in
    assert phone.sign_in()[0] == 201  # what rested for five minutes does not rest for a day
    stored(phone.visit())
    sealed()

    clock.set(-HOUR)
    assert off() == -1
    assert at_desk.is_in
    late = phone.visit()
    answer = phone.send(late)
    assert (answer["result"], answer["code"]) == ("invalid", "visit.in_future")
    assert answer["suggested"]["started_at"]
    assert Browser(url, desk).is_in
    sealed()

    clock.set(0)
    assert phone.send(late)["result"] == "invalid"  # the same gets the same answer
    (refused,) = phone.ask("GET", "/submissions?open=true&mine=true")[1]["items"]
    status, answer = phone.ask("POST", f"/submissions/{refused['id']}/apply", {"data": late})
    assert (status, answer["result"]) == (200, "applied"), answer
    sent.append(late["id"])
    stored(phone.visit())
    sealed()
    rows = connection.execute("SELECT id::text FROM visit WHERE id = ANY(%s::uuid[])", [sent])
    assert sorted(id_ for (id_,) in rows) == sorted(sent)

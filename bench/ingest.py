"""Measure how fast visits come in: batches and single ones, through real gunicorn, beside raw SQL.

Two workers serve, as `gridserve up` starts them; clients and PostgreSQL share the machine. Every
visit is durable when it is answered. The limits are measured in the same run: the same rows put by
psycopg into a table with the same columns, checks and indexes, in the same batches or one by one.
A small and a big county (bench/kept.py) are measured turn about, to see whether it stays as fast.
The visits of a run, some hundred thousand, stay in the county.

    ingest.py [10k 100k 1m] [--seconds S]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import socket
import subprocess
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import kept
import psycopg
from county import BIG
from flask import Flask
from report import Table, keep

from gridserve.db import db, new_id, now
from gridserve.installation import ROOT
from gridserve.people import DeviceToken, digest
from gridserve.up import _web_command

BATCH, SENDERS, SINGLES = 50, 4, 16
MANY, ONE = f"`/submissions`, batches of {BATCH}", f"`POST /visits`, {SINGLES} clients"
PORT = 18765
RAW = """
    INSERT INTO bare (id, household_id, visitor_id, cell_id, team_id, in_scope, purpose, outcome,
        started_at, typed_at, received_at, notes, point, point_source, accuracy_m, said)
    VALUES (%s, %s, %s, %s, %s, true, 'regular', 'met', %s, %s, %s, %s,
        ST_SetSRID(ST_MakePoint(%s, %s), 4326), 'wgs84', %s, %s)
"""
CADRES = """
    SELECT m.user_id, c.id, a.team_id FROM membership m JOIN assignment a USING (team_id)
    JOIN cell c ON c.id = a.cell_id AND c.code LIKE %s
    WHERE m.duty = 'leader'
        AND EXISTS (SELECT FROM household h WHERE h.cell_id = c.id AND h.status = 'active')
    ORDER BY md5(c.code) LIMIT 400
"""
HOMES = (
    "SELECT id, ST_X(point), ST_Y(point) FROM household WHERE cell_id = %s AND status = 'active'"
)
NOTES = (
    "家中一切正常",
    "老人身体尚好，提醒按时服药。",
    "",
    "外出务工，电话联系正常",
    "已告知防火注意事项",
)


class Cadre:
    """Somebody who visits, with the households of one cell."""

    def __init__(self, connection: psycopg.Connection[Any], row: Sequence[Any]) -> None:
        self.user, self.cell, self.team = row
        self.token = f"bench-{uuid.uuid4()}"
        self.homes = connection.execute(HOMES, (self.cell,)).fetchall()


def cadres(connection: psycopg.Connection[Any]) -> list[Cadre]:
    """Cadres of the county with a cell each, all over it, whose phones are signed in."""
    found = [Cadre(connection, row) for row in connection.execute(CADRES, (BIG + "%",)).fetchall()]
    until = now() + timedelta(hours=9)
    db.session.add_all(
        DeviceToken(
            user_id=cadre.user, token_hash=digest(cadre.token), device="bench", expires_at=until
        )
        for cadre in found
    )
    db.session.commit()
    return found


def said(cadre: Cadre) -> dict[str, Any]:
    """A visit as phones send it: with place and a note."""
    home, lon, lat = random.choice(cadre.homes)  # noqa: S311
    at = datetime.now(UTC) - timedelta(seconds=random.randrange(60, 3600))  # noqa: S311
    return {
        "id": str(new_id()),  # of the kind that phones make
        "household_id": str(home),
        "purpose": "regular",
        "outcome": "met",
        "started_at": at.isoformat(),
        "typed_at": at.isoformat(),
        "notes": random.choice(NOTES),  # noqa: S311
        "point": {"lon": round(lon, 6), "lat": round(lat, 6), "crs": "wgs84"},
        "accuracy_m": 12.0,
    }


def request(path: str, cadre: Cadre, body: Any) -> bytes:
    data = json.dumps(body, ensure_ascii=False).encode()
    head = (
        f"POST /api/v1{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {cadre.token}\r\n"
        "Content-Type: application/json\r\nAccept-Encoding: gzip\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Line:
    """One connection that is kept, as a browser keeps it."""

    def __init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", PORT))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, whole: bytes) -> tuple[int, bytes]:
        try:
            self.socket.sendall(whole)
            found = b""
            while b"\r\n\r\n" not in found:
                found += self._more()
        except OSError:  # the server lets go of a connection after many requests
            self.__init__()  # type: ignore[misc]
            return self.send(whole)
        head, _, body = found.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(body) < length:
            body += self._more()
        if b"content-encoding: gzip" in head.lower():
            body = gzip.decompress(body)
        return int(head.split()[1]), body

    def _more(self) -> bytes:
        part = self.socket.recv(65536)
        if not part:
            raise OSError("closed")
        return part


def rate(workers: int, work: Callable[[int, float], int], seconds: float) -> float:
    """What `workers` get done in a second together, each given its number and when to stop."""
    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        done = sum(pool.map(lambda n: work(n, began + seconds), range(workers)))
    return done / (time.perf_counter() - began)


def batches(cadres: list[Cadre], seconds: float) -> float:
    def send(n: int, stop: float) -> int:
        line, done, turn = Line(), 0, n
        while time.perf_counter() < stop:
            cadre = cadres[turn % len(cadres)]
            items = [{"kind": "visit", "data": said(cadre)} for _ in range(BATCH)]
            status, body = line.send(request("/submissions", cadre, {"items": items}))
            answer = json.loads(body)
            assert status == 200, body
            assert all(one["result"] == "applied" for one in answer["results"]), body
            done, turn = done + BATCH, turn + SENDERS
        return done

    return rate(SENDERS, send, seconds)


def singles(cadres: list[Cadre], seconds: float) -> float:
    def send(n: int, stop: float) -> int:
        line, done, turn = Line(), 0, n
        while time.perf_counter() < stop:
            cadre = cadres[turn % len(cadres)]
            status, body = line.send(request("/visits", cadre, said(cadre)))
            assert status == 201, body
            done, turn = done + 1, turn + SINGLES
        return done

    return rate(SINGLES, send, seconds)


def raw(url: str, cadres: list[Cadre], connections: int, batch: int, seconds: float) -> float:
    def row(cadre: Cadre) -> tuple[Any, ...]:
        one, moment = said(cadre), datetime.now(UTC)
        place = one["point"]
        return (
            uuid.UUID(one["id"]), uuid.UUID(one["household_id"]), cadre.user, cadre.cell,
            cadre.team, moment, moment, moment, one["notes"], place["lon"], place["lat"],
            one["accuracy_m"], digest(one["id"]),
        )  # fmt: skip

    def put(n: int, stop: float) -> int:
        done, turn = 0, n
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            while time.perf_counter() < stop:
                cadre = cadres[turn % len(cadres)]
                cursor.executemany(RAW, [row(cadre) for _ in range(batch)])
                connection.commit()
                done, turn = done + batch, turn + connections
        return done

    return rate(connections, put, seconds)


def paced(cadres: list[Cadre], visits: float, n: int, stop: float) -> int:
    """Send batches until `stop`, not more than so many `visits` a second; how many were sent."""
    line, done, began = Line(), 0, time.perf_counter()
    while (at := time.perf_counter()) < stop:
        if done > visits * (at - began):
            time.sleep(0.002)
            continue
        cadre = cadres[(n + SENDERS * done // BATCH) % len(cadres)]
        items = [{"kind": "visit", "data": said(cadre)} for _ in range(BATCH)]
        status, body = line.send(request("/submissions", cadre, {"items": items}))
        assert status == 200, body
        done += BATCH
    return done


def environment(app: Flask) -> dict[str, str]:
    """The environment of processes that work on the same county."""
    config = app.extensions["gridserve"]
    return os.environ | {
        "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url,
        "GRIDSERVE_SECRET_KEY": config.secret_key,
        "GRIDSERVE_DATA_KEY": config.data_key[0],
        "GRIDSERVE_BLOBS": config.blobs,
    }


@contextmanager
def served(app: Flask) -> Iterator[None]:
    """gunicorn with two workers, as `gridserve up` starts it."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            raise SystemExit(f"Port {PORT} is taken: a server of an earlier bench was left behind?")
    with tempfile.TemporaryFile() as log:
        web = subprocess.Popen(_web_command(PORT), env=environment(app), cwd=ROOT, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    socket.create_connection(("127.0.0.1", PORT), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            web.terminate()
            web.wait(20)


@dataclass
class Rates:
    """Visits a second, ours and bare, by what was measured."""

    ours: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, ours: float, bare: float) -> None:
        self.ours[what].append(ours)
        self.bare[what].append(bare)


def measure(app: Flask, seconds: float, rates: Rates) -> None:
    url = app.extensions["gridserve"].database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute("CREATE TABLE bare (LIKE visit INCLUDING ALL)")
        there = cadres(connection)
    db.engine.dispose()
    with served(app):
        batches(there, min(seconds, 3))  # to warm up
        ours, one = batches(there, seconds), singles(there, seconds)
    rates.add(MANY, ours, max(raw(url, there, n, BATCH, seconds) for n in (1, 2)))
    rates.add(ONE, one, raw(url, there, SINGLES, 1, seconds))
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE bare")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("names", nargs="*", default=["10k", "1m"], metavar="SIZE")
    asked.add_argument("--seconds", type=float, default=8)
    args = asked.parse_args()
    found = {name: Rates() for name in args.names}
    for _turn in range(2):
        for name, rates in found.items():
            with kept.opened(name) as there:
                measure(there.app, args.seconds, rates)
    table = Table(
        "Visits that come in",
        f"Through gunicorn, durable when answered: batches of {BATCH} by {SENDERS} clients, single "
        f"visits by {SINGLES}. Bare: psycopg into a table with the same columns and indexes, empty "
        "at the start. The best of two turns; goals: batches ≥ 5,000/s and ≥ 0.25 of bare, single "
        "ones ≥ 800/s, flat ≥ 0.8 from the small county to the big one.",
        ("county", "what", "visits/s", "bare/s", "ratio", "of the first county"),
    )
    first = next(iter(found.values()))
    for name, rates in found.items():
        for what, ours in rates.ours.items():
            bare = max(rates.bare[what])
            table.add(
                name, what, max(ours), bare, max(ours) / bare, max(ours) / max(first.ours[what])
            )
    keep("ingest", str(table))


if __name__ == "__main__":
    main()

"""Requests of the county's leader: to the application in this process, and to servers by HTTP."""

from __future__ import annotations

import gzip
import http.client
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from county import LEADER
from flask import Flask
from report import Times
from sqlalchemy import delete, select
from werkzeug.test import EnvironBuilder, run_wsgi_app

from gridserve.db import db, now
from gridserve.jobs import connect
from gridserve.people import DeviceToken, User, digest

TOKEN = "bench-of-maps"  # noqa: S105 - of a county that nobody else has
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}
Get = Callable[[str], bytes]


def sign_in(login: str = LEADER, token: str = TOKEN) -> None:
    """Give somebody's device a token for some hours."""
    user = db.session.scalar(select(User.id).where(User.login == login))
    db.session.execute(delete(DeviceToken).where(DeviceToken.token_hash == digest(token)))
    until = now() + timedelta(hours=9)
    row = {"user_id": user, "token_hash": digest(token), "device": "bench", "expires_at": until}
    db.session.add(DeviceToken(**row))
    db.session.commit()


def at_the_server(app: Flask) -> Get:
    """A whole request with all that the application does for it, but no line between."""

    def get(path: str) -> bytes:
        environ = EnvironBuilder(path, headers=HEADERS).get_environ()
        with app.app_context():
            body, status, _headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
            whole = b"".join(body)
        assert status.startswith("200"), (status, path, whole[:500])
        return whole

    return get


def over_http(port: int) -> Get:
    """Requests over one connection that is kept."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(path: str, again: bool = True) -> bytes:
        try:
            line.request("GET", path, headers=HEADERS)
            # A server that writes head and body apart would wait 40 ms for our acknowledgement,
            # which is then that of our kernel and not its own time. It has to be said each time.
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            answer = line.getresponse()
            body = answer.read()
        except (http.client.HTTPException, OSError):
            line.close()
            if not again:
                raise
            return get(path, again=False)  # servers let go of a connection after many requests
        assert answer.status in (200, 204), (answer.status, path, body[:500])
        return body

    return get


def unzipped(body: bytes) -> bytes:
    """What was answered, as it was before it was made small."""
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def times(get: Get, paths: Iterable[str], before: Callable[[], Any] = lambda: None) -> Times:
    """How long each takes; `before` is done before each and not counted."""
    found = []
    for path in paths:
        before()
        began = time.perf_counter()
        get(path)
        found.append(time.perf_counter() - began)
    return Times(found)


def throughput(port: int, paths: Iterator[str], clients: int = 4, seconds: float = 2.5) -> float:
    """Answers a second to clients who ask one after the other, over a connection each."""

    def ask(_n: int) -> int:
        get, done = over_http(port), 0
        while time.perf_counter() < stop:
            get(next(paths))
            done += 1
        return done

    began = time.perf_counter()
    stop = began + seconds
    with ThreadPoolExecutor(clients) as pool:
        done = sum(pool.map(ask, range(clients)))
    return done / (time.perf_counter() - began)


def forget(app: Flask) -> Callable[[], None]:
    """What empties the server's cache: nothing else lies in this Redis that a map needs."""
    redis = connect(app.extensions["gridserve"])

    def empty() -> None:
        redis.flushdb()

    return empty

"""What scope, masking and the audit trail cost: the same requests with each of them taken away.

In this process and one after the other, turn about with and without, in a small kept county. Scope
is the criterion of who sees what and who may record where; masking is the hiding of names and
numbers and the unsealing of the latter; audit is a row of the trail for each visit, and its later
sealing by a job, which is counted in.

    trust.py [--times N]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any
from unittest.mock import patch

import kept
import psycopg
from asking import TOKEN, sign_in
from flask import Flask
from ingest import Cadre, cadres, said
from report import Table, Times, keep, met
from sqlalchemy import true
from werkzeug.test import EnvironBuilder, run_wsgi_app

from grids import permissions as ground
from gridserve import permissions, trail
from gridserve.db import db
from gridserve.sealed import Sealed
from visits import masking, recording
from visits import permissions as homes

PAGES = (
    "/api/v1/households?limit=200", "/households", "/api/v1/visits?limit=200", "/issues",
    "/maps/coverage", "/api/v1/coverage?by=village",
)  # fmt: skip
WORKSET = "/api/v1/workset"
BATCH, INGEST, PAGE = 50, 1.15, 1.10  # how many visits; the goals
TRAIL = "), trail AS (", ")\n    SELECT id, outcome FROM stored"
Ask = Callable[[str, str, bytes | None], float]


def _everywhere(old: Any, new: Any) -> Iterator[Any]:
    """A patch for each name under which a module of ours knows `old`."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("gridserve", "grids", "visits", "maps"):
            for known, value in list(vars(module).items()):
                if value is old:
                    yield patch.object(module, known, new)


def no_scope() -> Iterator[Any]:
    yield from _everywhere(permissions.within, lambda *_: true())
    yield from _everywhere(ground.in_scope, lambda *_: true())
    yield patch.object(recording.Allowed, "__call__", lambda *_: True)


def no_masks() -> Iterator[Any]:
    yield from _everywhere(masking.masked_name, lambda name: name)
    yield from _everywhere(masking.masked_phone, lambda phone: phone)
    yield from _everywhere(homes.asker_knows, lambda *_: True)
    yield patch.object(Sealed, "process_result_value", lambda *_: "13800000000")


def no_audit() -> Iterator[Any]:
    begin, end = (recording.STORE.index(words) for words in TRAIL)
    yield patch.object(recording, "STORE", recording.STORE[:begin] + recording.STORE[end:])


WITHOUT = {
    "scope": no_scope,
    "masking": no_masks,
    "audit": no_audit,
    "all three": lambda: chain(no_scope(), no_masks(), no_audit()),
}


@contextmanager
def without(patches: Callable[[], Iterator[Any]]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in list(patches()):
            stack.enter_context(one)
        yield


def asker(app: Flask) -> Ask:
    """Seconds that the application takes for a request, with no line between."""

    def ask(path: str, token: str, body: bytes | None = None) -> float:
        environ = EnvironBuilder(
            path, method="POST" if body else "GET", data=body, content_type="application/json",
            headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"},
        ).get_environ()  # fmt: skip
        db.session.remove()
        began = time.perf_counter()
        with app.app_context():
            answer, status, _headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
            whole = b"".join(answer)
        took = time.perf_counter() - began
        assert status[0] == "2", (status, path, whole[:500])
        return took

    return ask


def batch(ask: Ask, cadre: Cadre) -> float:
    items = [{"kind": "visit", "data": said(cadre)} for _ in range(BATCH)]
    return ask("/api/v1/submissions", cadre.token, json.dumps({"items": items}).encode())


def single(ask: Ask, cadre: Cadre) -> float:
    return ask("/api/v1/visits", cadre.token, json.dumps(said(cadre)).encode())


def compare(work: Callable[[], float], times: int, patches: Callable[[], Iterator[Any]]) -> Any:
    """How long `work` takes as it is, and with something taken away."""
    as_is, bare = Times(), Times()
    for turn in range(times + 1):
        first = work()
        with without(patches):
            second = work()
        if turn:  # the first one warms up
            as_is.each.append(first)
            bare.each.append(second)
    return as_is, bare


def seal_all() -> tuple[int, float]:
    """How many rows of the trail waited to be sealed, and the seconds that it took."""
    began, done = time.perf_counter(), 0
    while some := trail.seal():
        db.session.commit()
        done += some
    return done, time.perf_counter() - began


def measure(app: Flask, there: list[Cadre], times: int, table: Table) -> None:
    ask = asker(app)

    def anyone() -> Cadre:
        return random.choice(there)  # noqa: S311

    works: dict[str, tuple[Callable[[], float], int, float]] = {
        f"`/submissions`, {BATCH} visits": (lambda: batch(ask, anyone()), BATCH, INGEST),
        "`POST /visits`": (lambda: single(ask, anyone()), 1, INGEST),
        f"`{WORKSET}` of a cadre": (lambda: ask(WORKSET, anyone().token, None), 0, PAGE),
    }
    for page in PAGES:
        works[f"`{page}`"] = (lambda page=page: ask(page, TOKEN, None), 0, PAGE)
    seal_all()
    for _ in range(20):
        batch(ask, anyone())
    rows, seconds = seal_all()
    for what, (work, visits, goal) in works.items():
        for guard, patches in WITHOUT.items():
            # A cadre of this county has ten times the households of a real one.
            as_is, bare = compare(work, times // 6 if WORKSET in what else times, patches)
            later = 1000 * visits * seconds / rows if guard in ("audit", "all three") else 0.0
            ratio = (as_is.p50 + later) / bare.p50
            table.add(what, guard, as_is.p50 + later, bare.p50, ratio, met(ratio, goal))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--times", type=int, default=60)
    args = asked.parse_args()
    table = Table(
        "Scope, masking, audit",
        "Median ms of requests in one process, as they are (the sealing of their rows of the trail "
        "counted in) and with something taken away, turn about. Goals: 15 % of what comes in, 10 % "
        "of pages.",
        ("request", "without", "as it is", "without it", "ratio", "goal"),
    )
    with kept.opened("10k") as county:
        url = county.app.extensions["gridserve"].database_url.replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            there = cadres(connection)
        sign_in()
        measure(county.app, there, args.times, table)
    keep("trust", str(table))


if __name__ == "__main__":
    main()

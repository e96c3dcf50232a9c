"""Figures of coverage: any window, what keeping them costs, and how fresh they are under load."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import urlencode

import ingest
import psycopg
from asking import at_the_server, over_http, times, unzipped
from county import BIG
from flask import Flask
from report import Table, Times, met
from sqlalchemy import event, text

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db
from gridserve.installation import ROOT
from gridserve.jobs import connect
from visits import figures
from visits.counting import window_start

TIMES = 5  # that each window is asked
PACE = 1_000  # visits a second that come in while freshness is measured
PROBES = 12
PLAIN = text("""
    SELECT h.cell_id, count(*), count(*) FILTER (WHERE EXISTS (
        SELECT FROM visit v WHERE v.household_id = h.id AND v.outcome = 'met'
        AND v.started_at >= :first AND v.started_at < :last))
    FROM household h WHERE h.status = 'active' AND h.village_code LIKE :big GROUP BY h.cell_id
""")


def windows() -> list[tuple[date, date]]:
    """Twelve: each length that is kept, to today, to the last month's end and that a year ago."""
    today, *ends = figures.kept_days()
    lasts = (today, ends[0], ends[-1])
    return [(window_start(last, days), last) for last in lasts for days in figures.WINDOWS]


@contextmanager
def slowest() -> Iterator[list[float]]:
    """A list of one: the seconds of the slowest statement within the block."""
    begun: list[float] = []
    found = [0.0]

    def before(*_args: Any) -> None:
        begun.append(time.perf_counter())

    def after(*_args: Any) -> None:
        found[0] = max(found[0], time.perf_counter() - begun.pop())

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        event.remove(db.engine, "after_cursor_execute", after)


def coverage(app: Flask) -> Table:
    """Coverage of the county by township and by cell at twelve windows."""
    table = Table(
        "Coverage of the county",
        "The slowest of twelve windows (30, 90, 180, 365 days to today, to the end of the last "
        "month and of a month a year ago). SQL: the slowest statement of the request. Plain: one "
        "query over households and visits with the same indexes, its slowest window.",
        ("what", "SQL p50 ms", "p95 ms", "goal ms", "HTTP p50 ms", "p95 ms", "goal ms",
         "plain ms", "plain ÷ SQL p50"),
    )  # fmt: skip
    plain = 0.0
    for first, last in windows()[::5]:
        began = time.perf_counter()
        start, end = workdays.span(first, last)
        db.session.execute(PLAIN, {"first": start, "last": end, "big": BIG + "%"}).all()
        plain = max(plain, time.perf_counter() - began)
    db.session.rollback()
    inside = at_the_server(app)
    with ingest.served(app):
        get = over_http(ingest.PORT)
        for what, path in (
            ("county by township", lambda w: _figures(w, "township")),
            ("county by township, due", lambda w: _figures(w, "township", measure="due")),
            ("all cells, as the map asks", lambda w: _areas(w)),
        ):
            statements, whole = [], []
            for window in windows():
                for turn in range(TIMES + 1):
                    with slowest() as found:
                        inside(path(window))
                    took = times(get, [path(window)]).each
                    if turn:  # the first one warms up
                        statements.append(found[0])
                        whole += took
            sql, http = Times(statements), Times(whole)
            table.add(what, sql.p50, sql.p95, met(sql.p95, 10),
                      http.p50, http.p95, met(http.p95, 30),
                      plain * 1000, plain * 1000 / sql.p50)  # fmt: skip
    return table


def _figures(window: tuple[date, date], by: str, code: str = BIG, **asked: str) -> str:
    said = {"jurisdiction": code, "by": by, "from": window[0], "to": window[1], **asked}
    return "/api/v1/coverage?" + urlencode(said)


def _areas(window: tuple[date, date]) -> str:
    said = {"jurisdiction": BIG, "by": "cell", "from": window[0], "to": window[1]}
    return "/maps/coverage/areas?" + urlencode(said)


def keeping() -> Table:
    """What it costs to keep the figures: a cell, a day, everything."""
    table = Table(
        "Keeping the figures",
        "Counting anew what is kept (13 days × 4 windows), beside the plain query for a single "
        "window of a single day.",
        ("what", "seconds", "beside", "seconds of it", "ratio"),
    )
    cells = random.Random(1).sample(  # noqa: S311 - which ones, not a secret
        list(db.session.scalars(text("SELECT id FROM cell WHERE code LIKE :big"),
                                {"big": BIG + "%"})), 20,
    )  # fmt: skip
    today, end = workdays.today(), figures.kept_days()[1]
    start, stop = workdays.span(window_start(today, 180), today)
    where = {"first": start, "last": stop, "big": BIG + "%"}

    def plain(more: str = "", **values: Any) -> float:
        query = text(str(PLAIN).replace("GROUP", more + " GROUP"))
        return _seconds(lambda: db.session.execute(query, where | values).all())

    one = plain("AND h.cell_id = :cell", cell=cells[0])
    each = [_seconds(lambda c=cell: figures.refresh({c}, today)) for cell in cells]
    table.add("a marked cell, today", sum(each) / len(each), "plain query of it", one,
              sum(each) / len(each) / one)  # fmt: skip
    many = _seconds(lambda: [figures.refresh({cells[1]}, day) for day in figures.kept_days()])
    table.add("a marked cell, all 13 days", many, "plain query of it, 13 ×", 13 * one,
              many / 13 / one)  # fmt: skip
    whole = plain()
    day = _seconds(lambda: figures.refresh(day=today))
    table.add("all cells, today", day, "plain query of all", whole, day / whole)
    day = _seconds(lambda: figures.refresh(day=end))
    table.add("all cells, the end of last month", day, "plain query of all", whole, day / whole)
    all_ = _seconds(figures.rebuild)
    table.add("everything (`gridserve rebuild`)", all_, "plain query of all, 13 ×", 13 * whole,
              all_ / 13 / whole)  # fmt: skip
    checked = _seconds(figures.check)
    table.add("the nightly check", checked, "plain query of all, 13 ×", 13 * whole,
              checked / 13 / whole)  # fmt: skip
    return table


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    took = time.perf_counter() - began
    db.session.rollback()
    return took


@contextmanager
def worker(app: Flask) -> Iterator[None]:
    """The worker that keeps figures fresh, as `gridserve up` starts it."""
    command = [sys.executable, "-m", "gridserve", "worker"]
    process = subprocess.Popen(command, env=ingest.environment(app), cwd=ROOT)
    time.sleep(4)  # it imports the application
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def fresh(app: Flask, seconds: float) -> list[Table]:
    """How soon a visit shows while others come in, and what keeping figures takes from them."""
    freshness = Table(
        "A visit in the figure",
        f"From the acknowledgement of a visit to the first answer over HTTP whose figure holds it, "
        f"while {PACE:,} visits a second are asked to come in, in batches of {ingest.BATCH}; and "
        "the county's figure over HTTP meanwhile.",
        ("load, visits/s", "visits seen", "p50 ms", "p95 ms", "goal ms", "county's figure p50 ms",
         "p95 ms", "left to count when the load ends, s"),
    )  # fmt: skip
    loss = Table(
        "Ingest beside the figures",
        "Visits a second in batches as fast as they go, without a worker and with one that counts "
        "marked cells anew meanwhile; turn about.",
        ("turn", "without/s", "with/s", "lost", "goal"),
    )
    url = app.extensions["gridserve"].database_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        cadres = ingest.cadres(connection)
    redis = connect(app.extensions["gridserve"])
    with ingest.served(app):
        ingest.batches(cadres, 3)  # to warm up
        with worker(app):
            _probe(app, cadres, seconds, freshness)
        without, with_ = [], []
        for turn in range(2):
            redis.flushdb()
            without.append(ingest.batches(cadres, seconds))
            with worker(app):
                with_.append(ingest.batches(cadres, seconds))
            lost = 100 * (1 - with_[-1] / without[-1])
            loss.add(turn + 1, without[-1], with_[-1], f"{lost:.0f} %", met(lost, 15))
    return [freshness, loss]


def _probe(app: Flask, cadres: list[ingest.Cadre], seconds: float, table: Table) -> None:
    # Whoever is asked about is visited by nobody else meanwhile, and was visited least of late.
    few = text("SELECT cell_id FROM household WHERE cell_id = ANY(:cells) AND status = 'active' "
               "GROUP BY cell_id ORDER BY count(*) FILTER (WHERE last_met_at >= now() "
               "- interval '31 days') LIMIT 1")  # fmt: skip
    cell = db.session.scalar(few, {"cells": [cadre.cell for cadre in cadres]})
    probe = next(cadre for cadre in cadres if cadre.cell == cell)
    others = [cadre for cadre in cadres if cadre.cell != cell]
    code = db.session.get(Cell, probe.cell).code
    homes = db.session.scalars(
        text("SELECT id FROM household WHERE cell_id = :cell AND status = 'active' "
             "AND (last_met_at IS NULL OR last_met_at < now() - interval '31 days')"),
        {"cell": probe.cell},
    ).all()[:PROBES]  # fmt: skip
    db.session.rollback()
    month = windows()[0]
    stop = time.perf_counter() + max(seconds, len(homes) * 0.8)
    with ThreadPoolExecutor(1 + ingest.SENDERS) as pool:
        load = [pool.submit(ingest.paced, others, PACE / ingest.SENDERS, n, stop)
                for n in range(ingest.SENDERS)]  # fmt: skip
        time.sleep(1)
        line, get = ingest.Line(), over_http(ingest.PORT)
        shown, county = [], []

        def of_cell() -> int:
            areas = json.loads(unzipped(get(_figures(month, "cell", code[:12]))))["areas"]
            return int(next(area["met"] for area in areas if area["code"] == code))

        for home in homes:
            before = of_cell()
            said = ingest.said(probe) | {"household_id": str(home), "id": str(uuid.uuid4())}
            status, body = line.send(ingest.request("/visits", probe, said))
            assert status == 201, body
            began = time.perf_counter()
            while of_cell() <= before:
                time.sleep(0.005)
            shown.append(time.perf_counter() - began)
            county += times(get, [_figures(month, "township")]).each
            time.sleep(0.3)
        done = sum(one.result() for one in load)
    left = time.perf_counter()
    while db.session.scalar(text("SELECT count(*) FROM coverage_mark")):
        db.session.rollback()
        if time.perf_counter() - left > 120:
            break
        time.sleep(0.05)
    drained = time.perf_counter() - left
    took, whole = Times(shown), Times(county)
    rate = done / max(seconds, len(homes) * 0.8)
    table.add(rate, len(shown), took.p50, took.p95, met(took.p95, 1000), whole.p50, whole.p95,
              drained)  # fmt: skip

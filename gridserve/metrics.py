"""`/metrics`, for Prometheus: what the web processes counted, and what database and queues say now.

Requests are counted in the processes that answer them, in files that a machine's processes share
where PROMETHEUS_MULTIPROC_DIR names their folder (`gridserve.serving` does). Everything else is
asked when the figures are read: it is the same whichever machine answers.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from gridserve import jobs
from gridserve.auth import public
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.errors import NotFound
from gridserve.logs import route
from gridserve.replica import READS
from gridserve.upkeep import Upkeep

bp = Blueprint("metrics", __name__)
SHARED = "PROMETHEUS_MULTIPROC_DIR"
STEPS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUESTS = Counter(
    "gridserve_requests", "Requests answered", ("method", "route", "status"), registry=None
)
SECONDS = Histogram(
    "gridserve_request_seconds", "From reading a request to its answer", ("route",),
    buckets=STEPS, registry=None,
)  # fmt: skip


@dataclass(frozen=True)
class Gauge:
    """One figure as it stands now: its values by label, seconds and numbers."""

    name: str
    words: str
    label: str = ""
    values: dict[str, float] = field(default_factory=dict)


Gauges = Callable[[], Iterable[Gauge]]


class Now(Collector):
    """What is asked when the figures are read; a part that is away is said, and the rest shown."""

    def collect(self) -> Iterator[Metric]:
        away = GaugeMetricFamily("gridserve_away", "1 where it did not answer", labels=["part"])
        for part, asked, fault in (
            ("database", current_app.extensions["gridserve.gauges"], SQLAlchemyError),
            ("redis", (_queues, _workers), RedisError),
        ):
            try:
                found = [gauge for gauges in asked for gauge in gauges()]
                counted = list(_jobs()) if part == "redis" else []
            except fault:
                db.session.rollback()
                away.add_metric([part], 1)
                continue
            away.add_metric([part], 0)
            yield from (_family(gauge) for gauge in found)
            yield from counted
        yield away


def _family(gauge: Gauge) -> GaugeMetricFamily:
    labels = [gauge.label] if gauge.label else []
    family = GaugeMetricFamily(f"gridserve_{gauge.name}", gauge.words, labels=labels)
    for value, number in gauge.values.items():
        family.add_metric([value] if gauge.label else [], number)
    return family


def _queues() -> Iterator[Gauge]:
    redis = jobs.connect(current_app.extensions["gridserve"])
    queues = {name: Queue(name, connection=redis) for name in (jobs.QUEUE, jobs.LONG)}
    waiting = {name: float(queue.count) for name, queue in queues.items()}
    yield Gauge("queue_jobs", "Jobs that wait", "queue", waiting)
    oldest = {name: _waits(queue) for name, queue in queues.items()}
    yield Gauge("queue_oldest_seconds", "How long the first in line has waited", "queue", oldest)


def _waits(queue: Queue) -> float:
    for first in queue.get_job_ids(0, 1):
        try:
            began = Job.fetch(first, connection=queue.connection).enqueued_at
        except NoSuchJobError:  # taken just now
            continue
        return max(0.0, (now() - began).total_seconds()) if began else 0.0
    return 0.0


def _workers() -> Iterator[Gauge]:
    redis = jobs.connect(current_app.extensions["gridserve"])
    count = {
        name: float(Worker.count(queue=Queue(name, connection=redis)))
        for name in (jobs.QUEUE, jobs.LONG)
    }
    yield Gauge("workers", "Workers that take from the queue", "queue", count)


def _jobs() -> Iterator[Metric]:
    """Counts of jobs since Redis was emptied last."""
    done = CounterMetricFamily("gridserve_jobs", "Jobs done", labels=["job", "result"])
    spent = CounterMetricFamily("gridserve_job_seconds", "Seconds spent on jobs", labels=["job"])
    kept = jobs.connect(current_app.extensions["gridserve"]).hgetall(jobs.DONE)
    for key, number in kept.items():
        name = key.decode() if isinstance(key, bytes) else key
        job, _space, result = name.rpartition(" ")
        if result == "seconds":
            spent.add_metric([job], float(number))
        else:
            done.add_metric([job, result], float(number))
    yield from (done, spent)


def database() -> Iterator[Gauge]:
    """Connections of all machines to this database by what they do, and how many there may be."""
    states: dict[str, float] = defaultdict(float)
    for state, count in db.session.execute(
        text(
            "SELECT coalesce(state, 'other'), count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() GROUP BY 1"
        )
    ):
        states[state] = count
    most = float(db.session.scalar(text("SHOW max_connections")) or 0)
    yield Gauge("database_connections", "Connections to the database", "state", states)
    yield Gauge("database_connections_most", "How many the server allows", values={"": most})


def upkeep() -> Iterator[Gauge]:
    """How long ago what keeps the installation well was done."""
    rows = db.session.execute(select(Upkeep.what, Upkeep.done_at))
    ages = {what: (now() - at).total_seconds() for what, at in rows}
    yield Gauge("upkeep_age_seconds", "Since it was last done to its end", "what", ages)


@bp.get("/metrics")
@public
def show() -> ResponseReturnValue:
    """The figures, to those networks that the settings name; to others this address is nothing."""
    config: Config = current_app.extensions["gridserve"]
    try:
        asking = ip_address(request.remote_addr or "")
    except ValueError:  # a socket of this machine has no address
        asking = None
    if asking is None or not any(asking in network for network in config.metrics):
        raise NotFound
    registry = CollectorRegistry()
    if SHARED in os.environ:
        multiprocess.MultiProcessCollector(registry)
    else:
        registry.register(REQUESTS)
        registry.register(SECONDS)
        registry.register(READS)
    registry.register(Now())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def init_app(app: Flask) -> None:
    """Count each request when it is answered."""

    @app.after_request
    def _count(response: Response) -> Response:
        REQUESTS.labels(request.method, route(), response.status_code).inc()
        SECONDS.labels(route()).observe(time.perf_counter() - g.began)
        return response

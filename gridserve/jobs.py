"""Work outside the request: RQ queues, enqueueing on commit, the worker and the timetable.

The database is the truth and Redis may be emptied at any moment: a job is only ever a nudge, and
each kind of work has a scheduled sweep that finds in the database what is still to do.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app, g
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker, get_current_job
from rq.cron import CronJob, CronScheduler
from rq.job import Job
from rq.worker import WorkerStatus

from gridserve import logs
from gridserve.config import Config
from gridserve.db import db, on_commit

QUEUE = "gridserve"  # what somebody notices within seconds: figures, notices, thumbnails
LONG = "gridserve-long"  # what takes minutes: imports, documents, divisions, the work of the night
SECONDS, LONG_SECONDS = 180, 1800  # after which a job is stopped
# Seconds for which Redis keeps a job that is over; without a limit failed ones would stay a year.
KEPT: dict[str, Any] = {"result_ttl": 60, "failure_ttl": 86_400}
DONE = f"{QUEUE}:done"  # how often each job went well or failed, and its seconds: for /metrics
log = logging.getLogger(__name__)
_worker_app: Flask | None = None
# Until when a job that waited to start when it was asked for will not look: by Redis and path.
_gathering: dict[tuple[str, str], float] = {}


class JobFailed(Exception):
    """What a job raised stands in the log; here only which job it was, and of what kind."""


@dataclass(frozen=True)
class Scheduled:
    """One line of the timetable: a job by dotted path, every so many seconds or by cron line."""

    job: str
    every: int | None = None
    cron: str | None = None


def connect(config: Config) -> Redis:
    """This process's Redis client; it gives up soon rather than holding a request."""
    return _client(config.redis_url)


@functools.cache
def _client(url: str) -> Redis:
    # Tried again once, for a connection that a restart of Redis broke; redis-py's own patience of
    # several seconds would be spent by somebody waiting for an answer.
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, socket_connect_timeout=1, socket_timeout=5, retry=again)


def enqueue(
    job: Callable[..., Any],
    *args: Any,
    once: bool = False,
    gathers: float = 0,
    long: bool = False,
) -> None:
    """Ask for `job(*args)` after the commit. `once`: not again while one waits to start; one that
    `gathers` so many seconds before it looks at anything is not asked for again by this process
    meanwhile. A `long` one stands in a queue of its own, so that short ones need not wait for it.
    """
    path = f"{job.__module__}.{job.__qualname__}"
    config: Config = current_app.extensions["gridserve"]
    asked_by = logs.current_id()

    def push() -> None:
        asked = config.redis_url, path
        if (at := time.monotonic()) < _gathering.get(asked, 0):
            return
        try:
            redis = connect(config)
            fresh = not once or redis.set(_waiting(path), 1, nx=True, ex=10)
            if gathers:
                _gathering[asked] = at + gathers
            if not fresh:
                return
            queue, most = (LONG, LONG_SECONDS) if long else (QUEUE, SECONDS)
            Queue(queue, connection=redis).enqueue(
                perform, path, *args, meta={"request_id": asked_by}, job_timeout=most, **KEPT
            )
        except RedisError as error:
            log.warning("job %s not enqueued (%s); the sweep will find it", path, error)

    on_commit(push)


def _waiting(path: str) -> str:
    return f"{QUEUE}:waiting:{path}"


def perform(path: str, *args: Any) -> Any:
    """Run the job at `path` inside the application and commit what it did."""
    app = _worker_app
    if app is None:
        from gridserve.app import create_app

        app = create_app()
    module, _, name = path.rpartition(".")
    connect(app.extensions["gridserve"]).delete(
        _waiting(path)
    )  # from here on, new work needs a new job
    with app.app_context(), _written_down(path):
        result = getattr(importlib.import_module(module), name)(*args)
        db.session.commit()
    return result


@contextmanager
def _written_down(path: str) -> Iterator[None]:
    """A line in the log and a count of the job that runs here, under its request's id.

    Raises JobFailed for what it raised: the queue's own records would quote values.
    """
    job = get_current_job()
    g.request_id = (job and job.meta.get("request_id")) or logs.new_id()
    began, result = time.perf_counter(), "ok"
    try:
        yield
    except Exception as error:
        result = "failed"
        log.error("job failed", exc_info=error, extra={"fields": {"job": path}})
        raise JobFailed(f"{path}: {logs.kind(error)}") from None
    finally:
        seconds = time.perf_counter() - began
        fields = {"job": path, "result": result, "ms": round(seconds * 1000, 1)}
        log.info("job", extra={"fields": fields})
        _count(path, result, seconds)


def _count(path: str, result: str, seconds: float) -> None:
    config: Config = current_app.extensions["gridserve"]
    with suppress(RedisError), connect(config).pipeline(transaction=False) as redis:
        redis.hincrby(DONE, f"{path} {result}", 1)
        redis.hincrbyfloat(DONE, f"{path} seconds", seconds)
        redis.execute()


class _Worker(Worker):
    """Runs short jobs itself, since as processes of their own they would spend most of their time
    on connecting and on preparing queries; a long one in a fork, so that one that dies, or takes
    much memory, harms no other."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        if queue.name == QUEUE:
            self.perform_job(job, queue, self.prepare_execution(job))
            self.set_state(WorkerStatus.IDLE)
            return
        assert _worker_app is not None
        with _worker_app.app_context():
            for engine in db.engines.values():
                engine.dispose()  # a fork must not speak on this process's connections
        super().execute_job(job, queue)


def run_worker(app: Flask, *, quick: bool) -> None:
    """Work until told to stop, on short jobs first; a `quick` one takes no others."""
    global _worker_app
    logs.begin(app.extensions["gridserve"].log)
    _worker_app = app
    # RQ asks for a socket time-out longer than its blocking wait, hence a connection of its own.
    redis = Redis.from_url(app.extensions["gridserve"].redis_url)
    _Worker([QUEUE] if quick else [QUEUE, LONG], connection=redis).work(logging_level="WARNING")


class _Timetable(CronScheduler):
    """Looks at every job anew once the clock was set back: RQ remembers when each is due next, and
    would enqueue nothing until it is as late as it was already."""

    looked = datetime.min.replace(tzinfo=UTC)

    def enqueue_jobs(self) -> list[CronJob]:
        moment = datetime.now(UTC)
        if moment < self.looked:
            for job in self._cron_jobs:
                job.latest_enqueue_time = None  # what has an interval is due now
                job.next_enqueue_time = job.get_next_enqueue_time() if job.cron else None
        self.looked = moment
        return super().enqueue_jobs()


def run_scheduler(app: Flask) -> None:
    """Enqueue the timetable's jobs when their time comes, until told to stop."""
    config: Config = app.extensions["gridserve"]
    logs.begin(config.log)
    os.environ["TZ"] = config.timezone  # cron lines are read in the process's local time
    time.tzset()
    redis = Redis.from_url(config.redis_url)
    scheduler = _Timetable(connection=redis, logging_level="WARNING")
    for line in app.extensions["gridserve.schedule"]:
        nightly = line.cron is not None
        scheduler.register(
            perform, LONG if nightly else QUEUE, args=(line.job,),
            interval=line.every, cron=line.cron,
            job_timeout=LONG_SECONDS if nightly else SECONDS, **KEPT,
        )  # fmt: skip
    scheduler.start()

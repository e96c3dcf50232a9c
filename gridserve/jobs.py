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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.cron import CronScheduler

from gridserve.config import Config
from gridserve.db import db, on_commit

QUEUE = "gridserve"  # what somebody notices within seconds: figures, notices, thumbnails
LONG = "gridserve-long"  # what takes minutes: imports, documents, divisions, the work of the night
SECONDS, LONG_SECONDS = 180, 1800  # after which a job is stopped
log = logging.getLogger(__name__)
_worker_app: Flask | None = None


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


def enqueue(job: Callable[..., Any], *args: Any, once: bool = False, long: bool = False) -> None:
    """Ask for `job(*args)` after the commit. `once`: not again while one waits to start.

    A `long` one stands in a queue of its own, so that short ones need not wait for it.
    """
    path = f"{job.__module__}.{job.__qualname__}"
    config: Config = current_app.extensions["gridserve"]

    def push() -> None:
        try:
            redis = connect(config)
            if once and not redis.set(_waiting(path), 1, nx=True, ex=10):
                return
            queue, most = (LONG, LONG_SECONDS) if long else (QUEUE, SECONDS)
            Queue(queue, connection=redis).enqueue(
                perform, path, *args, result_ttl=60, job_timeout=most
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
    with app.app_context():
        result = getattr(importlib.import_module(module), name)(*args)
        db.session.commit()
    return result


def run_worker(app: Flask, *, quick: bool) -> None:
    """Work until told to stop, on short jobs first; a `quick` one takes no others.

    Each job runs in a fork, so a job that dies harms no other.
    """
    global _worker_app
    _worker_app = app
    # RQ asks for a socket time-out longer than its blocking wait, hence a connection of its own.
    redis = Redis.from_url(app.extensions["gridserve"].redis_url)
    Worker([QUEUE] if quick else [QUEUE, LONG], connection=redis).work(logging_level="WARNING")


def run_scheduler(app: Flask) -> None:
    """Enqueue the timetable's jobs when their time comes, until told to stop."""
    config: Config = app.extensions["gridserve"]
    os.environ["TZ"] = config.timezone  # cron lines are read in the process's local time
    time.tzset()
    redis = Redis.from_url(config.redis_url)
    scheduler = CronScheduler(connection=redis, logging_level="WARNING")
    for line in app.extensions["gridserve.schedule"]:
        nightly = line.cron is not None
        scheduler.register(
            perform, LONG if nightly else QUEUE, args=(line.job,),
            interval=line.every, cron=line.cron, result_ttl=60,
            job_timeout=LONG_SECONDS if nightly else SECONDS,
        )  # fmt: skip
    scheduler.start()

"""Where jobs run: short ones in the worker itself, long ones in a process of their own."""

from __future__ import annotations

import os
import signal

import pytest
from flask import current_app

from gridserve import jobs
from gridserve.db import db


@pytest.fixture
def worker(app, monkeypatch):
    """Run what waits until nothing does, by the worker of `gridserve worker`, in this process."""
    monkeypatch.setattr(jobs, "_worker_app", app)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    redis = jobs.connect(app.extensions["gridserve"])
    redis.delete("pids")

    def work() -> list[int]:
        jobs._Worker([jobs.QUEUE, jobs.LONG], connection=redis).work(burst=True)
        return [int(pid) for pid in redis.lrange("pids", 0, -1)]

    yield work
    redis.delete("pids")
    for number, handler in handlers.items():
        signal.signal(number, handler)


def tell_pid() -> None:
    """Say in which process this runs, and ask the database, so that there is a connection."""
    db.session.execute(db.text("SELECT 1"))
    jobs.connect(current_app.extensions["gridserve"]).rpush("pids", os.getpid())


def test_short_jobs_run_in_the_worker_and_long_ones_beside_it(app, worker):
    with app.app_context():
        for long in (False, True, False):
            jobs.enqueue(tell_pid, long=long)
        db.session.commit()
    short, again, apart = worker()
    assert short == again == os.getpid()
    assert apart != os.getpid()

"""Where jobs run: short ones in the worker itself, long ones in a process of their own."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import pytest
from flask import current_app

from gridserve import jobs
from gridserve.db import db, run
from gridserve.storage import blobs


@pytest.fixture
def worker(app, monkeypatch):
    """Run what waits until nothing does, by the worker of `gridserve worker`, in this process."""
    monkeypatch.setattr(jobs, "_worker_app", app)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    redis = jobs.connect(app.extensions["gridserve"])
    redis.delete("pids")

    def work() -> list[list[int]]:
        jobs._Worker([jobs.QUEUE, jobs.LONG], connection=redis).work(burst=True)
        return [[int(each) for each in told.split()] for told in redis.lrange("pids", 0, -1)]

    yield work
    redis.delete("pids")
    for number, handler in handlers.items():
        signal.signal(number, handler)


def tell_pid() -> None:
    """Say in which process this runs, and with which of the database's it speaks."""
    (there,) = run("SELECT pg_backend_pid() AS pid")
    told = f"{os.getpid()} {there.pid} {id(blobs())}"
    jobs.connect(current_app.extensions["gridserve"]).rpush("pids", told)


def test_short_jobs_run_in_the_worker_and_long_ones_beside_it(app, worker):
    with app.app_context():
        mine = blobs()  # held on to, so that its address stays its own
        for long in (False, True, False):
            jobs.enqueue(tell_pid, long=long)
        db.session.commit()
    short, again, apart = worker()
    assert short == again
    assert (short[0], short[2]) == (os.getpid(), id(mine))
    # and a long one shares no connection, of the database or of a store
    assert all(one != other for one, other in zip(short, apart, strict=True))


def test_what_gathers_is_not_asked_for_again_before_it_looks(app, worker, monkeypatch):
    """The second one is stored before the job looks; the third may be too late for it."""
    moment = [100.0]
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: moment[0], sleep=None,
                                                      perf_counter=time.perf_counter))  # fmt: skip
    redis, waits = jobs.connect(app.extensions["gridserve"]), []
    for at in (100.0, 100.7, 100.9):
        moment[0] = at
        with app.app_context():
            jobs.enqueue(tell_pid, once=True, gathers=0.8)
            db.session.commit()
        redis.delete(jobs._waiting(f"{__name__}.tell_pid"))  # the worker has taken it up
        waits.append(jobs.Queue(jobs.QUEUE, connection=redis).count)
    assert waits == [1, 1, 2]
    assert len(worker()) == 2

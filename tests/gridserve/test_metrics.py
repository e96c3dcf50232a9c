"""`/metrics`: closed until a network is named; what it says agrees with what was done."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from gridserve import jobs, upkeep
from gridserve.app import create_app
from gridserve.attempts import forget
from gridserve.config import Config
from gridserve.db import db
from gridserve.installation import ROOT
from tests.conftest import DATA_KEY, SECRET


def read(text: str) -> dict[tuple[str, ...], float]:
    """Each value by its name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_it_answers_only_the_networks_that_are_named(config: Config):
    for named, status in (("", 404), ("10.0.0.0/8", 404), ("10.0.0.0/8,127.0.0.1/32", 200)):
        environ = Config.from_env({**env(config), "GRIDSERVE_METRICS": named})
        app = create_app(environ)
        client = app.test_client()
        assert client.get("/metrics").status_code == status
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": ""}).status_code == 404
        with app.app_context():
            db.engine.dispose()


def test_what_waits_and_when_upkeep_was_done(committed: Flask):
    config = committed.extensions["gridserve"]
    app = create_app(replace(config, metrics=Config.from_env(
        {**env(config), "GRIDSERVE_METRICS": "127.0.0.0/8"}).metrics))  # fmt: skip
    with app.app_context():
        upkeep.done("backup")
        jobs.enqueue(forget)
        db.session.commit()
    found = read(app.test_client().get("/metrics").text)
    assert found["gridserve_queue_jobs", "gridserve"] == 1
    assert 0 <= found["gridserve_queue_oldest_seconds", "gridserve"] < 60
    assert 0 <= found["gridserve_upkeep_age_seconds", "backup"] < 60
    assert found["gridserve_refused_submissions",] == found["gridserve_deliveries", "failed"] == 0
    assert found["gridserve_away", "database"] == found["gridserve_away", "redis"] == 0
    lost = create_app(replace(app.extensions["gridserve"], redis_url="unix:///nowhere?db=0"))
    found = read(lost.test_client().get("/metrics").text)
    assert found["gridserve_away", "redis"] == 1
    assert found["gridserve_upkeep_age_seconds", "backup"] >= 0
    for one in (app, lost):
        with one.app_context():
            db.engine.dispose()


def test_the_processes_of_a_machine_count_together(config: Config, app: Flask, tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSERVE_")}
    own = {**env(config), "GRIDSERVE_METRICS": "127.0.0.1/32", "GRIDSERVE_LOG": "json",
           "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "--config", "python:gridserve.serving",
               "--bind", f"127.0.0.1:{port}", "--workers", "2", "wsgi:app"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=clean | own, stderr=subprocess.PIPE) as web:
        try:
            wait_for(url)
            for _ in range(20):
                urlopen(f"{url}/healthz").close()
            found = read(urlopen(f"{url}/metrics").read().decode())
        finally:
            web.send_signal(signal.SIGTERM)
            _none, written = web.communicate(timeout=30)
    count = found["gridserve_requests_total", "GET", "/healthz", "200"]
    assert count == found["gridserve_request_seconds_count", "/healthz"] >= 20
    assert len(re.findall(rb'"route": "/healthz"', written)) == count
    assert not (tmp_path / "counts").exists()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(f"{url}/healthz").close()
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def env(config: Config) -> dict[str, str]:
    return {
        "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url,
        "GRIDSERVE_SECRET_KEY": SECRET,
        "GRIDSERVE_DATA_KEY": DATA_KEY,
        "GRIDSERVE_BLOBS": config.blobs,
    }

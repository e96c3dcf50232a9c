"""How gunicorn serves: `gunicorn --config python:gridserve.serving wsgi:app`.

Its settings are variables of this module. `--bind` and whatever else differs is said on the line;
under systemd the socket is handed over and --bind is not needed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# Loads the application once, before the workers fork: they share its memory, and a worker that died
# is replaced at once. An upgrade therefore restarts the whole; a socket that systemd holds keeps
# the visitors waiting meanwhile, and refuses nobody.
preload_app = True
# Python computes on one core at a time, so a process for each; threads wait for the database.
# 16 of them use the 16 connections of a process's pool: 4 processes want 64 of the database's, and
# up to 80 for a moment.
workers = int(os.environ.get("WEB_CONCURRENCY") or max(2, os.cpu_count() or 2))
threads = 16
worker_class = "gridserve.web.Worker"
# A stop lets requests end that have begun. The longest ones take seconds; systemd is told to wait
# longer than this.
graceful_timeout = 30
# A process in which nothing moves for a minute is replaced.
timeout = 60
# Connections that wait to be taken while the workers are busy or start anew. The kernel's own
# limit, net.core.somaxconn, is 4096.
backlog = 2048
# The heartbeat files are touched each second; on a disk that can stall a worker.
_memory = Path("/dev/shm")  # noqa: S108 - gunicorn names its own files in it
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK) else None
control_socket_disable = True
# Requests are written down by the application, without their addresses (gridserve/logs.py).
loglevel = "warning"

# The folder in which the processes share their counts (gridserve/metrics.py). It has to be named
# before the application is loaded.
_folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
if _folder is None:
    _folder = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="gridserve-metrics-")
Path(_folder).mkdir(parents=True, exist_ok=True)


def child_exit(server: Any, worker: Any) -> None:
    """Let go of what a worker that ended had in the shared figures."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Counts begin anew with the next start."""
    shutil.rmtree(str(_folder), ignore_errors=True)

"""tipg, a kept tile server on PostGIS, on the same tables: what our tiles are measured beside.

It is installed from PyPI into an environment of its own under var/bench, for the bench only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from kept import FOLDER

PINNED = ("tipg==1.6.1", "uvicorn==0.54.0")
PORT = 18766
TABLES = '["public.cell", "public.household"]'
BIN = FOLDER / "tipg" / "bin"


def install() -> bool:
    """Whether it is there, after having tried to install it."""
    if not (BIN / "uvicorn").exists():
        subprocess.run([sys.executable, "-m", "venv", BIN.parent], check=True)
        done = subprocess.run([BIN / "pip", "install", "--quiet", *PINNED], check=False)
        return done.returncode == 0
    return True


@contextmanager
def served(database_url: str) -> Iterator[None]:
    """tipg with two workers, as many as ours has, on the database of a private PostgreSQL."""
    folder = quote(database_url.partition("host=")[2], safe="")
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://gridserve@{folder}/gridserve",
        "TIPG_DB_TABLES": TABLES,
        "TIPG_DB_SPATIAL_EXTENT": "false",  # slow to find out, and only told
        "TIPG_DB_DATETIME_EXTENT": "false",
    }
    command = [BIN / "uvicorn", "tipg.main:app", "--port", str(PORT), "--workers", "2",
               "--no-access-log", "--log-level", "warning"]  # fmt: skip
    server = subprocess.Popen(command, env=environment)
    try:
        _wait()
        yield
    finally:
        server.terminate()
        server.wait(20)


def _wait() -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def tile(table: str, shape: str, columns: str, place: tuple[int, int, int]) -> str:
    """The address of a tile."""
    z, x, y = place
    return (f"/collections/public.{table}/tiles/WebMercatorQuad/{z}/{x}/{y}"
            f"?geom-column={shape}&properties={columns}")  # fmt: skip

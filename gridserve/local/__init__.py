"""A private PostgreSQL (with PostGIS) and Redis for a machine that has no servers yet."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

import gridserve
from gridserve.local import postgres, redis_server
from gridserve.local.places import LocalError, Places, Say, find_places, make_passable

__all__ = ["Addresses", "Local", "LocalError", "find_places", "stop_servers"]


@dataclass(frozen=True)
class Addresses:
    """Where the servers listen: a SQLAlchemy URL and a redis-py URL."""

    database_url: str
    redis_url: str


def _to_stderr(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def stop_servers(places: Places) -> None:
    """Stop Redis, then PostgreSQL; the caller holds the users' lock exclusively."""
    redis_server.stop(places)
    postgres.stop(places)


class Local:
    """The private servers under one folder, shared by all who use them at the same time.

    The first to start brings them up, the last to stop (or to die) takes them down. They listen
    on sockets in a 0700 folder only, so they meet no other server of the machine. Each server is
    the system's own program, run as the caller, or as the account postgres when that is root.
    """

    def __init__(self, data: Path, say: Say = _to_stderr) -> None:
        self.data = Path(data).absolute()
        self._say = say
        self._places: Places | None = None
        self._use: TextIO | None = None

    @property
    def places(self) -> Places:
        if self._places is None:
            self._places = find_places(self.data)
        return self._places

    def start(self) -> Addresses:
        """Bring up what is not running and hold it until stop(); calling again repairs.

        Errors: LocalError with a plain message; a server of ours that runs already is reused.
        """
        make_passable(self.data)
        places = self.places
        if not places.run.exists():  # once is enough
            for remark in places.remarks:
                self._say(remark)
        fresh = self._use is None
        if fresh:
            use = self._open("users.lock")
            fcntl.flock(use, fcntl.LOCK_SH)  # waits while somebody is stopping the servers
            self._use = use
        try:
            with self._starting():
                places.make()
                with self._guarded():
                    postgres.start(places, self._say)
                    redis_server.start(places, self._say)
        except BaseException:
            if fresh:
                self.stop()
            raise
        return self.addresses

    @property
    def addresses(self) -> Addresses:
        return Addresses(postgres.url(self.places), redis_server.url(self.places))

    def made(self) -> bool:
        """Whether there is a database here, running or not."""
        return self.data.exists() and (self.places.postgres / "PG_VERSION").exists()

    def running(self) -> dict[str, bool]:
        """Which servers answer now; starts nothing and makes nothing."""
        if not self.data.exists():
            return {"postgresql": False, "redis": False}
        return {
            "postgresql": postgres.ready(self.places),
            "redis": redis_server.ready(self.places),
        }

    def stop(self) -> None:
        """Let go; the servers are down on return unless somebody else still uses them."""
        use, self._use = self._use, None
        if use is None:
            return
        deadline = time.monotonic() + 60
        with use:
            while time.monotonic() < deadline:
                if _lock(use, fcntl.LOCK_EX):
                    stop_servers(self.places)
                    return
                if _lock(use, fcntl.LOCK_SH):  # others use them
                    return
                time.sleep(0.02)  # the guard was quicker and is stopping them

    def __enter__(self) -> Addresses:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open(self, name: str) -> TextIO:
        path = self.data / name
        try:
            return path.open("a+")
        except OSError as error:
            raise LocalError(
                f"Cannot write {path}: {error.strerror}. The folder was probably made by another "
                "account (a run with sudo): run as that account, or choose another folder with "
                "--data."
            ) from error

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with self._open("start.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Start the guard where none watches; it is on its feet when the block has ended."""
        with self._open("guard.lock") as lock:
            watched = not _lock(lock, fcntl.LOCK_EX)
        if watched:
            yield
            return
        home = str(Path(gridserve.__file__).parent.parent)
        # Beside the servers, because a second interpreter takes as long to start as they do.
        with subprocess.Popen(
            [sys.executable, "-m", "gridserve.local.guard", str(self.data)],
            env={**os.environ, "PYTHONPATH": home},
            stdin=subprocess.DEVNULL,
        ):
            yield


def _lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""A primary and a streaming replica of it, made for one test: copies of the session's database."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from gridserve.local import find_places, postgres
from gridserve.local.binaries import find_postgres
from gridserve.local.places import Places


@dataclass
class Pair:
    """Two servers on this machine; the replica follows the primary."""

    primary: Places
    replica: Places

    def both(self) -> str:
        """One address for the two, which finds the one that takes what is written."""
        return (
            f"postgresql+psycopg://gridserve@/gridserve?host={self.primary.run},{self.replica.run}"
            "&target_session_attrs=read-write"
        )

    def ask(self, place: Places, sql: str) -> list[tuple]:
        with postgres.connect(place) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def kill(self, place: Places) -> None:
        """End a server at once, with all that it was doing."""
        number = postgres.pid(place)
        assert number is not None
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        os.kill(number, signal.SIGKILL)
        for child in children:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue

    def promote(self) -> None:
        done = self.replica.run_as(
            [find_postgres().bin / "pg_ctl", "promote", "--wait", "-D", self.replica.postgres]
        )
        assert done.returncode == 0, done.stdout


def copy(source: Path, to: Places, *, follows: bool = False, settings: str = "") -> None:
    """A server made from a base backup of the one whose sockets lie in `source`, and started."""
    base_backup(source, to, follows=follows)
    change(to, settings)
    postgres.start(to, lambda _words: None)


def change(place: Places, settings: str) -> None:
    """Add lines to a server's settings; it reads them when it starts."""
    with (place.postgres / "postgresql.auto.conf").open("a") as file:
        file.write(settings)


def base_backup(source: Path, to: Places, *, follows: bool = False) -> None:
    to.make()
    command = [
        find_postgres().bin / "pg_basebackup", "--pgdata", to.postgres, "--wal-method=stream",
        "--checkpoint=fast", "--host", source, "--username", postgres.NAME, "--no-sync",
        *(["--write-recovery-conf"] if follows else []),
    ]  # fmt: skip
    to.postgres.mkdir(mode=0o700)
    os.chown(to.postgres, to.uid, to.gid)
    done = to.run_as(command)
    assert done.returncode == 0, done.stdout


@contextmanager
def replicated(session: Path) -> Iterator[Pair]:
    """The pair; `session` is where the sockets of the session's own server lie."""
    folder = Path(tempfile.mkdtemp(prefix="gs-"))
    folder.chmod(0o755)  # the database's account passes through
    pair = Pair(find_places(folder / "p"), find_places(folder / "r"))
    try:
        copy(session, pair.primary)
        copy(pair.primary.run, pair.replica, follows=True)
        yield pair
    finally:
        for place in (pair.replica, pair.primary):
            postgres.stop(place)
        shutil.rmtree(folder, ignore_errors=True)


def until_equal(pair: Pair) -> None:
    """Wait until the replica has all that the primary has."""
    with psycopg.connect(
        host=str(pair.replica.run), user=postgres.NAME, dbname=postgres.NAME, autocommit=True
    ) as there:
        here = pair.ask(pair.primary, "SELECT pg_current_wal_insert_lsn()::text")[0][0]
        for _ in range(3000):
            reached = there.execute(
                "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn, pg_sleep(0.01)", [here]
            ).fetchone()
            if reached and reached[0]:
                return
    raise AssertionError("the replica does not follow")

"""One private PostgreSQL: made, started, found again and stopped."""

import os
import shlex
import shutil
import signal
import subprocess
import time
from urllib.parse import quote

import psycopg
from psycopg import sql

from gridserve.local.binaries import Postgres, find_postgres
from gridserve.local.places import LOCALE, LocalError, Places, Say, account_name
from gridserve.local.processes import alive, in_folder, memory, wait_until_gone

NAME = "gridserve"
EXTENSIONS = ("postgis", "btree_gist", "pg_trgm")
LEAST_DISK = 200_000_000  # bytes: an empty cluster is 40 MB, and WAL needs room to recover
START_SECONDS = 120.0


def url(places: Places) -> str:
    return f"postgresql+psycopg://{NAME}@/{NAME}?host={quote(str(places.run), safe='/')}"


def connect(places: Places, database: str = NAME) -> psycopg.Connection:
    return psycopg.connect(
        host=str(places.run), port=5432, user=NAME, dbname=database, connect_timeout=5,
        autocommit=True, password=None, sslmode="disable",
    )  # fmt: skip


def pid(places: Places) -> int | None:
    """The running postmaster of this folder, or None; a stale pid file counts as None."""
    try:
        number = int((places.postgres / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return number if alive(number, ("postgres", "postmaster")) else None


def ready(places: Places) -> bool:
    """Whether the server answers now."""
    if pid(places) is None:
        return False
    try:
        connect(places, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def start(places: Places, say: Say) -> None:
    """Bring the server up, making it first where there is none; a running one is kept.

    Errors: LocalError for missing programs, another version's data, a full disk, or whatever
    the server's own log says.
    """
    if not ready(places):
        postgres = find_postgres(_made_by(places))
        _check_disk(places)
        if not (places.postgres / "PG_VERSION").exists():
            _make(places, postgres, say)
        _launch(places, postgres, say)
    _ensure_database(places)


def stop(places: Places, patience: float = 20) -> None:
    """Stop the server in order; one that hangs is stopped at once (its log recovers it)."""
    number = pid(places)
    if number is None:
        return
    for sign, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        try:
            os.kill(number, sign)
        except ProcessLookupError:
            return
        if wait_until_gone(number, ("postgres", "postmaster"), seconds):
            return
    raise LocalError(f"The private PostgreSQL (process {number}) does not stop. Kill it by hand.")


def _made_by(places: Places) -> int | None:
    """The major version that made the data folder, None where there is none yet."""
    path = places.postgres
    try:
        if not path.is_dir() or not any(path.iterdir()):
            return None
        owner = path.stat().st_uid
        if owner != places.uid:
            raise PermissionError
        return int((path / "PG_VERSION").read_text().strip())
    except PermissionError:
        raise LocalError(
            f"The database folder {path} belongs to {account_name(path.lstat().st_uid)}, not to "
            f"{account_name(places.uid)}. It was probably made by a run with sudo: run as root "
            "again, or choose another folder with --data. Nothing was changed."
        ) from None
    except (OSError, ValueError):
        raise LocalError(
            f"{path} is not empty, but holds no PostgreSQL data (no readable PG_VERSION). Move it "
            "away, or choose another folder with --data. Nothing was changed."
        ) from None


def _check_disk(places: Places) -> None:
    free = shutil.disk_usage(places.base).free
    if free < LEAST_DISK:
        raise LocalError(
            f"The disk of {places.base} is full: {free // 1_000_000} MB are free, the database "
            f"needs {LEAST_DISK // 1_000_000} MB. Free some space, or choose a folder on another "
            "disk with --data."
        )


def _make(places: Places, postgres: Postgres, say: Say) -> None:
    """Make an empty cluster beside its place and move it there, so that half of one never is."""
    say(f"Making a private PostgreSQL {postgres.version} in {places.postgres}")
    draft = places.redis / "postgres.new"  # a folder of the servers' account on the same disk
    shutil.rmtree(draft, ignore_errors=True)
    done = places.run_as(
        [
            postgres.bin / "initdb", "--pgdata", draft, "--username", NAME, "--encoding", "UTF8",
            "--locale", LOCALE, "--auth-local", "trust", "--auth-host", "reject",
        ]
    )  # fmt: skip
    if done.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise LocalError(_explain("PostgreSQL could not make its data folder", done.stdout, places))
    if places.postgres.is_dir():
        places.postgres.rmdir()
    draft.rename(places.postgres)


def _launch(places: Places, postgres: Postgres, say: Say) -> None:
    """Start the postmaster, waiting for what a killed one left behind."""
    log = places.log_file("postgresql.log")
    deadline = time.monotonic() + START_SECONDS
    lingering_since = time.monotonic()
    while not ready(places):
        if pid(places) is not None:  # coming up, recovering, or on its way down
            if time.monotonic() > deadline:
                raise LocalError(
                    f"The private PostgreSQL does not answer after {START_SECONDS:.0f} s. "
                    f"It may still be recovering: see {log}, then try again."
                )
            time.sleep(0.05)
            continue
        _clear_stale_pid(places)
        seen = log.stat().st_size
        try:
            done = places.run_as(
                [
                    postgres.bin / "pg_ctl", "start", "--silent", "--wait", "--timeout=60",
                    "--pgdata", places.postgres, "--log", log, "--options", _options(places),
                ],
                timeout=90,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(seen)
            words = lines.read()
        lingers = "still in use" in words or "already exists" in words
        if not lingers or time.monotonic() > deadline:
            raise LocalError(_explain("PostgreSQL did not start", words or done.stdout, places))
        if time.monotonic() - lingering_since > 3:
            # Orphans of a killed postmaster in a long query: they can no longer commit.
            for orphan in in_folder(places.postgres, "postgres"):
                say(f"Ending process {orphan}, left over from a killed PostgreSQL")
                os.kill(orphan, signal.SIGQUIT)
        time.sleep(0.2)


def _clear_stale_pid(places: Places) -> None:
    """Remove a pid file whose number now belongs to some other program (after a reboot)."""
    path = places.postgres / "postmaster.pid"
    try:
        number = int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        number = 0
    # PostgreSQL clears a dead number by itself, and must: it looks for orphans through the file.
    if path.exists() and (number == 0 or alive(number)) and not in_folder(places.postgres):
        path.unlink(missing_ok=True)


def _options(places: Places) -> str:
    """The server's settings, sized to the machine, as one shell-quoted line for pg_ctl."""
    megabytes = memory() // 1_000_000
    settings = {
        "listen_addresses": "",
        "port": "5432",  # only names the socket
        "unix_socket_directories": f'"{places.run}"',
        "unix_socket_permissions": "0700",
        "cluster_name": NAME,
        "max_connections": "100",
        "shared_buffers": f"{min(max(megabytes // 8, 64), 1024)}MB",
        "effective_cache_size": f"{max(megabytes // 2, 128)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(max(megabytes // 32, 32), 256)}MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_error_verbosity": "terse",  # what a row held stays out of the log
        "log_line_prefix": "%m [%p] %d ",
    }
    return " ".join("-c " + shlex.quote(f"{name}={value}") for name, value in settings.items())


def _ensure_database(places: Places) -> None:
    """Create the database and its extensions where they are missing."""
    try:
        with connect(places, "postgres") as server:
            known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
            if known.fetchone() is None:
                server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
        with connect(places) as database:
            have = {row[0] for row in database.execute("SELECT extname FROM pg_extension")}
            for name in EXTENSIONS:
                if name not in have:
                    database.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise LocalError(
            _explain("The database could not be prepared", str(error), places)
        ) from error


def _explain(what: str, words: str, places: Places) -> str:
    """A message from a server's own words, with the cause first where it is a known one."""
    if "No space left on device" in words:
        return f"{what}: the disk of {places.base} is full. Free some space and try again."
    last = "\n  ".join(words.strip().splitlines()[-6:])
    return f"{what}. Its own words (more in {places.log}):\n  {last}"

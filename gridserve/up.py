"""`gridserve up`: database, web processes, worker and scheduler of one machine, until Ctrl-C."""

import fcntl
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from gridserve.installation import MIGRATIONS, ROOT, set_environment, wants_local
from gridserve.local import Local, LocalError
from gridserve.supervisor import Child, Supervisor

HOST = "127.0.0.1"
GRIDSERVE = (sys.executable, "-m", "gridserve")
READY_SECONDS = 60.0


def say(words: str) -> None:
    print(words, flush=True)


def up(data: Path, port: int, demo: bool) -> int:
    """Serve on 127.0.0.1:`port` until told to stop; nothing that it started is left behind.

    Errors: LocalError when something is missing, taken or broken, with what to do.
    """
    began = time.monotonic()
    data = data.absolute()
    url = f"http://{HOST}:{port}"
    with _alone(data, url):
        _check_port(port)
        supervisor = Supervisor(say)
        supervisor.catch_signals()
        local = Local(data, say) if wants_local() else None
        try:
            if local is not None:
                local.start()
                supervisor.checks.append(_keeping(local))
            set_environment(data, local)
            if demo:
                _ask_no_code()
            (data / "log").mkdir(exist_ok=True)
            return _serve(supervisor, data, port, demo, began)
        finally:
            say("Stopping")
            supervisor.stop()
            if local is not None:
                local.stop()


def _ask_no_code() -> None:
    """Let the demonstration's accounts be used as they are printed, unless the settings say."""
    name = "GRIDSERVE_SECOND_FACTOR"
    if name not in {**dotenv_values(".env"), **os.environ}:
        os.environ[name] = ""
        say(f"In the demonstration nobody needs a code to sign in ({name}=administrator asks)")


def _serve(supervisor: Supervisor, data: Path, port: int, demo: bool, began: float) -> int:
    log = data / "log"
    url = f"http://{HOST}:{port}"
    accounts = data / "demo-accounts.json"
    if not at_head(os.environ["GRIDSERVE_DATABASE_URL"]):
        say("Bringing the database's tables up to date")
        _must(supervisor, Child("db upgrade", (*GRIDSERVE, "db", "upgrade"), log / "upgrade.log"))
    first_time = demo and not accounts.exists()
    if demo:
        if first_time:
            say("Inventing the demonstration county (once)")
        command = (*GRIDSERVE, "demo-data", "--if-missing", "--accounts", str(accounts))
        _must(supervisor, Child("demo-data", command, log / "demo-data.log"))
    if supervisor.stopping.is_set():
        return 0
    web = supervisor.add(Child("web", _web_command(port), log / "web.log"))
    if not _wait_ready(supervisor, web, url):
        return 0
    # After the web is there: two cores start one thing sooner than four at once.
    for name, kind in (("worker", ()), ("quick worker", ("--quick",))):
        log_file = log / f"{name.replace(' ', '-')}.log"
        supervisor.add(Child(name, (*GRIDSERVE, "worker", *kind), log_file))
    supervisor.add(Child("scheduler", (*GRIDSERVE, "scheduler"), log / "scheduler.log"))
    say(f"Serving on {url} after {time.monotonic() - began:.1f} s. Logs: {log}. Stop: Ctrl-C")
    if demo:
        _show_accounts(accounts, first_time)
        _play_day(supervisor, data, url, accounts)
    while not supervisor.stopping.wait(0.2):
        supervisor.look()
    return 0


def _web_command(port: int) -> tuple[str, ...]:
    # Two processes: the private database has connections for no more than four. The supervisor
    # waits ten seconds for the end.
    return (
        sys.executable, "-m", "gunicorn", "--config", "python:gridserve.serving", "wsgi:app",
        "--chdir", str(ROOT), "--bind", f"{HOST}:{port}", "--workers", "2",
        "--graceful-timeout", "8",
    )  # fmt: skip


def at_head(database_url: str) -> bool:
    """Whether the database has the newest migration; asked without building the application."""
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import create_engine

    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            have = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    return set(have) == set(heads())


def heads() -> list[str]:
    """The newest migrations in the code (one, if all is well)."""
    from alembic.script import ScriptDirectory

    return list(ScriptDirectory(str(MIGRATIONS)).get_heads())


def _must(supervisor: Supervisor, child: Child) -> None:
    """Run a program that has to succeed before we can go on; its output is ours."""
    code = supervisor.run_once(child)
    if code:
        raise LocalError(
            f"`gridserve {child.name}` failed (code {code}). Its last words "
            f"(all in {child.log}):\n  {child.last_words()}"
        )


def _wait_ready(supervisor: Supervisor, web: Child, url: str) -> bool:
    """Wait until the site answers; False when we are told to stop meanwhile."""
    deadline = time.monotonic() + READY_SECONDS
    while not supervisor.stopping.wait(0.05):
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:  # noqa: S310
                if answer.status == 200:
                    return True
        except (urllib.error.URLError, OSError):
            pass
        if web.ended() is not None or time.monotonic() > deadline:
            raise LocalError(
                f"The web process did not start. Its last words (all in {web.log}):\n  "
                f"{web.last_words(12)}"
            )
    return False


def _keeping(local: Local) -> Callable[[], None]:
    """A check that brings the private servers back when one has died."""
    due, back_off = 0.0, 1.0

    def check() -> None:
        nonlocal due, back_off
        if time.monotonic() < due:
            return
        down = [name for name, runs in local.running().items() if not runs]
        if down:
            say(f"{' and '.join(down)} ended; starting again")
            try:
                local.start()
                back_off = 1.0
            except LocalError as error:
                say(str(error))
                back_off = min(back_off * 2, 30.0)
        due = time.monotonic() + back_off

    return check


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As gunicorn does: a port in TIME_WAIT is free, one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalError(
                f"Port {port} of {HOST} cannot be used ({error.strerror}): another program listens "
                f"there. Stop it, or take another port: gridserve up --port {port + 1} "
                f"(make demo PORT={port + 1})."
            ) from error


@contextmanager
def _alone(data: Path, url: str) -> Iterator[None]:
    """Hold the folder's lock; a second `up` on the same folder is told who has it."""
    path = data / "up.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise LocalError(
            f"Cannot write {path}: {error.strerror}. Was the folder made by another account (a "
            "run with sudo)? Run as that account, or choose another folder with --data."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(
                f"GridServe already runs on {data} ({lock.read().strip() or 'starting'}). Use it, "
                "stop it first, or give this one a folder and a port of its own: "
                "gridserve up --data DIR --port N."
            ) from None
        try:
            lock.truncate(0)
            lock.write(f"{url}, process {os.getpid()}\n")
            lock.flush()
        except OSError as error:
            raise LocalError(f"Cannot write {path}: {error.strerror}.") from error
        yield
        lock.truncate(0)


def is_up(data: Path) -> bool:
    """Whether a `gridserve up` runs on this folder."""
    try:
        with (data / "up.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _show_accounts(path: Path, first_time: bool) -> None:
    """Print the demonstration accounts, with their passwords only the first time."""
    try:
        accounts = json.loads(path.read_text())
    except (OSError, ValueError):
        say(
            f"The file of accounts {path} is missing or cannot be read; their passwords are kept "
            "nowhere else. Give one a new password: gridserve user reset-password LOGIN"
        )
        return
    if not first_time:
        say(f"Accounts and passwords: {path}")
        return
    shown: dict[str, dict[str, str]] = {}
    for account in accounts:  # one of each role is enough to look around
        shown.setdefault(account["role"], account)
    say(f"Accounts (all {len(accounts)} in {path}; the passwords are not shown again):")
    for account in shown.values():
        say(f"  {account['role']:<14} {account['login']:<20} {account['password']}")


def _played_on(stamp: Path) -> str | None:
    try:
        return stamp.read_text().strip()
    except (OSError, ValueError):
        return None


def _play_day(supervisor: Supervisor, data: Path, url: str, accounts: Path) -> None:
    """Play the simulated working day, once a day, while the site is watched."""
    zone = ZoneInfo(os.environ.get("GRIDSERVE_TIMEZONE", "Asia/Shanghai"))
    today = datetime.now(zone).date().isoformat()
    stamp = data / "demo-day"
    if _played_on(stamp) == today:
        say("Today's simulated working day has been played already")
        return
    log = data / "log" / "simulate-day.log"
    say(f"Playing a working day through the HTTP API (log: {log})")
    command = (*GRIDSERVE, "simulate-day", "--url", url, "--accounts", str(accounts))
    log.unlink(missing_ok=True)
    child = Child("simulate-day", command, log)
    code = supervisor.run_once(child)
    if code is None:
        return
    say("  " + child.last_words(30))
    if code == 0:
        with suppress(OSError):  # then it is simply played again
            stamp.write_text(today)
    else:
        say(f"The simulated day failed (code {code}); the site goes on. Its log: {log}")

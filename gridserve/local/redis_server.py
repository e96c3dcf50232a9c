"""One private Redis: a queue without a port and without files, since the database is the truth."""

import os
import signal
import socket
import time
from urllib.parse import quote

from gridserve.local.binaries import find_redis
from gridserve.local.places import LocalError, Places, Say
from gridserve.local.processes import alive, wait_until_gone

NAMES = ("redis", "valkey")
START_SECONDS = 10.0


def url(places: Places) -> str:
    return f"unix://{quote(str(places.redis_socket), safe='/')}?db=0"


def pid(places: Places) -> int | None:
    """The running server, or None; a stale pid file counts as None."""
    try:
        number = int(places.redis_pid.read_text())
    except (OSError, ValueError):
        return None
    return number if alive(number, NAMES) else None


def ready(places: Places) -> bool:
    """Whether the server answers now."""
    # Spoken by hand, because the client library tries again for seconds where nobody listens.
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(5)
        try:
            line.connect(str(places.redis_socket))
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def start(places: Places, say: Say) -> None:
    """Bring the server up; a running one is kept.

    Errors: LocalError for a missing program, or whatever the server's own log says.
    """
    if ready(places):
        return
    program = find_redis()
    log = places.log_file("redis.log")
    if pid(places) is not None:  # runs but does not answer: hung, or on its way down
        stop(places)
    done = places.run_as(
        [
            program, "--port", "0", "--unixsocket", places.redis_socket, "--unixsocketperm", "700",
            "--dir", places.redis, "--save", "", "--appendonly", "no", "--daemonize", "yes",
            "--pidfile", places.redis_pid, "--logfile", log, "--maxmemory-policy", "noeviction",
        ]
    )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while done.returncode == 0 and not ready(places):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    else:
        if done.returncode == 0:
            return
    lines = log.read_text(errors="replace").splitlines()
    words = "\n  ".join((done.stdout.splitlines() + lines)[-6:])
    raise LocalError(f"Redis did not start. Its own words (more in {log}):\n  {words}")


def stop(places: Places) -> None:
    """Stop the server; nothing in it is lost that the database does not have."""
    number = pid(places)
    if number is None:
        return
    for sign, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.kill(number, sign)
        except ProcessLookupError:
            return
        if wait_until_gone(number, NAMES, seconds):
            return

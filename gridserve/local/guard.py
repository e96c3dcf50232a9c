"""A small process that stops the private servers when the last user of them is gone.

Users hold a shared lock that the kernel drops however they end, kill -9 included; the guard waits
for the exclusive one. Run as ``python -m gridserve.local.guard FOLDER``.
"""

import fcntl
import os
import sys
from pathlib import Path

from gridserve.local import find_places, stop_servers


def main(data: Path) -> None:
    """Become a daemon and wait; return at once when another guard is already there."""
    guard = (data / "guard.lock").open("w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if os.fork() > 0:
        os._exit(0)
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    with (data / "users.lock").open("r+") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        stop_servers(find_places(data))
        # In this order: a starter that gets the users' lock next must find no guard.
        guard.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

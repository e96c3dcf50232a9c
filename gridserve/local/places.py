"""Where the private servers of one machine live, and as whom they run."""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]

# The kernel gives a socket's path 107 bytes (103 on macOS); PostgreSQL adds its file name.
LONGEST_SOCKET_PATH = 100
SOCKET_NAME = ".s.PGSQL.5432"
LOCALE = "C.UTF-8" if sys.platform.startswith("linux") else "en_US.UTF-8"


class LocalError(Exception):
    """A private server cannot run; the message says what, where and how to mend it."""


@dataclass(frozen=True)
class Places:
    """The folders of one set of private servers and the account that owns them.

    ``data`` belongs to whoever calls; ``postgres``, ``redis`` and ``run`` (sockets) are 0700
    folders of the account ``uid``/``gid``, which is never root.
    """

    data: Path
    base: Path
    run: Path
    uid: int
    gid: int
    remarks: tuple[str, ...] = ()  # what is not where one would look for it, and why

    @property
    def postgres(self) -> Path:
        return self.base / "postgres"

    @property
    def redis(self) -> Path:
        return self.base / "redis"

    @property
    def log(self) -> Path:
        return self.base / "log"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def redis_pid(self) -> Path:
        return self.run / "redis.pid"

    def make(self) -> None:
        """Create what is missing, each folder with its owner and mode."""
        for path in (self.postgres.parent, self.log):
            make_passable(path)
        for path in (self.redis, self.run):
            make_private(path, self.uid, self.gid)

    def log_file(self, name: str) -> Path:
        """A log file that the servers' account may append to; a big one is put aside first."""
        path = self.log / name
        if path.exists() and path.stat().st_size > 20_000_000:
            path.replace(path.with_suffix(".old.log"))
        path.touch(mode=0o640)
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        return path

    def run_as(
        self, command: Sequence[str | Path], timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the servers' account with a clean environment; output is captured."""
        return run_as(self.uid, self.gid, command, timeout)


def run_as(
    uid: int, gid: int, command: Sequence[str | Path], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a program as another account when we are root, else as ourselves."""
    as_other = os.geteuid() == 0
    return subprocess.run(
        [str(part) for part in command],
        cwd="/",
        # The caller's PG* and locale variables would change what the servers do.
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": LOCALE, "HOME": "/"},
        user=uid if as_other else None,
        group=gid if as_other else None,
        extra_groups=[] if as_other else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def make_passable(path: Path) -> None:
    """Create a folder that the servers' account can pass through, whatever the umask is."""
    if path.is_dir():
        return
    try:
        path.mkdir(parents=True)
        path.chmod(0o755)
    except OSError as error:
        raise LocalError(
            f"Cannot create the folder {path}: {error.strerror}. "
            "Choose a folder of your own with --data."
        ) from error


def make_private(path: Path, uid: int, gid: int) -> None:
    """Create a 0700 folder of the servers' account; refuse one that is somebody else's.

    Errors: LocalError when the folder exists and belongs to another account or is a link.
    """
    make_passable(path.parent)
    try:
        path.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(path, uid, gid)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
            raise LocalError(
                f"{path} belongs to {account_name(found.st_uid)}, but the private servers run as "
                f"{account_name(uid)}. Was it made by another account (a run with sudo)? Run as "
                f"that account again, or choose another folder with --data, or hand it over: "
                f"sudo chown -R {account_name(uid)} {path.parent}"
            ) from None
        path.chmod(0o700)
    except OSError as error:
        raise LocalError(
            f"Cannot create the folder {path}: {error.strerror}. "
            "Choose a folder of your own with --data."
        ) from error


def account_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def find_places(data: Path) -> Places:
    """Decide where the servers of ``data`` live and as whom they run.

    Both have to be reached by the servers' account, and a socket's path has to be short; where
    that fails another folder is taken, the same one each time, and the remarks say so.
    """
    remarks = []
    data = data.absolute()
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    uid, gid = _account(data)
    base = data
    if os.geteuid() == 0:
        make_passable(data)
        if not _can_pass(uid, gid, data):
            base = Path("/var/lib/gridserve") / mark
            remarks.append(
                f"{account_name(uid)} cannot enter {data} (a folder above it is closed), "
                f"so the private database is kept in {base}"
            )
    run = base / "run"
    # A comma would be read as a list of hosts by PostgreSQL's client library.
    if len(os.fsencode(run / SOCKET_NAME)) > LONGEST_SOCKET_PATH or "," in str(run):
        run = Path("/tmp") / f"gridserve-{uid}-{mark}"  # noqa: S108 - 0700 and its owner is checked
        remarks.append(
            f"{base / 'run'} cannot hold sockets (too long, or a comma): they are in {run}"
        )
    return Places(data, base, run, uid, gid, tuple(remarks))


def _account(data: Path) -> tuple[int, int]:
    """The account of the servers: ourselves, or for root the database folder's owner."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        found = (data / "postgres").stat()
        if found.st_uid != 0:
            return found.st_uid, found.st_gid
    except OSError:
        pass
    for name in ("postgres", "_postgres"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise LocalError(
        "PostgreSQL does not run as root, and this machine has no account called postgres. "
        "Install the system's package (apt install postgresql), or run as an ordinary user."
    )


def _can_pass(uid: int, gid: int, path: Path) -> bool:
    # Asked of the system, because access lists and containers know more than the mode bits.
    test = shutil.which("test") or "/usr/bin/test"
    return run_as(uid, gid, [test, "-x", path]).returncode == 0

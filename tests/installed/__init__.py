"""A whole installation in a folder: `gridserve up` and other commands, each in its own process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from gridserve.installation import ROOT

TABLE = ROOT / "tests" / "data" / "530626"
COUNTY = ["--households", "1000", "--visits", "1000", "--issues", "80", "--cadres", "40"]


def gridserve(
    data: Path, *args: str, more: Mapping[str, str] | None = None, **kwargs
) -> subprocess.Popen:
    """The command in its own process, without what this test's own environment says, but `more`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSERVE_")} | (more or {})
    command = [sys.executable, "-m", "gridserve", "--data", str(data), *args]
    return subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **kwargs)  # fmt: skip


def finished(process: subprocess.Popen, seconds: float = 180) -> str:
    words, _none = process.communicate(timeout=seconds)
    assert process.returncode == 0, words
    return words


def until(true: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.1)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def of_this(data: Path, part: str) -> int:
    """The process id of one part of the installation under `data`, by what it was started with."""
    if part == "postgres":
        return int((data / "postgres" / "postmaster.pid").read_text().split()[0])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            ours = str(data) in line or str(data).encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if part in line and ours and "guard" not in line:
            return int(folder.name)
    raise AssertionError(f"{part} does not run")


@contextmanager
def installed(data: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a small county in `data`, served by `gridserve up` on a free port."""
    data.chmod(0o755)  # the database's account has to pass
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = gridserve(data, "up", "--port", str(port), more=more)
    try:
        until(lambda: up.poll() is not None or answers(f"http://127.0.0.1:{port}/readyz"))
        finished(gridserve(data, "demo-data", "--table", str(TABLE), "--accounts",
                           str(data / "accounts.json"), *COUNTY))  # fmt: skip
        yield f"http://127.0.0.1:{port}"
    finally:
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=30)


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A folder that is a disk of its own, of `size` such as 20m; skips where one may not mount."""
    folder = Path(tempfile.mkdtemp(prefix="gs-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("only somebody who may mount can make a small disk")
    try:
        folder.chmod(0o755)  # the database's account has to pass
        yield folder
    finally:
        for _ in range(100):  # a guard needs a moment to see that it is not needed
            if subprocess.run(["umount", str(folder)], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        folder.rmdir()

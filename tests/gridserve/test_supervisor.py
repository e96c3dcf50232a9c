"""The supervisor with real child processes: restarts, back-off, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gridserve.local.processes import alive
from gridserve.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[2]
SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
# Deaf to SIGTERM, with a child in a group of its own, as an RQ worker in a job.
DEAF_PROGRAM = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
job = subprocess.Popen(["sleep", "60"], process_group=0)
print(job.pid, flush=True)
time.sleep(60)
"""
DEAF = (sys.executable, "-c", DEAF_PROGRAM)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    said: list[str] = []
    one = Supervisor(said.append)
    yield one
    one.stop()


def until(true: Callable[[], bool], supervisor: Supervisor, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "nothing happened"
        supervisor.look()
        time.sleep(0.02)


def pid(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def test_a_killed_child_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.add(Child("sleeper", SLEEP, tmp_path / "log"))
    first = pid(child)
    os.kill(first, signal.SIGKILL)
    until(lambda: pid(child) != first, supervisor)
    assert alive(pid(child))


def test_a_child_that_cannot_live_is_tried_ever_more_rarely(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    command = (sys.executable, "-c", f"open({str(count)!r}, 'a').write('x'); raise SystemExit(3)")
    child = supervisor.add(Child("hopeless", command, tmp_path / "log"))
    until(lambda: child.back_off >= 4, supervisor)
    assert len(count.read_text()) == 2  # started at once and after one second
    assert child.not_before - time.monotonic() > 1


def test_stop_ends_the_deaf_and_their_jobs(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridserve.supervisor.PATIENCE", 0.5)
    log = tmp_path / "log"
    child = supervisor.add(Child("deaf", DEAF, log))
    until(lambda: log.read_text().endswith("\n"), supervisor)
    job = int(log.read_text())
    assert alive(job)
    number = pid(child)
    supervisor.stop()
    assert not alive(number)
    deadline = time.monotonic() + 5
    while alive(job) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(job)


def test_run_once_gives_the_code_and_keeps_the_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    command = (sys.executable, "-c", "print('three\\nlast'); raise SystemExit(5)")
    child = Child("once", command, tmp_path / "log")
    assert supervisor.run_once(child) == 5
    assert child.last_words(1) == "last"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the Linux kernel")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from gridserve.supervisor import Child, Supervisor\n"
        "one = Supervisor(print).add(Child('c', sys.argv[2:], Path(sys.argv[1])))\n"
        "print(one.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log"), *SLEEP],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as parent:  # fmt: skip
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)

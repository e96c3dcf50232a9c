"""Child processes kept alive: started, watched, restarted with back-off, and stopped for good."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gridserve.local.places import Say
from gridserve.local.processes import descendants

HEALTHY_SECONDS = 30.0  # a child that lasted so long starts over with a short back-off
LONGEST_BACK_OFF = 30.0
PATIENCE = 10.0  # seconds that a child has to end in order


def _die_with_parent() -> Callable[[], None] | None:
    """What a child runs before its program, so that kill -9 of this process ends it too."""
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here: after the fork only what needs no lock is safe.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died between the fork and this line
            os._exit(1)

    return ask


@dataclass
class Child:
    """One program in a process group of its own, its output in a log file."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    back_off: float = 1.0
    not_before: float = 0.0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_die_with_parent(),
            )
        self.started = time.monotonic()

    def ended(self) -> int | None:
        """The exit code (negative: the signal) when it has ended, else None."""
        return self.process.poll() if self.process else None

    def last_words(self, lines: int = 8) -> str:
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return "\n  ".join(text.strip().splitlines()[-lines:])

    def kill_rest(self) -> None:
        """End at once whatever is left of its group: orphans would hold its port or its jobs."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


@dataclass
class Supervisor:
    """Children that are to run until told otherwise, and the flag that tells."""

    say: Say
    children: list[Child] = field(default_factory=list)
    checks: list[Callable[[], None]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def catch_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM and a closed terminal; twice means at once."""

        def asked(number: int, _frame: object) -> None:
            if self.stopping.is_set():
                for child in self.children:
                    child.kill_rest()
            self.stopping.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, asked)

    def add(self, child: Child) -> Child:
        """Start a child and keep it running from now on."""
        self.children.append(child)
        child.start()
        return child

    def run_once(self, child: Child) -> int | None:
        """Run a program to its end, watching the others; None when we are told to stop."""
        child.start()
        try:
            while (code := child.ended()) is None:
                if self.stopping.wait(0.1):
                    _stop([child])
                    return None
                self.look()
            return code
        finally:
            child.kill_rest()

    def look(self) -> None:
        """Restart what has died, each child no sooner than its back-off allows."""
        for check in self.checks:
            check()
        now = time.monotonic()
        for child in self.children:
            code = child.ended()
            if code is None:
                continue
            if child.not_before <= child.started:  # seen dead for the first time
                lived = now - child.started
                child.back_off = 0.2 if lived > HEALTHY_SECONDS else child.back_off
                child.not_before = now + child.back_off
                child.back_off = min(max(child.back_off * 2, 1.0), LONGEST_BACK_OFF)
                child.kill_rest()
                how = f"signal {-code}" if code < 0 else f"code {code}"
                self.say(f"{child.name} ended ({how}); starting it again. Its log: {child.log}")
            if now >= child.not_before:
                child.start()

    def stop(self) -> None:
        """End every child in order, and by force where it takes too long."""
        _stop(self.children)
        self.children.clear()


def _stop(children: Sequence[Child]) -> None:
    running = [c.process for c in children if c.process is not None and c.process.poll() is None]
    # A worker's job runs in a group of its own and outlives a worker that is killed.
    below = {pid for process in running for pid in descendants(process.pid)}
    for process in running:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            below |= set(descendants(process.pid))
            process.kill()
            process.wait()
    for child in children:
        child.kill_rest()
    for pid in below:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)

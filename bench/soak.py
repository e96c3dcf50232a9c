"""Everything at once for an hour: 200 visits a second, maps, worksets and all jobs, memory sampled.

    .venv/bin/python bench/soak.py --minutes 60

starts `gridserve up` on a folder of its own with an invented county. Cadres send their visits in
batches, as phones do; leaders look at maps. At the end every acknowledged visit has to be stored
once, kept figures have to agree with what they derive from, and the audit trail has to verify.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import requests

from gridserve.installation import ROOT
from gridserve.local.processes import descendants

TABLE = ROOT / "tests" / "data" / "530626"
BATCH, SENDERS, LOOKERS = 10, 8, 2
SAMPLED_EVERY = 10.0  # seconds
LOOKS = ("/api/v1/coverage?by=village", "/api/v1/aging", "/maps/coverage", "/maps/aging")
PARTS = {"gunicorn": "web", "worker --quick": "quick worker", "worker": "worker",
         "scheduler": "scheduler", "redis-server": "redis"}  # fmt: skip


@dataclass
class Soak:
    """What is sent, what was answered, and how much memory each part held, by time."""

    url: str
    rate: float
    until: float
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    slow: list[float] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, answer: requests.Response) -> None:
        with self.lock:
            self.answers[f"{what} {answer.status_code}"] += 1
            self.slow.append(answer.elapsed.total_seconds())
            if answer.status_code >= 400 and len(self.faults) < 20:
                self.faults.append(f"{what} {answer.status_code}: {answer.text[:200]}")

    def send(self, cadres: list[tuple[requests.Session, list[str]]]) -> None:
        """One sender's share of the visits, at an even pace whatever the answers take."""
        pause, due = BATCH * SENDERS / self.rate, time.monotonic()
        while (due := due + pause) < self.until:
            time.sleep(max(0.0, due - time.monotonic()))
            client, households = random.choice(cadres)  # noqa: S311
            items = [
                {"kind": "visit", "data": {
                    "id": str(uuid.uuid4()), "household_id": random.choice(households),  # noqa: S311
                    "outcome": "met", "started_at": datetime.now(UTC).isoformat(),
                }} for _ in range(BATCH)
            ]  # fmt: skip
            answer = self.patiently(client, items)
            self.note("batch", answer)
            if answer.status_code == 200:
                results = [one["result"] for one in answer.json()["results"]]
                with self.lock:
                    self.answers.update(results)
                    self.sent |= {
                        item["data"]["id"] for item, result in zip(items, results, strict=True)
                        if result in ("applied", "duplicate")
                    }  # fmt: skip

    def patiently(self, client: requests.Session, items: list) -> requests.Response:
        """Send a batch, and again with the same ids where there was no answer, as phones do: a
        connection that lay idle may be closed just when it is used."""
        while True:
            try:
                return client.post(f"{self.url}/api/v1/submissions", json={"items": items})
            except requests.ConnectionError:
                with self.lock:
                    self.answers["sent again"] += 1

    def look(self, clients: list[requests.Session]) -> None:
        """Somebody who looks at maps and figures, twice a second."""
        while time.monotonic() < self.until:
            path = random.choice(LOOKS)  # noqa: S311
            client = random.choice(clients)  # noqa: S311
            with suppress(requests.ConnectionError):  # as above; the next look comes soon
                self.note(path.partition("?")[0], client.get(self.url + path))
            time.sleep(0.5)

    def sample(self, up: int, database: int) -> None:
        """Proportional memory of each part, in MB, until the end."""
        began = time.monotonic()
        while time.monotonic() < self.until:
            held: dict[str, float] = defaultdict(float)
            for pid in descendants(up):
                held[part_of(pid)] += megabytes(pid)
            held["postgres"] = sum(map(megabytes, (database, *descendants(database))))
            for part, size in held.items():
                self.memory[part].append((time.monotonic() - began, size))
            time.sleep(SAMPLED_EVERY)


def part_of(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "other"
    return next((name for words, name in PARTS.items() if words in line), "other")


def megabytes(pid: int) -> float:
    """What a process holds, shared pages shared out among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("Pss:")), 0.0)


@contextmanager
def installation() -> Iterator[tuple[Path, str, int]]:
    """An invented county behind `gridserve up`: its folder, address and process."""
    data = Path(tempfile.mkdtemp(prefix="gs-soak-"))
    data.chmod(0o755)  # the database's account passes through
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (data / "up.log").open("wb") as log:
        up = subprocess.Popen(command(data, "up", "--port", str(port)), cwd=ROOT, env=environment(),
                              stdout=log, stderr=log)  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        while up.poll() is None:
            try:
                if requests.get(f"{url}/readyz", timeout=5).ok:
                    break
            except requests.RequestException:
                time.sleep(0.2)
        subprocess.run(
            command(data, "demo-data", "--table", str(TABLE), "--accounts",
                    str(data / "accounts.json"), "--households", "10000", "--visits", "20000",
                    "--issues", "500"),
            cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        yield data, url, up.pid
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("GRIDSERVE_")}


def command(data: Path, *args: str) -> list[str]:
    return [sys.executable, "-m", "gridserve", "--data", str(data), *args]


def people(data: Path, url: str, role: str) -> list[requests.Session]:
    """Clients of those accounts that have the role."""
    found = []
    for account in json.loads((data / "accounts.json").read_text()):
        if account["role"] != role or len(found) == 40:
            continue
        client = requests.Session()
        said = client.post(f"{url}/api/v1/sessions", json={
            "login": account["login"], "password": account["password"], "device": "soak",
        })  # fmt: skip
        client.headers["Authorization"] = f"Bearer {said.json()['token']}"
        found.append(client)
    return found


def with_households(url: str, clients: list[requests.Session]) -> list[tuple]:
    found = []
    for client in clients:
        listed = client.get(f"{url}/api/v1/households?status=active&limit=200").json()["items"]
        if listed:
            found.append((client, [one["id"] for one in listed]))
    return found


def slope(samples: list[tuple[float, float]]) -> float:
    """MB an hour by which the memory grew, after the first quarter of the time."""
    late = samples[len(samples) // 4 :]
    if len(late) < 3:
        return 0.0
    times, sizes = [t for t, _ in late], [s for _, s in late]
    middle_t, middle_s = sum(times) / len(times), sum(sizes) / len(sizes)
    spread = sum((t - middle_t) ** 2 for t in times)
    return 3600 * sum((t - middle_t) * (s - middle_s) for t, s in late) / spread


def stored(data: Path) -> tuple[set[str], int]:
    """Ids of all visits; and how many cells wait to be counted."""
    with psycopg.connect(f"host={data}/run dbname=gridserve user=gridserve") as connection:
        ids = {str(row[0]) for row in connection.execute("SELECT id FROM visit")}
        marks = connection.execute("SELECT count(*) FROM coverage_mark").fetchone()
    return ids, marks[0] if marks else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200, help="visits a second")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and what was started is stopped
    with installation() as (data, url, up):
        cadres = with_households(url, people(data, url, "cadre"))
        leaders = people(data, url, "leader")
        database = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
        began = time.monotonic()
        soak = Soak(url, asked.rate, began + asked.minutes * 60)
        threads = [
            threading.Thread(target=soak.send, args=(cadres,), daemon=True) for _ in range(SENDERS)
        ]
        threads += [
            threading.Thread(target=soak.look, args=(leaders,), daemon=True) for _ in range(LOOKERS)
        ]
        threads.append(threading.Thread(target=soak.sample, args=(up, database), daemon=True))
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        seconds = time.monotonic() - began
        ids, marks = stored(data)
        while marks and time.monotonic() < began + seconds + 120:
            time.sleep(1)
            ids, marks = stored(data)
        checks = {
            name: subprocess.run(command(data, *name.split()), cwd=ROOT, env=environment(),
                                 capture_output=True).returncode == 0
            for name in ("check", "audit verify")
        }  # fmt: skip
        logged = sum('level": "error' in line or " ERROR " in line
                     for path in (data / "log").glob("*.log")
                     for line in path.read_text().splitlines())  # fmt: skip
    return report(soak, seconds, len(soak.sent - ids), marks, checks, logged)


def report(
    soak: Soak, seconds: float, lost: int, marks: int, checks: dict[str, bool], logged: int
) -> int:
    """Say what was found; 1 where something is not as it should be."""
    slow = sorted(soak.slow)
    print(f"{seconds / 60:.1f} minutes, {len(soak.sent)} visits acknowledged "
          f"({len(soak.sent) / seconds:.0f} a second), {lost} of them lost")  # fmt: skip
    print(f"answers: {dict(soak.answers)}")
    print(f"p50 {1000 * slow[len(slow) // 2]:.0f} ms, p95 {1000 * slow[len(slow) * 95 // 100]:.0f} "
          f"ms, slowest {slow[-1]:.1f} s")  # fmt: skip
    for part, samples in sorted(soak.memory.items()):
        sizes = [size for _, size in samples]
        quarter = sizes[len(sizes) // 4]
        print(f"{part:<14} {quarter:7.0f} MB after a quarter, {sizes[-1]:7.0f} at the end, most "
              f"{max(sizes):7.0f}, {slope(samples):+7.0f} MB an hour")  # fmt: skip
    print(f"cells left to count: {marks}; {checks}; errors in the log: {logged}")
    for fault in soak.faults:
        print(fault)
    return int(bool(lost or marks or logged or soak.faults) or not all(checks.values()))


if __name__ == "__main__":
    sys.exit(main())

"""Measure `gridserve up`: from nothing, and from a stopped installation, to the first answer."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROUNDS = 3
LIMIT = 5.0  # seconds that a start from a stopped state may take


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data: Path) -> float:
    """Seconds until /readyz answers; everything is stopped again at the end."""
    port = free_port()
    began = time.monotonic()
    command = [sys.executable, "-m", "gridserve", "up", "--data", str(data), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as up:
        try:
            while True:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
                    return time.monotonic() - began
                except (urllib.error.URLError, OSError):
                    if up.poll() is not None:
                        assert up.stdout is not None
                        sys.exit(up.stdout.read().decode(errors="replace"))
                time.sleep(0.02)
        finally:
            up.send_signal(signal.SIGTERM)
            up.communicate()


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gs-bench-"))
    folder.chmod(0o755)  # the database's account has to pass
    for name in ("GRIDSERVE_DATABASE_URL", "GRIDSERVE_REDIS_URL"):
        os.environ.pop(name, None)
    try:
        print(f"from nothing (database made and migrated): {start(folder / 'data'):.1f} s")
        warm = [start(folder / "data") for _ in range(ROUNDS)]
    finally:
        shutil.rmtree(folder)
    print("from a stopped state: " + ", ".join(f"{seconds:.1f}" for seconds in warm) + " s")
    if min(warm) > LIMIT:
        sys.exit(f"A start takes longer than {LIMIT:.0f} s")


if __name__ == "__main__":
    main()

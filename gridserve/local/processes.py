"""Small questions about processes and memory, asked of /proc where there is one."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")


def command(pid: int) -> str | None:
    """The program's name of a process that runs, None for one that is gone or a zombie."""
    if (PROC / "self").exists():
        try:
            # pid (name) state …; the name may itself hold spaces and brackets.
            text = (PROC / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return None
        name, rest = text[text.index("(") + 1 :].rsplit(")", 1)
        return None if rest.split()[0] in "ZX" else name
    said = subprocess.run(
        ["ps", "-o", "state=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(None, 1)
    if len(said) < 2 or said[0].startswith("Z"):
        return None
    return Path(said[1].strip()).name


def alive(pid: int, names: Sequence[str] = ()) -> bool:
    """Whether a process runs and, where names are given, runs a program that starts with one."""
    name = command(pid)
    return name is not None and (not names or name.startswith(tuple(names)))


def in_folder(folder: Path, name: str = "") -> list[int]:
    """Processes that have a folder as their working directory (Linux only, else none)."""
    found = []
    wanted = folder.resolve()
    for link in PROC.glob("[0-9]*/cwd"):
        try:
            if link.readlink() == wanted and alive(int(link.parent.name), [name] if name else []):
                found.append(int(link.parent.name))
        except OSError:  # gone meanwhile, or not ours to look at
            continue
    return found


def wait_until_gone(pid: int, names: Sequence[str], seconds: float) -> bool:
    """Wait for a process to end; False when it still runs after that many seconds."""
    deadline = time.monotonic() + seconds
    while alive(pid, names):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def memory() -> int:
    """Bytes of memory this machine or container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def descendants(pid: int) -> list[int]:
    """Children of a process, their children and so on (Linux only, else none)."""
    parents: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            rest = path.read_text(errors="replace").rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        parents.setdefault(int(rest[1]), []).append(int(path.parent.name))
    found = list(parents.get(pid, []))
    for child in found:  # grows while it is read
        found += parents.get(child, [])
    return found

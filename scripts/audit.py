"""Ask the public lists of known weaknesses about everything that is installed, once a day.

Ends with 1 for a weakness that scripts/weaknesses.toml does not explain. Where a list cannot be
asked (no way outside, or a mirror that does not carry it) this says so, and fails nothing.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPLAINED = ROOT / "scripts" / "weaknesses.toml"
LOCKS = ("requirements.txt", "requirements-dev.txt", "package-lock.json")
STAMP = ROOT / "var" / "audited"
SECONDS = 60


class NotAsked(Exception):
    """A list gave no answer; says why."""


def run(*command: str) -> Any:
    """What a program says in JSON. Raises NotAsked."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotAsked(str(error)) from error
    except ValueError as error:
        words = done.stderr.strip().splitlines() or ["no answer"]
        raise NotAsked(words[-1]) from error


def python() -> dict[str, str]:
    """Weaknesses of Python packages: their ids, and what they are of."""
    said = run(
        str(Path(sys.executable).parent / "pip-audit"), "--disable-pip", "--require-hashes",
        "-r", "requirements-dev.txt", "--format", "json", "--progress-spinner", "off",
    )  # fmt: skip
    packages = said["dependencies"]
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    if len(unknown) * 2 > len(packages):
        raise NotAsked(f"the index knows nothing of {len(unknown)} of {len(packages)} packages")
    if unknown:
        print(f"  not known to the list: {', '.join(unknown)}")
    return {
        weakness["id"]: f"{one['name']} {one['version']}"
        for one in packages
        for weakness in one.get("vulns", ())
    }


def pages() -> dict[str, str]:
    """The same of what the pages load, and of what tests use from npm."""
    said = run("npm", "audit", "--json", "--fetch-retries=1", "--fetch-timeout=20000")
    if "vulnerabilities" not in said:
        raise NotAsked(str(said.get("message") or said.get("error") or "no answer"))
    return {
        via["url"].rpartition("/")[2]: f"{name} {via.get('range', '')}"
        for name, one in said["vulnerabilities"].items()
        for via in one["via"]
        if isinstance(via, dict)
    }


def ask(kind: str, found: Callable[[], dict[str, str]], explained: dict[str, str]) -> bool | None:
    """Whether nothing unexplained was found; None where the list could not be asked."""
    try:
        weaknesses = found()
    except NotAsked as why:
        print(f"– {kind}: NOT asked for known weaknesses ({why})")
        return None
    bad = {id_: of for id_, of in weaknesses.items() if id_ not in explained}
    for id_, of in bad.items():
        print(f"✗ {kind}: {id_} in {of}. Upgrade (make lock), or explain it in {EXPLAINED.name}")
    if not bad:
        print(f"✓ {kind}: no known weakness that is not explained ({len(weaknesses)} are)")
    return not bad


def main() -> int:
    explained = {one["id"]: one["why"] for one in tomllib.loads(EXPLAINED.read_text())["known"]}
    content = b"".join((ROOT / name).read_bytes() for name in (*LOCKS, EXPLAINED))
    mark = f"{date.today()} {hashlib.sha256(content).hexdigest()}"  # noqa: DTZ011 - once a day
    if STAMP.exists() and STAMP.read_text() == mark:
        return 0
    results = [ask("Python packages", python, explained), ask("npm packages", pages, explained)]
    if all(results):
        STAMP.parent.mkdir(exist_ok=True)
        STAMP.write_text(mark)
    return int(False in results)


if __name__ == "__main__":
    sys.exit(main())

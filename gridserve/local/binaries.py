"""The system's PostgreSQL, PostGIS and Redis programs: where they are and which version."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gridserve.local.places import LocalError

OLDEST_POSTGRES = 14

# Debian and Ubuntu, Red Hat, Homebrew on Apple and Intel machines, built by hand.
POSTGRES_PATTERNS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
    "usr/local/pgsql/bin",
)


@dataclass(frozen=True)
class Postgres:
    """One installed PostgreSQL: its programs' folder and its major version."""

    bin: Path
    major: int
    version: str

    @property
    def extensions(self) -> Path:
        """The folder of the extensions' control files."""
        config = self.bin / "pg_config"
        if config.exists():
            found = subprocess.run(
                [str(config), "--sharedir"], capture_output=True, text=True, check=False
            )
            if found.returncode == 0:
                return Path(found.stdout.strip()) / "extension"
        return self.bin.parent / "share" / "extension"

    def has(self, extension: str) -> bool:
        return (self.extensions / f"{extension}.control").exists()

    def extension_version(self, extension: str) -> str | None:
        """The version of an extension on disk, or None where it is missing."""
        try:
            text = (self.extensions / f"{extension}.control").read_text()
        except OSError:
            return None
        found = re.search(r"default_version\s*=\s*'([^']+)'", text)
        return found[1] if found else "?"


def installed_postgres() -> list[Postgres]:
    """Every complete PostgreSQL of this machine, the newest first."""
    folders = [folder for pattern in POSTGRES_PATTERNS for folder in Path("/").glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    chosen = os.environ.get("GRIDSERVE_POSTGRES_BIN")
    if chosen:
        folders = [Path(chosen)]
    found: dict[Path, Postgres] = {}
    for folder in folders:
        if not all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb", "pg_ctl")):
            continue
        said = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"(\d+)(?:\.\d+|\w+)?", said)
        if version:
            found[folder.resolve()] = Postgres(folder, int(version[1]), version[0])
    return sorted(found.values(), key=lambda one: one.major, reverse=True)


def find_postgres(major: int | None = None) -> Postgres:
    """The PostgreSQL to use: the one that made the data, else the newest that has PostGIS.

    Errors: LocalError naming the package to install.
    """
    installed = installed_postgres()
    if major is not None:
        installed = [one for one in installed if one.major == major]
    fit = [one for one in installed if one.major >= OLDEST_POSTGRES]
    for one in fit:
        if one.has("postgis"):
            return one
    if fit:
        raise LocalError(
            f"PostgreSQL {fit[0].version} is here ({fit[0].bin}), but not its PostGIS extension. "
            f"Install it: apt install postgresql-{fit[0].major}-postgis-3 (macOS: brew install "
            "postgis)."
        )
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST_POSTGRES} or newer"
    package = f"postgresql-{major} postgresql-{major}-postgis-3" if major else "postgresql postgis"
    looked = os.environ.get("GRIDSERVE_POSTGRES_BIN") or "/usr/lib/postgresql and the PATH"
    raise LocalError(
        f"{wanted} was not found (looked in {looked}). Run `make setup`, or install it: "
        f"apt install {package} (macOS: brew install postgresql postgis), or use a server "
        "elsewhere: set GRIDSERVE_DATABASE_URL."
    )


def find_redis() -> Path:
    """The Redis (or Valkey) server program.

    Errors: LocalError naming the package to install.
    """
    folders = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/bin", "/opt/homebrew/bin", "/usr/local/bin"]
    )
    chosen = os.environ.get("GRIDSERVE_REDIS_BIN")
    for name in [chosen] if chosen else ["redis-server", "valkey-server"]:
        found = shutil.which(name, path=folders)
        if found:
            return Path(found)
    raise LocalError(
        f"The program {chosen or 'redis-server'} was not found. Run `make setup`, or install it: "
        "apt install redis-server (macOS: brew install redis), or use a server elsewhere: set "
        "GRIDSERVE_REDIS_URL."
    )

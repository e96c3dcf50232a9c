"""One installation on this machine: its folder, its secrets and the servers that it uses."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values

from gridserve.local import Local, LocalError

KEY_LENGTH = 32
# The keys that are made where none is set, and what helps where a file of them is damaged.
KEYS = {"GRIDSERVE_SECRET_KEY": "secret-key", "GRIDSERVE_DATA_KEY": "data-key"}
_MEND = {
    "secret-key": "Put the file back from a copy, or delete it: then a new one is made and all "
    "sign in anew.",
    "data-key": "Put the file back from a copy: nothing else can prove the audit trail.",
}
ROOT = Path(__file__).resolve().parent.parent
MIGRATIONS = ROOT / "migrations"


def default_data() -> Path:
    """The folder of what a run makes: `var` of the checkout, or of the working directory."""
    return (ROOT if (ROOT / "pyproject.toml").exists() else Path.cwd()) / "var"


def read_dotenv() -> None:
    """Take what `.env` of the working directory says and the environment does not."""
    for name, value in dotenv_values(".env").items():
        if value is not None:
            os.environ.setdefault(name, value)


def wants_local() -> bool:
    """Whether a server is not named in the environment, so that the private ones are needed."""
    return not (os.environ.get("GRIDSERVE_DATABASE_URL") and os.environ.get("GRIDSERVE_REDIS_URL"))


def set_environment(data: Path, local: Local | None) -> None:
    """Put the private servers' addresses, this installation's key and its folder of pictures where
    nothing is set."""
    if local is not None:
        found = local.addresses
        os.environ.setdefault("GRIDSERVE_DATABASE_URL", found.database_url)
        os.environ.setdefault("GRIDSERVE_REDIS_URL", found.redis_url)
    for variable, name in KEYS.items():
        if not os.environ.get(variable):
            os.environ[variable] = kept_key(data, name)
    os.environ.setdefault("GRIDSERVE_BLOBS", str(data / "blobs"))


def kept_key(data: Path, name: str) -> str:
    """The key `name` under `data`, made at the first call and readable by its owner only (0600).

    Errors: LocalError when it cannot be written or read.
    """
    path = data / name
    try:
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f"{name}.{os.getpid()}"
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48))
            try:
                os.link(draft, path)  # fails, rather than replaces, when another was quicker
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = path.read_text().strip()
        if len(key) < KEY_LENGTH:
            raise LocalError(
                f"The key in {path} is damaged: fewer than {KEY_LENGTH} characters. {_MEND[name]}"
            )
        return key
    except UnicodeDecodeError as error:
        raise LocalError(f"The key in {path} is damaged (not text). {_MEND[name]}") from error
    except OSError as error:
        raise LocalError(
            f"Cannot keep the key in {path}: {error.strerror}. Was the folder made by "
            "another account (a run with sudo)? Run as that account, or choose another folder "
            "with --data."
        ) from error


@contextmanager
def servers(data: Path) -> Iterator[None]:
    """Database, Redis and key for one command: those of the environment, else private ones.

    Private servers that run already are shared; ones started here are stopped at the end.
    """
    local = Local(data) if wants_local() else None
    if local is not None:
        local.start()
    try:
        set_environment(data, local)
        yield
    finally:
        if local is not None:
            local.stop()

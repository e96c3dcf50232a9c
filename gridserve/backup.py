"""Backups: the database and the blobs that it names, readable with a key that lies elsewhere.

A backup is a folder of three files. `database.age` is what pg_dump writes in its custom format,
`blobs.age` a tar of files that are named by the SHA-256 of what they hold, `manifest.json` what to
expect of both; it holds nothing personal. The two are sealed as age files (age-encryption.org) for
a public key: what makes backups cannot read them, and the server keeps nothing that could.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pyrage
from pyrage.x25519 import Identity, Recipient
from sqlalchemy import Connection, func, inspect, select, table, text, union

from gridserve.db import Base, db, now
from gridserve.local.binaries import find_postgres
from gridserve.storage import BlobMissing, blobs, sync

DATABASE, BLOBS, MANIFEST = "database.age", "blobs.age", "manifest.json"
# How libpq's programs are told where to connect, so that no password stands in a list of processes.
VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY",
}  # fmt: skip
Say = Callable[[str], None]


class BackupFailed(Exception):
    """No backup was made, or none restored; says why."""


def new_identity() -> tuple[str, str]:
    """A private key, to be kept away from the server, and the public one that it is told."""
    identity = Identity.generate()
    return str(identity), str(identity.to_public())


def make(to: Path, recipient: str, say: Say) -> Path:
    """Back up into a new folder under `to`, sealed for the public key `recipient`.

    The application may go on: the dump is of one moment, and blobs stay as long as rows name them.
    Raises BackupFailed; nothing but a folder that ends in .partial is left then.
    """
    sealed_for = _recipient(recipient)
    made_at = now()
    folder = to / f"gridserve-{made_at:%Y%m%dT%H%M%SZ}"
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        partial.mkdir(parents=True, mode=0o700)
        manifest: dict[str, Any] = {"made_at": made_at.isoformat()}
        manifest["gridserve"] = version("gridserve")
        with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as frozen:
            say("Counting rows")
            manifest |= {"rows": _rows(frozen), "migration": _migration(frozen)}
            names = sorted(_named(frozen))
            say("Writing the database")
            snapshot = frozen.scalar(text("SELECT pg_export_snapshot()"))
            _dump(partial / DATABASE, snapshot, sealed_for)
        say(f"Writing {len(names)} pictures and documents")
        manifest["blobs"], manifest["missing"] = _pack(partial / BLOBS, names, sealed_for)
        manifest["sha256"] = {name: _digest(partial / name) for name in (DATABASE, BLOBS)}
        _write(partial / MANIFEST, json.dumps(manifest, indent=1))
        partial.rename(folder)
        sync(to)
    except OSError as error:
        raise BackupFailed(f"{to}: {error.strerror or error}") from error
    return folder


def restore(folder: Path, identity: str, say: Say) -> dict[str, Any]:
    """Put a backup into the empty database and the store of this application; gives its manifest.

    Everything is compared with the manifest. Raises BackupFailed: then the database is as empty as
    it was, or holds other rows than it should, which is said.
    """
    key, manifest = _identity(identity), read_manifest(folder)
    say("Checking the files")
    for name in (DATABASE, BLOBS):
        if _digest(folder / name) != manifest["sha256"].get(name):
            raise BackupFailed(f"{name} is not what was written: it was damaged or changed.")
    if inspect(db.engine).has_table("alembic_version"):
        raise BackupFailed("The database is not empty. Restore into a new one.")
    db.engine.dispose()
    say("Reading pictures and documents")
    _unpack(folder / BLOBS, manifest["blobs"], key)
    say("Reading the database")
    _undump(folder / DATABASE, key)
    say("Counting rows")
    with db.engine.connect() as connection:
        found = _rows(connection, among=manifest["rows"])
    if found != manifest["rows"]:
        differ = [name for name, n in manifest["rows"].items() if found.get(name) != n]
        raise BackupFailed(f"Restored, but the number of rows differs in: {', '.join(differ)}")
    return manifest


def _rows(connection: Connection, among: dict[str, int] | None = None) -> dict[str, int]:
    """How many rows each table has; `among` are the names of those of an older backup."""
    names = among if among is not None else [one.name for one in Base.metadata.sorted_tables]
    counts = {name: select(func.count()).select_from(table(name)) for name in names}
    return {name: connection.scalar(count) or 0 for name, count in counts.items()}


def _migration(connection: Connection) -> str:
    found: str = connection.scalar(text("SELECT version_num FROM alembic_version")) or ""
    return found


def _named(connection: Connection) -> Iterator[str]:
    """The addresses of all blobs that rows name."""
    columns = [c for one in Base.metadata.sorted_tables for c in one.c if c.info.get("blob")]
    yield from connection.scalars(union(*(select(c).where(c.is_not(None)) for c in columns)))


def _dump(path: Path, snapshot: str, recipient: Recipient) -> None:
    command = ["pg_dump", "--format=custom", f"--snapshot={snapshot}"]
    with _program(command, stdout=subprocess.PIPE) as dumping, path.open("xb") as file:
        pyrage.encrypt_io(dumping.stdout, file, [recipient])
        os.fsync(file.fileno())


def _undump(path: Path, identity: Identity) -> None:
    command = ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
               "--no-comments", f"--dbname={_connection()['PGDATABASE']}"]  # fmt: skip
    with _program(command, stdin=subprocess.PIPE) as restoring, path.open("rb") as file:
        try:
            pyrage.decrypt_io(file, restoring.stdin, [identity])
        except (pyrage.DecryptError, OSError) as error:
            restoring.kill()
            raise BackupFailed(f"{path.name}: {error}") from error
        finally:
            restoring.stdin.close()


@contextmanager
def _program(command: list[str], **pipes: Any) -> Iterator[Any]:
    """Run one of PostgreSQL's programs against this database; its complaints are ours."""
    program = find_postgres().bin / command[0]
    with subprocess.Popen(
        [str(program), *command[1:]],
        env=os.environ | _connection(),
        stderr=subprocess.PIPE,
        **pipes,
    ) as running:
        complaints, said = running.stderr, list[bytes]()
        assert complaints is not None
        listener = threading.Thread(target=lambda: said.append(complaints.read()))
        listener.start()
        yield running
        code = running.wait()
        listener.join()
    if code:
        words = b"".join(said).decode(errors="replace").strip().splitlines()
        raise BackupFailed(f"{command[0]}: {words[-1] if words else f'ended with {code}'}")


def _connection() -> dict[str, str]:
    _none, said = db.engine.dialect.create_connect_args(db.engine.url)
    return {VARIABLES[name]: str(value) for name, value in said.items() if name in VARIABLES}


def _pack(path: Path, names: list[str], recipient: Recipient) -> tuple[int, list[str]]:
    """Write the blobs of these addresses; how many, and those that the store has no more."""
    store, missing = blobs(), []

    def write(pipe: IO[bytes]) -> None:
        with tarfile.open(fileobj=pipe, mode="w|") as tar:
            for name in names:
                try:
                    data = store.get(name)
                except BlobMissing:
                    missing.append(name)
                    continue
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, BytesIO(data))

    with path.open("xb") as file, _through(write) as reader:
        pyrage.encrypt_io(reader, file, [recipient])
        os.fsync(file.fileno())
    return len(names) - len(missing), missing


def _unpack(path: Path, expected: int, identity: Identity) -> None:
    store, count = blobs(), 0

    def write(pipe: IO[bytes]) -> None:
        with path.open("rb") as file:
            pyrage.decrypt_io(file, pipe, [identity])

    with _through(write) as reader, tarfile.open(fileobj=reader, mode="r|") as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is None or store.put(content.read()) != entry.name:
                raise BackupFailed(f"{path.name}: {entry.name} is not what was written.")
            count += 1
    if count != expected:
        raise BackupFailed(f"{path.name} holds {count} of {expected} pictures and documents.")


@contextmanager
def _through(write: Callable[[IO[bytes]], None]) -> Iterator[IO[bytes]]:
    """A pipe that `write` fills in a thread; what it raises is raised here."""
    out, into = os.pipe()
    failed: list[BaseException] = []

    def fill() -> None:
        try:
            with os.fdopen(into, "wb") as pipe:
                write(pipe)
        except BaseException as error:  # told to who reads
            failed.append(error)

    filling = threading.Thread(target=fill)
    filling.start()
    try:
        with os.fdopen(out, "rb") as pipe:
            yield pipe
    except Exception as error:
        filling.join()
        raise BackupFailed(str(failed[0] if failed else error)) from error
    filling.join()
    if failed:
        raise BackupFailed(str(failed[0])) from failed[0]


def _recipient(text: str) -> Recipient:
    try:
        return Recipient.from_str(text.strip())
    except pyrage.RecipientError as error:
        raise BackupFailed("The public key to seal for is not one: it begins with age1.") from error


def _identity(text: str) -> Identity:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    try:
        return Identity.from_str(lines[0].strip() if lines else "")
    except pyrage.IdentityError as error:
        raise BackupFailed("No key in its file: it begins with AGE-SECRET-KEY-.") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """What a backup says of itself: made_at, migration, rows by table, blobs, missing, sha256."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        found["rows"].items(), found["sha256"].items(), found["made_at"], found["blobs"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupFailed(f"{folder} is no backup: {MANIFEST} is not one ({error}).") from error
    return found


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read: {error.strerror}.") from error


def _write(path: Path, words: str) -> None:
    with path.open("x") as file:
        file.write(words + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)

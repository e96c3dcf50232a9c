"""Backups: made while rows are written, restored elsewhere, refused where anything was changed."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import create_engine, text

from gridserve.app import create_app
from gridserve.backupcommands import backup_group
from gridserve.config import Config
from gridserve.db import db
from gridserve.events import Event
from gridserve.permissions import Role
from gridserve.storage import blobs
from tests.conftest import own_database
from tests.factories import VILLAGE, Make
from tests.pictures import jpeg, sha
from visits.photos import keeping, operations


@pytest.fixture(scope="module")
def county(app: Flask, config: Config, tmp_path_factory: Any) -> Iterator[Flask]:
    """An application with a household and a picture, on a database and a store of its own."""
    store = tmp_path_factory.mktemp("store")
    with own_database(app, replace(config, blobs=str(store))) as own:
        with own.app_context():
            make = Make()
            make.household(make.cell(), head_name="王小二")
            cadre = make.user(Role.CADRE, VILLAGE, login="cadre")
            db.session.flush()
            picture = jpeg()
            operations.store(sha(picture), picture, by=cadre)
            db.session.commit()
        yield own


@pytest.fixture(scope="module")
def key(tmp_path_factory: Any) -> tuple[Path, str]:
    """The file of a private key, and the public one."""
    path = tmp_path_factory.mktemp("key") / "key"
    said = CliRunner().invoke(backup_group, ["new-key", str(path)])
    assert path.stat().st_mode & 0o077 == 0
    return path, said.stdout.strip().rpartition("=")[2]


@pytest.fixture(scope="module")
def made(county: Flask, key: tuple[Path, str], tmp_path_factory: Any) -> Path:
    """A backup that was made while others wrote."""
    stop = threading.Event()

    def write() -> None:
        with county.app_context():
            while not stop.is_set():
                db.session.add(Event(action="backup.test", data={}, id=uuid.uuid4()))
                db.session.commit()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = run(county, "make", str(tmp_path_factory.mktemp("backups")), "--for", key[1])
    finally:
        stop.set()
        writer.join()
    assert said.exit_code == 0, said.output
    return Path(said.stdout.strip())


def run(app: Flask, *args: str) -> Result:
    with app.app_context():
        return CliRunner().invoke(backup_group, [*args])


@pytest.fixture
def empty(config: Config, tmp_path: Path) -> Iterator[Flask]:
    """An application on an empty database and an empty store."""
    name = f"t{uuid.uuid4().hex[:12]}"
    url = config.database_url.replace("/gridserve?", f"/{name}?")
    server = create_engine(config.database_url, isolation_level="AUTOCOMMIT")
    with ExitStack() as stack:
        stack.callback(server.dispose)
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
            app = create_app(replace(config, database_url=url, blobs=str(tmp_path / "store")))
            yield app
            with app.app_context():
                db.engine.dispose()
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_what_is_restored_is_what_was_backed_up(county, empty, made, key):
    said = run(empty, "restore", str(made), "--key", str(key[0]))
    assert said.exit_code == 0, said.output
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["blobs"] == 1
    query = text("SELECT head_name FROM household")
    picture = text("SELECT stored_sha256 FROM photo")
    with empty.app_context():
        assert db.session.execute(query).scalars().all() == ["王小二"]
        assert blobs().get(db.session.scalar(picture))
        assert db.session.query(Event).count() == manifest["rows"]["event"]
    again = run(empty, "restore", str(made), "--key", str(key[0]))
    assert again.exit_code == 1
    assert "not empty" in again.stderr


def test_nothing_in_it_can_be_read_without_the_key(made, empty, tmp_path):
    assert not any("王小二".encode() in file.read_bytes() for file in made.iterdir())
    other = tmp_path / "other"
    CliRunner().invoke(backup_group, ["new-key", str(other)])
    said = run(empty, "restore", str(made), "--key", str(other))
    assert said.exit_code == 1
    assert "No matching keys" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("name", ["database.age", "blobs.age"])
def test_a_changed_file_is_refused(made, empty, key, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    whole = bytearray((copy / name).read_bytes())
    whole[len(whole) // 2] ^= 1
    (copy / name).write_bytes(whole)
    said = run(empty, "restore", str(copy), "--key", str(key[0]))
    assert said.exit_code == 1
    assert f"{name} is not what was written" in said.stderr
    # Also by somebody who mends the manifest: the seal itself is broken.
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["sha256"][name] = sha(bytes(whole))
    (copy / "manifest.json").write_text(json.dumps(manifest))
    said = run(empty, "restore", str(copy), "--key", str(key[0]))
    assert said.exit_code == 1
    assert "Traceback" not in said.output


@pytest.mark.parametrize("words", ["", "[]", "{}", '{"rows": 1, "sha256": []}'])
def test_what_is_no_backup_is_said_plainly(empty, key, tmp_path, words):
    (tmp_path / "manifest.json").write_text(words)
    said = run(empty, "restore", str(tmp_path), "--key", str(key[0]))
    assert said.exit_code == 1
    assert "is no backup" in said.stderr


def test_a_missing_file_is_named(made, empty, key, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    (copy / "blobs.age").unlink()
    said = run(empty, "restore", str(copy), "--key", str(key[0]))
    assert said.exit_code == 1
    assert "blobs.age cannot be read" in said.stderr


def test_it_is_tried_on_servers_of_its_own(county, made, key):
    said = run(county, "try", str(made), "--key", str(key[0]))
    assert said.exit_code == 0, said.output
    assert "can be restored" in said.stdout


def test_a_blob_that_the_store_has_lost_is_named(county, key, tmp_path):
    with county.app_context():
        lost = db.session.scalar(text("SELECT stored_sha256 FROM photo"))
        data = blobs().get(lost)
        blobs().delete(lost)
    said = run(county, "make", str(tmp_path), "--for", key[1])
    with county.app_context():
        keeping.put(data)
    assert "lost 1" in said.stderr
    manifest = json.loads((Path(said.stdout.strip()) / "manifest.json").read_text())
    assert manifest["missing"] == [lost]


def test_what_cannot_be_made_is_said_plainly(county, key, tmp_path):
    said = run(county, "make", str(tmp_path), "--for", "age1nonsense")
    assert (said.exit_code, "begins with age1" in said.stderr) == (1, True)
    (tmp_path / "file").touch()
    said = run(county, "make", str(tmp_path / "file" / "deep"), "--for", key[1])
    assert (said.exit_code, "Not a directory" in said.stderr) == (1, True)

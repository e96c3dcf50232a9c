"""The real PostGIS and the real Redis for every test; what a test writes is rolled back."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from gridserve import people
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db
from gridserve.jobs import connect
from gridserve.local import Addresses, Local
from gridserve.migrating import upgrade
from tests.factories import Make


class Client(FlaskClient):
    """A client whose requests each get an application context of their own, as when serving."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        with self.application.app_context():
            return super().open(*args, **kwargs)


# At each 700 new objects, as it comes, collecting took a twelfth of the time of some tests.
gc.set_threshold(20_000, 10, 10)

# As argon2id as any, but at once: what is hashed here is known to everybody.
people._hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

SECRET = "only-for-tests-" + "x" * 32
DATA_KEY = "only-for-tests-" + "d" * 32


@pytest.fixture(scope="session")
def addresses() -> Iterator[Addresses]:
    """Private servers for this test process."""
    folder = Path(tempfile.mkdtemp(prefix="gs-"))
    folder.chmod(0o755)  # the database's own user passes through
    local = Local(folder / "d")
    try:
        found = local.start()
        _hurry(found)
        yield found
    finally:
        local.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _hurry(addresses: Addresses) -> None:
    """Let the database wait for no disk: what a test kills is a process, never the machine."""
    server = create_engine(addresses.database_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    server.dispose()


@pytest.fixture(scope="session")
def config(addresses: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(
        database_url=addresses.database_url,
        redis_url=addresses.redis_url,
        secret_key=SECRET,
        data_key=(DATA_KEY,),
        blobs=str(tmp_path_factory.mktemp("blobs")),
    )


@pytest.fixture(scope="session")
def app(config: Config) -> Iterator[Flask]:
    """The application on a migrated database."""
    app = create_app(config)
    app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    app.test_client_class = Client
    with app.app_context():
        upgrade()
        db.engine.dispose()
    gc.freeze()  # it is there until the end: no collection need look through it again
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """An application context in a transaction that is rolled back at the end.

    Flask-SQLAlchemy asks its table of engines before a session's own bind, so both are set to
    the connection; otherwise rows would be committed behind the test's back.
    """
    with app.app_context():
        engines = db._app_engines[app]
        engine = engines[None]
        connection = engine.connect()
        transaction = connection.begin()
        session = db.session
        engines[None] = connection  # type: ignore[assignment]
        db.session = db._make_scoped_session(
            {"bind": connection, "join_transaction_mode": "create_savepoint"}
        )
        try:
            yield app
        finally:
            db.session.remove()
            db.session = session
            engines[None] = engine
            transaction.rollback()
            connection.close()
            connect(app.extensions["gridserve"]).flushdb()


@pytest.fixture
def make(context: Flask) -> Make:
    """Factories of rows."""
    return Make()


@pytest.fixture
def client(context: Flask) -> FlaskClient:
    """A client that is not signed in."""
    return context.test_client()


@pytest.fixture
def as_user(context: Flask) -> Callable[[people.User], FlaskClient]:
    """A client that carries a token of the given user."""

    def signed_in(user: people.User) -> FlaskClient:
        client = context.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {Make.token(user)}"
        return client

    return signed_in


@pytest.fixture
def committed(addresses: Addresses, app: Flask, config: Config) -> Iterator[Flask]:
    """An application on a database of its own, for tests in which things really commit."""
    with own_database(app, config) as own, own.app_context():
        yield own


@contextmanager
def own_database(app: Flask, config: Config) -> Iterator[Flask]:
    """An application on a fresh copy of the migrated database, dropped at the end."""
    name = f"t{os.urandom(6).hex()}"
    with app.app_context():
        db.engine.dispose()  # a database that somebody is connected to cannot be copied
        admin = db.engine.url.set(database="postgres")
    server = create_engine(admin, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE gridserve"))
    url = config.database_url.replace("/gridserve?", f"/{name}?")
    own = create_app(replace(config, database_url=url))
    own.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)
    own.test_client_class = Client
    try:
        yield own
    finally:
        with own.app_context():
            db.session.remove()
            db.engine.dispose()
        connect(config).flushdb()
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()

"""The database: base class, naming of constraints, column types, and what runs after a commit."""

from __future__ import annotations

import enum
import math
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import psycopg
from flask import g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as AppSession
from psycopg.pq import TransactionStatus
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    Connection,
    DateTime,
    Enum,
    MetaData,
    Select,
    String,
    TypeDecorator,
    Uuid,
    event,
    text,
)
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, make_transient_to_detached, registry
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.pool import ConnectionPoolEntry, Pool

Row = TypeVar("Row", bound="Base")
BLOB = {"blob": True}  # info of a column that names a blob: backups take these along
SRID = 4326
SKEW = timedelta(minutes=1)  # by which the clocks of two of our machines may differ

# SQLSTATEs that callers tell apart. Constraint names are compared by prefix only: on a sharded
# database the names of the shards' constraints end in a number.
UNIQUE_VIOLATION = "23505"
FOREIGN_KEY_VIOLATION = "23503"
CHECK_VIOLATION = "23514"
EXCLUSION_VIOLATION = "23P01"
RINGS = ("40001", "40P01")  # serialization failure, deadlock: nothing was done, try again
DISK_FULL = "53100"
UNDEFINED_TABLE, UNDEFINED_COLUMN = "42P01", "42703"


class Instant(TypeDecorator[datetime]):
    """A point in time, always with an offset, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """Asked by who reads values from text, such as a list's cursor."""
        return datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without an offset cannot be stored: {value}")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None


class Code(TypeDecorator[str]):
    """A jurisdiction or cell code. Collation C lets a btree index answer prefix searches."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length, collation="C")


def choice(kind: type[enum.StrEnum], name: str) -> Enum:
    """A text column that takes only the values of `kind` (checked by the database)."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=name,
        values_callable=lambda members: [m.value for m in members],
    )


NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """Base of all models."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: Instant(), uuid.UUID: Uuid()},
    )


def reference(*constraints: Any) -> tuple[Any, ...]:
    """Table arguments of a reference table: read-mostly, the same for all counties."""
    return (*constraints, {"info": {"placement": "reference"}})


def county(*constraints: Any) -> tuple[Any, ...]:
    """Table arguments of a county table: its rows belong to one county.

    County tables point at each other or at reference tables, never the other way, so that a
    county can be moved to a database of its own (docs/decisions/0003).
    """
    return (*constraints, {"info": {"placement": "county"}})


REPLICA = "replica"  # the name of its engine


class RoutedSession(AppSession):
    """A session that asks the replica while the view says so (gridserve/replica.py)."""

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any
    ) -> Engine | Connection:
        if bind is None and has_app_context() and g.get("from_replica"):
            return db.engines[REPLICA]
        return super().get_bind(mapper=mapper, clause=clause, bind=bind, **kwargs)


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutedSession})

# A connection that was in use a moment ago is alive: asking each time would cost each request a
# round trip. One that lay longer may have been lost with a restart of the server or a firewall.
IDLE_SECONDS = 2.0


# Only what is asked all the time (`run`) is prepared. Other queries are planned for their values: a
# plan for any value at all cannot know, say, whether a code's prefix is that of a cell or a county.
PREPARED = {"prepare_threshold": sys.maxsize}


class Connected(psycopg.Connection[Any]):
    """A connection on which what was prepared stays prepared when a transaction is rolled back.

    psycopg has the server forget it all, lest it names what only the transaction had made. Ours
    makes nothing, and each request that only reads ends with a rollback.
    """

    def rollback(self) -> None:
        """Roll back to the start of the transaction, if there is one."""
        if self.info.transaction_status is not TransactionStatus.INTRANS:
            # After a fault all is forgotten as ever: it may be that a migration has changed a
            # column, and what was prepared before would fail each time from now on.
            super().rollback()
            return
        with self.lock:
            self.wait(self._exec_command(b"ROLLBACK"))


@event.listens_for(Engine, "do_connect")
def _connect(_dialect: Dialect, _record: Any, args: Any, options: Any) -> Connected:
    return Connected.connect(*args, **options)


@event.listens_for(Pool, "connect")
def _in_utc(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Where a pooler stands before the database the zone could not be said at the beginning."""
    if connection.info.parameter_status("TimeZone") not in ("UTC", "Etc/UTC"):
        connection.execute("SET TIME ZONE 'UTC'")  # a pooler keeps it for this client
        connection.commit()


@event.listens_for(Pool, "checkin")
def _put_back(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _look_before_use(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    if time.monotonic() - record.info.get("idle_since", math.inf) < IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:
        raise DisconnectionError from error  # the pool makes another one


class ExtensionsMissing(Exception):
    """The database lacks an extension that its account may not create; says how to mend it."""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562), for tables that grow: it begins with the time, so that new
    rows share a page of the index, which random ones would spread over all of it."""
    milliseconds, chance = time.time_ns() // 1_000_000, secrets.randbits(74)
    return uuid.UUID(
        int=milliseconds << 80 | 7 << 76 | (chance >> 62) << 64 | 2 << 62 | chance & (1 << 62) - 1
    )


class Asked:
    """A query that is asked all the time: its SQL is worked out once and then run as it stands.

    `build` makes it with a `bindparam` for each value that changes. Building a query with some
    subqueries takes many times as long as running it.
    """

    def __init__(self, build: Callable[[], Select[*tuple[Any, ...]]]) -> None:
        self.build = build
        self.sql = ""
        self.fixed: dict[str, Any] = {}

    def __call__(self, **values: Any) -> list[Any]:
        """Run it in the present transaction; rows come as the driver gives them."""
        if not self.sql:
            built = self.build().compile(dialect=db.engine.dialect)
            self.fixed, self.sql = dict(built.params), str(built)
        return run(self.sql, **(self.fixed | values))


def run(sql: str, **values: Any) -> list[Any]:
    """The rows of a query, with names; `%(name)s` stands for a value. In the present transaction.

    It is prepared, so it should be one that comes again and whose plan is the same for all values.
    The driver is handed it as it stands: by way of SQLAlchemy a small query takes twice as long.
    """
    connection = db.session.connection()
    bare: Any = connection.connection
    try:
        return list(bare.cursor(row_factory=namedtuple_row).execute(sql, values, prepare=True))
    except psycopg.Error as error:
        if bare.driver_connection is None or bare.driver_connection.closed:
            connection.invalidate(error)  # SQLAlchemy did not see it; rolling it back would fail
        raise DBAPIError.instance(
            sql, values, error, psycopg.Error, hide_parameters=True
        ) from error


def streamed(query: Select[*tuple[Any, ...]]) -> Iterable[Any]:
    """The rows of a query, a thousand held in memory at a time. In the present transaction.

    All are going to be read: otherwise PostgreSQL would look for the way to the first tenth.
    """
    db.session.execute(text("SET LOCAL cursor_tuple_fraction = 1"))
    return db.session.execute(query.execution_options(yield_per=1_000))


@cache
def _readers(model: type[Base]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """The columns of a model's table, each with what makes of the driver's value that of Python."""
    dialect = db.engine.dialect
    kinds = [(name, column.type) for name, column in model.__table__.columns.items()]
    return [
        (name, kind.dialect_impl(dialect).result_processor(dialect, None)) for name, kind in kinds
    ]


def as_loaded(model: type[Row], values: Sequence[Any], **related: Any) -> Row:
    """A row of `model`'s table as an object, as if it had been loaded and taken out of its session.

    `values` as the driver gives them, in the order of the table's columns; `related` are its
    relationships, those that are not given stay unloaded.
    """
    row = model()
    row.__dict__.update(
        (name, read(value) if read else value)
        for (name, read), value in zip(_readers(model), values, strict=True)
    )
    for name, other in related.items():
        set_committed_value(row, name, other)
    make_transient_to_detached(row)
    return row


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a database error, or None."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def on_commit(callback: Callable[[], None]) -> None:
    """Call `callback` after the present transaction has committed, and not if it rolls back."""
    db.session().info.setdefault("on_commit", []).append(callback)


@event.listens_for(Session, "after_commit")
def _run_callbacks(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was released: nobody else sees yet what was done
    for callback in session.info.pop("on_commit", []):
        callback()


@event.listens_for(Session, "after_rollback")
def _forget_callbacks(session: Session) -> None:
    session.info.pop("on_commit", None)

"""Rows that somebody waits for and a job works on: claimed by one job at a time, found again where
that job died, given up after a few times, with a word on how far it is.

A row has the columns `attempts` and `claimed_at`, and `created_at`. It stays locked while a job is
at it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from flask import current_app
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.sql.base import ExecutableOption

from gridserve.db import db, now
from gridserve.jobs import connect

ATTEMPTS = 3
SILENCE = timedelta(seconds=60)  # after which a sweep asks again for a job

Row = TypeVar("Row", bound=Any)


def claim(
    model: type[Row], id_: uuid.UUID, waiting: ColumnElement[bool], *options: ExecutableOption
) -> tuple[Row, bool] | None:
    """Lock the row `id_` if it is `waiting` and nobody else has locked it, and count the attempt.

    Gives it and whether it may still be tried; None where nothing is to be done. Commits the count,
    so that a job that dies has used up an attempt.
    """
    query = (
        select(model)
        .where(model.id == id_, waiting)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
        .options(*options)
    )
    if db.session.scalar(query) is None:
        return None
    taken = db.session.execute(
        update(model)
        .where(model.id == id_, model.attempts < ATTEMPTS)
        .values(attempts=model.attempts + 1, claimed_at=now())
    )
    db.session.commit()
    row = db.session.scalar(query)
    return None if row is None else (row, bool(taken.rowcount))  # type: ignore[attr-defined]


def lost(model: type[Row], waiting: ColumnElement[bool]) -> Sequence[Row]:
    """The rows of which nobody has heard for a while: their jobs are to be asked for again."""
    return db.session.scalars(
        select(model)
        .where(waiting, model.created_at < now() - SILENCE)
        .where(model.claimed_at.is_(None) | (model.claimed_at < now() - SILENCE))
        .order_by(model.created_at)
        .limit(100)
    ).all()


def say(row: Any, words: str) -> None:
    """Show what is being done with a row; it is no matter where that is lost."""
    with suppress(RedisError):
        connect(current_app.extensions["gridserve"]).set(_key(row), str(words), ex=3600)


def said(row: Any) -> str:
    """What is being done with a row that waits; "" where nothing is known."""
    try:
        found = connect(current_app.extensions["gridserve"]).get(_key(row))
    except RedisError:
        return ""
    return found.decode() if isinstance(found, bytes) else ""


def _key(row: Any) -> str:
    return f"gridserve:{row.__tablename__}:{row.id}"

"""What is asked of the database meanwhile, by way of SQLAlchemy or of the driver itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg

ALIVE = "SELECT 1"  # the pool asks it of a connection that lay idle


@contextmanager
def statements() -> Iterator[list[str]]:
    """All SQL that this process sends inside, in order; values stay out."""
    sent: list[str] = []

    def noted(send: Any) -> Any:
        def sending(cursor: psycopg.Cursor[Any], query: Any, *args: Any, **kwargs: Any) -> Any:
            if query != ALIVE:
                sent.append(str(query))
            return send(cursor, query, *args, **kwargs)

        return sending

    ways = {name: noted(getattr(psycopg.Cursor, name)) for name in ("execute", "executemany")}
    with patch.multiple(psycopg.Cursor, **ways):
        yield sent

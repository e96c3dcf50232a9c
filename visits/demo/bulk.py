"""Many rows at once: COPY through the session's own connection, ids from the seed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridserve.db import db

Moments = NDArray[np.datetime64]


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows of Python values (None for null) to `table` in the session's transaction."""
    driver: Any = db.session.connection().connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def make_ids(count: int, rng: np.random.Generator) -> list[str]:
    """Random version 4 UUIDs as 32 hexadecimal digits each, without a UUID object for every one."""
    raw = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = raw.tobytes().hex()
    return [digits[i : i + 32] for i in range(0, 32 * count, 32)]


def make_id(rng: np.random.Generator) -> uuid.UUID:
    """One random version 4 UUID."""
    return uuid.UUID(make_ids(1, rng)[0])


def written(moments: Moments) -> list[str | None]:
    """Times (numpy, in UTC) as the database reads them; not-a-time becomes null."""
    texts = np.datetime_as_string(moments, unit="s").tolist()
    return [None if text == "NaT" else text + "Z" for text in texts]

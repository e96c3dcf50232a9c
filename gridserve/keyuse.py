"""Which keys seal what lies in the database, and sealing it anew with the present one."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, LargeBinary, func, select, text, type_coerce
from sqlalchemy.exc import OperationalError, ProgrammingError

from gridserve import events, sealing
from gridserve.db import Base, db
from gridserve.sealed import Sealed, SealedBytes
from gridserve.sealing import CIPHERS, HEAD, SealBroken
from gridserve.trail import Seal

AT_ONCE, FILES_AT_ONCE = 500, 5  # rows of one transaction
PATIENCE = 20  # times that rows which others hold are waited for, a second each
START = uuid.UUID(int=0)
NAMES = {number: name for name, number in CIPHERS.items()}


@dataclass(frozen=True)
class Use:
    """How many values of a column (or seals of the trail) lie under one key and cipher."""

    where: str
    key: str  # its name in hexadecimal digits, as many as lie beside a value
    cipher: str
    count: int

    @property
    def known(self) -> bool:
        """Whether the installation has the key."""
        return bytes.fromhex(self.key) in sealing.data_keys()

    @property
    def present(self) -> bool:
        """Whether it is as it would be sealed now."""
        cipher, key = sealing.present()
        return self.key == key.name.hex() and self.cipher in (NAMES[cipher], "")


@dataclass
class Rotated:
    """What a run did, and what it could not."""

    sealed: int = 0
    left: int = 0  # held by others all the time
    broken: int = 0  # under no known key, or changed


class KeyMissing(SystemExit):
    """The application may not start: with its keys it reads nothing of what lies there."""


def columns() -> list[Column[Any]]:
    """All columns that lie sealed."""
    tables = Base.metadata.sorted_tables
    return [column for table in tables for column in table.c if isinstance(column.type, Sealed)]


def uses() -> list[Use]:
    """What lies under which key, by column; the audit trail last. Reads all rows."""
    found = []
    for column in columns():
        head = func.substring(_raw(column), 1, HEAD)
        rows = db.session.execute(
            select(head, func.count()).where(_raw(column).is_not(None)).group_by(head)
        )
        for lies, count in sorted((bytes(head), count) for head, count in rows):
            cipher = NAMES.get(lies[0], "?")
            found.append(Use(column.type.column, lies[1:].hex(), cipher, count))  # type: ignore[attr-defined]
    seals = db.session.execute(select(Seal.key, func.count()).group_by(Seal.key).order_by(Seal.key))
    for name, count in seals:
        found.append(Use("audit trail", name[: 2 * sealing.NAME], "", count))
    return found


def require(engine: Engine) -> None:
    """Raise KeyMissing where what lies in the database was sealed with other keys; one value of
    each column is looked at. While there is no database, or no table yet, nothing is said."""
    known = sealing.data_keys()
    try:
        with engine.connect() as connection:
            for column in columns():
                raw = _raw(column)
                wanted = select(func.substring(raw, 1, HEAD)).where(raw.is_not(None)).limit(1)
                lies = connection.scalar(wanted)
                if lies is not None and bytes(lies)[1:] not in known:
                    raise KeyMissing(
                        f"{column} lies sealed under the key {bytes(lies)[1:].hex()}, which is not "
                        "in GRIDSERVE_DATA_KEY: put it there, after a comma where it is an earlier "
                        "one. `gridserve keys check` counts what lies under which key."
                    )
    except (OperationalError, ProgrammingError):
        return


def rotate(say: Callable[[int], object] = lambda count: None) -> Rotated:
    """Seal with the present key what lies under earlier ones, while the application goes on.

    Each batch is committed by itself, so a run can be stopped at any moment and begun again. Rows
    that somebody else holds are left for the next round; nothing waits, and no ring can form.
    """
    done = Rotated()
    for column in columns():
        for _n in range(PATIENCE):
            broken = 0
            for sealed, failed in _round(column):
                done.sealed += sealed
                broken += failed
                say(sealed)
            left = _under_others(column) - broken
            if left <= 0:
                break
            time.sleep(1)
        done.left += max(left, 0)
        done.broken += broken
    if done.sealed:
        name = sealing.present()[1].name.hex()
        events.record("keys.rotated", None, by=None, data={"values": done.sealed, "key": name})
        db.session.commit()
    return done


def waiting() -> int:
    """How many values are not sealed as they would be now."""
    return sum(_under_others(column) for column in columns())


def _raw(column: Column[Any]) -> Any:
    """The column's bytes as they lie."""
    return type_coerce(column, LargeBinary)


def _under_others(column: Column[Any]) -> int:
    cipher, key = sealing.present()
    head = func.substring(_raw(column), 1, HEAD)
    wanted = select(func.count()).select_from(column.table)
    count = db.session.scalar(wanted.where(head != bytes([cipher]) + key.name)) or 0
    db.session.rollback()
    return count


def _round(column: Column[Any]) -> Iterator[tuple[int, int]]:
    """Once through the table by its ids: how many of each batch were sealed, how many failed."""
    most = FILES_AT_ONCE if isinstance(column.type, SealedBytes) else AT_ONCE
    table, name = f'"{column.table.name}"', column.name
    read = text(f"""
        SELECT id, {name} FROM {table}
        WHERE id > :after AND substring({name} from 1 for {HEAD}) <> :now
        ORDER BY id LIMIT :most FOR NO KEY UPDATE SKIP LOCKED
    """)  # noqa: S608 (names of our own columns)
    write = text(f"UPDATE {table} SET {name} = :value WHERE id = :id")  # noqa: S608
    cipher, key = sealing.present()
    asked = {"after": START, "now": bytes([cipher]) + key.name, "most": most}
    while rows := db.session.execute(read, asked).all():
        values, failed = [], 0
        for id_, lies in rows:
            try:
                values.append({"id": id_, "value": _anew(column.type, bytes(lies))})
            except SealBroken:
                failed += 1
        if values:
            db.session.execute(write, values)
        db.session.commit()
        asked["after"] = rows[-1].id
        yield len(values), failed


def _anew(type_: Any, lies: bytes) -> bytes:
    sealed: bytes = type_.seal(type_.read(type_.open(lies)))
    return sealed

"""The trail of a month in a file that can be held against its seals for ever after.

Gzipped lines of JSON: the first says after which head it begins, each further one is a seal with
its events, in the order in which they were sealed.
"""

from __future__ import annotations

import gzip
import json
import os
import uuid
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db
from gridserve.events import Event
from gridserve.trail import COLUMNS, FIRST, Head, Seal, canonical, said_by, written
from gridserve.trailcheck import Chain, Found

FORMAT = "gridserve trail 1"


class BadArchive(Exception):
    """It is no file of a trail, or is cut off; the message says so."""


def write(month: date, path: Path) -> Found:
    """Write what was sealed in the month that begins with `month`; looked at on the way.

    The file appears whole or not at all, readable by its owner only.
    """
    after = (month + timedelta(days=32)).replace(day=1)
    start, end = workdays.span(month, after - timedelta(days=1))
    seals = select(Seal.number).where(Seal.at >= start, Seal.at < end).order_by(Seal.number)
    numbers = list(db.session.scalars(seals))
    first = numbers[0] - 1 if numbers else 0
    code = db.session.scalar(select(Seal.code).where(Seal.number == first))
    before = Head(first, code or FIRST)
    found = Found()
    chain, draft = Chain(found, before), path.with_name(path.name + f".{os.getpid()}")
    draft.touch(mode=0o600)
    try:
        with gzip.open(draft, "wb") as out:
            out.write(canonical({"format": FORMAT, "before": str(before)}) + b"\n")
            for number in numbers:
                seal = db.session.get_one(Seal, number)
                rows = db.session.execute(select(*COLUMNS).where(Event.id.in_(seal.ids))).all()
                by_id = {row.id: row for row in rows}
                chain.add(seal, by_id)
                out.write(canonical(_written(seal, by_id)) + b"\n")
                db.session.expunge(seal)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return found


def _written(seal: Seal, rows: dict[uuid.UUID, Any]) -> dict[str, Any]:
    return {
        "number": seal.number, "at": written(seal.at), "key": seal.key, "code": seal.code.hex(),
        "ids": [str(each) for each in seal.ids], "digests": seal.digests.hex(),
        "events": [said_by(rows[each]) for each in seal.ids if each in rows],
    }  # fmt: skip


def verify(path: Path) -> Found:
    """Hold a file against its own seals, and these against those that the database still has."""
    found = Found()
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            top = json.loads(next(lines))
            if top["format"] != FORMAT:
                raise BadArchive(f"{path} is no archive of a trail.")
            number, _colon, code = top["before"].partition(":")
            chain = Chain(found, Head(int(number), bytes.fromhex(code)))
            for line in lines:
                seal, rows = _read(json.loads(line))
                chain.add(seal, rows)
                stored = db.session.scalar(select(Seal.code).where(Seal.number == seal.number))
                if stored is not None and stored != seal.code:
                    found.fault(f"seal {seal.number} of the file is not that of the database")
    except (OSError, EOFError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise BadArchive(f"{path} is damaged or no archive of a trail ({error}).") from error
    return found


def _read(said: dict[str, Any]) -> tuple[Any, dict[uuid.UUID, Any]]:
    seal = SimpleNamespace(
        number=said["number"], at=datetime.fromisoformat(said["at"]), key=said["key"],
        code=bytes.fromhex(said["code"]), ids=[uuid.UUID(each) for each in said["ids"]],
        digests=bytes.fromhex(said["digests"]),
    )  # fmt: skip
    rows = {}
    for id_, at, action, subject_id, actor_id, code, data in said["events"]:
        rows[uuid.UUID(id_)] = SimpleNamespace(
            id=id_, at=datetime.fromisoformat(at), action=action, subject_id=subject_id,
            actor_id=actor_id, jurisdiction_code=code, data=data,
        )  # fmt: skip
    return seal, rows

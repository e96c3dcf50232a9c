"""The trail's proof: events are sealed in batches, each seal bound to the one before it.

A seal lists the events of a batch, the digest of each, and a code over all that and over the seal
before, made with a key that the database does not know. Whoever can write to the database can
change what lies in it, but not without a seal that fits no more (docs/decisions/0040).

What was just written waits in `event_waiting`, into which a trigger puts it, until the job `seal`
runs: there its order does not matter, so those who write events never wait for each other.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    LargeBinary,
    String,
    Uuid,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gridserve import sealing
from gridserve.db import Base, county, db, now, run
from gridserve.events import Event

BATCH = 1000  # events of a seal
AT_ONCE = 200  # seals of one run of the job
FIRST = bytes(32)  # before the first seal
_LOCK = 0x5EA1  # one sealer at a time
# Events that wait, which from now on wait no more; one that was taken away waits on, to be found.
TAKE = """
    DELETE FROM event_waiting USING (
        SELECT event.* FROM event_waiting JOIN event ON event.id = event_id LIMIT %(most)s
    ) AS event
    WHERE event_id = event.id
    RETURNING event.id, event.at, event.action, event.subject_id, event.actor_id,
        event.jurisdiction_code, event.data
"""
COLUMNS = (
    Event.id, Event.at, Event.action, Event.subject_id, Event.actor_id, Event.jurisdiction_code,
    Event.data,
)  # fmt: skip


class EventWaiting(Base):
    """An event that no seal has yet. Only the trigger writes here."""

    __tablename__ = "event_waiting"
    __table_args__ = county()

    event_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Seal(Base):
    """A batch of events, in order. Rows are never changed or deleted: a trigger forbids it."""

    __tablename__ = "event_seal"
    __table_args__ = county(
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("octet_length(digests) = 32 * cardinality(ids)", name="digests"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(default=now)
    ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    digests: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256 of each event
    key: Mapped[str] = mapped_column(String(16))  # the name of the key that `code` was made with
    code: Mapped[bytes] = mapped_column(LargeBinary)  # over all of it and the code before


@dataclass(frozen=True)
class Head:
    """The last seal: whoever notes it elsewhere can prove later that nothing up to it was lost."""

    number: int
    code: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.code.hex()}"


def digest_of(event: Any) -> bytes:
    """SHA-256 of all that an event says."""
    return hashlib.sha256(canonical(said_by(event))).digest()


def said_by(event: Any) -> list[Any]:
    """All that an event says, in the order of COLUMNS and in one way of writing it."""
    return [
        str(event.id), written(event.at), event.action,
        event.subject_id and str(event.subject_id), event.actor_id and str(event.actor_id),
        event.jurisdiction_code, event.data,
    ]  # fmt: skip


def written(moment: datetime) -> str:
    """A moment in the one way in which it is signed."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(said: Any) -> bytes:
    """JSON in the one way in which it is signed."""
    written = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode()


def code_of(
    key: bytes, before: bytes, number: int, at: datetime, ids: Iterable[uuid.UUID], digests: bytes
) -> bytes:
    """The code that binds a seal to the one before it: HMAC with SHA-256, 32 bytes."""
    head = canonical([number, written(at)])
    made = hmac.new(key, before + hashlib.sha256(head).digest(), hashlib.sha256)
    for one in ids:
        made.update(one.bytes)
    made.update(digests)
    return made.digest()


def head() -> Head:
    """The last seal, or number 0 where there is none."""
    last = db.session.execute(
        select(Seal.number, Seal.code).order_by(Seal.number.desc()).limit(1)
    ).first()
    return Head(*last) if last else Head(0, FIRST)


def seal(most: int = AT_ONCE) -> int:
    """Seal what waits, in at most so many batches; gives how many events were sealed.

    Only events that are committed are seen, whenever their transactions began. The caller commits.
    """
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    sealed, last = 0, head()
    for _n in range(most):
        rows = run(TAKE, most=BATCH)
        if not rows:
            break
        last = _seal(sorted(rows, key=lambda row: (row.at, row.id)), last)
        sealed += len(rows)
    return sealed


def _seal(rows: Sequence[Any], before: Head) -> Head:
    ids, digests = [row.id for row in rows], b"".join(digest_of(row) for row in rows)
    name, key = next(iter(sealing.trail_keys().items()))
    number, at = before.number + 1, now()
    code = code_of(key, before.code, number, at, ids, digests)
    db.session.add(Seal(number=number, at=at, ids=ids, digests=digests, key=name, code=code))
    db.session.flush()
    return Head(number, code)

"""Whether the trail is as it was sealed: each change, loss, addition and exchange is named."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from gridserve import sealing
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.trail import COLUMNS, FIRST, EventWaiting, Head, Seal, code_of, digest_of

MOST_NAMED = 1000  # faults
GUARDS = (("event", "append_only"), ("event", "wait_for_seal"), ("event_seal", "append_only"))

# Neither in a seal nor waiting for one: put in behind the trigger's back.
STRAY = """
    SELECT id FROM event
    EXCEPT SELECT unnest(ids) FROM event_seal
    EXCEPT SELECT event_id FROM event_waiting
    LIMIT :most
"""
LOST = """
    SELECT event_id FROM event_waiting w
    WHERE NOT EXISTS (SELECT FROM event e WHERE e.id = w.event_id) LIMIT :most
"""
ENABLED = """
    SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace
"""


@dataclass
class Found:
    """What was looked at, and what is wrong with it in plain words, each fault once."""

    events: int = 0
    seals: int = 0
    waiting: int = 0
    waiting_since: datetime | None = None
    head: Head = field(default_factory=lambda: Head(0, FIRST))
    faults: list[str] = field(default_factory=list)

    def fault(self, words: str) -> None:
        if len(self.faults) < MOST_NAMED:
            self.faults.append(words)


def verify(noted: Head | None = None, *, say: Callable[[int], object] = lambda n: None) -> Found:
    """Hold everything that is stored against its seals.

    `noted` is a head that somebody wrote down elsewhere: without one, that the last seals and all
    of theirs are gone cannot be seen. `say` hears of how many events more were looked at.
    """
    db.session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    found = Found()
    chain = Chain(found)
    for seal in _seals():
        rows = db.session.execute(select(*COLUMNS).where(Event.id.in_(seal.ids))).all()
        chain.add(seal, {row.id: row for row in rows})
        if noted is not None and seal.number == noted.number and seal.code != noted.code:
            found.fault(f"seal {seal.number} is not the one that was noted")
        say(len(seal.ids))
    if noted is not None and noted.number > found.head.number:
        found.fault(f"the seals after {found.head.number}, up to {noted.number}, are missing")
    _unsealed(found)
    return found


class Chain:
    """Seals one after the other, each held against the one before and against its events."""

    def __init__(self, found: Found, before: Head | None = None) -> None:
        self.found, self.keys = found, sealing.trail_keys()
        if before is not None:
            found.head = before

    def add(self, seal: Any, rows: dict[uuid.UUID, Any]) -> None:
        """The next seal, with what is stored of its events."""
        found, number, before = self.found, seal.number, self.found.head
        if number != before.number + 1:
            gap = f"{before.number + 1} to {number - 1}" if number > before.number + 1 else number
            found.fault(f"seals are missing or out of order: {gap}")
        key = self.keys.get(seal.key)
        if key is None:
            found.fault(f"seal {number} was made with the key {seal.key}, which is not known here")
        elif code_of(key, before.code, number, seal.at, seal.ids, seal.digests) != seal.code:
            found.fault(f"seal {number} was changed, or does not follow the one before it")
        for n, event_id in enumerate(seal.ids):
            row = rows.get(event_id)
            if row is None:
                found.fault(f"event {event_id} of seal {number} is missing")
            elif digest_of(row) != seal.digests[32 * n : 32 * n + 32]:
                found.fault(f"event {event_id} of seal {number} was changed")
        found.head = Head(number, seal.code)
        found.seals += 1
        found.events += len(seal.ids)


def _seals() -> Iterator[Seal]:
    """All seals by number, a hundred at a time."""
    number = 0
    while True:
        query = select(Seal).where(Seal.number > number).order_by(Seal.number).limit(100)
        page = db.session.scalars(query).all()
        if not page:
            return
        yield from page
        number = page[-1].number
        db.session.expunge_all()


def _unsealed(found: Found) -> None:
    """What waits, what should wait and does not, and whether the triggers stand guard."""
    found.waiting, found.waiting_since = db.session.execute(
        select(func.count(), func.min(Event.at)).join(
            EventWaiting, EventWaiting.event_id == Event.id
        )
    ).one()
    for (event_id,) in _ids(LOST):
        found.fault(f"event {event_id}, which waited for its seal, is missing")
    if db.session.scalar(select(func.count()).select_from(Event)) != found.events + found.waiting:
        for (event_id,) in _ids(STRAY):
            found.fault(f"event {event_id} was put in without a seal")
    on = {tuple(row) for row in db.session.execute(text(ENABLED))}
    for table, trigger in GUARDS:
        if (table, trigger) not in on:
            found.fault(f"the trigger {trigger} of the table {table} is switched off or gone")


def _ids(query: str) -> Iterable[Any]:
    return db.session.execute(text(query), {"most": MOST_NAMED}).all()


def overdue(found: Found, hours: float = 1) -> bool:
    """Whether what waits has waited so long that the job that seals cannot be running."""
    since = found.waiting_since
    return since is not None and (now() - since).total_seconds() > hours * 3600

"""The append-only trail of what was done: who, what, on what, when."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, county, db, new_id, now

if TYPE_CHECKING:
    from gridserve.people import User


class Event(Base):
    """One thing done. Rows are never changed or deleted: a trigger forbids it."""

    __tablename__ = "event"
    __table_args__ = county(Index(None, "subject_id", "at"), Index(None, "at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(default=now)
    action: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID | None]
    actor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    jurisdiction_code: Mapped[str | None] = mapped_column(Code(15))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)

    actor: Mapped[User | None] = relationship("User", lazy="raise", viewonly=True)


def record(
    action: str,
    subject: uuid.UUID | None,
    *,
    by: uuid.UUID | None,
    jurisdiction: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write down one thing done, in the same transaction as the thing itself."""
    db.session.add(
        Event(
            action=action,
            subject_id=subject,
            actor_id=by,
            jurisdiction_code=jurisdiction,
            data=data or {},
        )
    )


ALL = """
    INSERT INTO event (id, at, action, subject_id, actor_id, jurisdiction_code, data)
    SELECT one.id, :at, :action, one.subject, :by, one.code, '{}'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:subjects AS uuid[]), CAST(:codes AS varchar[]))
        AS one (id, subject, code)
"""


def record_all(
    action: str, subjects: Sequence[tuple[uuid.UUID, str]], *, by: uuid.UUID | None
) -> None:
    """Write down the same thing done to several: each with the jurisdiction that it lies in."""
    db.session.execute(
        text(ALL),
        {
            "at": now(),
            "action": action,
            "by": by,
            "ids": [new_id() for _ in subjects],
            "subjects": [subject for subject, _ in subjects],
            "codes": [code for _, code in subjects],
        },
    )

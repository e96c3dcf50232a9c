"""The record of a document: what was asked for, what came of it, and where its file lies."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import BLOB, Base, Code, choice, county, now
from gridserve.people import User


class DocumentState(enum.StrEnum):
    WAITING = "waiting"  # a job is to make it, or is at it
    DONE = "done"
    FAILED = "failed"  # it cannot be made, `failure` says why


class Document(Base):
    """One file made on request. Its content is in the store of blobs under `sha256`."""

    __tablename__ = "document"
    __table_args__ = county(
        CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="failure"),
        CheckConstraint("(state = 'done') = (sha256 IS NOT NULL)", name="sha256"),
        CheckConstraint("(sha256 IS NULL) = (size IS NULL)", name="size"),
        Index(None, "scope", "created_at"),
        Index(None, "by_id", "created_at"),
        Index(None, "created_at"),
        Index(None, "sha256"),
        Index("ix_document_waiting", "claimed_at", postgresql_where=text("state = 'waiting'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    kind: Mapped[str] = mapped_column(String(24))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB)  # as they were said
    as_of: Mapped[datetime]
    format: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(8))
    formula: Mapped[str] = mapped_column(String(80))  # of the version that made it
    title: Mapped[str] = mapped_column(String(160))
    scope: Mapped[str] = mapped_column(Code(12))  # the jurisdiction that it is of, "" everywhere
    # The posts by which it was asked for, as role:code: while one is missing it is not given out.
    held: Mapped[list[str]] = mapped_column(JSONB)
    state: Mapped[DocumentState] = mapped_column(choice(DocumentState, "state"))
    failure: Mapped[str | None] = mapped_column(String(2000))
    sha256: Mapped[str | None] = mapped_column(String(64), info=BLOB)
    size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    said: Mapped[str] = mapped_column(String(64))  # digest of what was asked: tells a repeat
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)

    by: Mapped[User] = relationship(lazy="raise")

    @property
    def at_work(self) -> bool:
        """Whether a job is to be at it."""
        return self.state == DocumentState.WAITING

    @property
    def file_name(self) -> str:
        """What the file is called where it is taken to."""
        return f"{self.title}.{self.format}"

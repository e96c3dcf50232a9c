"""The record of an import, with the file for as long as it is needed."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from gridserve.sealed import SealedBytes


class ImportState(enum.StrEnum):
    CHECKING = "checking"  # a job looks at the file
    CHECKED = "checked"  # a person looks at the report
    IMPORTING = "importing"  # a job stores it
    DONE = "done"
    FAILED = "failed"  # the file cannot be used, `failure` says why
    DROPPED = "dropped"


# A job is to be at work on these.
AT_WORK = (ImportState.CHECKING, ImportState.IMPORTING)
STILL_OPEN = (*AT_WORK, ImportState.CHECKED, ImportState.FAILED)


class Import(Base):
    """One file and what became of it. The file itself goes when it is no longer needed."""

    __tablename__ = "import"
    __table_args__ = county(
        CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="failure"),
        CheckConstraint(
            "state NOT IN ('checking', 'importing') OR content IS NOT NULL", name="content"
        ),
        Index(None, "created_at"),
        Index(
            "ix_import_at_work", "claimed_at",
            postgresql_where=text("state IN ('checking', 'importing')"),
        ),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[ImportState] = mapped_column(choice(ImportState, "state"))
    # Where the sender may import such files, "" everywhere: who covers that sees the record.
    scope: Mapped[str] = mapped_column(Code(12))
    file_name: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the file
    size: Mapped[int]  # bytes
    content: Mapped[bytes | None] = mapped_column(SealedBytes("import.content"), deferred=True)
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    language: Mapped[str] = mapped_column(String(8))  # of the words in the report
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    failure: Mapped[str | None] = mapped_column(String(2000))
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)

    by: Mapped[User] = relationship(lazy="raise")

    @property
    def at_work(self) -> bool:
        """Whether a job is to be at it."""
        return self.state in AT_WORK

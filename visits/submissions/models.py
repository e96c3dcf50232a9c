"""What was refused of what phones sent, kept until somebody has seen to it."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from gridserve.sealed import SealedText


class Kind(enum.StrEnum):
    VISIT = "visit"
    ISSUE = "issue"
    STEP = "step"


class Result(enum.StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"


class Resolution(enum.StrEnum):
    APPLIED = "applied"
    DROPPED = "dropped"


class Submission(Base):
    """One refused item with its payload and the answer that it got; a repeat gets it again."""

    __tablename__ = "submission"
    __table_args__ = county(
        UniqueConstraint("account_id", "digest"),
        CheckConstraint("(resolution IS NULL) = (resolved_at IS NULL)", name="resolved"),
        CheckConstraint("(resolution IS NULL) = (resolved_by_id IS NULL)", name="resolved_by"),
        Index(None, "account_id", "item_id"),
        Index(
            "ix_submission_open",
            "jurisdiction_code",
            "received_at",
            postgresql_where=text("resolution IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    device: Mapped[str] = mapped_column(String(80))
    received_at: Mapped[datetime] = mapped_column(default=now)
    skew_s: Mapped[float | None]  # the phone's clock minus ours, where it said its time
    kind: Mapped[Kind | None] = mapped_column(choice(Kind, "kind"))
    item_id: Mapped[uuid.UUID | None]  # the client's id of the visit, issue or step
    # What it needs to be stored first: of a step the issue, of an issue the visit.
    needs_id: Mapped[uuid.UUID | None]
    # Whose desk sees to it: where the thing lies, else where the sender has the post.
    jurisdiction_code: Mapped[str | None] = mapped_column(Code(12))
    # A complaint about staff is for leaders only, and never for the person.
    about_staff: Mapped[bool] = mapped_column(default=False)
    about_id: Mapped[uuid.UUID | None]
    # The item as JSON, cut where it is very long; it may hold a resident's phone.
    payload: Mapped[str] = mapped_column(SealedText("submission.payload"))
    length: Mapped[int]  # of the whole payload in characters
    digest: Mapped[str] = mapped_column(String(64))  # of the whole payload: tells a repeat
    result: Mapped[Result] = mapped_column(choice(Result, "result"))
    code: Mapped[str] = mapped_column(String(60))
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)  # title, detail, errors, suggested
    resolution: Mapped[Resolution | None] = mapped_column(choice(Resolution, "resolution"))
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    applied_id: Mapped[uuid.UUID | None]  # under which id it is stored
    words: Mapped[str] = mapped_column(Text, default="")  # why it was dropped

    account: Mapped[User] = relationship(lazy="raise", foreign_keys=account_id)
    resolved_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=resolved_by_id)

    @property
    def cut(self) -> bool:
        """Whether the payload was too long to be kept whole."""
        return len(self.payload) < self.length

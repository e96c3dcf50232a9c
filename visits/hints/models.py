"""A hint on a visit: its reason in numbers, what was asked and answered, how it was settled."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from visits.models import Visit


class HintKind(enum.StrEnum):
    """What made a visit look unusual."""

    SAME_TEXT = "same_text"
    SAME_PHOTO = "same_photo"
    SPEED = "speed"
    LATE_BATCH = "late_batch"
    FAR = "far"
    MOCKED = "mocked"


class State(enum.StrEnum):
    """How far a hint is."""

    OPEN = "open"
    ASKED = "asked"
    ANSWERED = "answered"
    IN_ORDER = "in_order"
    TO_CONFIRM = "to_confirm"


SETTLED = (State.IN_ORDER, State.TO_CONFIRM)


class Hint(Base):
    """One kind of hint on one visit: found once, however often it is looked for."""

    __tablename__ = "hint"
    __table_args__ = county(
        UniqueConstraint("visit_id", "kind"),
        CheckConstraint("(asked_at IS NULL) = (asked_by_id IS NULL)", name="asked"),
        CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answered"),
        CheckConstraint(
            "(settled_at IS NULL) = (settled_by_id IS NULL)"
            " AND (settled_at IS NOT NULL) = (state IN ('in_order', 'to_confirm'))",
            name="settled",
        ),
        Index(None, "village_code", "found_at", "id"),
        Index(
            "ix_hint_unsettled", "village_code", "found_at", "id",
            postgresql_where=text("settled_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[HintKind] = mapped_column(choice(HintKind, "kind"))
    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"))
    other_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("visit.id"))  # compared with it
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # the numbers of its reason
    state: Mapped[State] = mapped_column(choice(State, "state"), default=State.OPEN)
    found_at: Mapped[datetime] = mapped_column(default=now)
    asked_at: Mapped[datetime | None]
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    question: Mapped[str] = mapped_column(String(300), default="", server_default="")
    answered_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(500), default="", server_default="")
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    settled_words: Mapped[str] = mapped_column(String(300), default="", server_default="")

    visit: Mapped[Visit] = relationship(lazy="raise", foreign_keys=visit_id)
    other: Mapped[Visit | None] = relationship(lazy="raise", foreign_keys=other_id)
    settled_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=settled_by_id)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to be done."""
        return self.state in SETTLED

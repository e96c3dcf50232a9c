"""A resident's request, who decided it and what came of it."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from gridserve.sealed import SealedPhone, SealedText, is_sealed_phone
from visits.models import Household


class Kind(enum.StrEnum):
    """What is asked for."""

    SEE = "see"
    CORRECT = "correct"
    DELETE = "delete"


class State(enum.StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"


class ResidentRequest(Base):
    """One request. Who took it down does not decide it."""

    __tablename__ = "resident_request"
    __table_args__ = county(
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(state = 'open') = (decided_by_id IS NULL)", name="decided_by"),
        CheckConstraint("decided_by_id <> by_id", name="four_eyes"),
        is_sealed_phone("phone"),
        Index(None, "village_code", "state", "due_on", "id"),
        Index(None, "household_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    kind: Mapped[Kind] = mapped_column(choice(Kind, "kind"))
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"))
    village_code: Mapped[str] = mapped_column(Code(12))
    phone: Mapped[str | None] = mapped_column(SealedPhone("resident_request.phone"))
    words: Mapped[str] = mapped_column(Text)  # what is asked
    checked: Mapped[str] = mapped_column(String(200))  # how it was made sure who asks
    # Of a correction what it should say, as JSON: head_name, phone, address.
    wanted: Mapped[str | None] = mapped_column(SealedText("resident_request.wanted"))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[State] = mapped_column(choice(State, "state"), default=State.OPEN)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    answer: Mapped[str] = mapped_column(Text, default="")
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # what went, what stays

    household: Mapped[Household] = relationship(lazy="raise")
    by: Mapped[User] = relationship(lazy="raise", foreign_keys=by_id)
    decided_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=decided_by_id)

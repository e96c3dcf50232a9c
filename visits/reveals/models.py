"""Who had a name and phone shown, for what, and what was unusual about it."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from visits.issues.models import Issue
from visits.models import Household


class Purpose(enum.StrEnum):
    """What somebody needs it for; the words say more."""

    HANDLING = "handling"  # an issue is handled
    VISIT = "visit"  # a visit is arranged
    CHECKING = "checking"  # what is stored is checked
    RESIDENT = "resident"  # the resident asked for it
    EMERGENCY = "emergency"
    OTHER = "other"


class Unusual(enum.StrEnum):
    """Why the person's administrator is told."""

    LIMIT = "limit"  # the day's number is used up
    MANY = "many"  # many within an hour
    NIGHT = "night"
    ELSEWHERE = "elsewhere"  # outside the cells that the person visits


class Reveal(Base):
    """A name and phone shown to somebody for a while."""

    __tablename__ = "reveal"
    __table_args__ = county(
        CheckConstraint("num_nonnulls(household_id, issue_id) = 1", name="about"),
        Index(None, "user_id", "at"),
        Index(None, "village_code", "at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    household_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("household.id"))
    issue_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("issue.id"))
    village_code: Mapped[str] = mapped_column(Code(12))
    at: Mapped[datetime] = mapped_column(default=now)
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose, "purpose"))
    words: Mapped[str] = mapped_column(String(200))
    unusual: Mapped[list[str]] = mapped_column(ARRAY(String(24)), default=list)

    user: Mapped[User] = relationship(lazy="raise")
    household: Mapped[Household | None] = relationship(lazy="raise")
    issue: Mapped[Issue | None] = relationship(lazy="raise")

"""The sample of a township and week, the calls that follow from it, and what each try gave."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import Uuid

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from visits.models import Visit


class Outcome(enum.StrEnum):
    """What the household said, or that nobody was reached."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    NOT_REACHED = "not_reached"


class Sample(Base):
    """What was drawn from the visits of a week (by its Monday) in a township, and how to repeat it.

    Drawn from the met visits of that week that had come in until `received_until`, without those
    to households that do not want to be disturbed (`left_out`). A trigger forbids any change.
    """

    __tablename__ = "sample"
    __table_args__ = county(
        CheckConstraint("extract(isodow FROM week) = 1", name="week"),
        CheckConstraint("share BETWEEN 0 AND 1 AND minimum >= 0", name="size"),
    )

    township_code: Mapped[str] = mapped_column(
        Code(9), ForeignKey("jurisdiction.code"), primary_key=True
    )
    week: Mapped[date] = mapped_column(Date, primary_key=True)
    seed: Mapped[str] = mapped_column(String(64))
    share: Mapped[float]
    minimum: Mapped[int] = mapped_column(SmallInteger)
    received_until: Mapped[datetime]
    visits: Mapped[int] = mapped_column(Integer)  # from which it was drawn
    left_out: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    drawn_at: Mapped[datetime] = mapped_column(default=now)


class Callback(Base):
    """A visit that is to be confirmed with the household: drawn, or asked for after a hint."""

    __tablename__ = "callback"
    __table_args__ = county(
        ForeignKeyConstraint(["township_code", "week"], ["sample.township_code", "sample.week"]),
        CheckConstraint("(week IS NULL) = (position IS NULL)", name="drawn"),
        CheckConstraint("(outcome IS NULL) = (by_id IS NULL)", name="outcome_by"),
        CheckConstraint("(caller_id IS NULL) = (taken_at IS NULL)", name="caller"),
        Index(None, "township_code", "week", "position"),
    )

    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    township_code: Mapped[str] = mapped_column(
        Code(9), ForeignKey("jurisdiction.code", name="fk_callback_township")
    )
    week: Mapped[date | None] = mapped_column(Date)  # of the sample; None: after a hint
    position: Mapped[int | None] = mapped_column(SmallInteger)
    added_at: Mapped[datetime] = mapped_column(default=now)
    caller_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # sees the phone
    taken_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None] = mapped_column(choice(Outcome, "outcome"))  # of the last try
    words: Mapped[str] = mapped_column(String(300), default="", server_default="")
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))

    visit: Mapped[Visit] = relationship(lazy="raise")
    caller: Mapped[User | None] = relationship(lazy="raise", foreign_keys=caller_id)
    by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=by_id)


class Try(Base):
    """One try to confirm a visit; none is changed."""

    __tablename__ = "callback_try"
    __table_args__ = county(Index(None, "visit_id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the page
    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("callback.visit_id"))
    outcome: Mapped[Outcome] = mapped_column(choice(Outcome, "outcome"))
    words: Mapped[str] = mapped_column(String(300))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(default=now)

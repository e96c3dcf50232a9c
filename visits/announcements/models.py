"""Announcements (notices and questionnaires), whom they reached, what was asked and answered."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from visits.models import Household, Visit


class Kind(enum.StrEnum):
    """What an announcement is."""

    NOTICE = "notice"
    QUESTIONNAIRE = "questionnaire"


class Asks(enum.StrEnum):
    """What a question asks for."""

    YES_NO = "yes_no"
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"


class Announcement(Base):
    """Words to be told, or questions to be asked, in chosen places for some days.

    It is never changed: a wrong one is withdrawn and another one published.
    """

    __tablename__ = "announcement"
    __table_args__ = county(
        CheckConstraint("from_date <= until_date", name="period"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", name="withdrawn"),
        Index(None, "at_code", "published_at"),
        Index(None, "until_date"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    kind: Mapped[Kind] = mapped_column(choice(Kind, "kind"))
    at_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))  # who publishes
    title: Mapped[str] = mapped_column(String(60))
    words: Mapped[str] = mapped_column(Text, default="")
    from_date: Mapped[date] = mapped_column(Date)
    until_date: Mapped[date] = mapped_column(Date)  # the last day
    publisher_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    published_at: Mapped[datetime] = mapped_column(default=now)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat

    publisher: Mapped[User] = relationship(lazy="raise", foreign_keys=publisher_id)
    places: Mapped[list[Place]] = relationship(lazy="raise", order_by="Place.code")
    questions: Mapped[list[Question]] = relationship(lazy="raise", order_by="Question.position")

    @property
    def codes(self) -> list[str]:
        """The places as code prefixes."""
        return [place.code for place in self.places]

    def is_current(self, day: date) -> bool:
        """Whether it is to be told or asked on `day`."""
        return self.withdrawn_at is None and self.from_date <= day <= self.until_date


class Place(Base):
    """A jurisdiction that an announcement is for, with all below it."""

    __tablename__ = "announcement_place"
    __table_args__ = county(Index(None, "code"))

    announcement_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("announcement.id"), primary_key=True
    )
    code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"), primary_key=True)


class Question(Base):
    """A question of a questionnaire."""

    __tablename__ = "question"
    __table_args__ = county(
        UniqueConstraint("announcement_id", "position"),
        CheckConstraint(
            "cardinality(options) BETWEEN 2 AND 20 OR (asks <> 'choice' AND options = '{}')",
            name="options",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    announcement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("announcement.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str] = mapped_column(String(200))
    asks: Mapped[Asks] = mapped_column(choice(Asks, "asks"))
    options: Mapped[list[str]] = mapped_column(ARRAY(String(40)), default=list)


class Told(Base):
    """A household was told of a notice: once, by the visit that was stored first."""

    __tablename__ = "told"
    __table_args__ = county(Index(None, "visit_id"), Index(None, "household_id"))

    announcement_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("announcement.id"), primary_key=True
    )
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"), primary_key=True)
    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"))
    at: Mapped[datetime]


class Answer(Base):
    """What a household answered to a question at a visit. The latest counts; none is changed, but
    answers in words go after their period (visits/retention)."""

    __tablename__ = "answer"
    __table_args__ = county(Index(None, "question_id", "household_id", "at"))

    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    question_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("question.id"), primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"))
    at: Mapped[datetime]
    value: Mapped[str] = mapped_column(String(200))


class Asked(Base):
    """What a household asked back when it was told of a notice, and the publisher's answer."""

    __tablename__ = "asked"
    __table_args__ = county(
        UniqueConstraint("visit_id", "announcement_id"),
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered"),
        CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answer"),
        Index(None, "announcement_id", "received_at", "id"),
        Index("ix_asked_open", "announcement_id", postgresql_where=text("answered_at IS NULL")),
        Index(None, "household_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    announcement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("announcement.id"))
    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"))
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"))
    words: Mapped[str] = mapped_column(String(500))
    received_at: Mapped[datetime] = mapped_column(default=now)
    answer: Mapped[str] = mapped_column(String(1000), default="")
    answered_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    answered_at: Mapped[datetime | None]

    announcement: Mapped[Announcement] = relationship(lazy="raise")
    visit: Mapped[Visit] = relationship(lazy="raise")
    household: Mapped[Household] = relationship(lazy="raise")
    answered_by: Mapped[User | None] = relationship(lazy="raise")

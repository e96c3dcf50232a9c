"""Notices to people, the stage up to which an ageing issue was told, gateways and deliveries."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import Base, Code, choice, county, now
from gridserve.people import User
from visits.issues.models import Issue, Step
from visits.telling.causes import Kind, Part, State


class Notice(Base):
    """Something that a person was told in the inbox: once for each person and cause.

    It is kept as a kind and values, and worded in the language of whoever reads it.
    """

    __tablename__ = "notice"
    __table_args__ = county(
        UniqueConstraint("cause", "user_id"),
        Index(None, "user_id", "created_at", "id"),
        Index("ix_notice_unread", "user_id", postgresql_where=text("read_at IS NULL")),
        Index("ix_notice_to_route", "created_at", postgresql_where=text("NOT routed")),
        CheckConstraint("num_nonnulls(issue_id, subject_id) = 1", name="about"),
        Index(None, "issue_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    cause: Mapped[str] = mapped_column(String(80))
    kind: Mapped[Kind] = mapped_column(choice(Kind, "kind"))
    part: Mapped[Part] = mapped_column(choice(Part, "part"))
    at_code: Mapped[str] = mapped_column(Code(12))  # whose desk, leaders or teams are told
    issue_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("issue.id"))
    subject_id: Mapped[uuid.UUID | None]  # what else it is about; `kind` says of which table
    step_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("step.id"))
    said: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]
    routed: Mapped[bool] = mapped_column(default=False)  # its deliveries are written

    issue: Mapped[Issue | None] = relationship(lazy="raise")
    step: Mapped[Step | None] = relationship(lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")


class Alarm(Base):
    """Up to which stage (causes.py) people were told that an open issue is ageing.

    Reopening begins a new `cycle` in which each stage is told again.
    """

    __tablename__ = "alarm"
    __table_args__ = county(CheckConstraint("stage BETWEEN 0 AND 4", name="stage"))

    issue_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    cycle: Mapped[int]
    stage: Mapped[int] = mapped_column(SmallInteger)


class Gateway(Base):
    """A way outward: a group's chat, one person's address, or one for each person of a place.

    The address is a secret and kept encrypted; `shown` is what people see of it.
    """

    __tablename__ = "gateway"
    __table_args__ = county(
        CheckConstraint("NOT (each_person AND user_id IS NOT NULL)", name="for_whom"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet"),
        CheckConstraint("template LIKE '%{words}%'", name="template"),
        Index(None, "jurisdiction_code"),
        Index(None, "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    name: Mapped[str] = mapped_column(String(40))
    jurisdiction_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    each_person: Mapped[bool]  # the address holds {phone}
    url: Mapped[str] = mapped_column(Text)  # sealed
    shown: Mapped[str] = mapped_column(String(120))
    expects: Mapped[str] = mapped_column(String(80), default="")  # what a good answer contains
    template: Mapped[str] = mapped_column(String(400), default="{words}")
    quiet_from: Mapped[time | None] = mapped_column(Time)
    quiet_to: Mapped[time | None] = mapped_column(Time)
    digest_at: Mapped[time | None] = mapped_column(Time)  # once a day then, else at once
    digest_on: Mapped[date | None] = mapped_column(Date)  # the last day's that went out
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    failures: Mapped[int] = mapped_column(SmallInteger, default=0)  # in a row
    resting_until: Mapped[datetime | None]
    last_ok_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(200), default="")

    user: Mapped[User | None] = relationship(lazy="raise")


class Delivery(Base):
    """The sending of a notice through a gateway: once for each cause, or each person and cause."""

    __tablename__ = "delivery"
    __table_args__ = county(
        UniqueConstraint("gateway_id", "key"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        Index(
            "ix_delivery_open", "gateway_id", "next_try",
            postgresql_where=text("state IN ('waiting', 'sending')"),
        ),
        Index(
            "ix_delivery_failed", "gateway_id", "created_at",
            postgresql_where=text("state = 'failed'"),
        ),
        Index(None, "notice_id"),
    )  # fmt: skip

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    gateway_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("gateway.id"))
    notice_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("notice.id"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # None: a group
    key: Mapped[str] = mapped_column(String(120))  # the cause, and the person where it is for one
    state: Mapped[State] = mapped_column(choice(State, "state"), default=State.WAITING)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_try: Mapped[datetime] = mapped_column(default=now)
    last_error: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]

    notice: Mapped[Notice] = relationship(lazy="raise")
    gateway: Mapped[Gateway] = relationship(lazy="raise")
    user: Mapped[User | None] = relationship(lazy="raise")

"""A/B posts: who stands in for whom (B岗), and when people are absent."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grids.models import Membership, no_overlap
from gridserve.db import Base, choice, county, now
from gridserve.people import User


class Deputy(Base):
    """B stands in for A's membership of a team while A is absent. `for_id` is A, `user_id` B."""

    __tablename__ = "deputy"
    __table_args__ = county(
        CheckConstraint("to_date >= from_date", name="period"),
        CheckConstraint("user_id <> for_id", name="two"),
        ForeignKeyConstraint(["membership_id", "for_id"], ["membership.id", "membership.user_id"]),
        no_overlap("deputy_period", "membership_id"),
        Index(None, "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    membership_id: Mapped[uuid.UUID]
    for_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)

    user: Mapped[User] = relationship(lazy="raise", foreign_keys=user_id)
    membership: Mapped[Membership] = relationship(lazy="raise", overlaps="user")


class AbsenceKind(enum.StrEnum):
    LEAVE = "leave"
    TRAINING = "training"
    ILLNESS = "illness"
    OTHER = "other"


class Absence(Base):
    """A person is away from `from_date` up to, not including, `to_date` (None: until it is ended).

    An absence that was taken back the day it began never held.
    """

    __tablename__ = "absence"
    __table_args__ = county(
        CheckConstraint("to_date >= from_date", name="period"),
        no_overlap("absence_period", "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[AbsenceKind] = mapped_column(choice(AbsenceKind, "kind"))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)
    said_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    said_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship(lazy="raise", foreign_keys=user_id)

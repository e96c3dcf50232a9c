"""A team's objection to its figures of a quarter, and what was answered."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grids.models import Team
from gridserve.db import Base, county, now
from gridserve.people import User


class Objection(Base):
    """What a team said against its figures of the quarter that began on `quarter`."""

    __tablename__ = "objection"
    __table_args__ = county(
        CheckConstraint(
            "(answer IS NULL) = (answered_by_id IS NULL) "
            "AND (answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (upheld IS NULL)",
            name="answer",
        ),
        CheckConstraint(
            "extract(day FROM quarter) = 1 AND extract(month FROM quarter) IN (1, 4, 7, 10)",
            name="quarter",
        ),
        Index(None, "team_id", "quarter"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the page
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    quarter: Mapped[date] = mapped_column(Date)
    words: Mapped[str] = mapped_column(String(1000))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    answer: Mapped[str | None] = mapped_column(String(1000))
    upheld: Mapped[bool | None]  # the team was right
    answered_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    answered_at: Mapped[datetime | None]

    team: Mapped[Team] = relationship(lazy="raise")
    by: Mapped[User] = relationship(lazy="raise", foreign_keys=by_id)
    answered_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=answered_by_id)

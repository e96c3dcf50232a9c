"""Drafts of a village's division into cells, with every state that they went through."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grids.models import Jurisdiction
from gridserve.db import SRID, Base, Code, choice, county, now
from gridserve.people import User


class DraftStatus(enum.StrEnum):
    COMPUTING = "computing"
    READY = "ready"
    FAILED = "failed"
    ADOPTED = "adopted"
    DROPPED = "dropped"


class Draft(Base):
    """A division of a village that was asked for; adopted, it has become the village's cells.

    `territory` is set where the village has no boundary: the ground worked out from households.
    `ground` is a digest of the boundary (or of `territory`) that was divided, `clusters` where its
    households live, for drawing: {lon, lat, households, group}.
    """

    __tablename__ = "division"
    __table_args__ = county(
        CheckConstraint("smallest > 0 AND smallest <= largest", name="rule"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("(status = 'adopted') = (adopted_on IS NOT NULL)", name="adopted"),
        CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name="failed"),
        CheckConstraint(
            "status NOT IN ('ready', 'adopted') OR (step IS NOT NULL AND ground IS NOT NULL)",
            name="ready",
        ),
        Index(None, "village_code", "created_at"),
        # Few at any time: what the sweep looks for.
        Index("ix_division_computing", "claimed_at", postgresql_where=text("status = 'computing'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    smallest: Mapped[int] = mapped_column(SmallInteger)
    largest: Mapped[int] = mapped_column(SmallInteger)
    lines: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # MultiLineString
    status: Mapped[DraftStatus] = mapped_column(choice(DraftStatus, "status"))
    version: Mapped[int] = mapped_column(default=1)  # grows with whatever changes the draft
    step: Mapped[int | None] = mapped_column(SmallInteger)  # the state that counts
    progress: Mapped[int] = mapped_column(SmallInteger, default=0)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    claimed_at: Mapped[datetime | None]  # a sign of life of the job that computes
    failure: Mapped[str | None] = mapped_column(String(40))  # a code; the words: queries.py
    clusters: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    ground: Mapped[str | None] = mapped_column(String(64))
    territory: Mapped[Any | None] = mapped_column(
        Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False)
    )
    adopted_on: Mapped[date | None] = mapped_column(Date)  # first day of the cells
    created_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat

    village: Mapped[Jurisdiction] = relationship(lazy="raise", viewonly=True)
    creator: Mapped[User | None] = relationship(lazy="raise", viewonly=True)


class Made(enum.StrEnum):
    """How a state of a draft came about."""

    COMPUTED = "computed"
    SPLIT = "split"
    MERGE = "merge"
    REDRAW = "redraw"


class State(Base):
    """The cells of a draft after so many adjustments; taking one back deletes the last state.

    `cells` is a list, in the order of the serials, of {polygon (GeoJSON, every digit kept),
    households, compactness, groups, and once adopted code}; `figures` those of the whole.
    """

    __tablename__ = "division_state"
    __table_args__ = county()

    division_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("division.id"), primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    made: Mapped[Made] = mapped_column(choice(Made, "made"))
    cells: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)

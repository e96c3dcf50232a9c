"""Households, visits, and the coverage figures kept per cell and day."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from geoalchemy2 import Geometry
from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from grids.coordinates import System
from grids.models import Cell
from gridserve.db import SRID, Base, Code, choice, county, now
from gridserve.people import User
from gridserve.sealed import SealedPhone, is_sealed_phone

if TYPE_CHECKING:
    from visits.photos.models import Attachment


class HouseholdStatus(enum.StrEnum):
    ACTIVE = "active"
    VACANT = "vacant"
    MOVED = "moved"
    DEMOLISHED = "demolished"


class Tag(enum.StrEnum):
    """What makes a household one to look after more often. Untagged means ordinary 普通."""

    KEY = "key"
    POOR = "poor"
    EMPTY_NEST = "empty_nest"
    LEFT_BEHIND = "left_behind"
    DISABLED = "disabled"
    MIGRANT = "migrant"
    CORRECTION = "correction"


class Household(Base):
    """A household. The cell follows from the point; without a point there may be no cell."""

    __tablename__ = "household"
    __table_args__ = county(
        UniqueConstraint("village_code", "number"),
        # A household's cell lies in the household's village.
        ForeignKeyConstraint(["cell_id", "village_code"], ["cell.id", "cell.village_code"]),
        CheckConstraint("size >= 0 AND size < 200", name="size"),
        CheckConstraint("accuracy_m >= 0", name="accuracy"),
        CheckConstraint("(point IS NULL) = (point_source IS NULL)", name="point_source"),
        CheckConstraint(
            "tags <@ ARRAY[" + ", ".join(f"'{t.value}'" for t in Tag) + "]::varchar[]", name="tags"
        ),
        is_sealed_phone("phone"),
        Index(None, "cell_id", "status"),
        Index(None, "tags", postgresql_using="gin"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(String(24))
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    cell_id: Mapped[uuid.UUID | None]
    group_name: Mapped[str | None] = mapped_column(String(40))  # villagers' group 村民小组
    address: Mapped[str] = mapped_column(String(120))
    head_name: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(SealedPhone("household.phone"))
    size: Mapped[int] = mapped_column(SmallInteger)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String(24)), default=list)
    status: Mapped[HouseholdStatus] = mapped_column(
        choice(HouseholdStatus, "status"), default=HouseholdStatus.ACTIVE
    )
    do_not_disturb: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    point: Mapped[Any | None] = mapped_column(Geometry("POINT", srid=SRID))
    point_source: Mapped[System | None] = mapped_column(choice(System, "system"))
    accuracy_m: Mapped[float | None]
    said: Mapped[str | None] = mapped_column(String(64))  # digest of how it was added over the API
    # Since then a household that was never met is due (visits/due.py).
    registered_at: Mapped[datetime] = mapped_column(default=now, server_default=func.now())
    # Derived from the visits (the latest `met` one); checked nightly against them.
    last_met_at: Mapped[datetime | None]

    cell: Mapped[Cell | None] = relationship(lazy="raise", viewonly=True)


def made_by_change() -> ForeignKey:
    """A reference to the change of cells that moved something.

    Checked at the end: what a change moves is written before the change, which says how much.
    """
    return ForeignKey("cell_change.id", deferrable=True, initially="DEFERRED")


class Stay(Base):
    """The cell in which a household counts for the days before `to_date`, when it left it.

    A change of cells that is taken back takes its rows along. Without a change somebody gave the
    household another point, or the cells that it fits became known.
    """

    __tablename__ = "household_stay"
    __table_args__ = county(
        UniqueConstraint("household_id", "change_id"),
        Index(None, "cell_id"),
        Index(None, "change_id"),
    )

    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.clock_timestamp())
    change_id: Mapped[uuid.UUID | None] = mapped_column(made_by_change())
    to_date: Mapped[date] = mapped_column(Date)
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    next_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cell.id"))  # where it went


class StatusStay(Base):
    """The status of a household for the days before `to_date`, when it took another."""

    __tablename__ = "household_status"
    __table_args__ = county()

    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"), primary_key=True)
    to_date: Mapped[date] = mapped_column(Date, primary_key=True)
    status: Mapped[HouseholdStatus] = mapped_column(choice(HouseholdStatus, "status"))


class Purpose(enum.StrEnum):
    REGULAR = "regular"
    AD_HOC = "ad_hoc"
    FOLLOW_UP = "follow_up"
    NOTICE = "notice"


class Outcome(enum.StrEnum):
    MET = "met"
    NOBODY_HOME = "nobody_home"
    REFUSED = "refused"
    MOVED = "moved"


class Visit(Base):
    """One visit. It keeps the cell and the team as they were on the day it happened."""

    __tablename__ = "visit"
    __table_args__ = county(
        CheckConstraint("ended_at >= started_at", name="period"),
        CheckConstraint("(point IS NULL) = (point_source IS NULL)", name="point_source"),
        CheckConstraint("accuracy_m >= 0", name="accuracy"),
        # The visits of a household, the latest first; which met somebody is read off the index.
        Index("ix_visit_household", "household_id", "started_at", postgresql_include=["outcome"]),
        Index(None, "cell_id", "started_at"),
        Index(None, "visitor_id", "started_at"),
        Index(None, "received_at"),
        # By which equal notes are found; short ones, which are most, are not in it.
        Index(
            "ix_visit_text",
            text("md5(notes)"),
            postgresql_where=text("char_length(notes) >= 31"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    household_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("household.id"))
    visitor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    # Whom the visitor stood in for (A岗), where it was not the visitor's own cell.
    for_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    cell_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cell.id"))
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    in_scope: Mapped[bool]  # the visitor was assigned to the household's cell on that day
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose, "purpose"))
    outcome: Mapped[Outcome] = mapped_column(choice(Outcome, "outcome"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    typed_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(default=now)
    notes: Mapped[str] = mapped_column(Text, default="")
    point: Mapped[Any | None] = mapped_column(Geometry("POINT", srid=SRID, spatial_index=False))
    point_source: Mapped[System | None] = mapped_column(choice(System, "system"))
    accuracy_m: Mapped[float | None]
    mocked: Mapped[bool | None]  # the phone said that the position was made up
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat

    called: ClassVar[str]  # the household's name as the reader may see it (visits/worklog)

    household: Mapped[Household] = relationship(lazy="raise")
    visitor: Mapped[User] = relationship(lazy="raise", foreign_keys=visitor_id)
    for_whom: Mapped[User | None] = relationship(lazy="raise", foreign_keys=for_id)
    cell: Mapped[Cell | None] = relationship(lazy="raise")
    photos: Mapped[list[Attachment]] = relationship(
        lazy="raise", viewonly=True, order_by="Attachment.position"
    )


class VisitMove(Base):
    """How a visit was judged before a back-dated change of cells gave it to another cell."""

    __tablename__ = "visit_move"
    __table_args__ = county(Index(None, "change_id"))

    visit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("visit.id"), primary_key=True)
    change_id: Mapped[uuid.UUID] = mapped_column(made_by_change(), primary_key=True)
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    for_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    in_scope: Mapped[bool]


class CoverageDay(Base):
    """The figures of a cell for the `window_days` ending on `day` (visits/counting.py).

    The cell's code leads the key after day and window, so that a jurisdiction's figures lie
    together. Days are kept whole or not at all (visits/figures.py says which).
    """

    __tablename__ = "coverage_day"
    __table_args__ = county(
        CheckConstraint(
            "met BETWEEN 0 AND households AND due BETWEEN 0 AND households"
            " AND overdue BETWEEN 0 AND households - due AND households <= registered"
            " AND in_time BETWEEN 0 AND due AND caught_up BETWEEN 0 AND overdue",
            name="figures",
        ),
        Index(None, "cell_id"),
    )

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    window_days: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    cell_code: Mapped[str] = mapped_column(Code(15), primary_key=True)
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    households: Mapped[int] = mapped_column(Integer)
    registered: Mapped[int] = mapped_column(Integer)
    met: Mapped[int] = mapped_column(Integer)
    due: Mapped[int] = mapped_column(Integer)
    in_time: Mapped[int] = mapped_column(Integer)
    overdue: Mapped[int] = mapped_column(Integer)
    caught_up: Mapped[int] = mapped_column(Integer)
    computed_at: Mapped[datetime]


class CoverageMark(Base):
    """A cell whose coverage figures are out of date; written with whatever changed them.

    One row for each change and not one for each cell: a refresh deletes just the marks that it
    saw, so a change that commits while it counts keeps its own mark.
    """

    __tablename__ = "coverage_mark"
    __table_args__ = county(Index(None, "cell_id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    since: Mapped[date | None] = mapped_column(Date)  # from this day on; None: all kept days

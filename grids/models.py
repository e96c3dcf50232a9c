"""Jurisdictions, grid cells, teams, and who belongs to which team when."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from geoalchemy2 import Geometry
from sqlalchemy import (
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from gridserve.db import SRID, Base, Code, choice, county, now, reference
from gridserve.people import User


class Level(enum.IntEnum):
    """Levels of jurisdiction; the value is the number of digits of the code."""

    PROVINCE = 2
    CITY = 4
    COUNTY = 6
    TOWNSHIP = 9
    VILLAGE = 12

    @property
    def below(self) -> Level | None:
        """The next level down, or None below a village."""
        ordered = list(Level)
        place = ordered.index(self) + 1
        return ordered[place] if place < len(ordered) else None


def parent_code(code: str) -> str | None:
    """The code one level up, or None for a province."""
    shorter = [level for level in Level if level < len(code)]
    return code[: shorter[-1]] if shorter else None


# The code table names the committees of villages and communities; people name the places.
_COMMITTEES = (
    ("社区居民委员会", "社区"),
    ("社区居委会", "社区"),
    ("居民委员会", "社区"),
    ("居委会", "社区"),
    ("村民委员会", "村"),
    ("村委会", "村"),
)


def short_name(name: str) -> str:
    """田坝村民委员会 → 田坝村, 凤凰社区居民委员会 → 凤凰社区; other names stay."""
    for ending, place in _COMMITTEES:
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending) + place
    return name


class Jurisdiction(Base):
    """A province, city, county, township or village. The code is the path to it."""

    __tablename__ = "jurisdiction"
    __table_args__ = reference(
        CheckConstraint("code ~ '^[0-9]+$' AND length(code) IN (2, 4, 6, 9, 12)", name="code"),
        CheckConstraint(
            "(parent_code IS NULL) = (length(code) = 2) AND starts_with(code, parent_code)",
            name="parent",
        ),
        CheckConstraint("boundary IS NULL OR ST_IsValid(boundary)", name="boundary_valid"),
        Index(None, "parent_code"),
    )

    code: Mapped[str] = mapped_column(Code(12), primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger, Computed("length(code)", persisted=True))
    name: Mapped[str] = mapped_column(String(80))
    parent_code: Mapped[str | None] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    year: Mapped[int] = mapped_column(SmallInteger)  # of the code table that it came from
    source: Mapped[str] = mapped_column(String(80))
    boundary: Mapped[Any | None] = mapped_column(Geometry("MULTIPOLYGON", srid=SRID))

    @property
    def short_name(self) -> str:
        """The name as people say it."""
        return short_name(self.name)


def _generalised(metres: int) -> Any:
    """The polygon in Web Mercator, simplified by half a pixel of the zoom that it is for."""
    return mapped_column(
        Geometry("POLYGON", srid=3857, spatial_index=False),
        Computed(
            "st_simplifypreservetopology(st_transform(polygon, 3857), "
            f"({metres})::double precision)",
            persisted=True,
        ),
        deferred=True,
    )


class CellKind(enum.StrEnum):
    BASIC = "basic"
    DEDICATED = "dedicated"


class Cell(Base):
    """A grid cell. Its polygon never changes: another polygon is another cell with another code.

    Valid from `from_date` up to, not including, `to_date`; one that ended on the day it began
    never held.
    """

    __tablename__ = "cell"
    __table_args__ = county(
        CheckConstraint("code ~ '^[0-9]{15}$' AND starts_with(code, village_code)", name="code"),
        CheckConstraint("ST_IsValid(polygon)", name="polygon_valid"),
        CheckConstraint("to_date >= from_date", name="period"),
        UniqueConstraint("id", "village_code"),
        Index(None, "village_code"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    code: Mapped[str] = mapped_column(Code(15), unique=True)
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    kind: Mapped[CellKind] = mapped_column(choice(CellKind, "kind"), default=CellKind.BASIC)
    name: Mapped[str] = mapped_column(String(80))
    polygon: Mapped[Any] = mapped_column(Geometry("POLYGON", srid=SRID))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)
    # For maps up to that zoom, in Web Mercator; the database derives them from the polygon.
    shape_8: Mapped[Any] = _generalised(300)
    shape_10: Mapped[Any] = _generalised(75)
    shape_13: Mapped[Any] = _generalised(10)

    # What is derived is not asked for after each new cell.
    __mapper_args__ = {"eager_defaults": False}

    def held_on(self, day: date) -> bool:
        """Whether the cell was valid on `day`."""
        return self.from_date <= day and (self.to_date is None or day < self.to_date)


class GroundMark(Base):
    """The ground was changed: a trigger on cells and boundaries says so, for maps that are kept."""

    __tablename__ = "ground_mark"
    __table_args__ = county()

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    at: Mapped[datetime] = mapped_column(default=now)


class DividedGround(Base):
    """Ground of a village that was divided: from the day on its basic cells leave no gap in it.

    A trigger sees to it at every commit. Rows are never changed or deleted: a trigger forbids it.
    """

    __tablename__ = "divided_ground"
    __table_args__ = county(Index(None, "village_code", "from_date"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    from_date: Mapped[date] = mapped_column(Date)
    at: Mapped[datetime] = mapped_column(default=now)
    ground: Mapped[Any] = mapped_column(Geometry("MULTIPOLYGON", srid=SRID, spatial_index=False))


class Team(Base):
    """Those who together answer for one or more cells. It is kept when it ends."""

    __tablename__ = "team"
    __table_args__ = county(Index(None, "jurisdiction_code"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(80))
    jurisdiction_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    to_date: Mapped[date | None] = mapped_column(Date)  # the first day on which it is no more

    @property
    def has_ended(self) -> bool:
        """Whether it is no more, or will not be after a day that is set."""
        return self.to_date is not None

    memberships: Mapped[list[Membership]] = relationship(back_populates="team", lazy="raise")
    assignments: Mapped[list[Assignment]] = relationship(back_populates="team", lazy="raise")


def no_overlap(name: str, *columns: str, where: str | None = None) -> ExcludeConstraint:
    """Rows with equal `columns`, among those `where`, may not hold at the same time."""
    period = func.daterange(literal_column("from_date"), literal_column("to_date"), text("'[)'"))
    return ExcludeConstraint(
        *((c, "=") for c in columns), (period, "&&"), using="gist", name=f"ex_{name}",
        where=text(where) if where else None,
    )  # fmt: skip


class Assignment(Base):
    """A team answers for a cell during a period; of several teams at a time one leads 主责."""

    __tablename__ = "assignment"
    __table_args__ = county(
        CheckConstraint("to_date >= from_date", name="period"),
        no_overlap("assignment_period", "team_id", "cell_id"),
        no_overlap("assignment_lead", "cell_id", where="lead"),
        Index(None, "cell_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)
    lead: Mapped[bool]

    team: Mapped[Team] = relationship(back_populates="assignments", lazy="raise")
    cell: Mapped[Cell] = relationship(lazy="raise")


class Duty(enum.StrEnum):
    """The duties of “1+3+N”: 网格长, 专职网格员, 兼职网格员, 网格指导员, others."""

    LEADER = "leader"
    FULL_TIME = "full_time"
    PART_TIME = "part_time"
    GUIDE = "guide"
    OTHER = "other"


class Membership(Base):
    """A person serves in a team during a period; one put in by mistake ends the day it began."""

    __tablename__ = "membership"
    __table_args__ = county(
        CheckConstraint("to_date >= from_date", name="period"),
        CheckConstraint("replaces_id <> id", name="replaces"),
        no_overlap("membership_period", "team_id", "user_id"),
        UniqueConstraint("id", "user_id"),
        Index(None, "user_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    duty: Mapped[Duty] = mapped_column(choice(Duty, "duty"))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)
    # Whose work goes over to this person: the successor is found by it.
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("membership.id"))

    # Of the day asked for, set by grids.queries.with_standins.
    away: ClassVar[bool]
    stood_in: ClassVar[bool]
    deputy: ClassVar[Any]

    team: Mapped[Team] = relationship(back_populates="memberships", lazy="raise")
    user: Mapped[User] = relationship(lazy="raise")


class ChangeKind(enum.StrEnum):
    """What can be done to cells after the first division."""

    SPLIT = "split"
    MERGE = "merge"
    REDRAW = "redraw"
    RETIRE = "retire"
    ADD = "add"  # a dedicated cell
    UNDO = "undo"


class Change(Base):
    """One change of the ground. Rows are never changed or deleted: a trigger forbids it."""

    __tablename__ = "cell_change"
    __table_args__ = county(
        CheckConstraint("(kind = 'undo') = (undoes_id IS NOT NULL)", name="undoes"),
        Index(None, "village_code"),
        Index(None, "at", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    kind: Mapped[ChangeKind] = mapped_column(choice(ChangeKind, "kind"))
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    on_date: Mapped[date] = mapped_column(Date)  # last day of the old cells + 1, first of the new
    actor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    result: Mapped[dict[str, Any]] = mapped_column(JSONB)  # as answered, to answer a repeat alike
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat
    undoes_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cell_change.id"), unique=True)
    # Assignments of the old cells as they were, and of the new ones as they were made.
    teams: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    actor: Mapped[User] = relationship(lazy="raise")
    undo: Mapped[Change | None] = relationship(  # that takes this one back
        lazy="raise", viewonly=True, remote_side="Change.undoes_id", uselist=False
    )


class Lineage(Base):
    """A cell came from another one. Rows are never changed or deleted: a trigger forbids it."""

    __tablename__ = "lineage"
    __table_args__ = county(CheckConstraint("parent_id <> child_id", name="two"),
                            Index(None, "child_id"))  # fmt: skip

    parent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"), primary_key=True)
    child_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"), primary_key=True)
    change_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell_change.id"))

"""Categories, issues, and the append-only steps of their handling chains."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

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
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    Composite,
    Mapped,
    composite,
    declared_attr,
    mapped_column,
    relationship,
)

from grids.coordinates import System
from grids.models import Cell, Jurisdiction, Team
from gridserve.db import SRID, Base, Code, choice, county, now, reference
from gridserve.people import User
from gridserve.sealed import SealedPhone, end_mark, is_sealed_phone, whole_mark
from gridserve.worktime import Unit
from visits.issues.chain import CLOSED, HELD, Action, Channel, Promise, Rating, Status, Tier
from visits.issues.clock import Limit
from visits.models import Household, made_by_change

if TYPE_CHECKING:
    from visits.photos.models import Attachment


def _listed(statuses: frozenset[Status]) -> str:
    return ", ".join(f"'{s.value}'" for s in sorted(statuses))


def _limit(name: str) -> Composite[Limit]:
    """Two columns that together are a limit."""
    return composite(
        Limit,
        mapped_column(f"{name}_amount", SmallInteger),
        mapped_column(f"{name}_unit", choice(Unit, f"{name}_unit")),
    )


def _limits(*columns: str) -> list[CheckConstraint]:
    return [CheckConstraint(f"{column} BETWEEN 1 AND 2000", name=column) for column in columns]


class Terms:
    """What holds for issues of a category: names, promise, limits, who solves it and how."""

    parent_code: Mapped[str | None] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(40))
    name_en: Mapped[str] = mapped_column(String(60))
    promise: Mapped[Promise] = mapped_column(choice(Promise, "promise"))
    # At which level it should be solved 小事不出村、大事不出镇.
    tier: Mapped[Tier] = mapped_column(choice(Tier, "tier"))
    materials: Mapped[str] = mapped_column(Text, default="")  # one a line
    basis: Mapped[str] = mapped_column(Text, default="")
    # On the list of what may be given to the teams of cells 网格事项准入清单.
    to_cells: Mapped[bool] = mapped_column(default=True)
    sensitive: Mapped[bool] = mapped_column(default=False)
    # A complaint about one of us: kept apart from the person and the team (decision 0021).
    about_staff: Mapped[bool] = mapped_column(default=False, server_default=false())
    active: Mapped[bool] = mapped_column(default=True)

    # The whole, from the report to the closing, and what of it each stage may take.
    @declared_attr
    def limit(cls) -> Mapped[Limit]:  # noqa: N805
        return _limit("limit")

    @declared_attr
    def accept_limit(cls) -> Mapped[Limit]:  # noqa: N805
        return _limit("accept")

    @declared_attr
    def handle_limit(cls) -> Mapped[Limit]:  # noqa: N805
        return _limit("handle")

    @declared_attr
    def review_limit(cls) -> Mapped[Limit]:  # noqa: N805
        return _limit("review")


_LIMITS = ("limit_amount", "accept_amount", "handle_amount", "review_amount")


class Category(Terms, Base):
    """A kind of issue as it is offered now; `version` counts how often its terms were said."""

    __tablename__ = "category"
    __table_args__ = reference(
        *_limits(*_LIMITS),
        CheckConstraint("parent_code <> code", name="parent"),
        CheckConstraint("version >= 1", name="version"),
        ForeignKeyConstraint(["parent_code"], ["category.code"]),
    )

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)


class CategoryVersion(Terms, Base):
    """The terms of a category as they were said once; an issue keeps those of its report.

    Rows are never changed or deleted: a trigger forbids it.
    """

    __tablename__ = "category_version"
    __table_args__ = reference(*_limits(*_LIMITS), CheckConstraint("version >= 1", name="version"))

    category_code: Mapped[str] = mapped_column(ForeignKey("category.code"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(default=now)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # None: installation

    by: Mapped[User | None] = relationship(lazy="raise")


class Remit(Base):
    """A unit 部门、站所 answers for a category, or for all below it: the desk is told so.

    A unit is a team without cells, of a township or of the county.
    """

    __tablename__ = "remit"
    __table_args__ = county(Index(None, "category_code"))

    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)
    category_code: Mapped[str] = mapped_column(ForeignKey("category.code"), primary_key=True)

    category: Mapped[Category] = relationship(lazy="raise")


class Issue(Base):
    """An issue as it stands now: a projection of its steps, changed only by appending one."""

    __tablename__ = "issue"
    __table_args__ = county(
        CheckConstraint("step_no >= 1", name="step_no"),
        *_limits("limit_amount"),
        # Suspended, it stays with whoever held it: a team, or the desk.
        CheckConstraint(
            f"status = 'suspended' OR (status IN ({_listed(HELD)})) = (team_id IS NOT NULL)",
            name="held",
        ),
        CheckConstraint("(status = 'merged') = (merged_into_id IS NOT NULL)", name="merged"),
        CheckConstraint("merged_into_id <> id", name="merged_into"),
        CheckConstraint(
            f"(status IN ({_listed(CLOSED)})) = (closed_at IS NOT NULL)", name="closed"
        ),
        CheckConstraint("handler_id IS NULL OR team_id IS NOT NULL", name="handler"),
        CheckConstraint("first_id IS NULL OR status = 'reported'", name="first"),
        CheckConstraint("rating IS NULL OR status = 'closed'", name="rating"),
        CheckConstraint("(point IS NULL) = (point_source IS NULL)", name="point_source"),
        CheckConstraint("starts_with(village_code, desk_code)", name="desk"),
        CheckConstraint("about_id IS NULL OR about_staff", name="about"),
        CheckConstraint(
            "NOT anonymous OR num_nonnulls(resident_name, resident_phone) = 0", name="anonymous"
        ),
        is_sealed_phone("resident_phone"),
        ForeignKeyConstraint(
            ["category_code", "category_version"],
            ["category_version.category_code", "category_version.version"],
        ),
        Index(None, "desk_code", "status"),
        Index(None, "team_id", "status"),
        Index(None, "village_code"),
        Index(None, "cell_id"),
        Index(None, "household_id"),
        Index(None, "merged_into_id"),
        # The desk's queues, the soonest due first, and its search (visits/issues/search.py).
        Index("ix_issue_open_due", "due_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index(
            "ix_issue_open_queue",
            "status",
            "due_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_issue_bigrams", text("bigrams(words, address)"), postgresql_using="gin"),
        Index(
            "ix_issue_phone",
            whole_mark("resident_phone").label("whole"),
            postgresql_where=text("resident_phone IS NOT NULL"),
        ),
        Index(
            "ix_issue_phone_end",
            end_mark("resident_phone").label("ending"),
            postgresql_where=text("resident_phone IS NOT NULL"),
        ),
        Index("ix_issue_number_end", text("substr(number, 8)")),
        Index(
            "ix_issue_open_handler",
            "handler_id",
            postgresql_where=text("closed_at IS NULL AND handler_id IS NOT NULL"),
        ),
        Index("ix_issue_first", "first_id", postgresql_where=text("first_id IS NOT NULL")),
        Index(None, "reported_at", "id"),
        Index(None, "closed_at"),
        Index("ix_issue_about_staff", "desk_code", "due_at", postgresql_where=text("about_staff")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    number: Mapped[str] = mapped_column(String(24), unique=True)
    category_code: Mapped[str] = mapped_column(ForeignKey("category.code"))
    category_version: Mapped[int] = mapped_column(Integer)  # whose terms it keeps
    channel: Mapped[Channel] = mapped_column(choice(Channel, "channel"))
    words: Mapped[str] = mapped_column(Text)
    resident_name: Mapped[str | None] = mapped_column(String(64))
    resident_phone: Mapped[str | None] = mapped_column(SealedPhone("issue.resident_phone"))
    anonymous: Mapped[bool] = mapped_column(default=False, server_default=false())  # as was wished
    # With it and the number the resident sees how it goes; its digest (visits/intake/codes.py).
    code_hash: Mapped[str | None] = mapped_column(String(64))
    about_staff: Mapped[bool] = mapped_column(default=False, server_default=false())
    about_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # of whom
    reported_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    visit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("visit.id"))
    household_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("household.id"))
    village_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    cell_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cell.id"))
    address: Mapped[str] = mapped_column(String(120), default="")
    point: Mapped[Any | None] = mapped_column(Geometry("POINT", srid=SRID))
    point_source: Mapped[System | None] = mapped_column(choice(System, "system"))

    status: Mapped[Status] = mapped_column(choice(Status, "status"))
    step_no: Mapped[int] = mapped_column(Integer)
    desk_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    # First responsible 首问责任: whoever took it first owns the hand-over until a desk accepts it.
    first_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    # Who of the team is in charge 承办人; while absent the deputy acts (visits/staffing/charge.py).
    handler_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    limit: Mapped[Limit] = _limit("limit")
    reported_at: Mapped[datetime]
    # Reckoned from the steps on the working calendar of the jurisdiction `calendar_code`
    # (visits/issues/clock.py says what marks are); written anew when a calendar changes.
    calendar_code: Mapped[str] = mapped_column(Code(12))
    due_mark: Mapped[float]
    stopped_mark: Mapped[float | None]
    resumes_mark: Mapped[float | None]
    due_at: Mapped[datetime]  # the earliest that it can be, where it is not settled
    missing_year: Mapped[int | None] = mapped_column(SmallInteger)
    stage_due_at: Mapped[datetime | None]  # of the present stage: accepting, handling, reviewing
    closed_at: Mapped[datetime | None]
    merged_into_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("issue.id"))
    rating: Mapped[Rating | None] = mapped_column(choice(Rating, "rating_value"))

    category: Mapped[Category] = relationship(lazy="raise", foreign_keys=category_code)
    terms: Mapped[CategoryVersion] = relationship(
        lazy="raise", foreign_keys=[category_code, category_version], viewonly=True
    )
    cell: Mapped[Cell | None] = relationship(lazy="raise")
    household: Mapped[Household | None] = relationship(lazy="raise")
    village: Mapped[Jurisdiction] = relationship(lazy="raise", foreign_keys=village_code)
    desk: Mapped[Jurisdiction] = relationship(lazy="raise", foreign_keys=desk_code)
    team: Mapped[Team | None] = relationship(lazy="raise")
    handler: Mapped[User | None] = relationship(lazy="raise", foreign_keys=handler_id)
    first: Mapped[User | None] = relationship(lazy="raise", foreign_keys=first_id)
    reported_by: Mapped[User] = relationship(lazy="raise", foreign_keys=reported_by_id)
    about: Mapped[User | None] = relationship(lazy="raise", foreign_keys=about_id)
    steps: Mapped[list[Step]] = relationship(
        back_populates="issue", lazy="raise", order_by="Step.seq"
    )

    @property
    def photos(self) -> list[Attachment]:
        """What it was reported with: the pictures of its first step."""
        return self.steps[0].photos


class IssueStay(Base):
    """The cell in which an issue counts for the days before `to_date`, when its cell ended."""

    __tablename__ = "issue_stay"
    __table_args__ = county(Index(None, "cell_id"), Index(None, "change_id"))

    issue_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    change_id: Mapped[uuid.UUID] = mapped_column(made_by_change(), primary_key=True)
    to_date: Mapped[date] = mapped_column(Date)
    cell_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cell.id"))
    next_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cell.id"))  # where it went


class Assistance(Base):
    """A team helps the holder of an issue 协办: it sees the issue and may say something to it."""

    __tablename__ = "assistance"
    __table_args__ = county(Index(None, "team_id"))

    issue_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"), primary_key=True)


class Step(Base):
    """One link of a chain: who did what, when, and how things stood before and after.

    Rows are never deleted, and nothing in them changes but that the words of a closed issue go
    after their period (visits/retention): triggers forbid the rest.
    """

    __tablename__ = "step"
    __table_args__ = county(
        UniqueConstraint("issue_id", "seq"),
        CheckConstraint("seq >= 1", name="seq"),
        CheckConstraint("(seq = 1) = (status_before IS NULL)", name="first"),
        CheckConstraint(
            "actor_id IS NOT NULL OR (action = 'evaluate' AND data @> '{\"way\": \"code\"}') "
            "OR (action = 'reopen' AND data @> '{\"because\": \"evaluate\"}')",
            name="actor",
        ),
        Index(None, "actor_id", "received_at"),
        Index(
            "ix_step_escalate",
            "desk_code",
            "issue_id",
            postgresql_where=text("action = 'escalate'"),
        ),
        Index(
            "ix_step_passed",
            "team_before_id",
            "happened_at",
            postgresql_where=text("action = 'pass_review'"),
        ),
        # What was received lately, in a table that only grows: visits/issues/backlog.py.
        Index("ix_step_received_at", "received_at", postgresql_using="brin"),
        Index("ix_step_urge", "issue_id", postgresql_where=text("action = 'urge'")),
        Index(
            "ix_step_trouble",
            "action",
            "issue_id",
            postgresql_where=text("action IN ('return', 'reopen')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    issue_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("issue.id"))
    seq: Mapped[int] = mapped_column(Integer)
    action: Mapped[Action] = mapped_column(choice(Action, "action"))
    # Nobody where the resident evaluated with the own code, or what followed from that by itself.
    actor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))
    for_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # A, by B
    status_before: Mapped[Status | None] = mapped_column(choice(Status, "status_before_value"))
    status_after: Mapped[Status] = mapped_column(choice(Status, "status_after_value"))
    desk_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    team_before_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    team_after_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    handler_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("account.id"))  # after it
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime]  # these four as they were reckoned then
    due_mark: Mapped[float]
    stopped_mark: Mapped[float | None]
    resumes_mark: Mapped[float | None]
    words: Mapped[str] = mapped_column(Text, default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    said: Mapped[str] = mapped_column(String(64))  # digest of what was sent: tells a repeat

    issue: Mapped[Issue] = relationship(back_populates="steps", lazy="raise")
    actor: Mapped[User | None] = relationship(lazy="raise", foreign_keys=actor_id)
    for_whom: Mapped[User | None] = relationship(lazy="raise", foreign_keys=for_id)
    handler: Mapped[User | None] = relationship(lazy="raise", foreign_keys=handler_id)
    team_after: Mapped[Team | None] = relationship(lazy="raise", foreign_keys=team_after_id)
    photos: Mapped[list[Attachment]] = relationship(
        lazy="raise", viewonly=True, order_by="Attachment.position"
    )


class BacklogWeek(Base):
    """A day with which a week ended, of which the backlog is kept (visits/issues/backlog.py)."""

    __tablename__ = "backlog_week"
    __table_args__ = county()

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    ends_at: Mapped[datetime]
    received_until: Mapped[datetime]  # what was received by then is in it


class BacklogIssue(Base):
    """An issue that was open when a week ended, as its chain stood then."""

    __tablename__ = "backlog_issue"
    __table_args__ = county(Index(None, "issue_id"))

    day: Mapped[date] = mapped_column(
        ForeignKey("backlog_week.day", ondelete="CASCADE"), primary_key=True
    )
    issue_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    team_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("team.id"))
    desk_code: Mapped[str] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    weight: Mapped[float]  # age ÷ limit


class KeptFilter(Base):
    """Filters of the desk or of the list of issues that somebody keeps under a name."""

    __tablename__ = "kept_filter"
    __table_args__ = county(
        UniqueConstraint("user_id", "page", "name"),
        CheckConstraint("page IN ('desk', 'issues')", name="page"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # made by the client
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    page: Mapped[str] = mapped_column(String(24))
    name: Mapped[str] = mapped_column(String(24))
    asked: Mapped[dict[str, str]] = mapped_column(JSONB)  # the address's parameters

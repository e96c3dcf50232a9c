"""Pictures, what they are attached to, and the pieces of those that are still coming in."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    and_,
    false,
    text,
)
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from gridserve.db import BLOB, Base, Code, choice, county, now

LONGEST_SIDE = 65_500  # of a JPEG
TRIES = 5  # to make a thumbnail


class PictureKind(enum.StrEnum):
    """As what a picture is kept."""

    JPEG = "jpeg"
    PNG = "png"


class Photo(Base):
    """A picture as one account sent it, under the SHA-256 of what was sent.

    What is kept is not that but a copy made here, which holds nothing but the picture. Each account
    proves by sending it that it has the picture: to know its address is not enough.
    """

    __tablename__ = "photo"
    __table_args__ = county(
        CheckConstraint("size > 0", name="size"),
        CheckConstraint(
            f"width BETWEEN 1 AND {LONGEST_SIDE} AND height BETWEEN 1 AND {LONGEST_SIDE}",
            name="measures",
        ),
        Index(None, "stored_sha256"),
        Index(None, "thumbnail_sha256"),
        Index(
            "ix_photo_no_thumbnail",
            "received_at",
            postgresql_where=text(f"thumbnail_sha256 IS NULL AND thumbnail_tries < {TRIES}"),
        ),
    )

    sha256: Mapped[str] = mapped_column(Code(64), primary_key=True)
    uploader_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    stored_sha256: Mapped[str] = mapped_column(Code(64), info=BLOB)
    kind: Mapped[PictureKind] = mapped_column(choice(PictureKind, "kind"))
    size: Mapped[int] = mapped_column(Integer)  # bytes that are kept
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    received_at: Mapped[datetime] = mapped_column(default=now)
    thumbnail_sha256: Mapped[str | None] = mapped_column(Code(64), info=BLOB)  # None: not made
    thumbnail_tries: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")


class Attachment(Base):
    """A picture belongs to a visit or to a step of an issue. It may be said before it arrives.

    What an issue was reported with belongs to its first step, which has the issue's id. Rows are
    never changed or deleted: a trigger forbids it.
    """

    __tablename__ = "attachment"
    __table_args__ = county(
        CheckConstraint("num_nonnulls(visit_id, step_id) = 1", name="subject"),
        CheckConstraint("position BETWEEN 0 AND 9", name="position"),
        CheckConstraint("NOT signature OR step_id IS NOT NULL", name="signature"),
        UniqueConstraint("visit_id", "position"),
        UniqueConstraint("step_id", "position"),
        Index(None, "sha256", "sender_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    visit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("visit.id"))
    step_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("step.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    sha256: Mapped[str] = mapped_column(Code(64))
    sender_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))  # who sends the picture
    signature: Mapped[bool] = mapped_column(default=False, server_default=false())

    photo: Mapped[Photo | None] = relationship(
        lazy="joined",
        viewonly=True,
        primaryjoin=lambda: and_(
            foreign(Attachment.sha256) == Photo.sha256,
            foreign(Attachment.sender_id) == Photo.uploader_id,
        ),
    )

    @property
    def arrived(self) -> bool:
        """Whether its picture is here."""
        return self.photo is not None


class Upload(Base):
    """The beginning of a picture that comes in pieces; deleted when it is whole, or old."""

    __tablename__ = "photo_upload"
    __table_args__ = county(
        CheckConstraint("octet_length(data) < total", name="data"),
        Index(None, "touched_at"),
    )

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Code(64), primary_key=True)
    total: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    touched_at: Mapped[datetime] = mapped_column(default=now)

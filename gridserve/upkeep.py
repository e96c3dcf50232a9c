"""When what keeps the installation well was last done: backups, the nightly comparison."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from gridserve.db import Base, db, now, reference


class Upkeep(Base):
    """The last time that one thing was done to its end."""

    __tablename__ = "upkeep"
    __table_args__ = reference()

    what: Mapped[str] = mapped_column(String(40), primary_key=True)
    done_at: Mapped[datetime]


def done(what: str) -> None:
    """Write down that `what` was done just now."""
    row = insert(Upkeep).values(what=what, done_at=now())
    db.session.execute(
        row.on_conflict_do_update(
            index_elements=[Upkeep.what], set_={"done_at": row.excluded.done_at}
        )
    )

"""The record of each run: what went, by kind."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from gridserve.db import Base, new_id, now, reference


class RetentionRun(Base):
    """One run. What is counted is committed with what went, so that a run that dies is true."""

    __tablename__ = "retention_run"
    __table_args__ = reference()

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    days: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the periods that held, by kind
    counts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)  # rows by kind

"""Figures for those who run the installation: what waits to be told, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select

from gridserve.db import db, now
from gridserve.metrics import Gauge
from visits.submissions.models import Submission
from visits.telling.causes import State
from visits.telling.models import Delivery

OPEN = (State.WAITING, State.SENDING)


def gauges() -> Iterator[Gauge]:
    """Deliveries that wait or were given up, and refusals that nobody has seen to yet."""
    waiting, oldest = db.session.execute(
        select(func.count(), func.min(Delivery.created_at)).where(Delivery.state.in_(OPEN))
    ).one()
    failed = _count(Delivery.state == State.FAILED)
    age = (now() - oldest).total_seconds() if oldest else 0.0
    yield Gauge("deliveries", "Messages to send outward", "state", {"waiting": waiting,
                                                                    "failed": failed})  # fmt: skip
    yield Gauge("delivery_oldest_seconds", "How long the oldest has waited", values={"": age})
    refused = float(_count(Submission.resolution.is_(None)))
    yield Gauge("refused_submissions", "Refused, not seen to yet", values={"": refused})


def _count(where: object) -> int:
    return db.session.scalar(select(func.count()).where(where)) or 0  # type: ignore[arg-type]

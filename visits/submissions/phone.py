"""What of the refused items a phone is told with its workset."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.submissions.models import Submission

MOST = 50


def for_workset(user: User, day: date) -> list[dict[str, Any]]:
    """What was refused of the user's own and waits for somebody to see to it, the latest first."""
    rows = (
        select(
            Submission.id, Submission.item_id, Submission.kind, Submission.code,
            Submission.received_at, Submission.answer["detail"].astext.label("detail"),
        )
        .where(Submission.account_id == user.id, Submission.resolution.is_(None))
        .order_by(Submission.received_at.desc(), Submission.id)
        .limit(MOST)
    )  # fmt: skip
    return [
        {
            "id": str(row.id),
            "item": row.item_id and str(row.item_id),
            "kind": row.kind and row.kind.value,
            "code": row.code,
            "detail": row.detail,
            "at": row.received_at.astimezone(workdays.zone()).isoformat(timespec="seconds"),
        }
        for row in db.session.execute(rows)
    ]

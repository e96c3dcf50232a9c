"""Which pictures belong to what, for many at once."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import select

from gridserve.db import db
from visits.photos.models import Attachment


def of_issues(ids: Collection[uuid.UUID]) -> dict[uuid.UUID | None, list[str]]:
    """By issue, the addresses of the pictures with which it was reported and that have arrived."""
    found: dict[uuid.UUID | None, list[str]] = {}
    # What an issue was reported with belongs to its first step, which has the issue's id.
    query = select(Attachment).where(Attachment.step_id.in_(ids), ~Attachment.signature)
    for one in db.session.scalars(query.order_by(Attachment.position)) if ids else ():
        if one.arrived:
            found.setdefault(one.step_id, []).append(one.sha256)
    return found

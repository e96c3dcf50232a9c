"""Notices over the API."""

from __future__ import annotations

from typing import Any

from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, paged, transaction
from gridserve.permissions import Permission
from visits.telling import operations, queries
from visits.telling.models import Notice
from visits.telling.schemas import NoticePage, NoticesIn, ReadIn, ReadOut

bp = Blueprint("telling_api", __name__, url_prefix=API, description="What one was told")


@bp.get("/notices")
@requires(Permission.ACCOUNT)
@bp.arguments(NoticesIn, location="query")
@bp.response(200, NoticePage)
def list_notices(args: dict[str, Any]) -> dict[str, Any]:
    """What the caller was told, newest first, and how much is not read yet."""
    query = queries.inbox(current_user, unread=args.get("unread"))
    page = paged(query, (Notice.created_at, Notice.id), args, descending=True)
    return {**page, "unread": queries.unread(current_user)}


@bp.post("/notices/read")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(ReadIn)
@bp.response(200, ReadOut)
def read(said: dict[str, Any]) -> dict[str, Any]:
    """Mark own notices as read, those named or all. Doing it again changes nothing."""
    marked = operations.mark_read(said.get("ids"), by=current_user)
    return {"marked": marked, "unread": queries.unread(current_user)}

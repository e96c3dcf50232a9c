"""Dividing a village over the API: a draft that is asked for, looked at, adjusted and adopted."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, paged, transaction
from gridserve.permissions import Permission
from visits.division import computing, operations, queries
from visits.division.models import Draft
from visits.division.schemas import (
    AdjustIn,
    AdoptIn,
    DivisionIn,
    DivisionOut,
    DivisionPage,
    DivisionsIn,
    VersionIn,
)

bp = Blueprint("division_api", __name__, url_prefix=API, description="Division of villages")


@bp.get("/divisions")
@requires(Permission.GROUND_WRITE)
@bp.arguments(DivisionsIn, location="query")
@bp.response(200, DivisionPage)
def list_divisions(args: dict[str, Any]) -> dict[str, Any]:
    """Divisions that were asked for, the latest first, without their cells."""
    keys = (Draft.created_at, Draft.id)
    page = paged(queries.drafts(current_user, args), keys, args, descending=True)
    return page | {"items": queries.summaries(page["items"])}


@bp.post("/divisions")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(DivisionIn)
@bp.response(202, DivisionOut)
def ask(said: dict[str, Any]) -> dict[str, Any]:
    """Ask for a division of a village into cells. Read it again until it is `ready`."""
    draft, repeat = operations.ask(said, by=current_user)
    if not repeat:
        computing.start(draft)
    return queries.shown(queries.draft(current_user, draft.id))


@bp.get("/divisions/<uuid:division_id>")
@requires(Permission.GROUND_WRITE)
@bp.response(200, DivisionOut)
def get_division(division_id: uuid.UUID) -> dict[str, Any]:
    """One division with its cells as GeoJSON, its figures, and where households live."""
    return queries.shown(queries.draft(current_user, division_id))


@bp.post("/divisions/<uuid:division_id>/adjust")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(AdjustIn)
@bp.response(200, DivisionOut)
def adjust(said: dict[str, Any], division_id: uuid.UUID) -> dict[str, Any]:
    """Split a cell of a draft, merge neighbours, or redraw an edge. Serials are given anew."""
    draft = queries.draft(current_user, division_id, lock=True)
    operations.adjust(draft, said, by=current_user)
    return queries.shown(draft)


@bp.post("/divisions/<uuid:division_id>/undo")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(VersionIn)
@bp.response(200, DivisionOut)
def undo(said: dict[str, Any], division_id: uuid.UUID) -> dict[str, Any]:
    """Take the last adjustment back."""
    draft = queries.draft(current_user, division_id, lock=True)
    operations.undo(draft, said["version"], by=current_user)
    return queries.shown(draft)


@bp.post("/divisions/<uuid:division_id>/adopt")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(AdoptIn)
@bp.response(200, DivisionOut)
def adopt(said: dict[str, Any], division_id: uuid.UUID) -> dict[str, Any]:
    """Make the cells of a draft those of the village, with its households in them."""
    draft = queries.draft(current_user, division_id, lock=True)
    operations.adopt(draft, said, by=current_user)
    return queries.shown(draft)


@bp.delete("/divisions/<uuid:division_id>")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.response(204)
def drop(division_id: uuid.UUID) -> None:
    """Put a draft away. What was adopted stays."""
    operations.drop(queries.draft(current_user, division_id, lock=True), by=current_user)

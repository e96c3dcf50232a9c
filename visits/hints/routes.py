"""Hints over the API: the desk's list, and what the cadre answers."""

from __future__ import annotations

import uuid
from typing import Any

from flask_babel import gettext as _

from gridserve.auth import current_user, requires
from gridserve.errors import Forbidden
from gridserve.http import API, Blueprint, paged, transaction
from gridserve.permissions import Permission, may
from visits.hints import operations, queries
from visits.hints.models import Hint
from visits.hints.schemas import HintAnswerIn, HintAskIn, HintOut, HintPage, HintSettleIn, HintsIn

bp = Blueprint("hints_api", __name__, url_prefix=API, description="Visits to be looked at")


@bp.get("/hints")
@requires(Permission.VISIT_READ)
@bp.arguments(HintsIn, location="query")
@bp.response(200, HintPage)
def list_hints(args: dict[str, Any]) -> dict[str, Any]:
    """The hints of the caller's jurisdictions in a state, or those on own visits, newest first."""
    if args["mine"]:
        query = queries.own(current_user)
    elif may(current_user, Permission.VISIT_REVIEW):
        query = queries.hints(current_user, [args["state"]])
    else:
        raise Forbidden(_("Only hints on your own visits (`mine`) are for you."))
    return paged(query, (Hint.found_at, Hint.id), args, descending=True)


@bp.post("/hints/<uuid:hint_id>/ask")
@requires(Permission.VISIT_REVIEW)
@transaction
@bp.arguments(HintAskIn)
@bp.response(200, HintOut)
def ask(data: dict[str, Any], hint_id: uuid.UUID) -> Hint | None:
    """Ask the visitor. Again changes nothing."""
    operations.ask(hint_id, data["words"], by=current_user)
    return queries.hint(current_user, hint_id)


@bp.post("/hints/<uuid:hint_id>/answer")
@requires(Permission.VISIT_RECORD)
@transaction
@bp.arguments(HintAnswerIn)
@bp.response(200, HintOut)
def answer(data: dict[str, Any], hint_id: uuid.UUID) -> Hint | None:
    """Answer to a hint on an own visit. The same words again change nothing."""
    operations.answer(hint_id, data["words"], by=current_user)
    return queries.hint(current_user, hint_id)


@bp.post("/hints/<uuid:hint_id>/settle")
@requires(Permission.VISIT_REVIEW)
@transaction
@bp.arguments(HintSettleIn)
@bp.response(200, HintOut)
def settle(data: dict[str, Any], hint_id: uuid.UUID) -> Hint | None:
    """Settle a hint as in order, or to be confirmed with the household."""
    operations.settle(hint_id, data["state"], data["words"], by=current_user)
    return queries.hint(current_user, hint_id)

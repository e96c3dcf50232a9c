"""Having a name and phone shown, over the API."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, transaction
from gridserve.permissions import Permission
from visits import queries
from visits.issues import queries as issue_queries
from visits.reveals import operations
from visits.reveals.schemas import RevealIn, RevealOut

bp = Blueprint("reveals_api", __name__, url_prefix=API, description="Names and phones, shown")


@bp.post("/households/<uuid:household_id>/reveal")
@requires(Permission.REVEAL)
@transaction
@bp.arguments(RevealIn)
@bp.response(200, RevealOut)
def reveal_household(data: dict[str, Any], household_id: uuid.UUID) -> dict[str, Any]:
    """Have the name and phone of a household shown. It is written down, and limited each day."""
    home = queries.household(current_user, household_id)
    row = operations.reveal(home, data, by=current_user)
    return _shown(row, home.head_name, home.phone)


@bp.post("/issues/<uuid:issue_id>/reveal")
@requires(Permission.REVEAL)
@transaction
@bp.arguments(RevealIn)
@bp.response(200, RevealOut)
def reveal_resident(data: dict[str, Any], issue_id: uuid.UUID) -> dict[str, Any]:
    """Have the name and phone of who reported an issue shown."""
    issue = issue_queries.issue(current_user, issue_id)
    row = operations.reveal(issue, data, by=current_user)
    return _shown(row, issue.resident_name, issue.resident_phone)


def _shown(row: Any, name: str | None, phone: str | None) -> dict[str, Any]:
    until = row.at + operations.SHOWN
    return {"name": name, "phone": phone, "until": until, "left": operations.left(current_user)}

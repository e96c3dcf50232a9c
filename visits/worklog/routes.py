"""The work log over the API."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _

from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.errors import NotFound
from gridserve.http import API, Blueprint, transaction
from gridserve.permissions import Permission
from visits.worklog import keeping
from visits.worklog.schemas import LogIn, LogOut, WordsIn

bp = Blueprint("worklog_api", __name__, url_prefix=API, description="One's own work log")


@bp.get("/log")
@requires(Permission.ACCOUNT)
@bp.arguments(LogIn, location="query")
@bp.response(200, LogOut)
def get_log(args: dict[str, Any]) -> dict[str, Any]:
    """What the caller did, day by day: visits, issues reported and steps taken, also for others."""
    last = args.get("to") or args.get("from") or workdays.today()
    return {"days": keeping.log(current_user, args.get("from") or last, last)}


@bp.post("/log/<day>")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(WordsIn)
@bp.response(200, LogOut)
def add_words(data: dict[str, Any], day: str) -> dict[str, Any]:
    """Put down own words on a day, in place of those before. Sending it again changes nothing."""
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise NotFound(_("There is no such day.")) from error
    keeping.add_words(on, data["words"], by=current_user)
    return {"days": keeping.log(current_user, on, on)}

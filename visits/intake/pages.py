"""The queue of complaints about staff."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gridserve.auth import current_user, requires
from gridserve.http import page_args, paged
from gridserve.permissions import Permission
from visits.issues import queries
from visits.issues.models import Issue
from visits.issues.permissions import desk_issues
from visits.issues.schemas import IssuesIn
from visits.issues.words import timing

bp = Blueprint("intake", __name__, template_folder="../templates")


@bp.get("/complaints")
@requires(Permission.ISSUE_COMPLAINTS)
def complaints() -> ResponseReturnValue:
    """Complaints about staff that wait for the reader as their desk: open ones, or closed ones."""
    closed = request.args.get("open") == "0"
    asked = {k: v for k, v in request.args.items() if k == "cursor"}
    args = page_args(IssuesIn(), {**asked, "open": "0" if closed else "1"})
    mine = desk_issues(current_user, complaints=True).with_only_columns(Issue.id)
    query = queries.issues(current_user, {**args, "complaints": True}).where(Issue.id.in_(mine))
    key = Issue.closed_at if closed else Issue.due_at
    return render_template(
        "intake/complaints.html",
        page=paged(query, (key, Issue.id), args, descending=closed),
        closed=closed,
        here=url_for("intake.complaints"),
        timing=timing,
    )

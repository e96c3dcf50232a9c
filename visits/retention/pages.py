"""What is kept for how long, and what went when."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from gridserve.auth import requires
from gridserve.http import PageIn, page_args, paged
from gridserve.permissions import Permission
from visits.retention import operations
from visits.retention.kinds import KINDS
from visits.retention.models import RetentionRun

bp = Blueprint("retention", __name__, template_folder="../templates")


@bp.get("/retention")
@requires(Permission.RETENTION_READ)
def listing() -> ResponseReturnValue:
    """The periods, and the record of the nightly runs."""
    args = page_args(PageIn())
    runs = paged(
        select(RetentionRun), (RetentionRun.started_at, RetentionRun.id), args, descending=True
    )
    return render_template(
        "retention/list.html", kinds=KINDS, days=operations.periods(), runs=runs,
        labels={kind.key: kind.label for kind in KINDS},
    )  # fmt: skip

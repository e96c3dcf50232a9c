"""The workset over the API."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, jsonify, request

from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import API, Blueprint, etag_of
from gridserve.permissions import Permission
from visits.workset.building import build
from visits.workset.schemas import WorksetOut

bp = Blueprint("workset_api", __name__, url_prefix=API, description="What a phone works with")


@bp.get("/workset")
@requires(Permission.VISIT_RECORD)
@bp.response(200, WorksetOut)
@bp.alt_response(304, description="Nothing has changed since the ETag that came with the request.")
def get_workset() -> Response:
    """All that a cadre needs without signal: own cells, households and when they are due, issues
    and what may be done to them, categories and phrases.

    Ask with If-None-Match; the ETag changes when the content does, and with the day. After
    `expires_at` the phone drops what it has. Fields that are empty, false or null are left out of
    cells' households, issues and categories.
    """
    content = build(current_user, workdays.today())
    tag = etag_of(content)
    if request.if_none_match.contains_weak(tag):  # weak is what it became where it was sent zipped
        response = Response(status=304)
    else:
        made = now()
        lasts = timedelta(days=current_app.extensions["gridserve"].workset_days)
        response = jsonify(
            {"made_at": made.isoformat(), "expires_at": (made + lasts).isoformat(), **content}
        )
    response.set_etag(tag)
    return response

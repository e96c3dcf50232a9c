"""The inbox, and the page on which administrators keep gateways and see what failed."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import Jurisdiction, Level
from gridserve import auth
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import form_id, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, scopes, within
from visits.telling import gateways, operations, queries, words
from visits.telling.models import Notice
from visits.telling.schemas import GatewayIn, NoticesIn

PLACES_SHOWN = 300

bp = Blueprint("telling", __name__, template_folder="../templates")


@bp.app_context_processor
def _context() -> dict[str, Any]:
    """The top bar's count, asked for only where a page shows it."""

    def count() -> int:
        user = auth.visitor()
        return queries.unread(user) if user is not None else 0

    return {"unread_notices": count}


@bp.get("/inbox")
@requires(Permission.ACCOUNT)
def inbox() -> ResponseReturnValue:
    """What one was told: not read yet, or all."""
    asked = dict(request.args.items())
    asked.setdefault("unread", "1")
    every = asked["unread"] == "all"
    if every:
        del asked["unread"]
    args = page_args(NoticesIn(), asked)
    query = queries.inbox(current_user, unread=args.get("unread"))
    page = paged(query, (Notice.created_at, Notice.id), args, descending=True)
    return render_template(
        "telling/inbox.html", page=page, every=every, words=words,
        visible=queries.open_to(current_user, page["items"]),
        states=[
            {"label": _("Not read yet"), "href": url_for("telling.inbox"), "active": not every},
            {
                "label": _("All notices"),
                "href": url_for("telling.inbox", unread="all"),
                "active": every,
            },
        ],
    )  # fmt: skip


@bp.post("/inbox")
@requires(Permission.ACCOUNT)
@transaction
def read() -> ResponseReturnValue:
    """Mark all as read, or one on the way to its issue."""
    if "notice" not in request.form:
        operations.mark_read(None, by=current_user)
        return redirect(url_for("telling.inbox"))
    notice_id = form_id("notice")
    operations.mark_read([notice_id], by=current_user)
    found = db.session.scalar(queries.inbox(current_user).where(Notice.id == notice_id))
    if found is not None and found.issue_id is None:
        return redirect(words.link(found))
    if found is None or not queries.open_to(current_user, [found]):
        return redirect(url_for("telling.inbox"))
    return redirect(url_for("issues.show", issue_id=found.issue_id, back=url_for("telling.inbox")))


@bp.get("/gateways")
@requires(Permission.GATEWAY)
def keep() -> ResponseReturnValue:
    """The gateways with how they are, and what was given up."""
    return _gateways()


@bp.post("/gateways")
@requires(Permission.GATEWAY)
@transaction
def change() -> ResponseReturnValue:
    """Enter or change a gateway, switch it, try it, or try again what failed."""
    try:
        with db.session.begin_nested():
            done = _do(request.form.get("do", ""))
    except Problem as problem:
        return _gateways(problem), problem.status
    flash(done)
    return redirect(url_for("telling.keep"))


def _do(what: str) -> str:
    if what == "save":
        gateways.save(_said(), by=current_user)
        return _("Stored. Send a trial to see whether it works.")
    if what in ("on", "off"):
        gateways.switch(form_id("gateway"), on=what == "on", by=current_user)
        return _("Switched on.") if what == "on" else _("Switched off.")
    if what == "try":
        gateways.attempt(form_id("gateway"), by=current_user)
        return _("A trial is on its way. Load the page again in a few seconds.")
    if what == "again":
        ids = [form_id("delivery")] if "delivery" in request.form else None
        count = gateways.again(ids, by=current_user)
        return _("%(n)s are tried again.", n=count)
    raise Invalid(_("Some values cannot be used."))


def _said() -> dict[str, Any]:
    schema = GatewayIn()
    form = {name: request.form[name] for name in schema.fields if request.form.get(name)}
    return loaded(schema, form)


def _gateways(problem: Problem | None = None) -> str:
    codes = scopes(current_user, Permission.GATEWAY)
    places = db.session.scalars(
        select(Jurisdiction)
        .where(
            within(Jurisdiction.code, codes),
            func.length(Jurisdiction.code).between(Level.COUNTY, Level.TOWNSHIP),
        )
        .order_by(Jurisdiction.code)
        .limit(PLACES_SHOWN)
    ).all()
    said = {k: v for k, v in request.form.items() if k != "url"} if problem else {}
    return render_template(
        "telling/gateways.html", rows=gateways.overview(current_user),
        failed=gateways.failed(current_user), places=places,
        names={place.code: place.short_name for place in places}, words=words,
        problem=problem, said=said, new_id=uuid.uuid4,
    )  # fmt: skip

"""The page of calls: whom to call to confirm a visit, and what came of it."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import Schema, Text, form_id, loaded, transaction
from gridserve.permissions import Permission
from visits.callbacks import operations, queries
from visits.callbacks.models import Callback, Outcome
from visits.masking import masked_name, masked_phone

SHOWN = 200
LABELS: dict[Outcome, Any] = {
    Outcome.CONFIRMED: _l("Confirmed"),
    Outcome.NOT_CONFIRMED: _l("Not confirmed"),
    Outcome.NOT_REACHED: _l("Not reached"),
}

bp = Blueprint("callbacks", __name__, template_folder="../templates")


class TryIn(Schema):
    """What a try gave."""

    id = ma.fields.UUID(required=True)
    outcome = ma.fields.Enum(Outcome, by_value=True, required=True)
    words = Text(most=300, load_default="")


@bp.get("/callbacks")
@requires(Permission.VISIT_REVIEW)
def listing() -> ResponseReturnValue:
    """The calls of a week, or those after hints."""
    return _page()


@bp.post("/callbacks")
@requires(Permission.VISIT_REVIEW)
@transaction
def act() -> ResponseReturnValue:
    """Take a call, or write down what it gave."""
    form = request.form
    visit_id = form_id("visit")
    try:
        with db.session.begin_nested():
            if form.get("do") == "take":
                operations.take(visit_id, by=current_user)
                done = ""
            else:
                operations.record(visit_id, _said(), by=current_user)
                done = _("Written down.")
    except Problem as problem:
        return _page(problem), problem.status
    if done:
        flash(done)
    return redirect(
        url_for("callbacks.listing", week=request.args.get("week"), _anchor=f"v{visit_id}")
    )


def _said() -> dict[str, Any]:
    said = {name: request.form.get(name, "") for name in ("id", "outcome", "words")}
    return loaded(TryIn(), said)


def _page(problem: Problem | None = None) -> str:
    weeks = queries.by_week(current_user)
    asked = request.args.get("week", "")
    after_hints = asked == "hints" or not weeks
    week = None if after_hints else _week(asked, [each.week for each in weeks])
    calls = db.session.scalars(
        queries.calls(current_user, week)
        .order_by(Callback.position, Callback.added_at, Callback.visit_id)
        .limit(SHOWN)
    ).all()
    drawn = queries.samples(current_user, week) if week else []
    return render_template(
        "hints/calls.html", weeks=weeks, week=week, calls=calls, problem=problem,
        figure=next((each for each in weeks if each.week == week), None), days=timedelta(days=6),
        samples=drawn, left_out=sum(len(each.left_out) for each in drawn),
        labels=LABELS, outcomes=Outcome, final=operations.FINAL, me=current_user.id,
        new_id=uuid.uuid4, masked_name=masked_name, masked_phone=masked_phone,
        said=request.form if problem else {},
    )  # fmt: skip


def _week(asked: str, known: list[date]) -> date:
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return known[0]
    return day if day in known else known[0]

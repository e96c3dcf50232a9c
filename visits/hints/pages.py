"""The desk's page of hints: the reason, the visits side by side, ask or settle."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import form_id, loaded, page_args, paged, transaction
from gridserve.permissions import Permission
from visits.hints import operations, queries, words
from visits.hints.models import SETTLED, Hint, State
from visits.hints.schemas import HintAskIn, HintSettleIn, HintsIn
from visits.labels import label
from visits.masking import masked_name

bp = Blueprint("hints", __name__, template_folder="../templates")


@bp.get("/hints")
@requires(Permission.VISIT_REVIEW)
def listing() -> ResponseReturnValue:
    """Hints in one state."""
    return _page()


@bp.post("/hints")
@requires(Permission.VISIT_REVIEW)
@transaction
def act() -> ResponseReturnValue:
    """Ask about a hint or settle it."""
    try:
        with db.session.begin_nested():
            done = _do(request.form.get("do", ""), form_id("hint"))
    except Problem as problem:
        return _page(problem), problem.status
    flash(done)
    return redirect(url_for("hints.listing", state=request.args.get("state")))


def _do(what: str, hint_id: uuid.UUID) -> str:
    said = {"words": request.form.get("words", "")}
    if what == "ask":
        operations.ask(hint_id, loaded(HintAskIn(), said)["words"], by=current_user)
        return _("Asked. It is on the cadre's phone and in the inbox.")
    settled = loaded(HintSettleIn(), said | {"state": what})
    operations.settle(hint_id, settled["state"], settled["words"], by=current_user)
    if settled["state"] is State.TO_CONFIRM:
        return _("Settled: the household is among those to be called.")
    return _("Settled as in order.")


def _page(problem: Problem | None = None) -> str:
    args: dict[str, Any] = page_args(HintsIn())
    query = queries.hints(current_user, [args["state"]])
    return render_template(
        "hints/list.html",
        page=paged(query, (Hint.found_at, Hint.id), args, descending=True),
        state=args["state"], states=State, counts=queries.counts(current_user), words=words,
        masked=masked_name, label=label, problem=problem,
        said=request.form if problem else {}, settled=args["state"] in SETTLED,
    )  # fmt: skip

"""What phones sent and was refused: looked at, corrected and applied for the cadre, or dropped."""

from __future__ import annotations

import uuid
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload, raiseload

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import PageIn, loaded, page_args, paged, transaction
from gridserve.permissions import Permission
from visits.issues.models import Issue
from visits.models import Household
from visits.operations import CLOCK_TOLERANCE
from visits.submissions import forms, resolving
from visits.submissions.models import Submission
from visits.submissions.permissions import visible_submissions
from visits.submissions.reading import uuid_of
from visits.submissions.schemas import DropIn

bp = Blueprint("refused", __name__, template_folder="../templates")

SHOWN = 20


class RefusedIn(PageIn):
    limit = ma.fields.Integer(load_default=SHOWN, validate=ma.validate.Range(1, SHOWN))


@bp.get("/desk/refused")
@requires(Permission.ACCOUNT)
def listing() -> ResponseReturnValue:
    """What nobody has seen to yet, the oldest first."""
    return _page()


@bp.post("/desk/refused/<uuid:submission_id>")
@requires(Permission.ACCOUNT)
@transaction
def resolve(submission_id: uuid.UUID) -> ResponseReturnValue:
    """Apply one with what the form corrects, or drop it."""
    take = _drop if request.form.get("do") == "drop" else _apply
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            done = take(resolving.get(submission_id, current_user, lock=True))
    except resolving.SubmissionUnknown:
        raise
    except Problem as problem:
        return _page(problem, submission_id), problem.status
    flash(done)
    return redirect(url_for("refused.listing"))


def _apply(submission: Submission) -> str:
    resolving.apply(submission, forms.corrected(submission, request.form), by=current_user)
    return _("Stored for %(name)s.", name=submission.account.name)


def _drop(submission: Submission) -> str:
    said = loaded(
        DropIn(),
        {"words": request.form.get("words", "")},
        _("Say why it is dropped: the cadre reads it."),
    )
    resolving.drop(submission, said["words"], by=current_user)
    return _("Dropped. The cadre reads why.")


def _page(problem: Problem | None = None, at: uuid.UUID | None = None) -> str:
    query = (
        visible_submissions(current_user)
        .where(Submission.resolution.is_(None))
        .options(joinedload(Submission.account), raiseload("*"))
    )
    args = page_args(RefusedIn())
    page = paged(query, (Submission.received_at, Submission.id), args)
    homes = _homes(page["items"])
    named = {home.id: f"{home.number} {home.address}" for home in homes.values()}
    numbers = {home.id: home.number for home in homes.values()}
    return render_template(
        "submissions/refused.html",
        page=page,
        rows=[_row(row, numbers) for row in page["items"]],
        subjects=named | _numbers(page["items"]),
        problem=problem,
        at=at,
        said=request.form if problem else {},
    )


def _row(submission: Submission, homes: dict[uuid.UUID, str]) -> dict[str, Any]:
    item, data = resolving.sent(submission), forms.data_of(submission)
    fixed = submission.account_id != current_user.id
    return {
        "submission": submission,
        "readable": item is not None and submission.kind is not None,
        "entries": forms.entries(submission, fixed, homes) if item else [],
        "about": uuid_of(data.get("household_id")) or submission.needs_id,
        "text": str(data.get("notes") or data.get("words") or ""),
        "skew": _skew(submission.skew_s or 0.0),
    }


def _skew(seconds: float) -> str:
    """How far the phone's clock was off, where that may matter."""
    if abs(seconds) < CLOCK_TOLERANCE.total_seconds():
        return ""
    if abs(seconds) < 2 * 3600:
        minutes = round(seconds / 60)
        return _("the phone's clock was off by %(n)s minutes", n=f"{minutes:+d}")
    return _("the phone's clock was off by %(n)s hours", n=f"{round(seconds / 3600):+d}")


def _homes(submissions: list[Submission]) -> dict[uuid.UUID, Household]:
    """The households that the items are about, of the places that these were kept for: who sees
    them sees to these places."""
    ids = {uuid_of(forms.data_of(row).get("household_id")) for row in submissions} - {None}
    codes = {row.jurisdiction_code or "" for row in submissions}
    rows = select(Household).where(Household.id.in_(ids), Household.village_code.in_(codes))
    return {home.id: home for home in db.session.scalars(rows.options(raiseload("*")))}


def _numbers(submissions: list[Submission]) -> dict[uuid.UUID, str]:
    """The numbers of the issues that the items are about, with the same care."""
    ids = {row.needs_id for row in submissions} - {None}
    codes = {row.jurisdiction_code or "" for row in submissions}
    rows = select(Issue.id, Issue.number).where(Issue.id.in_(ids), Issue.village_code.in_(codes))
    return {row.id: row.number for row in db.session.execute(rows)}

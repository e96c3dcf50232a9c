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
from gridserve.errors import Invalid, Problem, pointers
from gridserve.http import PageIn, page_args, paged, transaction
from gridserve.permissions import Permission
from visits.issues.models import Issue
from visits.models import Household
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
    try:
        said = DropIn().load({"words": request.form.get("words", "")})
    except ma.ValidationError as error:
        words = _("Say why it is dropped: the cadre reads it.")
        raise Invalid(words, errors=pointers(error.messages)) from error
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
    return render_template(
        "submissions/refused.html",
        page=page,
        rows=[_row(row) for row in page["items"]],
        subjects=_subjects(page["items"]),
        problem=problem,
        at=at,
        said=request.form if problem else {},
    )


def _row(submission: Submission) -> dict[str, Any]:
    item = resolving.sent(submission)
    fixed = submission.account_id != current_user.id
    return {
        "submission": submission,
        "readable": item is not None and submission.kind is not None,
        "entries": forms.entries(submission, fixed) if item else [],
        "about": uuid_of(forms.data_of(submission).get("household_id")) or submission.needs_id,
    }


def _subjects(submissions: list[Submission]) -> dict[uuid.UUID, str]:
    """What the items are about, in words: the household's number and address, or the issue's.

    Only of the places that these were kept for: who sees them sees to these places.
    """
    ids = {uuid_of(forms.data_of(row).get("household_id")) for row in submissions} - {None}
    codes = {row.jurisdiction_code or "" for row in submissions}
    named: dict[uuid.UUID, str] = {}
    for home in db.session.scalars(select(Household).where(Household.id.in_(ids))):
        if home.village_code in codes:
            named[home.id] = f"{home.number} {home.address}"
    needed = {row.needs_id for row in submissions} - {None}
    for issue in db.session.scalars(
        select(Issue).where(Issue.id.in_(needed)).options(raiseload("*"))
    ):
        if issue.village_code in codes:
            named[issue.id] = issue.number
    return named

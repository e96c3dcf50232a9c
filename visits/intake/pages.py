"""The form for a clerk with somebody on the line, and the queue of complaints about staff."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import Jurisdiction, Level
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import loaded, page_args, paged, transaction
from gridserve.permissions import Permission, scopes
from visits.intake.initials import initials
from visits.issues import codes, operations, queries
from visits.issues.chain import Action, Channel
from visits.issues.models import Category, Issue
from visits.issues.permissions import desk_issues
from visits.issues.schemas import IssueIn, IssuesIn
from visits.issues.words import due_words, timing
from visits.labels import amount, category_name
from visits.operations import IdTaken

bp = Blueprint("intake", __name__, template_folder="../templates")

CHANNELS = (Channel.HOTLINE, Channel.WINDOW, Channel.SUPERIOR)
# What of the form is sent on as it is; the place comes as household_id, cell or village.
SENT = (
    "id", "channel", "words", "category", "household_id", "cell", "village", "address", "about",
    "anonymous", "resident_name", "resident_phone", "query_code",
)  # fmt: skip


@bp.get("/intake")
@requires(Permission.ISSUE_DESK)
def form() -> ResponseReturnValue:
    """An empty form; it works from the keyboard alone."""
    return _form({})


@bp.post("/intake")
@requires(Permission.ISSUE_DESK)
@transaction
def take() -> ResponseReturnValue:
    """Take the issue down, and into another one where it is the same; then what to say.

    The answer is the page itself: loading it again sends the same id, which changes nothing and
    shows the same number and code.
    """
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            issue = operations.report(_said(), by=current_user)
            if into := request.form.get("into"):
                _merge(issue, into)
    except Problem as problem:
        return _form(request.form, problem), problem.status
    whole = queries.issue(current_user, issue.id)
    goes_on = db.session.get(Issue, whole.merged_into_id) if whole.merged_into_id else None
    return render_template(
        "intake/taken.html",
        issue=whole,
        goes_on=goes_on.number if goes_on else None,
        code=request.form["query_code"],
        due_words=due_words,
        amount=amount,
        channel=whole.channel,
    )


def _said() -> dict[str, Any]:
    form: dict[str, Any] = {k: v for k, v in request.form.items() if v and k in SENT}
    if request.form.get("lon") and request.form.get("lat"):
        form["point"] = {name: request.form[name] for name in ("lon", "lat")}
    said = loaded(IssueIn(), form)
    if said["channel"] not in CHANNELS or not said.get("query_code"):
        raise Invalid(_("The page is too old. Load it again and repeat."))
    return said


def _merge(issue: Issue, into: str) -> None:
    """Put what was just told to an issue that is the same; a repeat changes nothing."""
    try:
        other = uuid.UUID(into)
    except ValueError as error:
        raise Invalid(errors={"/into": [_("Name another open issue of your desk.")]}) from error
    step = {"id": uuid.uuid5(issue.id, "merge"), "action": Action.MERGE, "seen": 1, "into": other}
    operations.take_step(issue.id, {**step, "words": _("The same, told anew.")}, by=current_user)


def _form(said: Any, problem: Problem | None = None) -> str:
    known = isinstance(problem, IdTaken)  # sent already: another try is another one
    return render_template(
        "intake/form.html",
        said=said,
        problem=problem,
        id=uuid.uuid4() if known or not said.get("id") else said["id"],
        code=said.get("query_code") or codes.new_code(),
        channels=CHANNELS,
        channel=said.get("channel") or request.args.get("channel") or CHANNELS[0],
        categories=_categories(),
        ground=_ground(),
    )


def _categories() -> list[dict[str, Any]]:
    """What may be chosen, with all by which it is found: names in both languages, code, pinyin."""
    rows = db.session.scalars(select(Category).order_by(Category.code)).all()
    names = {row.code: row for row in rows}
    return [
        {
            "value": row.code,
            "label": category_name(row),
            "note": category_name(names[row.parent_code]) if row.parent_code else "",
            "find": f"{row.name} {row.name_en} {row.code} {initials(row.name)}".lower(),
            "staff": row.about_staff,
        }
        for row in rows
        if row.active
    ]


def _ground() -> str:
    """The jurisdiction whose cells the map shows at first: the smallest that the clerk serves."""
    held = max(scopes(current_user, Permission.ISSUE_DESK), key=len)
    if held:
        return held
    counties = select(func.min(Jurisdiction.code)).where(
        func.length(Jurisdiction.code) == Level.COUNTY
    )
    return db.session.scalar(counties) or ""


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

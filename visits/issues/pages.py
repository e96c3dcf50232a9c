"""The desk, the list of issues, and the page of one issue with its chain."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from grids.models import Assignment, Jurisdiction, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db, now
from gridserve.errors import Invalid, Problem, pointers
from gridserve.http import paged, transaction
from gridserve.permissions import Permission
from visits.issues import clock, operations, queries
from visits.issues.chain import Rating, Status
from visits.issues.models import Category, Issue
from visits.issues.permissions import actions, desk_issues, sees_resident
from visits.issues.schemas import IssuesIn, StepIn
from visits.labels import category_name, label
from visits.masking import masked_name, masked_phone

bp = Blueprint("issues", __name__, template_folder="../templates")

ZERO = timedelta()
# The desk's queues: name and heading.
QUEUES = (
    ("overdue", _l("Overdue")),
    ("to_accept", _l("To accept")),
    ("to_dispatch", _l("To dispatch")),
    ("to_review", _l("To review")),
    ("in_hand", _l("With the teams")),
)
_STATUSES = {
    "to_accept": (Status.REPORTED,),
    "to_dispatch": (Status.ACCEPTED,),
    "to_review": (Status.REVIEWING,),
    "in_hand": (Status.DISPATCHED, Status.HANDLING),
}


def _in_queue(queue: str) -> Any:
    if queue == "overdue":
        return Issue.closed_at.is_(None) & (Issue.due_at < now())
    return Issue.status.in_(_STATUSES[queue])


@bp.get("/desk")
@requires(Permission.ISSUE_DESK)
def desk() -> ResponseReturnValue:
    """The desk's queues, the most overdue first."""
    names = [name for name, _heading in QUEUES]
    queue = request.args.get("queue", "overdue")
    if queue not in names:
        queue = "overdue"
    mine = desk_issues(current_user).with_only_columns(Issue.id)
    counts = db.session.execute(
        select(*(func.count().filter(_in_queue(name)).label(name) for name in names)).where(
            Issue.id.in_(mine)
        )
    ).one()
    args = _page_args()
    query = queries.issues(current_user, {}).where(Issue.id.in_(mine), _in_queue(queue))
    page = paged(query, (Issue.due_at, Issue.id), args)
    return render_template(
        "issues/desk.html",
        queues=QUEUES,
        queue=queue,
        counts=counts._mapping,
        page=page,
        light_of=light_of,
        due_words=due_words,
    )


@bp.get("/issues")
@requires(Permission.ISSUE_READ)
def listing() -> ResponseReturnValue:
    """Issues by jurisdiction, status, category and light: what a figure opens to."""
    asked = {k: v for k, v in request.args.items() if v and k != "lang"}
    try:
        args = IssuesIn().load(asked)
    except ma.ValidationError as error:
        raise Invalid(
            _("The address of this page has a value that cannot be used."),
            errors=pointers(error.messages),
        ) from error
    page = paged(queries.issues(current_user, args), (Issue.due_at, Issue.id), args)
    categories = db.session.scalars(select(Category).order_by(Category.code)).all()
    return render_template(
        "issues/list.html",
        page=page,
        args=args,
        statuses=_options(Status),
        categories=[{"value": c.code, "label": category_name(c)} for c in categories],
        lights=_options(clock.Light),
        light_of=light_of,
        due_words=due_words,
        shown=_shown(args, categories),
    )


def _shown(args: dict[str, Any], categories: Sequence[Category]) -> list[str]:
    """What a list is narrowed to, in words."""
    chosen = [c for c in categories if c.code == args.get("category")]
    found = [place_name(args.get("jurisdiction"))]
    found += [label(args[name]) for name in ("light", "status") if args.get(name)]
    found += [category_name(c) for c in chosen]
    if args.get("overdue"):
        found.append(_("Overdue"))
    if args.get("open") is not None:
        found.append(_("Open issues") if args["open"] else _("Closed"))
    return [words for words in found if words]


@bp.get("/issues/<uuid:issue_id>")
@requires(Permission.ISSUE_READ)
def show(issue_id: uuid.UUID) -> ResponseReturnValue:
    """One issue: what, where, its chain as a timeline, and what one may do now."""
    return _page(issue_id)


@bp.post("/issues/<uuid:issue_id>")
@requires(Permission.ISSUE_STEP)
def act(issue_id: uuid.UUID) -> ResponseReturnValue:
    """Take a step from the page, then show the issue again."""
    try:
        _take(issue_id)
    except Problem as problem:
        return _page(issue_id, problem), problem.status
    flash(_("Done."))
    return redirect(url_for("issues.show", issue_id=issue_id))


@transaction
def _take(issue_id: uuid.UUID) -> None:
    form = {k: v for k, v in request.form.items() if v and k != "csrf_token"}
    form["seen"] = int(form["seen"]) if form.get("seen", "").isdigit() else 0  # type: ignore[assignment]
    try:
        said = StepIn().load(form)
    except ma.ValidationError as error:
        raise Invalid(_("Some values cannot be used."), errors=pointers(error.messages)) from error
    operations.take_step(issue_id, said, by=current_user)


act.transaction = True  # type: ignore[attr-defined]  # through _take, so that a refusal keeps the page


def _page(issue_id: uuid.UUID, problem: Problem | None = None) -> str:
    issue = queries.issue(current_user, issue_id)
    possible = actions(current_user, issue)
    teams = []
    if any("team_id" in rule.needs for rule in possible.values()):
        teams = list(
            db.session.scalars(
                select(Team)
                .where(Team.jurisdiction_code.like(issue.desk_code + "%"))
                .order_by(Team.jurisdiction_code, Team.name)
                .limit(500)
            )
        )
    shown = sees_resident(current_user, issue)
    return render_template(
        "issues/issue.html",
        issue=issue,
        possible=possible,
        teams=teams,
        ratings=Rating,
        problem=problem,
        light=light_of(issue),
        due_words=due_words,
        new_id=uuid.uuid4,
        suggested=_suggested(issue) if teams else None,
        resident_name=issue.resident_name
        if shown or not issue.resident_name
        else masked_name(issue.resident_name),
        resident_phone=issue.resident_phone if shown else masked_phone(issue.resident_phone),
        said=request.form if problem else {},
    )


def _suggested(issue: Issue) -> uuid.UUID | None:
    """The team that answers for the issue's cell today: most often the right one."""
    return db.session.scalar(
        select(Assignment.team_id)
        .where(Assignment.cell_id == issue.cell_id, holds_on(Assignment, workdays.today()))
        .order_by(Assignment.from_date)
        .limit(1)
    )


def _options(kind: type[enum.StrEnum]) -> list[dict[str, str]]:
    return [{"value": member.value, "label": label(member)} for member in kind]


def light_of(issue: Issue) -> dict[str, str]:
    """The light of an issue as `parts.light` shows it: of now, or of when it was closed."""
    share = clock.weight(issue.due_at, issue.limit_days, issue.closed_at or now())
    light = clock.light(share)
    return {"key": light.value, "label": label(light)}


def due_words(issue: Issue) -> str:
    """How much of the time limit is left, or by how much it was passed, in words."""
    left = issue.due_at - (issue.closed_at or now())
    words = format_timedelta(abs(left), threshold=1.2)
    if issue.closed_at is not None:
        return (
            _("closed %(time)s before the limit", time=words)
            if left >= ZERO
            else _("closed %(time)s after the limit", time=words)
        )
    return _("%(time)s left", time=words) if left >= ZERO else _("%(time)s over", time=words)


def place_name(code: str | None) -> str | None:
    """The name of a jurisdiction, for headings."""
    found = db.session.get(Jurisdiction, code) if code else None
    return found.short_name if found else None


def _page_args() -> dict[str, Any]:
    return {"limit": 50, "cursor": request.args.get("cursor")}

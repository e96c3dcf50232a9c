"""The list of issues, and the page of one issue with its chain."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from gridserve import storage, workdays
from gridserve.auth import current_user, requires
from gridserve.calendars import book
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import inside, large, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, may
from visits.intake import similar
from visits.issues import forms, held, kept, operations, queries, timeline
from visits.issues.chain import Action, Status
from visits.issues.choices import choices
from visits.issues.clock import Light
from visits.issues.models import Category, Issue
from visits.issues.permissions import sees_resident
from visits.issues.schemas import IssuesIn, StepIn
from visits.issues.together import Outcome
from visits.issues.words import (
    DONE,
    because,
    due_words,
    first_words,
    place_asked,
    span,
    stage_words,
    timing,
    told,
)
from visits.labels import amount, category_name, label
from visits.masking import UNKEPT, masked_name, masked_phone
from visits.models import Household
from visits.permissions import visible_households
from visits.photos import operations as photos
from visits.reveals import pages as reveals

# Words about which issues: open ones, closed ones, or some of either.
CHOOSE = ("open", "q", "status", "light", "overdue", "due_from", "due_to", "declined")
LARGEST_SHEET = 12 * 1024 * 1024  # as a camera takes it; what is kept is made smaller

bp = Blueprint("issues", __name__, template_folder="../templates")

# The figure that holds both red lights.
OVERDUE = _l("Overdue (all)")


@bp.get("/issues")
@requires(Permission.ISSUE_READ)
def listing() -> ResponseReturnValue:
    """Issues by jurisdiction, status, category and light: what a figure opens to.

    Without a word about open or closed ones the open ones are shown, the most urgent first.
    """
    return _list()


@bp.post("/issues")
@requires(Permission.ISSUE_URGE)
@transaction
def act_together() -> ResponseReturnValue:
    """Urge the issues that were chosen, then show the list again with what became of each."""
    return _list(*forms.take())


def _list(outcomes: Sequence[Outcome] = (), problem: Problem | None = None) -> str:
    asked = dict(request.args.items())
    if not any(asked.get(name) for name in CHOOSE):
        asked["open"] = "1"
    state = {"all": "all", "1": "open", "0": "closed"}.get(asked.get("open", "all"), "")
    if asked.get("open") == "all":
        del asked["open"]
    args = page_args(IssuesIn(), asked)
    query = queries.issues(current_user, args)
    if args.get("open") is False:
        page = paged(query, (Issue.closed_at, Issue.id), args, descending=True)
    elif args.get("q"):
        page = paged(query, (Issue.reported_at, Issue.id), args, descending=True)
    else:
        page = paged(query, (Issue.due_at, Issue.id), args)
    categories = db.session.scalars(select(Category).order_by(Category.code)).all()
    return render_template(
        "issues/list.html",
        page=page,
        charges=queries.charges(page["items"]),
        args=args,
        statuses=_options(Status),
        categories=[{"value": c.code, "label": category_name(c)} for c in categories],
        lights=_options(Light),
        teams=forms.teams(Permission.FIGURES_READ),
        states=_states(state),
        state=request.args.get("open"),
        timing=timing,
        shown=_shown(args, categories),
        bars=held.bars(page["items"]),
        span=span,
        may_urge=may(current_user, Permission.ISSUE_URGE),
        outcomes=forms.told(outcomes),
        problem=problem,
        here=request.full_path.rstrip("?"),
        filters=kept.of(current_user, "issues"),
        parts_kept=kept.PARTS,
        new_id=uuid.uuid4,
    )


def _shown(args: dict[str, Any], categories: Sequence[Category]) -> list[str]:
    """What a list is narrowed to, in words."""
    chosen = [c for c in categories if c.code == args.get("category")]
    found = [place_asked(current_user, args.get("cell") or args.get("jurisdiction"))]
    found += [label(args[name]) for name in ("light", "status", "tier") if args.get(name)]
    found += [category_name(c) for c in chosen]
    if args.get("holder"):
        found.append(held.holder_asked(current_user, args["holder"]))
    if args.get("in_cell") is False:
        found.append(_("Not in a cell"))
    if args.get("overdue"):
        found.append(str(OVERDUE))
    return [words for words in found if words]


def _states(state: str) -> list[dict[str, Any]]:
    """Open, closed or all, with the other filters kept where they can be."""
    kept: dict[str, Any] = {
        k: v
        for k, v in request.args.items()
        if k in ("jurisdiction", "cell", "category", "team", "holder", "tier", "in_cell", "q")
    }
    return [
        {"label": words, "href": url_for("issues.listing", open=value, **kept),
         "active": state == name}
        for name, value, words in (
            ("open", "1", _("Open ones")), ("closed", "0", _("Closed ones")),
            ("all", "all", _("Both")),
        )
    ]  # fmt: skip


@bp.get("/issues/<uuid:issue_id>")
@requires(Permission.ISSUE_READ)
def show(issue_id: uuid.UUID) -> ResponseReturnValue:
    """One issue: what, where, its chain as a timeline, and what one may do now."""
    return _page(issue_id)


@bp.post("/issues/<uuid:issue_id>")
@requires(Permission.ISSUE_READ)
@transaction
@large(LARGEST_SHEET)
def act(issue_id: uuid.UUID) -> ResponseReturnValue:
    """Take a step from the page, then show the issue again."""
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            action = _take(issue_id)
    except Problem as problem:
        return _page(issue_id, problem), problem.status
    flash(str(DONE[action]))
    return redirect(url_for("issues.show", issue_id=issue_id, back=request.args.get("back")))


def _take(issue_id: uuid.UUID) -> Action:
    form = {k: v for k, v in request.form.items() if v and k != "csrf_token"}
    if form.get("due_at"):
        form["due_at"] = _local(form["due_at"])
    sheet = request.files.get("signature")
    data = sheet.read() if sheet else b""
    if data:
        form["signature"] = storage.digest(data)
    seen = form.get("seen", "")
    plain = seen.isascii() and seen.isdigit() and len(seen) < 8
    said = loaded(StepIn(), {**form, "seen": int(seen) if plain else 0})
    action = operations.take_step(issue_id, said, by=current_user).action
    if data:  # kept only beneath a step that was taken
        photos.store(said["signature"], data, by=current_user)
    return action


def _page(issue_id: uuid.UUID, problem: Problem | None = None) -> str:
    issue = queries.issue(current_user, issue_id)
    offer = reveals.offer(issue)
    shown = offer["revealed"] is not None or sees_resident(current_user, issue)
    return render_template(
        "issues/issue.html",
        issue=issue,
        **choices(issue, current_user),
        problem=problem,
        timing=timing,
        due_words=due_words,
        stage_words=stage_words,
        first_words=first_words,
        unkept=UNKEPT,
        because=because,
        told=told,
        amount=amount,
        back=inside(request.args.get("back", ""), url_for("issues.listing")),
        household_href=_household_href(issue),
        new_id=uuid.uuid4,
        charge=queries.in_charge(issue),
        taken_over=timeline.taken_over(issue.steps),
        stays=held.stays_of(issue),
        waits=timeline.waits(issue.steps, book().of(issue.village_code)),
        questions=timeline.questions(issue.steps) if issue.closed_at is None else [],
        span=span,
        today=workdays.today().isoformat(),
        similar=[] if issue.closed_at else similar.like(issue, current_user),
        resident_name=issue.resident_name
        if shown or not issue.resident_name
        else masked_name(issue.resident_name),
        resident_phone=issue.resident_phone if shown else masked_phone(issue.resident_phone),
        offer=offer,
        said=request.form if problem else {},
    )


def _local(words: str) -> str:
    """A time as a form has it, with the offset of here."""
    try:
        return datetime.fromisoformat(words).replace(tzinfo=workdays.zone()).isoformat()
    except ValueError:
        return words  # the schema says what is wrong with it


def _options(kind: type[enum.StrEnum]) -> list[dict[str, str]]:
    return [{"value": member.value, "label": label(member)} for member in kind]


def _household_href(issue: Issue) -> str | None:
    """The household's page, where the person asking may open it."""
    mine = visible_households(current_user).where(Household.id == issue.household_id)
    if issue.household_id is None or not db.session.scalar(select(mine.exists())):
        return None
    return url_for("visits.household", household_id=issue.household_id)

"""The list of households that a figure opens to, and one household."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db, now
from gridserve.errors import Forbidden, Problem
from gridserve.http import PageIn, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, may
from visits import operations, queries, recording
from visits.due import due_on
from visits.issues import operations as issue_operations
from visits.issues import queries as issue_queries
from visits.issues.chain import Channel
from visits.issues.models import Category, Issue
from visits.issues.schemas import IssueIn
from visits.issues.words import place_asked, place_name, timing
from visits.labels import category_name, label
from visits.masking import masked_name, masked_phone
from visits.models import Household, Outcome, Visit
from visits.permissions import asker_knows, sees_names
from visits.reveals import pages as reveals
from visits.schemas import HouseholdsIn, VisitIn

bp = Blueprint("visits", __name__, template_folder="templates")

SHOWN = 20


@bp.get("/households")
@requires(Permission.HOUSEHOLD_READ)
def listing() -> ResponseReturnValue:
    """Households by jurisdiction, cell, tag, and whether they were met in a window."""
    args = page_args(HouseholdsIn())
    query = queries.households(current_user, args)
    count = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return render_template(
        "visits/households.html",
        page=paged(query, queries.order_of(args), args),
        due_on=due_on,
        today=workdays.today(),
        count=db.session.scalar(count) or 0,
        args=args,
        name=_name,
        place=place_asked(current_user, args.get("cell") or args.get("jurisdiction")),
    )


@bp.get("/households/<uuid:household_id>")
@requires(Permission.HOUSEHOLD_READ)
def household(household_id: uuid.UUID) -> ResponseReturnValue:
    """One household: facts, past visits, open issues, and the two forms of those who visit."""
    return _page(household_id)


@bp.post("/households/<uuid:household_id>")
@requires(Permission.ISSUE_REPORT)
@transaction
def record(household_id: uuid.UUID) -> ResponseReturnValue:
    """Record a visit or report an issue from the page, then show the household again."""
    take = _report if "category" in request.form else _visit
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            done = take(household_id)
    except Problem as problem:
        return _page(household_id, problem), problem.status
    flash(done)
    return redirect(url_for("visits.household", household_id=household_id))


def _visit(household_id: uuid.UUID) -> str:
    home = queries.household(current_user, household_id)
    if not may(current_user, Permission.VISIT_RECORD, home.village_code):
        raise Forbidden(_("Visits are recorded by the field cadres of the village."))
    said = _said(VisitIn(), household_id, ("id", "outcome", "notes", "started_at"))
    visit = recording.record_visit(said, by=current_user)
    return _("Visit recorded: %(outcome)s.", outcome=label(visit.outcome))


def _report(household_id: uuid.UUID) -> str:
    queries.household(current_user, household_id)
    said = _said(IssueIn(), household_id, ("id", "category", "words", "channel"))
    issue = issue_operations.report(said, by=current_user)
    return _("Issue reported. Its number is %(number)s.", number=issue.number)


def _said(schema: ma.Schema, household_id: uuid.UUID, names: Sequence[str]) -> dict[str, Any]:
    """The fields of a form as the API would get them; a time without offset is that of here."""
    form = {name: request.form[name] for name in names if request.form.get(name)}
    try:
        moment = datetime.fromisoformat(form.get("started_at", ""))
        form["started_at"] = moment.replace(tzinfo=moment.tzinfo or workdays.zone()).isoformat()
    except ValueError:
        pass  # the schema says what is wrong with it
    return loaded(schema, {**form, "household_id": str(household_id)})


def _page(household_id: uuid.UUID, problem: Problem | None = None) -> str:
    home = queries.household(current_user, household_id)
    visits = queries.visits_to(current_user, home.id).options(
        joinedload(Visit.visitor), joinedload(Visit.for_whom)
    )
    issues = issue_queries.issues(current_user, {"open": True}).where(Issue.household_id == home.id)
    offer = reveals.offer(home)
    shown = offer["revealed"] is not None or sees_names(current_user, home)
    known = isinstance(problem, operations.IdTaken)  # sent already: another try is another one
    return render_template(
        "visits/household.html",
        household=home,
        place=place_name(home.cell.code if home.cell else home.village_code),
        name=home.head_name if shown else masked_name(home.head_name),
        phone=home.phone if shown else masked_phone(home.phone),
        offer=offer,
        may_ask=may(current_user, Permission.REQUESTS, home.village_code),
        visits=paged(visits, (Visit.started_at, Visit.id), page_args(PageIn()), descending=True),
        issues=db.session.scalars(issues.order_by(Issue.due_at, Issue.id).limit(SHOWN)).all(),
        may_visit=may(current_user, Permission.VISIT_RECORD, home.village_code),
        may_report=may(current_user, Permission.ISSUE_REPORT, home.village_code),
        outcomes=list(Outcome),
        categories=_categories(),
        channels=[c for c in Channel if c is not Channel.VISIT],
        problem=problem,
        said=request.form if problem else {},
        kept_id=None if known else request.form.get("id"),
        new_id=uuid.uuid4,
        now=now().astimezone(workdays.zone()),
        timing=timing,
    )


def _categories() -> dict[str, list[Category]]:
    """The categories in use, under the names of those that they belong to."""
    rows = db.session.scalars(select(Category).order_by(Category.code)).all()
    names = {row.code: category_name(row) for row in rows}
    groups: dict[str, list[Category]] = defaultdict(list)
    for row in rows:
        if row.active:
            groups[names[row.parent_code or row.code]].append(row)
    return groups


def _name(household: Household) -> str:
    """The head's name, masked where the person asking need not know it."""
    known = asker_knows(household)
    return household.head_name if known else masked_name(household.head_name)

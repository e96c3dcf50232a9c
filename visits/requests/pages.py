"""The desk for residents' requests: taken down, decided, answered on paper."""

from __future__ import annotations

import io
import json
import uuid

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db, now
from gridserve.documents.kinds import MEDIA
from gridserve.errors import Conflict, Problem
from gridserve.http import loaded, page_args, paged, transaction
from gridserve.permissions import Permission
from gridserve.tables.writing import export_mark
from visits import queries
from visits.issues.words import place_name
from visits.masking import masked_name
from visits.permissions import sees_names
from visits.requests import operations, person
from visits.requests.models import Kind, ResidentRequest, State
from visits.requests.permissions import may_decide, visible_requests
from visits.requests.schemas import DecisionIn, RequestIn, RequestsIn
from visits.requests.words import KINDS, STATES

bp = Blueprint("requests", __name__, template_folder="../templates")


@bp.get("/requests")
@requires(Permission.REQUESTS)
def listing() -> ResponseReturnValue:
    """Open requests, the soonest due first; or those that are decided."""
    args = page_args(RequestsIn())
    state = ResidentRequest.state
    query = visible_requests(current_user).options(joinedload(ResidentRequest.household))
    query = query.where(state == State.OPEN if args["open"] else state != State.OPEN)
    order = (ResidentRequest.due_on, ResidentRequest.id)
    return render_template(
        "requests/list.html", page=paged(query, order, args, descending=not args["open"]),
        open=args["open"], today=workdays.today(), kinds=KINDS, states=STATES,
        place_name=place_name,
    )  # fmt: skip


@bp.get("/households/<uuid:household_id>/request")
@requires(Permission.REQUESTS)
def form(household_id: uuid.UUID) -> ResponseReturnValue:
    """The form for a request of a household's people."""
    return _form(household_id)


@bp.post("/households/<uuid:household_id>/request")
@requires(Permission.REQUESTS)
@transaction
def take(household_id: uuid.UUID) -> ResponseReturnValue:
    """Take a request down."""
    try:
        with db.session.begin_nested():
            said = {name: value for name, value in request.form.items()
                    if name in RequestIn().fields and value}  # fmt: skip
            row = operations.take(
                loaded(RequestIn(), said | {"household_id": str(household_id)}), by=current_user
            )
    except Problem as problem:
        return _form(household_id, problem), problem.status
    flash(_("Taken down. A leader decides it."))
    return redirect(url_for("requests.show", request_id=row.id))


@bp.get("/requests/<uuid:request_id>")
@requires(Permission.REQUESTS)
def show(request_id: uuid.UUID) -> ResponseReturnValue:
    """One request, with its answer to be printed."""
    return _page(request_id)


@bp.post("/requests/<uuid:request_id>")
@requires(Permission.REQUESTS_DECIDE)
@transaction
def decide(request_id: uuid.UUID) -> ResponseReturnValue:
    """Grant or refuse it."""
    try:
        with db.session.begin_nested():
            said = loaded(DecisionIn(), {
                "granted": request.form.get("granted", ""),
                "answer": request.form.get("answer", ""),
            })  # fmt: skip
            operations.decide(request_id, said["granted"], said["answer"], by=current_user)
    except Problem as problem:
        return _page(request_id, problem), problem.status
    flash(_("Decided. Print the answer for the resident."))
    return redirect(url_for("requests.show", request_id=request_id))


@bp.post("/requests/<uuid:request_id>/file")
@requires(Permission.REQUESTS)
@transaction
def file(request_id: uuid.UUID) -> ResponseReturnValue:
    """All that is kept about the household, where it was granted to see it; written down."""
    row = operations.find(request_id, current_user)
    if row.kind is not Kind.SEE or row.state is not State.GRANTED:
        raise Conflict(_("Nothing was granted here that could be handed out."))
    data = person.file(row, current_user, export_mark(current_user, now()))
    operations.taken_along(row, by=current_user)
    return send_file(
        io.BytesIO(data), mimetype=MEDIA["xlsx"], as_attachment=True,
        download_name=f"{row.household.number}.xlsx",
    )  # fmt: skip


def _form(household_id: uuid.UUID, problem: Problem | None = None) -> str:
    home = queries.household(current_user, household_id)
    return render_template(
        "requests/form.html", household=home, kinds=KINDS, problem=problem,
        said=request.form if problem else {}, new_id=uuid.uuid4(),
        name=home.head_name if sees_names(current_user, home) else masked_name(home.head_name),
        place=place_name(home.village_code),
    )  # fmt: skip


def _page(request_id: uuid.UUID, problem: Problem | None = None) -> str:
    row = operations.find(request_id, current_user)
    return render_template(
        "requests/show.html", row=row, kinds=KINDS, states=STATES, problem=problem,
        said=request.form if problem else {}, today=workdays.today(),
        wanted=json.loads(row.wanted or "{}"), place=place_name(row.village_code),
        may_decide=row.state is State.OPEN and may_decide(current_user, row),
    )  # fmt: skip

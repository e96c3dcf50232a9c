"""The outbox of a phone over the API, and what was refused of it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
from flask import Response
from sqlalchemy.orm import joinedload, raiseload
from webargs.core import is_json, missing

from gridserve.auth import current_sign_in, current_user, requires
from gridserve.db import db, now
from gridserve.http import API, Blueprint, Parser, large, paged, transaction
from gridserve.permissions import Permission
from visits.submissions import operations, reading, resolving
from visits.submissions.keeping import told
from visits.submissions.models import Resolution, Submission
from visits.submissions.permissions import visible_submissions
from visits.submissions.reading import Item
from visits.submissions.schemas import (
    ApplyIn,
    DropIn,
    ListIn,
    ResultOut,
    ResultsOut,
    SubmissionOut,
    SubmissionPage,
    SubmissionsIn,
)

LARGEST_BATCH = 8 * 1024 * 1024  # bytes


class ItemByItem(Parser):
    """Reads a batch such that what is wrong in one item stops no other."""

    def _raw_load_json(self, req: Any) -> Any:
        body = req.get_data()
        if not is_json(req.mimetype) or not body:
            return missing
        try:
            return reading.batch(body)
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "(body)", 0) from error


class Outbox(Blueprint):
    """A blueprint that reads its bodies item by item."""

    ARGUMENTS_PARSER = ItemByItem()


bp = Outbox("submissions_api", __name__, url_prefix=API, description="What phones send")


@bp.post("/submissions")
@requires(Permission.ACCOUNT)
@transaction
@large(LARGEST_BATCH)
@bp.arguments(SubmissionsIn)
@bp.response(200, ResultsOut)
def submit(data: dict[str, Any]) -> Response:
    """Store what a phone brings: visits, issues and steps, each with a result of its own.

    Any part of an outbox in any order; sending it again changes nothing and gets the same answer.
    What is refused is kept with its reason, unless `retry` says to send it again later.
    """
    received = now()
    said = reading.moment(data.get("device_time"))
    skew = round((said - received).total_seconds(), 1) if said else None
    items = [reading.read(sent) for sent in data["items"]]
    sign_in = current_sign_in()
    operations.take(items, by=sign_in.user, device=sign_in.device, skew=skew)
    results = [_result(item) for item in items]
    answer = {"received_at": received, "skew_s": skew, "results": results}
    return Response(msgspec.json.encode(answer), mimetype="application/json")


@bp.get("/submissions")
@requires(Permission.ACCOUNT)
@bp.arguments(ListIn, location="query")
@bp.response(200, SubmissionPage)
def list_submissions(args: dict[str, Any]) -> dict[str, Any]:
    """What was refused: one's own, and for a desk that of its jurisdictions, newest first."""
    query = visible_submissions(current_user).options(
        joinedload(Submission.account), joinedload(Submission.resolved_by), raiseload("*")
    )
    if args.get("open") is not None:
        resolved = Submission.resolution.is_not(None)
        query = query.where(~resolved if args["open"] else resolved)
    if args["mine"]:
        query = query.where(Submission.account_id == current_user.id)
    return paged(query, (Submission.received_at, Submission.id), args, descending=True)


@bp.post("/submissions/<uuid:submission_id>/apply")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(ApplyIn)
@bp.response(200, ResultOut)
def apply(data: dict[str, Any], submission_id: uuid.UUID) -> Response:
    """Apply what was refused, corrected, in the name of who sent it."""
    submission = resolving.get(submission_id, current_user, lock=True)
    item = resolving.apply(submission, data["data"], by=current_user)
    return Response(msgspec.json.encode(_result(item)), mimetype="application/json")


@bp.post("/submissions/<uuid:submission_id>/drop")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(DropIn)
@bp.response(200, SubmissionOut)
def drop(data: dict[str, Any], submission_id: uuid.UUID) -> Submission:
    """Say that what was refused is not to be stored, and why."""
    submission = resolving.get(submission_id, current_user, lock=True)
    resolving.drop(submission, data["words"], by=current_user)
    db.session.flush()
    db.session.refresh(submission, ["resolved_by"])
    return submission


def _result(item: Item) -> dict[str, Any]:
    """An item as ResultOut."""
    answer: dict[str, Any] = {
        "id": item.id,
        "kind": item.kind,
        "result": item.result,
        "kept": item.kept.id if item.kept else None,
        "retry": item.retry,
        "say": item.say,
        **item.shown,
    }
    if item.kept is not None and item.kept.resolution is not Resolution.APPLIED:
        answer |= {"code": item.kept.code} | item.kept.answer
    elif item.problem is not None:
        answer |= {"code": item.problem.code} | told(item.problem)
    return answer

"""What comes in and goes out for submissions."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve.http import Moment, PageIn, Schema, Text
from visits.issues.chain import Status
from visits.issues.schemas import PersonOut
from visits.submissions import resolving
from visits.submissions.models import Kind, Resolution, Result
from visits.submissions.reading import DATA, SubmissionIn

MOST = 200  # items of a batch


class Sent(ma.fields.Nested):
    """An item as it came: each is read by itself later, so that a wrong one stops no other."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return value


class SubmissionsIn(Schema):
    """A phone's outbox, or part of it, in any order."""

    device_time = ma.fields.Raw(
        allow_none=True,
        metadata={
            "type": ["string", "null"],
            "description": "the phone's clock while it sends, with offset",
            "example": "2026-11-28T15:00:00+08:00",
        },
    )
    items = ma.fields.List(
        Sent(SubmissionIn, allow_none=True), required=True, validate=ma.validate.Length(max=MOST)
    )


class VisitJudged(Schema):
    """How a visit was judged, by the day on which it happened."""

    in_scope = ma.fields.Boolean(required=True)
    for_name = ma.fields.String(
        data_key="for", required=True, allow_none=True,
        metadata={"description": "name of the person for whom the visitor stood in"},
    )  # fmt: skip
    cell = ma.fields.String(required=True, allow_none=True)


class IssueState(Schema):
    """An issue as it is now."""

    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    status = ma.fields.Enum(Status, by_value=True, required=True)
    step_no = ma.fields.Integer(required=True)


class ResultOut(Schema):
    """What became of one item. `code` to `errors` say why it was not stored."""

    id = ma.fields.UUID(required=True, allow_none=True)
    kind = ma.fields.Enum(Kind, by_value=True, required=True, allow_none=True)
    result = ma.fields.Enum(Result, by_value=True, required=True)
    code = ma.fields.String()
    title = ma.fields.String()
    detail = ma.fields.String()
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "JSON pointer into `data` (or the item) → messages"},
    )
    suggested = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata={"description": "of times in the future: what they are by the server's clock"},
    )
    kept = ma.fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "under which the refused item is kept"},
    )
    retry = ma.fields.Boolean(
        required=True,
        metadata={"description": "neither stored nor kept: send it again later"},
    )
    say = ma.fields.List(
        ma.fields.String(),
        required=True,
        metadata={"description": "what the cadre should read"},
    )
    visit = ma.fields.Nested(VisitJudged)
    issue = ma.fields.Nested(IssueState)


class ResultsOut(Schema):
    """One result for each item, in the order in which they were sent."""

    received_at = Moment(required=True)
    skew_s = ma.fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "the phone's clock minus the server's, in seconds"},
    )
    results = ma.fields.List(ma.fields.Nested(ResultOut), required=True)


class ListIn(PageIn):
    """Filters of what is kept."""

    open = ma.fields.Boolean(metadata={"description": "only what nobody has seen to, or the rest"})
    mine = ma.fields.Boolean(load_default=False)


class SubmissionOut(Schema):
    """What was refused, why, and what became of it."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(Kind, by_value=True, required=True, allow_none=True)
    item_id = ma.fields.UUID(required=True, allow_none=True)
    sent = ma.fields.Function(
        resolving.sent,
        required=True,
        metadata={
            "type": ["object", "null"],
            "description": "the item; null where it could not be kept whole or read",
        },
    )
    by = ma.fields.Nested(PersonOut, attribute="account", required=True)
    device = ma.fields.String(required=True)
    received_at = Moment(required=True)
    skew_s = ma.fields.Float(required=True, allow_none=True)
    result = ma.fields.Enum(Result, by_value=True, required=True)
    code = ma.fields.String(required=True)
    title = ma.fields.Function(lambda row: row.answer["title"], metadata={"type": "string"})
    detail = ma.fields.Function(lambda row: row.answer["detail"], metadata={"type": "string"})
    errors = ma.fields.Function(lambda row: row.answer["errors"], metadata={"type": "object"})
    suggested = ma.fields.Function(
        lambda row: row.answer.get("suggested"), metadata={"type": ["object", "null"]}
    )
    resolution = ma.fields.Enum(Resolution, by_value=True, required=True, allow_none=True)
    resolved_at = Moment(required=True, allow_none=True)
    resolved_by = ma.fields.Nested(PersonOut, required=True, allow_none=True)
    words = ma.fields.String(required=True, metadata={"description": "why it was dropped"})


class SubmissionPage(Schema):
    items = ma.fields.List(ma.fields.Nested(SubmissionOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class ApplyIn(Schema):
    """The corrected item: VisitIn, IssueIn or StepIn, by its kind."""

    data = ma.fields.Dict(required=True, metadata=DATA)


class DropIn(Schema):
    words = Text(required=True, least=1, most=500, metadata={"description": "why"})

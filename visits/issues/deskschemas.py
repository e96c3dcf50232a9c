"""What comes in and goes out for several issues at once, and what the desk is asked for."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import Day, PageIn, Schema, Text
from visits.issues.chain import Action, Status
from visits.issues.clock import Light
from visits.issues.queues import Queue
from visits.issues.together import MOST, TOGETHER
from visits.schemas import CODE


class ItemIn(Schema):
    """One of several issues that get the same step."""

    id = ma.fields.UUID(
        required=True,
        metadata={"description": "of the step, made by the client; a repeat is known"},
    )
    issue_id = ma.fields.UUID(required=True)
    seen = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, 1_000_000))
    team_id = ma.fields.UUID(allow_none=True, metadata={"description": "dispatch: to which team"})


class StepsIn(Schema):
    """One step for several issues."""

    action = ma.fields.Enum(
        Action, by_value=True, required=True, validate=ma.validate.OneOf(TOGETHER)
    )
    items = ma.fields.List(
        ma.fields.Nested(ItemIn), required=True, validate=ma.validate.Length(1, MOST)
    )
    words = Text(most=4000)
    until = Day(metadata={"description": "urge: answer by when"})


class ProblemBrief(Schema):
    code = ma.fields.String(required=True)
    title = ma.fields.Function(lambda problem: str(problem.title), required=True)
    detail = ma.fields.Function(lambda problem: str(problem.detail or ""), required=True)


class OutcomeOut(Schema):
    """What became of one issue; `problem` is null where the step was taken."""

    issue_id = ma.fields.UUID(required=True)
    number = ma.fields.String(attribute="issue.number", allow_none=True, dump_default=None)
    status = ma.fields.Enum(
        Status, by_value=True, attribute="issue.status", allow_none=True, dump_default=None
    )
    step_no = ma.fields.Integer(attribute="issue.step_no", allow_none=True, dump_default=None)
    problem = ma.fields.Nested(ProblemBrief, required=True, allow_none=True)


class OutcomesOut(Schema):
    results = ma.fields.List(ma.fields.Nested(OutcomeOut), required=True)


class DeskIn(PageIn):
    """What the desk shows: a queue, narrowed; or what is found by q, closed ones too."""

    queue = ma.fields.Enum(Queue, by_value=True, load_default=Queue.TO_ACCEPT)
    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    category = Text(most=40)
    light = ma.fields.Enum(Light, by_value=True)
    q = Text(most=60)

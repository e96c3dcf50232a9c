"""What comes in and goes out for hints."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import Moment, PageIn, Schema, Text
from visits.hints.models import HintKind, State
from visits.hints.words import reason


class HintsIn(PageIn):
    state = ma.fields.Enum(State, by_value=True, load_default=State.OPEN)
    mine = ma.fields.Boolean(
        load_default=False, metadata={"description": "those on own visits, not settled yet"}
    )


class HintVisit(Schema):
    id = ma.fields.UUID(required=True)
    household_id = ma.fields.UUID(required=True)
    visitor_id = ma.fields.UUID(required=True)
    started_at = Moment(required=True)
    notes = ma.fields.String(required=True)


class HintOut(Schema):
    """A reason for a person to look at a visit. It is no verdict."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(HintKind, by_value=True, required=True)
    state = ma.fields.Enum(State, by_value=True, required=True)
    reason = ma.fields.Function(reason, required=True, metadata={"type": "string"})
    visit = ma.fields.Nested(HintVisit, required=True)
    other = ma.fields.Nested(HintVisit, required=True, allow_none=True)
    found_at = Moment(required=True)
    question = ma.fields.String(required=True)
    answer = ma.fields.String(required=True)
    settled_words = ma.fields.String(required=True)


class HintPage(Schema):
    items = ma.fields.List(ma.fields.Nested(HintOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class HintAskIn(Schema):
    words = Text(most=300, load_default="")


class HintAnswerIn(Schema):
    id = ma.fields.UUID(metadata={"description": "made by the client; not needed"})
    words = Text(required=True, least=1, most=500)


class HintSettleIn(Schema):
    state = ma.fields.Enum(
        State, by_value=True, required=True,
        validate=ma.validate.OneOf([State.IN_ORDER, State.TO_CONFIRM]),
        metadata={"enum": ["in_order", "to_confirm"]},
    )  # fmt: skip
    words = Text(most=300, load_default="")

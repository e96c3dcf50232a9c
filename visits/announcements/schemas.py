"""What comes in and goes out for announcements."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve.http import Day, Moment, PageIn, Schema, Text
from visits.announcements.models import Asks, Kind
from visits.masking import masked_name
from visits.schemas import CODE


class AskIn(Schema):
    """A question of a questionnaire."""

    id = ma.fields.UUID(metadata={"description": "made by the client, or left out"})
    text = Text(required=True, least=1, most=200)
    asks = ma.fields.Enum(Asks, by_value=True, required=True, data_key="kind")
    options = ma.fields.List(
        Text(least=1, most=40), load_default=list, validate=ma.validate.Length(max=20)
    )


class AnnouncementIn(Schema):
    """A notice to be told, or a questionnaire to be asked."""

    id = ma.fields.UUID(required=True, metadata={"description": "the same id is a repeat"})
    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    title = Text(required=True, least=1, most=60)
    words = Text(most=2000, load_default="")
    places = ma.fields.List(
        Text(most=12, validate=[ma.validate.Regexp(CODE)]),
        required=True,
        validate=ma.validate.Length(1, 300),
        metadata={"description": "codes of jurisdictions; each holds for all below it"},
    )
    from_date = Day(required=True, data_key="from")
    until_date = Day(
        required=True, data_key="until", metadata={"description": "the last day, included"}
    )
    questions = ma.fields.List(
        ma.fields.Nested(AskIn), load_default=list, validate=ma.validate.Length(max=30)
    )


class AskOut(Schema):
    id = ma.fields.UUID(required=True)
    text = ma.fields.String(required=True)
    asks = ma.fields.Enum(Asks, by_value=True, required=True, data_key="kind")
    options = ma.fields.List(ma.fields.String(), required=True)


class AnnouncementOut(Schema):
    id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    title = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    places = ma.fields.List(ma.fields.String(), attribute="codes", required=True)
    from_date = ma.fields.Date(data_key="from", required=True)
    until_date = ma.fields.Date(data_key="until", required=True)
    published_by = ma.fields.String(attribute="publisher.name", required=True)
    published_at = Moment(required=True)
    withdrawn_at = Moment(required=True, allow_none=True)
    questions = ma.fields.List(ma.fields.Nested(AskOut), required=True)


class AnnouncementsIn(PageIn):
    kind = ma.fields.Enum(Kind, by_value=True)
    current = ma.fields.Boolean(
        metadata={"description": "neither over nor withdrawn, or one of the two"}
    )


class AnnouncementPage(Schema):
    items = ma.fields.List(ma.fields.Nested(AnnouncementOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class AtIn(Schema):
    at = Text(
        most=12,
        validate=[ma.validate.Regexp(r"^([0-9]{6}|[0-9]{9}|[0-9]{12})$")],
        metadata={"description": "a jurisdiction; without it the whole that the caller sees"},
    )


class ReachedOut(Schema):
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    told = ma.fields.Integer(required=True)
    households = ma.fields.Integer(required=True)


class ReachOut(Schema):
    """Households told ÷ active households: of the whole, and of each place directly below it."""

    whole = ma.fields.Nested(ReachedOut, required=True)
    parts = ma.fields.List(ma.fields.Nested(ReachedOut), required=True)


class ReachedIn(PageIn):
    at = Text(most=15, validate=[ma.validate.Regexp(r"^([0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9]{15})$")])
    told = ma.fields.Boolean(load_default=False)


class ToldHousehold(Schema):
    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    village = ma.fields.String(attribute="village_code", required=True)
    cell = ma.fields.String(
        attribute="cell.code", required=True, dump_default=None, allow_none=True
    )


class ToldPage(Schema):
    items = ma.fields.List(ma.fields.Nested(ToldHousehold), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class AskedOut(Schema):
    """What a household asked back, and the answer."""

    id = ma.fields.UUID(required=True)
    words = ma.fields.String(required=True)
    household_id = ma.fields.UUID(required=True)
    household = ma.fields.Method("_household", required=True, metadata={"type": "string"})
    cell = ma.fields.String(
        attribute="household.cell.code", required=True, dump_default=None, allow_none=True
    )
    visitor = ma.fields.String(attribute="visit.visitor.name", required=True)
    received_at = Moment(required=True)
    answer = ma.fields.String(required=True)
    answered_at = Moment(required=True, allow_none=True)

    def _household(self, asked: Any) -> str:
        return f"{asked.household.number} {masked_name(asked.household.head_name)}"


class AskedPage(Schema):
    items = ma.fields.List(ma.fields.Nested(AskedOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class ReplyIn(Schema):
    words = Text(required=True, least=1, most=1000)


class CountedOut(Schema):
    question = ma.fields.UUID(required=True)
    answers = ma.fields.Integer(required=True)
    few = ma.fields.Boolean(
        attribute="is_few", required=True,
        metadata={"description": "fewer than 5 answers: read with care, publish nothing of it"},
    )  # fmt: skip
    counts = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True,
        metadata={"description": "by answer, where it is yes or no or a choice"},
    )  # fmt: skip
    low = ma.fields.Float(required=True, allow_none=True)
    mean = ma.fields.Float(required=True, allow_none=True)
    median = ma.fields.Float(required=True, allow_none=True)
    high = ma.fields.Float(required=True, allow_none=True)


class AnswersOut(Schema):
    households = ma.fields.Integer(
        required=True, metadata={"description": "active households that are asked"}
    )
    questions = ma.fields.List(ma.fields.Nested(CountedOut), required=True)

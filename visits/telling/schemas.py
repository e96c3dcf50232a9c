"""What comes in and goes out for notices and gateways."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import PageIn, Schema, Text
from visits.schemas import CODE
from visits.telling import words
from visits.telling.causes import Kind, Part
from visits.telling.operations import MOST_AT_ONCE


class NoticesIn(PageIn):
    unread = ma.fields.Boolean(metadata={"description": "only those not read yet, or read ones"})


class NoticeIssue(Schema):
    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    category = ma.fields.String(attribute="category_code", required=True)
    village = ma.fields.String(attribute="village_code", required=True)


class NoticeOut(Schema):
    id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    part = ma.fields.Enum(
        Part, by_value=True, required=True, metadata={"description": "as what one is told"}
    )
    title = ma.fields.Function(words.title, required=True, metadata={"type": "string"})
    detail = ma.fields.Function(words.detail, required=True, metadata={"type": "string"})
    issue = ma.fields.Nested(NoticeIssue, required=True, allow_none=True)
    link = ma.fields.Function(
        words.link, required=True,
        metadata={"type": "string", "description": "the page that it leads to"},
    )  # fmt: skip
    created_at = ma.fields.DateTime(required=True)
    read_at = ma.fields.DateTime(required=True, allow_none=True)


class NoticePage(Schema):
    items = ma.fields.List(ma.fields.Nested(NoticeOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)
    unread = ma.fields.Integer(
        required=True, metadata={"description": "how many are not read yet; 100: or more"}
    )


class ReadIn(Schema):
    """Which of the own notices were read."""

    ids = ma.fields.List(
        ma.fields.UUID(), validate=ma.validate.Length(1, MOST_AT_ONCE),
        metadata={"description": "without it: all"},
    )  # fmt: skip


class ReadOut(Schema):
    marked = ma.fields.Integer(required=True)
    unread = ma.fields.Integer(required=True)


class GatewayIn(Schema):
    """A gateway as it is entered; `url` may be left out where it is known already."""

    id = ma.fields.UUID(required=True)
    name = Text(required=True, least=1, most=40)
    jurisdiction = Text(required=True, most=12, validate=[ma.validate.Regexp(CODE)])
    person = Text(most=64)
    url = Text(most=2000)
    expects = Text(most=80, load_default="")
    template = Text(most=400, load_default="{words}")
    quiet_from = ma.fields.Time(format="%H:%M", load_default=None)
    quiet_to = ma.fields.Time(format="%H:%M", load_default=None)
    digest_at = ma.fields.Time(format="%H:%M", load_default=None)

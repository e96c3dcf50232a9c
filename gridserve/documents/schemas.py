"""What comes in and goes out for documents."""

from __future__ import annotations

import marshmallow as ma

from gridserve.documents.kinds import MEDIA
from gridserve.documents.models import DocumentState
from gridserve.http import Moment, PageIn, Schema, Text

CODE = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$"


class PlaceArguments(Schema):
    """The least that every kind is asked with."""

    jurisdiction = Text(required=True, most=12, validate=[ma.validate.Regexp(CODE)])


class AskDocumentIn(Schema):
    id = ma.fields.UUID(required=True, metadata={"description": "made by the client"})
    kind = Text(required=True, most=24)
    format = ma.fields.String(required=True, validate=ma.validate.OneOf(list(MEDIA)))
    arguments = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True,
        metadata={"description": "of what and when, as the kind wants it; always `jurisdiction`"},
    )  # fmt: skip
    as_of = Moment(
        metadata={"description": "as things had been recorded then; the present unless given"}
    )


class DocumentOut(Schema):
    """A document; hash and size are there once it is made."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True)
    format = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    arguments = ma.fields.Dict(required=True)
    as_of = Moment(required=True)
    formula = ma.fields.String(required=True)
    jurisdiction = ma.fields.String(attribute="scope", required=True)
    state = ma.fields.Enum(DocumentState, by_value=True, required=True)
    doing = ma.fields.String(metadata={"description": "what the job does just now"})
    failure = ma.fields.String(required=True, allow_none=True)
    sha256 = ma.fields.String(required=True, allow_none=True)
    size = ma.fields.Integer(required=True, allow_none=True)
    by = ma.fields.String(attribute="by.login", required=True)
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)


class DocumentsIn(PageIn):
    kind = Text(most=24)


class DocumentPage(Schema):
    items = ma.fields.List(ma.fields.Nested(DocumentOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)

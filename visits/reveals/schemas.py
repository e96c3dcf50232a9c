"""What comes in and goes out where something is shown."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import Moment, Schema, Text
from visits.reveals.models import Purpose


class RevealIn(Schema):
    """What a name and phone are needed for."""

    id = ma.fields.UUID(required=True, metadata={"description": "made by the client"})
    purpose = ma.fields.Enum(Purpose, by_value=True, required=True)
    words = Text(required=True, least=2, most=200, metadata={"description": "for what, in words"})


class RevealOut(Schema):
    """What is shown, until when, and how many more may be shown today."""

    name = ma.fields.String(required=True, metadata={"type": ["string", "null"]})
    phone = ma.fields.String(required=True, metadata={"type": ["string", "null"]})
    until = Moment(required=True)
    left = ma.fields.Integer(required=True)

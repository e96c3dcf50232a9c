"""What comes in for a request."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import PageIn, Schema, Text
from visits.requests.models import Kind


class RequestIn(Schema):
    """A request as a clerk takes it down."""

    id = ma.fields.UUID(required=True)
    household_id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    words = Text(required=True, least=2, most=2000)
    checked = Text(required=True, least=2, most=200)
    phone = Text(most=20)
    new_head_name = Text(most=64)
    new_phone = Text(most=20)
    new_address = Text(most=120)


class DecisionIn(Schema):
    """What was decided, and the answer that the resident gets."""

    granted = ma.fields.Boolean(required=True)
    answer = Text(required=True, least=2, most=2000)


class RequestsIn(PageIn):
    """Open ones, or those that are decided."""

    open = ma.fields.Boolean(load_default=True)

"""What the search for similar issues, places and people takes and gives."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from grids.coordinates import System
from gridserve.http import Schema, Text
from visits.issues.schemas import IssueBrief


class SimilarIn(Schema):
    """An issue as far as it is known. One of household, cell, lon and lat, village says where."""

    category = Text(most=40)
    words = Text(most=400, load_default="")
    household = ma.fields.UUID()
    cell = Text(most=15, validate=[ma.validate.Regexp(r"^[0-9]{15}$")])
    lon = ma.fields.Float(allow_nan=False, validate=ma.validate.Range(-180, 180))
    lat = ma.fields.Float(allow_nan=False, validate=ma.validate.Range(-90, 90))
    crs = ma.fields.Enum(System, by_value=True, load_default=System.wgs84)
    village = Text(most=12, validate=[ma.validate.Regexp(r"^[0-9]{12}$")])

    @ma.validates_schema
    def _whole(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("lon") is None) != (data.get("lat") is None):
            raise ma.ValidationError(_("`lon` and `lat` go together."), "lon")


class SimilarOut(Schema):
    """An issue that may be the same."""

    issue = ma.fields.Nested(IssueBrief, required=True)
    score = ma.fields.Float(
        required=True, metadata={"description": "how likely it is the same, 0 to 1"}
    )
    words = ma.fields.Float(
        required=True, metadata={"description": "what of the shorter text is in the other, 0 to 1"}
    )
    metres = ma.fields.Float(allow_none=True, required=True)
    same_household = ma.fields.Boolean(required=True)
    mergeable = ma.fields.Boolean(
        required=True, metadata={"description": "open, and the caller is its desk"}
    )


class SimilarList(Schema):
    items = ma.fields.List(ma.fields.Nested(SimilarOut), required=True)


class SearchIn(Schema):
    q = Text(required=True, least=1, most=60)


class PlaceOut(Schema):
    """A place; `key` is its household_id, cell or village of a report, as `kind` says."""

    kind = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["household", "cell", "village"])
    )
    key = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    note = ma.fields.String(required=True)
    village = ma.fields.String(required=True)
    lon = ma.fields.Float(allow_none=True, required=True)
    lat = ma.fields.Float(allow_none=True, required=True)


class PlaceList(Schema):
    items = ma.fields.List(ma.fields.Nested(PlaceOut), required=True)


class ColleagueOut(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    note = ma.fields.String(required=True, metadata={"description": "the teams of today"})


class ColleagueList(Schema):
    items = ma.fields.List(ma.fields.Nested(ColleagueOut), required=True)

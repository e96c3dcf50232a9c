"""What comes in and goes out for figures."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from gridserve import workdays
from gridserve.http import Day, Moment, Schema, Text
from maps.asked import THEN, TODAY
from maps.coverage import ANY
from maps.measures import MEASURES, MET
from maps.places import BY
from visits.figures import WINDOWS
from visits.issues.chain import Tier
from visits.issues.clock import Light
from visits.issues.schemas import HOLDER
from visits.models import Tag

CODE = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$"
MOST_PLACES = 2000


class JurisdictionIn(Schema):
    """The jurisdiction whose figures are asked for."""

    jurisdiction = Text(
        most=12,
        validate=[ma.validate.Regexp(CODE)],
        metadata={"description": "code; the caller's own unless given", "example": "530626"},
    )


class PlaceIn(JurisdictionIn):
    """The same, at a day."""

    as_of = Day(
        metadata={"description": "as things stood when this day was over; now unless given"}
    )

    @ma.validates("as_of")
    def _not_ahead(self, day: Any, **kwargs: Any) -> None:
        if day is not None and day > workdays.today():
            raise ma.ValidationError(_("Lies in the future."))


class CoverageIn(PlaceIn):
    """Which coverage: of what, by what, and in which days."""

    by = ma.fields.String(
        validate=ma.validate.OneOf(list(BY)),
        metadata={
            "description": "the parts; the level below the jurisdiction unless given. "
            "Villages and cells need a county or less, townships a city or less."
        },
    )
    from_ = Day(
        data_key="from",
        attribute="from",
        metadata={"description": "first day; 180 days in all unless given"},
    )
    to = Day(metadata={"description": "last day; that of `as_of` unless given"})
    measure = ma.fields.String(
        validate=ma.validate.OneOf(list(MEASURES)),
        load_default=MET.key,
        metadata={
            "description": "met: of the active households; register: of all but demolished ones; "
            "due: of those that fell due in the window, who were visited in time"
        },
    )
    tag = ma.fields.String(
        validate=ma.validate.OneOf([ANY, *Tag]),
        metadata={"description": "only households with this tag, or with any"},
    )
    boundaries = ma.fields.String(
        validate=ma.validate.OneOf((THEN, TODAY)),
        load_default=THEN,
        metadata={
            "description": "cells of the day asked about (`as_of`, else `to`), or today's: then "
            "each household counts in the cell in which it is today"
        },
    )

    @ma.validates_schema
    def _in_order(self, data: dict[str, Any], **kwargs: Any) -> None:
        today = workdays.today()
        if data.get("boundaries") == TODAY and data.get("as_of") not in (None, today):
            raise ma.ValidationError(_("Give either as_of or today's boundaries."), "boundaries")
        to = data.get("to") or data.get("as_of") or today
        if to > today:
            raise ma.ValidationError(_("Lies in the future."), "to")
        if data.get("from") and data["from"] > to:
            raise ma.ValidationError(_("Lies after the last day."), "from")


class CoveragePageIn(CoverageIn):
    """The same for the page, where a window can be named by its days."""

    days = ma.fields.Integer(validate=ma.validate.OneOf(WINDOWS))
    compare = Day(metadata={"description": "last day of an earlier window to compare with"})
    lang = Text(most=8)

    @ma.validates_schema
    def _earlier(self, data: dict[str, Any], **kwargs: Any) -> None:
        last = data.get("to") or data.get("as_of") or workdays.today()
        if data.get("compare") and data["compare"] >= last:
            raise ma.ValidationError(_("Lies after the last day."), "compare")


class TotalOut(Schema):
    """Numbers of households, and the share that was asked for."""

    met = ma.fields.Integer(required=True, metadata={"example": 284})
    households = ma.fields.Integer(
        required=True, metadata={"example": 401, "description": "active ones"}
    )
    registered = ma.fields.Integer(
        required=True, metadata={"description": "all of the register but the demolished"}
    )
    due = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "null but for measure=due"}
    )
    in_time = ma.fields.Integer(required=True, allow_none=True)
    overdue = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "whose deadline had passed when the window began"},
    )
    caught_up = ma.fields.Integer(required=True, allow_none=True)
    share = ma.fields.Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "null where there are no households: no data, not 0",
            "example": 0.7082,
        },
    )


class AreaOut(TotalOut):
    code = ma.fields.String(required=True, metadata={"example": "530626101201001"})
    name = ma.fields.String(required=True, metadata={"example": "第1网格"})
    cases = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "address of the households not met (not in time); null where the "
            "caller may not open them"
        },
    )


class CoverageOut(Schema):
    """Coverage of a jurisdiction and its parts."""

    jurisdiction = ma.fields.String(
        required=True, metadata={"description": "code; empty for the whole installation"}
    )
    by = ma.fields.String(required=True, metadata={"example": "cell"})
    from_ = ma.fields.Date(required=True, data_key="from", attribute="from")
    to = ma.fields.Date(required=True)
    as_of = ma.fields.Date(required=True, metadata={"description": "day of the cells' boundaries"})
    boundaries = ma.fields.String(required=True, metadata={"enum": [THEN, TODAY]})
    measure = ma.fields.String(required=True, metadata={"enum": list(MEASURES)})
    tag = ma.fields.String(required=True, allow_none=True)
    formula = ma.fields.String(required=True, metadata={"example": "coverage-1"})
    computed_at = Moment(required=True)
    total = ma.fields.Nested(TotalOut, required=True)
    elsewhere = ma.fields.Integer(
        required=True,
        metadata={"description": "households in the total and in none of the parts: no cell yet"},
    )
    areas = ma.fields.List(ma.fields.Nested(AreaOut), required=True)


class WeeksIn(JurisdictionIn):
    """Which issues, at whatever time: maps/narrowing.py."""

    category = Text(most=40, metadata={"example": "facility.streetlight"})
    tier = ma.fields.Enum(
        Tier, by_value=True, metadata={"description": "level at which they should be solved"}
    )
    holder = Text(
        most=36,
        validate=[ma.validate.Regexp(HOLDER)],
        metadata={"description": "id of the team, or code of the desk, that has them itself"},
    )


class NarrowIn(PlaceIn, WeeksIn):
    """Which open issues, at a day."""


class AgingIn(NarrowIn):
    """Whose open issues, and how many to place."""

    limit = ma.fields.Integer(
        load_default=500,
        validate=ma.validate.Range(0, MOST_PLACES),
        metadata={"description": "how many issues to place, the oldest first"},
    )


class AgingPageIn(NarrowIn):
    """The same for the page, which can show one light only."""

    light = ma.fields.Enum(Light, by_value=True)
    lang = Text(most=8)


class WeeksPageIn(WeeksIn):
    """The same for the page."""

    lang = Text(most=8)


class OverviewIn(JurisdictionIn):
    """Whose overview."""

    screen = ma.fields.Boolean(
        load_default=False, metadata={"description": "for a big screen: no menus, asked anew"}
    )
    lang = Text(most=8)


class BandOut(Schema):
    light = ma.fields.Enum(Light, by_value=True, required=True)
    count = ma.fields.Integer(required=True)


class AgingAreaOut(Schema):
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    total = ma.fields.Integer(required=True)
    bands = ma.fields.List(ma.fields.Nested(BandOut), required=True)
    cases = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "address of the issues; null where the caller may not open them"},
    )


class PlacedOut(Schema):
    """An open issue where it is (EPSG:4326); a sensitive one in the middle of its cell."""

    id = ma.fields.UUID(required=True)
    lon = ma.fields.Float(required=True)
    lat = ma.fields.Float(required=True)
    weight = ma.fields.Float(required=True, metadata={"description": "age ÷ limit"})
    light = ma.fields.Enum(Light, by_value=True, required=True)


class AgingOut(Schema):
    """Open issues of a jurisdiction by light, by part and by place."""

    jurisdiction = ma.fields.String(
        required=True, metadata={"description": "code; empty for the whole installation"}
    )
    by = ma.fields.String(required=True, metadata={"example": "township"})
    category = ma.fields.String(required=True, allow_none=True)
    tier = ma.fields.String(required=True, allow_none=True)
    holder = ma.fields.String(required=True, allow_none=True)
    as_of = Moment(required=True)
    formula = ma.fields.String(required=True, metadata={"example": "ageing-1"})
    total = ma.fields.Integer(required=True)
    bands = ma.fields.List(ma.fields.Nested(BandOut), required=True)
    areas = ma.fields.List(ma.fields.Nested(AgingAreaOut), required=True)
    places = ma.fields.List(
        ma.fields.Nested(PlacedOut),
        required=True,
        metadata={
            "description": "issues that the caller may open and that have a place, the "
            "oldest first, at most `limit`"
        },
    )

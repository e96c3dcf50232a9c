"""What comes in and goes out for teams and their people."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from grids.models import Duty
from grids.schemas import CodeIn
from grids.standins import AbsenceKind
from gridserve.http import Day, PageIn, Schema, Text

_ID = {"description": "made by the client; the same id is a repeat"}
_BACK = {"description": "the first day no longer; open unless given"}


class TeamIn(Schema):
    id = ma.fields.UUID(required=True, metadata=_ID)
    name = Text(required=True, least=1, most=80)
    jurisdiction = CodeIn(required=True, metadata={"example": "530626101201"})


class TeamPatch(Schema):
    name = Text(required=True, least=1, most=80)


class OnIn(Schema):
    """The day from which something holds no longer."""

    on = Day(metadata={"description": "the first day no longer; today unless given"})


class PeriodIn(Schema):
    from_date = Day(metadata={"description": "today unless given"})
    to_date = Day(allow_none=True, metadata=_BACK)


class MemberIn(PeriodIn):
    id = ma.fields.UUID(required=True, metadata=_ID)
    user = ma.fields.UUID(required=True)
    duty = ma.fields.Enum(Duty, by_value=True, required=True)


class MemberPatch(Schema):
    """Another duty from a day on, or a last day: the old row ends and stays."""

    duty = ma.fields.Enum(Duty, by_value=True)
    to_date = Day(metadata={"description": "the first day no longer served"})
    on = Day(metadata={"description": "with `duty`: from this day; today unless given"})

    @ma.validates_schema
    def _one(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("duty" in data) == ("to_date" in data):
            raise ma.ValidationError(_("Give either `duty` or `to_date`."))


class ReplaceIn(Schema):
    id = ma.fields.UUID(required=True, metadata=_ID)
    user = ma.fields.UUID(required=True, metadata={"description": "the successor"})
    on = Day(metadata={"description": "first day of the successor; today unless given"})


class DeputyIn(PeriodIn):
    id = ma.fields.UUID(required=True, metadata=_ID)
    user = ma.fields.UUID(required=True)


class CellIn(PeriodIn):
    id = ma.fields.UUID(required=True, metadata=_ID)
    cell = Text(required=True, most=15, validate=[ma.validate.Regexp(r"^[0-9]{15}\Z")])
    lead = ma.fields.Boolean(
        load_default=False,
        metadata={"description": "takes the lead over from whoever had it; the first one leads"},
    )


class RemitIn(Schema):
    """All categories for which a unit answers; what is left out it answers for no longer."""

    categories = ma.fields.List(
        Text(least=1, most=40), required=True, validate=ma.validate.Length(max=100)
    )


class RemitOut(Schema):
    categories = ma.fields.List(ma.fields.String(), required=True)


class AbsenceIn(PeriodIn):
    id = ma.fields.UUID(required=True, metadata=_ID)
    user = ma.fields.UUID(metadata={"description": "oneself unless given"})
    kind = ma.fields.Enum(AbsenceKind, by_value=True, required=True)


class PersonName(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)


class AbsenceOut(Schema):
    """An absence; why is told to the person and to administrators only."""

    id = ma.fields.UUID(required=True)
    user = ma.fields.Nested(PersonName, required=True)
    kind = ma.fields.Enum(AbsenceKind, by_value=True, required=True, allow_none=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(
        required=True, allow_none=True, metadata={"description": "the first day back"}
    )


class AbsencesIn(PageIn):
    jurisdiction = CodeIn()
    as_of = Day(metadata={"description": "away on this day; today unless given"})


class AbsencePage(Schema):
    items = ma.fields.List(ma.fields.Nested(AbsenceOut), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class MembershipOut(Schema):
    id = ma.fields.UUID(required=True)
    team = ma.fields.UUID(attribute="team_id", required=True)
    user = ma.fields.UUID(attribute="user_id", required=True)
    duty = ma.fields.Enum(Duty, by_value=True, required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(required=True, allow_none=True)
    replaces = ma.fields.UUID(attribute="replaces_id", required=True, allow_none=True)


class DeputyOut(Schema):
    id = ma.fields.UUID(required=True)
    member = ma.fields.UUID(attribute="membership_id", required=True)
    for_id = ma.fields.UUID(data_key="for", required=True)
    user = ma.fields.UUID(attribute="user_id", required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(required=True, allow_none=True)


class LeftOut(Schema):
    """Who left, and how many open issues went to somebody else of the team."""

    membership = ma.fields.Nested(MembershipOut, required=True)
    issues = ma.fields.Integer(required=True)


class ReplacedOut(Schema):
    """A replacement with the open issues that moved."""

    old = ma.fields.Nested(MembershipOut, required=True)
    membership = ma.fields.Nested(MembershipOut, required=True)
    issues = ma.fields.Integer(required=True)
    numbers = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "of the first 20"}
    )


class WarningsIn(Schema):
    jurisdiction = CodeIn(required=True)


class WarningOut(Schema):
    """Something that is missing, with at most `cases` of it."""

    kind = ma.fields.String(required=True)
    count = ma.fields.Integer(required=True)
    cases = ma.fields.List(ma.fields.String(), required=True)


class WarningsOut(Schema):
    items = ma.fields.List(ma.fields.Nested(WarningOut), required=True)

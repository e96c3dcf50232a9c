"""What comes in and goes out for households and visits."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape

from grids.coordinates import System
from gridserve.http import Day, Moment, PageIn, Schema, Text
from visits import plain
from visits.due import due_on
from visits.masking import masked_name, masked_phone
from visits.models import HouseholdStatus, Outcome, Purpose, Tag
from visits.permissions import asker_knows
from visits.photos.schemas import PhotosIn, PhotosOut

CODE = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})$"


class PointIn(Schema):
    """A place as the device says it, with the coordinate system that it is in."""

    lon = ma.fields.Float(required=True, allow_nan=False, validate=ma.validate.Range(-180, 180))
    lat = ma.fields.Float(required=True, allow_nan=False, validate=ma.validate.Range(-90, 90))
    crs = ma.fields.Enum(System, by_value=True, load_default=System.wgs84)


class PointOut(Schema):
    """A place in WGS 84 (EPSG:4326), with the system that it was given in."""

    lon = ma.fields.Float(required=True)
    lat = ma.fields.Float(required=True)
    given_in = ma.fields.Enum(System, by_value=True, required=True)


class PointField(ma.fields.Nested):
    """The columns `point` and `point_source` of a row as one PointOut, or null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PointOut, allow_none=True, **kwargs)

    def get_value(self, obj: Any, attr: str, *args: Any, **kwargs: Any) -> Any:
        return place_of(obj)


def place_of(row: Any) -> dict[str, Any] | None:
    """The columns `point` and `point_source` of a row as lon, lat (EPSG:4326) and given_in."""
    if row.point is None:
        return None
    shape = to_shape(row.point) if hasattr(row.point, "desc") else row.point
    return {"lon": round(shape.x, 7), "lat": round(shape.y, 7), "given_in": row.point_source}


class HouseholdOut(Schema):
    """A household. Name and phone are masked except for the cadres who visit there."""

    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    village = ma.fields.String(attribute="village_code", required=True)
    cell = ma.fields.String(attribute="cell.code", allow_none=True, dump_default=None)
    group_name = ma.fields.String(allow_none=True, required=True)
    address = ma.fields.String(required=True)
    head_name = ma.fields.Method("_name", required=True, metadata={"type": "string"})
    phone = ma.fields.Method("_phone", required=True, metadata={"type": ["string", "null"]})
    size = ma.fields.Integer(required=True)
    tags = ma.fields.List(ma.fields.String(), required=True)
    status = ma.fields.Enum(HouseholdStatus, by_value=True, required=True)
    do_not_disturb = ma.fields.Boolean(required=True)
    note = ma.fields.String(required=True)
    point = PointField(required=True)
    last_met_at = Moment(allow_none=True, required=True)
    due_on = ma.fields.Function(
        lambda household: due_on(household).isoformat(),
        required=True,
        metadata={
            "type": "string",
            "format": "date",
            "description": "the day from which it is to be visited again, if it is lived in",
        },
    )

    def _name(self, household: Any) -> str:
        return household.head_name if asker_knows(household) else masked_name(household.head_name)

    def _phone(self, household: Any) -> str | None:
        return household.phone if asker_knows(household) else masked_phone(household.phone)


class HouseholdsIn(PageIn):
    """Filters of the list of households."""

    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    cell = Text(most=15, validate=[ma.validate.Regexp(r"^[0-9]{15}$")])
    status = ma.fields.Enum(
        HouseholdStatus,
        by_value=True,
        metadata={"description": "as it was on the day `to` or `as_of`, where one is given"},
    )
    tag = ma.fields.Enum(Tag, by_value=True)
    not_met_since = Day(
        metadata={"description": "only households last met before this day, or never"}
    )
    due = ma.fields.Boolean(metadata={"description": "lived in and due for a visit today, or not"})
    sort = ma.fields.String(
        load_default="number",
        validate=ma.validate.OneOf(["number", "due"]),
        metadata={"description": "by village and number, or the longest due first"},
    )
    met = ma.fields.Boolean(
        metadata={"description": "met, or not met, in the days `from` to `to`, both included"}
    )
    register = ma.fields.Boolean(
        metadata={"description": "all but demolished ones; with `met`, only those lived in are met"}
    )
    missed = ma.fields.Boolean(
        metadata={"description": "fell due in the days `from` to `to`, and not visited in time"}
    )
    overdue = ma.fields.Boolean(
        metadata={"description": "due before `from`, and not visited up to `to`"}
    )
    tagged = ma.fields.Boolean(metadata={"description": "only households with some tag"})
    from_ = Day(data_key="from", attribute="from")
    to = Day()
    as_of = Day(
        metadata={"description": "with `cell`: the households that counted in it on this day"}
    )
    q = Text(most=40, least=1, metadata={"description": "begin of number or address"})

    @ma.validates_schema
    def _together(self, data: dict[str, Any], **kwargs: Any) -> None:
        asked = [name for name in ("met", "missed", "overdue") if data.get(name) is not None]
        given = [name for name in ("from", "to") if data.get(name) is not None]
        if len(given) != (2 if asked else 0):
            what = (*asked, *given)[0]
            raise ma.ValidationError(_("`met`, `missed`, `overdue` need `from` and `to`."), what)
        if given and data["to"] < data["from"]:
            raise ma.ValidationError(_("Lies before `from`."), "to")


class HouseholdIn(Schema):
    """A new household."""

    id = ma.fields.UUID(required=True)
    number = Text(required=True, least=1, most=24)
    village_code = Text(
        required=True, most=12, data_key="village", validate=[ma.validate.Regexp(r"^[0-9]{12}$")]
    )
    address = Text(required=True, least=1, most=120)
    head_name = Text(required=True, least=1, most=64)
    phone = Text(most=20, allow_none=True)
    size = ma.fields.Integer(load_default=1, strict=True, validate=ma.validate.Range(0, 199))
    tags = ma.fields.List(
        ma.fields.Enum(Tag, by_value=True), load_default=list, validate=ma.validate.Length(max=7)
    )
    group_name = Text(most=40, allow_none=True)
    note = Text(most=2000, load_default="")
    point = ma.fields.Nested(PointIn)


class HouseholdPatch(Schema):
    """What may change in a household."""

    address = Text(least=1, most=120)
    head_name = Text(least=1, most=64)
    phone = Text(most=20, allow_none=True)
    size = ma.fields.Integer(strict=True, validate=ma.validate.Range(0, 199))
    tags = ma.fields.List(ma.fields.Enum(Tag, by_value=True), validate=ma.validate.Length(max=7))
    group_name = Text(most=40, allow_none=True)
    status = ma.fields.Enum(HouseholdStatus, by_value=True)
    do_not_disturb = ma.fields.Boolean()
    note = Text(most=2000)
    point = ma.fields.Nested(PointIn)


class ToldIn(Schema):
    """A notice that the household was told of."""

    notice = ma.fields.UUID(required=True)
    question = Text(most=500, metadata={"description": "what came back; the publisher answers"})


class AnswerIn(Schema):
    """An answer to a question of the period."""

    question = ma.fields.UUID(required=True)
    value = Text(
        required=True, least=1, most=200,
        metadata={"description": "`yes` or `no`, an option as it is written, a number, or words"},
    )  # fmt: skip


class VisitIn(Schema):
    """A visit as the phone says it."""

    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    household_id = ma.fields.UUID(required=True)
    purpose = ma.fields.Enum(Purpose, by_value=True, load_default=Purpose.REGULAR)
    outcome = ma.fields.Enum(Outcome, by_value=True, required=True)
    started_at = Moment(required=True, metadata={"example": "2026-11-23T09:30:00+08:00"})
    ended_at = Moment(allow_none=True)
    typed_at = Moment(allow_none=True)
    notes = Text(most=4000, load_default="")
    point = ma.fields.Nested(PointIn)
    accuracy_m = ma.fields.Float(
        allow_nan=False, allow_none=True, validate=ma.validate.Range(0, 100_000)
    )
    mocked = ma.fields.Boolean(
        metadata={"description": "the phone says that an app has made the position up"}
    )
    # Of these two what does not fit is left out, and the visit is stored all the same.
    told = ma.fields.List(ma.fields.Nested(ToldIn), validate=ma.validate.Length(max=20))
    answers = ma.fields.List(ma.fields.Nested(AnswerIn), validate=ma.validate.Length(max=30))
    photos = PhotosIn()

    def load(self, data: Any, **kwargs: Any) -> Any:
        """As every schema loads; what is plainly right is read fast (visits/plain.py)."""
        return plain.visit(data) or super().load(data, **kwargs)


class VisitOut(Schema):
    """A visit as it is stored."""

    id = ma.fields.UUID(required=True)
    household_id = ma.fields.UUID(required=True)
    visitor_id = ma.fields.UUID(required=True)
    for_id = ma.fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "the person for whom the visitor stood in on that day"},
    )
    team_id = ma.fields.UUID(allow_none=True, required=True)
    in_scope = ma.fields.Boolean(
        required=True,
        metadata={"description": "the visitor answered for the household's cell on that day"},
    )
    purpose = ma.fields.Enum(Purpose, by_value=True, required=True)
    outcome = ma.fields.Enum(Outcome, by_value=True, required=True)
    started_at = Moment(required=True)
    ended_at = Moment(allow_none=True, required=True)
    typed_at = Moment(allow_none=True, required=True)
    received_at = Moment(required=True)
    notes = ma.fields.String(required=True)
    point = PointField(required=True)
    accuracy_m = ma.fields.Float(allow_none=True, required=True)
    photos = PhotosOut()

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """As every schema dumps; a visit without pictures fast (visits/plain.py)."""
        if many or obj.photos:
            return super().dump(obj, many=many)
        return plain.shown(obj, place_of(obj))


class VisitsIn(PageIn):
    """Filters of the list of visits."""

    household = ma.fields.UUID()
    mine = ma.fields.Boolean(load_default=False)


class HouseholdPage(Schema):
    items = ma.fields.List(ma.fields.Nested(HouseholdOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


class VisitPage(Schema):
    items = ma.fields.List(ma.fields.Nested(VisitOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)

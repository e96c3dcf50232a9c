"""What comes in and goes out when cells change."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import shapely
from flask_babel import gettext as _

from grids.coordinates import BadPosition, System, geometry_to_wgs84
from grids.cutting import read_line
from grids.geometry import BadGeometry, checked_polygon
from grids.models import CellKind, ChangeKind
from grids.schemas import CodeIn, PolygonOut, TeamName
from gridserve.http import Day, Schema, Text

_POSITION = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3}
_LINE: dict[str, Any] = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"type": "string", "enum": ["LineString"]},
        "coordinates": {"type": "array", "items": _POSITION, "minItems": 2},
    },
    "example": {"type": "LineString", "coordinates": [[103.955, 28.599], [103.955, 28.611]]},
    "description": "GeoJSON, WGS 84; from edge to edge, and better beyond",
}


_RING = {"type": "array", "items": _POSITION, "minItems": 4}
_AREA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"type": "string", "enum": ["Polygon"]},
        "coordinates": {"type": "array", "items": _RING, "minItems": 1},
    },
    "example": {
        "type": "Polygon",
        "coordinates": [
            [[103.955, 28.605], [103.957, 28.605], [103.956, 28.607], [103.955, 28.605]]
        ],
    },
    "description": "GeoJSON; inside the village",
}


class CellCode(Text):
    """The code of a cell."""

    def __init__(self, **kwargs: Any) -> None:
        rule = ma.validate.Regexp(r"^[0-9]{15}\Z", error="15 digits.")
        metadata = {"example": "530626101201001"}
        super().__init__(most=15, validate=[rule], metadata=metadata, **kwargs)


class LineField(ma.fields.Raw):
    """A GeoJSON LineString; what else was sent with it is left out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata=_LINE, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            line = read_line(value)
        except BadGeometry as bad:
            raise ma.ValidationError(_reasons(bad)) from bad
        return {"type": "LineString", "coordinates": [list(pair) for pair in line.coords]}


class PolygonField(ma.fields.Raw):
    """A GeoJSON Polygon without faults; what else was sent with it is left out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata=_AREA, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return shapely.geometry.mapping(checked_polygon(value))
        except BadGeometry as bad:
            raise ma.ValidationError(_reasons(bad)) from bad


def _reasons(bad: BadGeometry) -> list[str]:
    return [_(fault.msgid, **fault.values) for fault in bad.faults]


class ChangeIn(Schema):
    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    on = Day(
        metadata={"description": "first day of the new cells; today unless given, never later"}
    )


def _name(**kwargs: Any) -> Text:
    return Text(least=1, most=80, **kwargs)


class SplitIn(ChangeIn):
    cell = CellCode(required=True)
    line = LineField(required=True)
    names = ma.fields.List(
        _name(),
        validate=ma.validate.Length(max=20),
        metadata={"description": "of the new cells, west to east, then north to south"},
    )


class MergeIn(ChangeIn):
    cells = ma.fields.List(CellCode(), required=True, validate=ma.validate.Length(2, 20))
    name = _name(metadata={"description": "that of the first cell unless given"})


class RedrawIn(ChangeIn):
    cells = ma.fields.List(CellCode(), required=True, validate=ma.validate.Length(equal=2))
    line = LineField(required=True)
    names = ma.fields.List(
        _name(),
        validate=ma.validate.Length(equal=2),
        metadata={"description": "in the order of `cells`, whose names stay unless given"},
    )


class RetireIn(ChangeIn):
    pass


class RetireAllIn(ChangeIn):
    """Several cells at once: all basic ones of a village, or dedicated ones."""

    cells = ma.fields.List(CellCode(), validate=ma.validate.Length(1, 999))
    village = CodeIn(
        metadata={"example": "530626101201", "description": "all its cells, in place of `cells`"}
    )

    @ma.validates_schema
    def _one_of_both(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("cells" in data) == ("village" in data):
            raise ma.ValidationError(_("Give either cells or village."), "cells")


class AddIn(ChangeIn):
    """A dedicated cell 专属网格 inside a village."""

    village = CodeIn(required=True, metadata={"example": "530626101201"})
    name = _name(required=True)
    polygon = PolygonField(required=True)
    crs = ma.fields.Enum(System, by_value=True, load_default=System.wgs84)

    @ma.post_load
    def _in_wgs84(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        try:
            area = geometry_to_wgs84(shapely.geometry.shape(data["polygon"]), data.pop("crs"))
            found = checked_polygon(area)
        except BadPosition as wrong:
            raise ma.ValidationError({"polygon": [_(wrong.msgid, **wrong.values)]}) from wrong
        except BadGeometry as bad:
            raise ma.ValidationError({"polygon": _reasons(bad)}) from bad
        return {**data, "polygon": shapely.geometry.mapping(found)}


class UndoIn(Schema):
    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    change = ma.fields.UUID(required=True, metadata={"description": "the change to take back"})


class DryRunIn(Schema):
    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "answer what would happen, store nothing"}
    )


class NewCell(Schema):
    code = ma.fields.String(required=True, metadata={"example": "530626101201003"})
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": [str(k) for k in CellKind]})
    polygon = ma.fields.Nested(PolygonOut, required=True)
    households = ma.fields.Integer(required=True)
    open_issues = ma.fields.Integer(required=True)
    teams = ma.fields.List(ma.fields.Nested(TeamName), required=True)


class CadreOut(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    team = ma.fields.String(required=True)


class ChangeOut(Schema):
    """A change of cells with its effect at the time."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": [str(k) for k in ChangeKind]})
    on = ma.fields.String(required=True, metadata={"format": "date"})
    village = ma.fields.String(required=True)
    ended = ma.fields.List(ma.fields.String(), required=True)
    cells = ma.fields.List(ma.fields.Nested(NewCell), required=True)
    households_moved = ma.fields.Integer(required=True)
    issues_moved = ma.fields.Integer(required=True)
    issues_reassigned = ma.fields.Integer(
        required=True, metadata={"description": "of these, to another team"}
    )
    visits_moved = ma.fields.Integer(
        required=True, metadata={"description": "made on or after the day of the change"}
    )
    undoes = ma.fields.UUID(
        required=True, allow_none=True, metadata={"description": "the change that it takes back"}
    )
    cadres = ma.fields.List(
        ma.fields.Nested(CadreOut), required=True, metadata={"description": "those to be told"}
    )

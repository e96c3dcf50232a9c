"""What comes in and goes out when cells change."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from grids.cutting import read_line
from grids.geometry import BadGeometry
from grids.models import CellKind, ChangeKind
from grids.schemas import PolygonOut, TeamName
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
            reasons = [_(fault.msgid, **fault.values) for fault in bad.faults]
            raise ma.ValidationError(reasons) from bad
        return {"type": "LineString", "coordinates": [list(pair) for pair in line.coords]}


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
    cadres = ma.fields.List(
        ma.fields.Nested(CadreOut), required=True, metadata={"description": "those to be told"}
    )

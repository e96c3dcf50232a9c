"""What comes in and goes out for drafts of divisions."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from grids.geometry import BadGeometry
from grids.guides import multi_line, read_lines
from grids.schemas import MultiPolygonOut, PolygonOut
from gridserve.http import Day, PageIn, Schema, Text
from visits.division.models import DraftStatus
from visits.life.schemas import LineField

MOST_HOUSEHOLDS = 10_000  # of a cell, to be asked for
_LINES: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {
            "type": "string",
            "enum": [
                "LineString", "MultiLineString", "GeometryCollection", "Feature",
                "FeatureCollection",
            ],
        }
    },
    "example": {
        "type": "MultiLineString", "coordinates": [[[103.955, 28.599], [103.955, 28.611]]],
    },
    "description": "GeoJSON of roads and rivers, WGS 84; borders of cells prefer to run there",
}  # fmt: skip


class LinesField(ma.fields.Raw):
    """GeoJSON of lines, however wrapped, as a MultiLineString."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata=_LINES, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return multi_line(read_lines(value))
        except BadGeometry as bad:
            reasons = [_(fault.msgid, **fault.values) for fault in bad.faults]
            raise ma.ValidationError(reasons) from bad


class VillageCode(Text):
    """The code of a village."""

    def __init__(self, **kwargs: Any) -> None:
        rule = ma.validate.Regexp(r"^[0-9]{12}\Z", error="12 digits.")
        super().__init__(most=12, validate=[rule], metadata={"example": "530626101201"}, **kwargs)


def _size(default: int) -> ma.fields.Integer:
    return ma.fields.Integer(
        load_default=default, strict=True, validate=ma.validate.Range(1, MOST_HOUSEHOLDS),
        metadata={"description": "households of a cell"},
    )  # fmt: skip


class DivisionIn(Schema):
    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    village = VillageCode(required=True)
    smallest = _size(300)
    largest = _size(500)
    lines = LinesField()


class VersionIn(Schema):
    version = ma.fields.Integer(
        required=True, strict=True, validate=ma.validate.Range(1, 2**31 - 1),
        metadata={"description": "of the draft that was seen"},
    )  # fmt: skip


class AdjustIn(VersionIn):
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(["split", "merge", "redraw"]))
    cells = ma.fields.List(
        ma.fields.Integer(strict=True, validate=ma.validate.Range(1, 999)),
        required=True,
        validate=ma.validate.Length(1, 20),
        metadata={"description": "serials: one to split, two to redraw, 2–20 to merge"},
    )
    line = LineField()


class AdoptIn(VersionIn):
    on = Day(metadata={"description": "first day of the cells; today unless given"})


class DivisionsIn(PageIn):
    village = VillageCode()
    status = ma.fields.Enum(DraftStatus, by_value=True)


class VillageName(Schema):
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)


class Failure(Schema):
    code = ma.fields.String(required=True)
    words = ma.fields.String(required=True)


class Figures(Schema):
    """What a division is judged by."""

    cells = ma.fields.Integer(required=True)
    households = ma.fields.Integer(required=True, metadata={"description": "in the cells"})
    largest = ma.fields.Integer(required=True)
    smallest = ma.fields.Integer(required=True)
    largest_to_smallest = ma.fields.Float(
        required=True, allow_none=True, metadata={"description": "null: a cell has no households"}
    )
    compactness = ma.fields.Float(
        required=True, metadata={"description": "mean Polsby–Popper, 1 is a circle"}
    )
    groups = ma.fields.Integer(required=True, metadata={"description": "villagers' groups"})
    groups_cut = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "lie in several cells"}
    )
    apart = ma.fields.Integer(
        required=True,
        metadata={"description": "households in another cell than most of their group"},
    )
    outside = ma.fields.Integer(
        required=True, metadata={"description": "households whose point is outside the village"}
    )
    unplaced = ma.fields.Integer(
        required=True, metadata={"description": "households without a point: spread by area"}
    )
    assigned = ma.fields.Integer(
        metadata={"description": "adopted: how many households got their cell"}
    )


class DivisionSummary(Schema):
    id = ma.fields.UUID(required=True)
    village = ma.fields.Nested(VillageName, required=True)
    status = ma.fields.Enum(DraftStatus, by_value=True, required=True)
    version = ma.fields.Integer(required=True)
    progress = ma.fields.Integer(required=True, metadata={"description": "per cent"})
    failure = ma.fields.Nested(Failure, required=True, allow_none=True)
    smallest = ma.fields.Integer(required=True)
    largest = ma.fields.Integer(required=True)
    derived = ma.fields.Boolean(
        required=True,
        metadata={"description": "the village has no boundary: worked out from households"},
    )
    adjustments = ma.fields.Integer(
        required=True, metadata={"description": "that can be taken back"}
    )
    adopted_on = ma.fields.Date(required=True, allow_none=True)
    created_by = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(format="iso", required=True)
    figures = ma.fields.Nested(Figures, required=True, allow_none=True)


class DivisionPage(Schema):
    items = ma.fields.List(ma.fields.Nested(DivisionSummary), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class GroupOut(Schema):
    name = ma.fields.String(required=True)
    households = ma.fields.Integer(required=True, metadata={"description": "in this cell"})
    cut = ma.fields.Boolean(required=True)


class DraftCellProperties(Schema):
    serial = ma.fields.Integer(required=True)
    code = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "once adopted"}
    )
    households = ma.fields.Integer(required=True)
    hectares = ma.fields.Float(required=True)
    compactness = ma.fields.Float(required=True)
    groups = ma.fields.List(ma.fields.Nested(GroupOut), required=True)


class DraftCell(Schema):
    """A cell of a draft as a GeoJSON feature; its id is its serial."""

    type = ma.fields.String(required=True, metadata={"enum": ["Feature"]})
    id = ma.fields.Integer(required=True)
    geometry = ma.fields.Nested(PolygonOut, required=True)
    properties = ma.fields.Nested(DraftCellProperties, required=True)


class DraftCells(Schema):
    type = ma.fields.String(required=True, metadata={"enum": ["FeatureCollection"]})
    features = ma.fields.List(ma.fields.Nested(DraftCell), required=True)


class ClusterProperties(Schema):
    group = ma.fields.String(required=True, allow_none=True)
    households = ma.fields.Integer(required=True)


class ClusterPoint(Schema):
    type = ma.fields.String(required=True, metadata={"enum": ["Point"]})
    coordinates = ma.fields.List(ma.fields.Float(), required=True)


class ClusterOut(Schema):
    type = ma.fields.String(required=True, metadata={"enum": ["Feature"]})
    geometry = ma.fields.Nested(ClusterPoint, required=True)
    properties = ma.fields.Nested(ClusterProperties, required=True)


class Clusters(Schema):
    """Five or more households each, at their middle; single ones are not told."""

    type = ma.fields.String(required=True, metadata={"enum": ["FeatureCollection"]})
    features = ma.fields.List(ma.fields.Nested(ClusterOut), required=True)


class LinesOut(Schema):
    type = ma.fields.String(required=True, metadata={"enum": ["MultiLineString"]})
    coordinates = ma.fields.Raw(required=True, metadata={"type": "array"})


class DivisionOut(DivisionSummary):
    boundary = ma.fields.Nested(MultiPolygonOut, required=True, allow_none=True)
    lines = ma.fields.Nested(LinesOut, required=True, allow_none=True)
    cells = ma.fields.Nested(DraftCells, required=True)
    clusters = ma.fields.Nested(Clusters, required=True)

"""What comes in and goes out for jurisdictions, cells and teams."""

from __future__ import annotations

import math
from typing import Any

import marshmallow as ma
import numpy as np
import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape

from grids.coordinates import System
from grids.models import CellKind, ChangeKind, Duty, Level
from gridserve.http import Moment, PageIn, Schema, Text

DECIMALS = 6  # of a degree: 0.1 m
_LEVELS = {level.name.lower(): level for level in Level}
_POSITION = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_RING = {"type": "array", "items": _POSITION, "minItems": 4}
_POLYGON = {"type": "array", "items": _RING}


def geojson(geometry: Any) -> dict[str, Any] | None:
    """A stored geometry as RFC 7946 GeoJSON, coordinates rounded to 0.1 m; None for none."""
    if geometry is None:
        return None
    rounded = shapely.transform(to_shape(geometry), lambda pairs: np.round(pairs, DECIMALS))
    found: dict[str, Any] = shapely.geometry.mapping(shapely.orient_polygons(rounded))
    return found


class CodeIn(Text):
    """The code of a jurisdiction as a parameter."""

    def __init__(self, **kwargs: Any) -> None:
        rule = ma.validate.Regexp(r"^[0-9]{2,12}\Z", error="2–12 digits.")
        super().__init__(most=12, validate=[rule], **kwargs)


class LevelField(ma.fields.Field[int]):
    """A level by its English name."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"type": "string", "enum": list(_LEVELS)} | kwargs.pop("metadata", {})
        super().__init__(metadata=metadata, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return Level(value).name.lower()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if value not in _LEVELS:
            raise ma.ValidationError(_("Give one of %(names)s.", names=", ".join(_LEVELS)))
        return _LEVELS[value]


class BboxField(ma.fields.Field[tuple[float, float, float, float]]):
    """west,south,east,north in degrees of WGS 84."""

    def __init__(self, **kwargs: Any) -> None:
        number = r"-?[0-9]{1,3}(\.[0-9]{1,12})?"
        metadata = {
            "type": "string", "pattern": f"^{number}(,{number}){{3}}$",
            "example": "103.9,28.5,104.1,28.7", "description": "west,south,east,north, WGS 84",
        }  # fmt: skip
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            west, south, east, north = (float(part) for part in str(value).split(","))
        except ValueError:
            raise ma.ValidationError(
                _("Give four numbers: west,south,east,north in degrees.")
            ) from None
        if not all(map(math.isfinite, (west, south, east, north))):
            raise ma.ValidationError(_("Give four numbers: west,south,east,north in degrees."))
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ma.ValidationError(
                _("West must not lie east of east, nor south north of north; degrees of WGS 84.")
            )
        return west, south, east, north


class JurisdictionsIn(PageIn):
    parent = CodeIn(metadata={"example": "530626", "description": "only directly below this one"})
    level = LevelField()
    q = Text(most=40, least=1, metadata={"description": "part of the name, or start of the code"})


class JurisdictionOut(Schema):
    code = ma.fields.String(required=True, metadata={"example": "530626101"})
    name = ma.fields.String(required=True)
    level = LevelField(required=True)
    parent = ma.fields.String(attribute="parent_code", required=True, allow_none=True)
    year = ma.fields.Integer(required=True, metadata={"description": "of the code table"})
    source = ma.fields.String(required=True)


class JurisdictionPage(Schema):
    items = ma.fields.List(ma.fields.Nested(JurisdictionOut), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class MultiPolygonOut(Schema):
    """A GeoJSON MultiPolygon in WGS 84."""

    type = ma.fields.String(required=True, metadata={"enum": ["MultiPolygon"]})
    coordinates = ma.fields.Raw(required=True, metadata={"type": "array", "items": _POLYGON})


class PolygonOut(Schema):
    """A GeoJSON Polygon in WGS 84."""

    type = ma.fields.String(required=True, metadata={"enum": ["Polygon"]})
    coordinates = ma.fields.Raw(required=True, metadata={"type": "array", "items": _RING})


class JurisdictionDetail(JurisdictionOut):
    children = ma.fields.Integer(required=True, metadata={"description": "directly below"})
    boundary = ma.fields.Nested(MultiPolygonOut, required=True, allow_none=True)


class CellsIn(PageIn):
    jurisdiction = CodeIn(metadata={"example": "530626101"})
    bbox = BboxField()
    as_of = ma.fields.Date(metadata={"description": "cells valid on this day; today unless given"})


class PlaceIn(Schema):
    lon = ma.fields.Float(required=True, allow_nan=False, validate=ma.validate.Range(-180, 180))
    lat = ma.fields.Float(required=True, allow_nan=False, validate=ma.validate.Range(-90, 90))
    crs = ma.fields.Enum(System, by_value=True, load_default=System.wgs84)
    on = ma.fields.Date(metadata={"description": "cells valid on this day; today unless given"})


class TeamName(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)


class CellProperties(Schema):
    code = ma.fields.String(required=True, metadata={"example": "530626101201001"})
    name = ma.fields.String(required=True)
    kind = ma.fields.Enum(CellKind, by_value=True, required=True)
    village = ma.fields.String(required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(
        required=True, allow_none=True, metadata={"description": "first day no longer valid"}
    )
    teams = ma.fields.List(
        ma.fields.Nested(TeamName), required=True, metadata={"description": "the lead team first"}
    )


class CellFeature(Schema):
    """A cell as a GeoJSON feature; its id is its code."""

    type = ma.fields.String(required=True, metadata={"enum": ["Feature"]})
    id = ma.fields.String(required=True)
    geometry = ma.fields.Nested(PolygonOut, required=True)
    properties = ma.fields.Nested(CellProperties, required=True)


class CellsHere(Schema):
    type = ma.fields.String(required=True, metadata={"enum": ["FeatureCollection"]})
    features = ma.fields.List(ma.fields.Nested(CellFeature), required=True)


class ResponsiblePerson(Schema):
    """Somebody with the duty in the team on the day asked."""

    id = ma.fields.UUID(attribute="user_id", required=True)
    name = ma.fields.String(attribute="user.name", required=True)
    duty = ma.fields.Enum(Duty, by_value=True, required=True)


class ResponsibleOut(Schema):
    """Who answers for a point on a day: the lead team of the lowest basic cell, else the desk."""

    cell = ma.fields.String(required=True, allow_none=True)
    team = ma.fields.Nested(TeamName, required=True, allow_none=True)
    people = ma.fields.List(ma.fields.Nested(ResponsiblePerson), required=True)
    desk = ma.fields.String(
        required=True,
        metadata={"example": "530626101", "description": "the township that sees to it otherwise"},
    )


class CellsAtOut(CellsHere):
    on = ma.fields.Date(required=True)
    responsible = ma.fields.Nested(ResponsibleOut, required=True)


class Relative(Schema):
    code = ma.fields.String(required=True, metadata={"example": "530626101201001"})
    name = ma.fields.String(required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(required=True, allow_none=True)


class Descent(Schema):
    """`child` came from `parent` by a change."""

    parent = ma.fields.String(required=True)
    child = ma.fields.String(required=True)
    kind = ma.fields.Enum(ChangeKind, by_value=True, required=True)
    on = ma.fields.Date(required=True)
    change = ma.fields.UUID(required=True)
    undone = ma.fields.Boolean(
        required=True, metadata={"description": "taken back: the child never held"}
    )


class ChangesIn(PageIn):
    jurisdiction = CodeIn(metadata={"example": "530626101201"})


class CodeOut(Schema):
    code = ma.fields.String(required=True)


class ChangeBrief(Schema):
    """A change of cells in the list of changes."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.Enum(ChangeKind, by_value=True, required=True)
    village = ma.fields.String(attribute="village_code", required=True)
    on = ma.fields.Date(attribute="on_date", required=True)
    at = Moment(required=True)
    by = ma.fields.String(attribute="actor.name", required=True)
    ended = ma.fields.List(ma.fields.String(), attribute="result.ended", required=True)
    made = ma.fields.List(ma.fields.Pluck(CodeOut, "code"), attribute="result.cells", required=True)
    undoes = ma.fields.UUID(attribute="undoes_id", required=True, allow_none=True)
    undone_by = ma.fields.UUID(attribute="undo.id", dump_default=None, allow_none=True)


class ChangesPage(Schema):
    items = ma.fields.List(ma.fields.Nested(ChangeBrief), required=True)
    next = ma.fields.String(required=True, allow_none=True)


class LineageOut(Schema):
    """What a cell came from and what came of it, oldest first."""

    code = ma.fields.String(required=True)
    ancestors = ma.fields.List(ma.fields.Nested(Relative), required=True)
    descendants = ma.fields.List(ma.fields.Nested(Relative), required=True)
    changes = ma.fields.List(ma.fields.Nested(Descent), required=True)


class CellPage(CellsHere):
    next = ma.fields.String(required=True, allow_none=True)


class TeamsIn(PageIn):
    jurisdiction = CodeIn()


class DeputyName(Schema):
    """Who stands in for a member."""

    id = ma.fields.UUID(required=True)
    user = ma.fields.UUID(attribute="user_id", required=True)
    name = ma.fields.String(attribute="user.name", required=True)


class MemberOut(Schema):
    id = ma.fields.UUID(required=True, metadata={"description": "of the membership"})
    user = ma.fields.UUID(attribute="user_id", required=True)
    name = ma.fields.String(attribute="user.name", required=True)
    duty = ma.fields.Enum(Duty, by_value=True, required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(required=True, allow_none=True)
    away = ma.fields.Boolean(required=True, metadata={"description": "absent today"})
    deputy = ma.fields.Nested(
        DeputyName, required=True, allow_none=True, metadata={"description": "B岗 of today"}
    )


class AssignedCell(Schema):
    id = ma.fields.UUID(required=True, metadata={"description": "of the assignment"})
    code = ma.fields.String(attribute="cell.code", required=True)
    name = ma.fields.String(attribute="cell.name", required=True)
    from_date = ma.fields.Date(required=True)
    to_date = ma.fields.Date(required=True, allow_none=True)
    lead = ma.fields.Boolean(
        required=True, metadata={"description": "of the cell's teams exactly one leads"}
    )


class TeamOut(TeamName):
    jurisdiction = ma.fields.String(attribute="jurisdiction_code", required=True)
    to_date = ma.fields.Date(
        required=True, allow_none=True, metadata={"description": "the first day it was no more"}
    )
    members = ma.fields.List(ma.fields.Nested(MemberOut), attribute="memberships", required=True)
    cells = ma.fields.List(ma.fields.Nested(AssignedCell), attribute="assignments", required=True)


class TeamPage(Schema):
    items = ma.fields.List(ma.fields.Nested(TeamOut), required=True)
    next = ma.fields.String(required=True, allow_none=True)

"""The ground of new cells: which polygons a change makes, under which codes and names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids import cutting
from grids.fit import metres_outside
from grids.geometry import Area, BadGeometry
from grids.models import Cell, CellKind, ChangeKind, Jurisdiction
from grids.operations import free_serials, new_cell
from gridserve.db import db
from gridserve.errors import Invalid
from gridserve.people import User

STRAY_M = 5.0  # a dedicated cell may lie this far over the edge, as in imports
_TAKES = {ChangeKind.SPLIT: (1, 1), ChangeKind.REDRAW: (2, 2), ChangeKind.RETIRE: (1, 999),
          ChangeKind.ADD: (0, 0)}  # fmt: skip


def areas(
    kind: ChangeKind, old: Sequence[Cell], village: Jurisdiction, said: dict[str, Any]
) -> list[shapely.Polygon]:
    """The polygons of the new cells, none for retired ones; raises Invalid with what is wrong."""
    least, most = _TAKES.get(kind, (2, cutting.MOST_PIECES))
    if not least <= len(old) <= most:
        words = _("Give %(least)s to %(most)s different cells.", least=least, most=most)
        raise Invalid(errors={"/cells": [words]})
    if kind is ChangeKind.RETIRE:
        return []
    if kind is ChangeKind.ADD:
        return [_inside(said["polygon"], village)]
    shapes = [to_shape(cell.polygon) for cell in old]
    try:
        if kind is ChangeKind.MERGE:
            return [cutting.join(shapes)]
        line = cutting.read_line(said["line"])
        if kind is ChangeKind.SPLIT:
            return cutting.cut(shapes[0], line)
        cutting.join(shapes)
        return cutting.redraw(shapes[0], shapes[1], line)
    except BadGeometry as bad:
        reasons = [_(fault.msgid, **fault.values) for fault in bad.faults]
        raise Invalid(errors={"/cells" if kind is ChangeKind.MERGE else "/line": reasons}) from bad


def _inside(drawn: dict[str, Any], village: Jurisdiction) -> shapely.Polygon:
    """A polygon (GeoJSON, checked when it was read) that lies in the village."""
    polygon: shapely.Polygon = shapely.geometry.shape(drawn)
    ground = _ground(village)
    if ground is None:
        words = _("The village has neither a boundary nor cells: import its boundary first.")
        raise Invalid(errors={"/polygon": [words]})
    metres = metres_outside(polygon, ground)
    if metres > STRAY_M:
        words = _(
            "Lies up to %(metres)s m outside the village. Draw it inside, and check its crs.",
            metres=round(metres),
        )
        raise Invalid(errors={"/polygon": [words]})
    return polygon


def _ground(village: Jurisdiction) -> Area | None:
    """The village's boundary, else what its basic cells cover today."""
    if village.boundary is not None:
        boundary: Area = to_shape(village.boundary)
        return boundary
    rows = select(Cell.polygon).where(
        Cell.village_code == village.code, Cell.kind == CellKind.BASIC, Cell.to_date.is_(None)
    )
    cells = [to_shape(polygon) for polygon in db.session.scalars(rows)]
    return shapely.union_all(cells) if cells else None


def store(
    kind: ChangeKind, old: Sequence[Cell], polygons: Sequence[shapely.Polygon],
    village: Jurisdiction, said: dict[str, Any], *, on: date, by: User,
) -> list[Cell]:  # fmt: skip
    """The new cells, with codes that no cell ever had; split ones get names by their serials."""
    if not polygons:
        return []
    serials = free_serials(village.code, len(polygons))
    names = list(said.get("names") or [])
    if names and len(names) != len(polygons):
        words = _("Give %(n)s names, one for each new cell, or none.", n=len(polygons))
        raise Invalid(errors={"/names": [words]})
    if not names:
        kept = [cell.name for cell in old]
        split = [f"第{serial}网格" for serial in serials]
        names = split if kind is ChangeKind.SPLIT else kept[: len(polygons)]
    cells = [
        new_cell(
            f"{village.code}{serial:03}", area, name=name, from_date=on, by=by,
            kind=old[0].kind if old else CellKind.DEDICATED,
        )
        for serial, area, name in zip(serials, polygons, names, strict=True)
    ]  # fmt: skip
    db.session.flush()
    return cells

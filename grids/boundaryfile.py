"""Brings boundaries of jurisdictions in from a GeoJSON file."""

from __future__ import annotations

from pathlib import Path

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import select

from grids import featurefile
from grids.coordinates import System
from grids.featurefile import BadFeature, Feature
from grids.fit import metres_outside
from grids.geometry import Area
from grids.models import Jurisdiction, Level, parent_code
from grids.report import Report
from gridserve import events
from gridserve.db import SRID, db

# Boundaries of different levels come from surveys of different scale; a wrong coordinate system is
# hundreds of metres off.
STRAY_M = 100.0
LEVELS = (Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE)


def import_boundaries(path: Path, *, system: System, skip_bad: bool = False) -> Report:
    """Store boundaries of counties, townships and villages; property `code` says whose.

    A boundary must lie within that of the level above, where this is known. Nothing is stored where
    a feature is damaged, unless `skip_bad`. Raises `BadInput`; the caller commits.
    """
    report = Report()
    drawn: dict[str, tuple[Feature, Area]] = {}
    for feature in featurefile.read(path):
        report.read += 1
        try:
            code, area = _read(feature, system)
            if code in drawn:
                raise BadFeature(f"code {code} is also that of feature {drawn[code][0].number}")
            drawn[code] = feature, area
        except BadFeature as bad:
            report.blame(path.name, feature.number, bad.reasons)
    wanted = {*drawn, *(parent_code(code) for code in drawn)} - {None}
    rows = select(Jurisdiction).where(Jurisdiction.code.in_(wanted)).order_by(Jurisdiction.code)
    stored = {row.code: row for row in db.session.scalars(rows.with_for_update(key_share=True))}
    # By code, so that a parent's new boundary is judged before it judges those below.
    for code, (feature, area) in sorted(drawn.items()):
        try:
            _check(code, feature, area, stored, drawn, system)
        except BadFeature as bad:
            report.blame(path.name, feature.number, bad.reasons)
            del drawn[code]
    report.sort([path.name])
    if report.faults and not skip_bad:
        return report
    for code, (_feature, area) in drawn.items():
        _store(stored[code], area, report)
    report.stored = True
    return report


def _read(feature: Feature, system: System) -> tuple[str, Area]:
    code = feature.digits("code", *LEVELS)
    if not code:
        raise BadFeature("property code is missing: the digits of a county, township or village")
    return code, feature.area(system, several=True)


def _check(
    code: str, feature: Feature, area: Area, stored: dict[str, Jurisdiction],
    drawn: dict[str, tuple[Feature, Area]], system: System,
) -> None:  # fmt: skip
    if code not in stored:
        raise BadFeature(f"jurisdiction {code} is not stored: import jurisdictions first")
    above = stored.get(parent_code(code) or "")
    if above is None:
        return
    if above.code in drawn:
        around = drawn[above.code][1]
    elif above.boundary is not None:
        around = to_shape(above.boundary)
    else:
        return
    metres = metres_outside(area, around)
    if metres <= STRAY_M:
        return
    other = feature.other_system(system, lambda moved: metres_outside(moved, around) <= STRAY_M)
    hint = f". It would fit with --crs {other}" if other else ""
    raise BadFeature(f"lies up to {metres:,.0f} m outside {above.code} {above.name}{hint}")


def _store(row: Jurisdiction, area: Area, report: Report) -> None:
    several = area if isinstance(area, shapely.MultiPolygon) else shapely.MultiPolygon([area])
    if row.boundary is None:
        report.new += 1
    elif to_shape(row.boundary).normalize().equals_exact(several.normalize(), 1e-9):
        report.same += 1
        return
    else:
        report.changed += 1
    row.boundary = from_shape(several, srid=SRID)
    events.record("jurisdiction.boundary_set", None, by=None, jurisdiction=row.code)

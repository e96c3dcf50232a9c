"""Brings boundaries of jurisdictions in from a map file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import select

from grids import detection
from grids.featurefile import BadFeature, Feature, Outline
from grids.fit import metres_outside
from grids.geometry import Area, Fault
from grids.models import Jurisdiction, Level, parent_code
from grids.projection import Frame
from grids.report import Note, Question, Report
from gridserve import events
from gridserve.db import SRID, db
from gridserve.later import N_

# Boundaries of different levels come from surveys of different scale; a wrong coordinate system is
# hundreds of metres off.
STRAY_M = 100.0
LEVELS = (Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE)


def import_boundaries(
    path: Path, *, system: str = "", layer: str = "", swapped: bool = False, repair: bool = False,
    skip_bad: bool = False, step: Callable[[int], object] = lambda n: None,
) -> Report:  # fmt: skip
    """Store boundaries of counties, townships and villages; property `code` says whose.

    Files and options are those of `cellfile.import_cells`. A boundary must lie within that of the
    level above, where this is known. Nothing is stored where a feature is damaged, unless
    `skip_bad`. Raises `BadInput`; the caller commits.
    """
    from grids import mapfile  # loads GDAL

    report = Report()
    found, frame = mapfile.read_placed(path, report, system=system, layer=layer, swapped=swapped)
    if frame is None:
        return report
    drawn: dict[str, tuple[Feature, Area]] = {}
    for feature in found:
        report.read += 1
        try:
            code, outline = _read(feature, frame, repair)
            if code in drawn:
                words = N_("code %(code)s is also that of feature %(number)s")
                values = {"code": code, "number": drawn[code][0].number}
                raise BadFeature(Fault(words, values), kind="duplicate", column="code")
            drawn[code] = feature, outline.area
            report.notes.extend(Note(feature.number, words) for words in outline.mended)
        except BadFeature as bad:
            report.blame(path.name, feature.number, bad.faults, **bad.more)
        step(1)
    wanted = {*drawn, *(parent_code(code) for code in drawn)} - {None}
    rows = select(Jurisdiction).where(Jurisdiction.code.in_(wanted)).order_by(Jurisdiction.code)
    stored = {row.code: row for row in db.session.scalars(rows.with_for_update(key_share=True))}
    report.question = _doubt(frame, drawn, stored)
    if report.question:
        return report
    # By code, so that a parent's new boundary is judged before it judges those below.
    for code, (feature, area) in sorted(drawn.items()):
        try:
            _check(code, area, stored, drawn)
        except BadFeature as bad:
            report.blame(path.name, feature.number, bad.faults, **bad.more)
            del drawn[code]
    report.sort([path.name])
    if report.faults and not skip_bad:
        return report
    for code, (_feature, area) in drawn.items():
        _store(stored[code], area, report)
    report.stored = True
    return report


def _read(feature: Feature, frame: Frame, repair: bool) -> tuple[str, Outline]:
    code = feature.digits("code", *LEVELS)
    if not code:
        words = N_("property code is missing: the digits of a county, township or village")
        raise BadFeature(Fault(words), kind="code", column="code")
    return code, feature.outline(frame, several=True, mend=repair)


def _around(
    code: str, stored: dict[str, Jurisdiction], drawn: dict[str, tuple[Feature, Area]]
) -> Area | None:
    """The boundary of the level above: of this file, else as stored."""
    above = stored.get(parent_code(code) or "")
    if above is None:
        return None
    if above.code in drawn:
        return drawn[above.code][1]
    return to_shape(above.boundary) if above.boundary is not None else None


def _doubt(
    frame: Frame, drawn: dict[str, tuple[Feature, Area]], stored: dict[str, Jurisdiction]
) -> Question | None:
    """Ask where the areas fit clearly better in another coordinate system."""
    # Only what is stored can tell: the areas of one file are all moved alike.
    around = {code: _around(code, stored, {}) for code in drawn}
    placed = [(drawn[c][0], area) for c, area in around.items() if area is not None]
    return detection.question(detection.better_frame(placed, frame, STRAY_M), frame)


def _check(
    code: str, area: Area, stored: dict[str, Jurisdiction],
    drawn: dict[str, tuple[Feature, Area]],
) -> None:  # fmt: skip
    if code not in stored:
        words = N_("jurisdiction %(code)s is not stored: import jurisdictions first")
        raise BadFeature(Fault(words, {"code": code}), kind="code", column="code")
    around = _around(code, stored, drawn)
    if around is None:
        return
    metres = metres_outside(area, around)
    if metres <= STRAY_M:
        return
    above = stored[parent_code(code) or ""]
    words = N_("lies up to %(metres)s m outside %(code)s %(name)s")
    values = {"metres": f"{metres:,.0f}", "code": above.code, "name": above.name}
    raise BadFeature(Fault(words, values), kind="outside")


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

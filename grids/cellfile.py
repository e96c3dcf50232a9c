"""Brings cells in from a GeoJSON file, each checked against its village and its neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids import featurefile
from grids.coordinates import System
from grids.featurefile import BadFeature, Feature
from grids.fit import metres_outside, overlap
from grids.geometry import Area
from grids.models import Cell, CellKind, Jurisdiction
from grids.operations import free_serials, lock_villages, new_cell
from grids.report import Report
from gridserve.db import db

# An outline drawn along the village's boundary may stray by as much; a wrong coordinate system is
# hundreds of metres off.
STRAY_M = 5.0
# Outlines that differ by less, in degrees (2 cm), are one outline: conversion from GCJ-02 and
# rounding in files move corners by less.
SAME = 2e-7


@dataclass(frozen=True)
class Drawn:
    """A cell as a file has it; `code` is "" where a new serial is to be given."""

    feature: Feature
    code: str
    village_code: str
    name: str
    kind: CellKind
    polygon: shapely.Polygon


@dataclass(frozen=True)
class Neighbour:
    """A basic cell of the village that a new one must not overlap, and how messages call it."""

    called: str
    polygon: shapely.Polygon


def import_cells(path: Path, *, system: System, from_date: date, skip_bad: bool = False) -> Report:
    """Store the cells of a GeoJSON file, valid from `from_date`.

    Properties: `code` (15 digits) or `village_code` (12; the next serial is given), `name`, `kind`
    (basic, the default, or dedicated). A feature equal to a stored cell changes nothing. Nothing is
    stored where a feature is damaged, unless `skip_bad`. Raises `BadInput`; the caller commits.
    """
    report = Report()
    drawn: list[Drawn] = []
    for feature in featurefile.read(path):
        report.read += 1
        try:
            drawn.append(_read(feature, system))
        except BadFeature as bad:
            report.blame(path.name, feature.number, bad.reasons)
    villages = lock_villages(cell.village_code for cell in drawn)
    checker = _Checker(villages, _stored(villages), system, from_date)
    accepted: list[Drawn] = []
    for cell in drawn:
        try:
            if checker.is_new(cell):
                accepted.append(cell)
            else:
                report.same += 1
        except BadFeature as bad:
            report.blame(path.name, cell.feature.number, bad.reasons)
    report.sort([path.name])
    if report.faults and not skip_bad:
        return report
    _store(accepted, from_date)
    report.new, report.stored = len(accepted), True
    return report


def _read(feature: Feature, system: System) -> Drawn:
    code = feature.digits("code", 15)
    village_code = feature.digits("village_code", 12)
    if not code and not village_code:
        raise BadFeature("give property code (15 digits) or village_code (12 digits)")
    if code and village_code and not code.startswith(village_code):
        raise BadFeature(f"code {code} does not begin with its village_code {village_code}")
    if code.endswith("000"):
        raise BadFeature(f"code {code} has the serial 000: serials begin at 001")
    name = feature.text("name", 80)
    if not name:
        raise BadFeature("property name is missing")
    kind = feature.text("kind", 24) or CellKind.BASIC
    if kind not in list(CellKind):
        raise BadFeature(f"property kind is {kind!r}: give {' or '.join(CellKind)}")
    polygon = feature.area(system)
    return Drawn(feature, code, village_code or code[:12], name, CellKind(kind), polygon)


def _stored(villages: Iterable[str]) -> dict[str, list[Cell]]:
    """All cells that the villages ever had, by village."""
    cells = select(Cell).where(Cell.village_code.in_(list(villages))).order_by(Cell.code)
    found = defaultdict(list)
    for cell in db.session.scalars(cells):
        found[cell.village_code].append(cell)
    return found


class _Checker:
    """Checks the cells of one file one after the other, against what is stored and each other."""

    def __init__(
        self, villages: dict[str, Jurisdiction], stored: dict[str, list[Cell]], system: System,
        from_date: date,
    ) -> None:  # fmt: skip
        self.villages, self.system, self.from_date = villages, system, from_date
        self.boundaries: dict[str, Area] = {
            v.code: to_shape(v.boundary) for v in villages.values() if v.boundary is not None
        }
        self.outlines = {c.code: (c, to_shape(c.polygon)) for cs in stored.values() for c in cs}
        self.seen: dict[str, int] = {}  # code → feature number
        self.neighbours: dict[str, list[Neighbour]] = defaultdict(list)
        for cell, polygon in self.outlines.values():
            later = cell.to_date is None or cell.to_date > from_date
            if cell.kind is CellKind.BASIC and later:
                self.neighbours[cell.village_code].append(
                    Neighbour(f"the stored cell {cell.code}", polygon)
                )

    def is_new(self, cell: Drawn) -> bool:
        """Whether the cell is to be stored; False where it is already. Raises `BadFeature`."""
        if cell.village_code not in self.villages:
            raise BadFeature(
                f"village {cell.village_code} is not stored: import jurisdictions first, "
                "or mend the code"
            )
        number = cell.feature.number
        if cell.code and self.seen.setdefault(cell.code, number) != number:
            raise BadFeature(f"code {cell.code} is also that of feature {self.seen[cell.code]}")
        if self._is_stored(cell):
            return False
        self._check_inside(cell)
        if cell.kind is CellKind.BASIC:
            self._check_overlap(cell)
            self.neighbours[cell.village_code].append(Neighbour(f"feature {number}", cell.polygon))
        return True

    def _is_stored(self, cell: Drawn) -> bool:
        """Whether an equal cell is stored: of this code, or where none is given of any."""
        if not cell.code:
            return any(
                stored.village_code == cell.village_code
                and stored.to_date is None
                and stored.kind is cell.kind
                and stored.name == cell.name
                and _equal(polygon, cell.polygon)
                for stored, polygon in self.outlines.values()
            )
        stored, polygon = self.outlines.get(cell.code, (None, None))
        if stored is None or polygon is None:
            return False
        if stored.to_date is not None:
            raise BadFeature(
                f"cell {cell.code} was retired on {stored.to_date}: codes are never reused. Give "
                "village_code instead of code"
            )
        if not _equal(polygon, cell.polygon):
            raise BadFeature(
                f"cell {cell.code} is stored with another polygon, and a cell's polygon never "
                "changes: retire it and give village_code instead of code"
            )
        if (stored.name, stored.kind) != (cell.name, cell.kind):
            raise BadFeature(
                f"cell {cell.code} is stored as {stored.name!r}, {stored.kind}; here it is "
                f"{cell.name!r}, {cell.kind}"
            )
        return True

    def _check_inside(self, cell: Drawn) -> None:
        boundary = self.boundaries.get(cell.village_code)
        if boundary is None:
            return
        metres = metres_outside(cell.polygon, boundary)
        if metres <= STRAY_M:
            return
        village = self.villages[cell.village_code]
        other = cell.feature.other_system(
            self.system, lambda moved: metres_outside(moved, boundary) <= STRAY_M
        )
        hint = f". It would fit with --crs {other}" if other else ""
        raise BadFeature(
            f"lies up to {metres:,.0f} m outside the village {village.code} {village.name}{hint}"
        )

    def _check_overlap(self, cell: Drawn) -> None:
        found = [(n.called, overlap(cell.polygon, n.polygon))
                 for n in self.neighbours[cell.village_code]]  # fmt: skip
        reasons = [f"overlaps {called} by {area:,.0f} m²" for called, area in found if area]
        if reasons:
            raise BadFeature(*reasons)


def _equal(one: shapely.Polygon, other: shapely.Polygon) -> bool:
    near = max(abs(a - b) for a, b in zip(one.bounds, other.bounds, strict=True)) <= SAME
    return near and shapely.hausdorff_distance(one.boundary, other.boundary) <= SAME


def _store(cells: list[Drawn], from_date: date) -> None:
    """Store checked cells; new serials follow those that the file itself names."""
    unnumbered: dict[str, list[Drawn]] = defaultdict(list)
    for cell in cells:
        if cell.code:
            new_cell(cell.code, cell.polygon, name=cell.name, kind=cell.kind, from_date=from_date,
                     by=None)  # fmt: skip
        else:
            unnumbered[cell.village_code].append(cell)
    db.session.flush()
    for village_code, group in unnumbered.items():
        for serial, cell in zip(free_serials(village_code, len(group)), group, strict=True):
            new_cell(f"{village_code}{serial:03}", cell.polygon, name=cell.name, kind=cell.kind,
                     from_date=from_date, by=None)  # fmt: skip
    db.session.flush()

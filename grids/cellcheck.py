"""Checks the cells of one file one after the other, against what is stored and each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import shapely
from geoalchemy2.shape import to_shape

from grids import repair as mending
from grids.featurefile import BadFeature
from grids.fit import STRAY_M, metres_outside, overlap
from grids.geometry import Area, Fault, checked_polygon
from grids.models import Cell, CellKind, Jurisdiction
from grids.report import Note, Report
from gridserve.later import N_
from gridserve.people import User
from gridserve.permissions import Permission, may

# Outlines that differ by less, in degrees (2 cm), are one outline: conversion from GCJ-02 and
# rounding in files move corners by less.
SAME = 2e-7


@dataclass(frozen=True)
class Drawn:
    """A cell as a file has it; `code` is "" where a new serial is to be given."""

    number: int
    code: str
    village_code: str
    name: str
    kind: CellKind
    to_date: str
    polygon: shapely.Polygon
    mended: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Neighbour:
    """A basic cell of the village that a new one must not overlap: stored, or of this file."""

    polygon: shapely.Polygon
    code: str = ""
    number: int = 0


class Checker:
    """Keeps what was accepted so far; each cell is judged against it."""

    def __init__(
        self, file: str, report: Report, villages: Mapping[str, Jurisdiction],
        stored: Mapping[str, Sequence[Cell]], from_date: date, repair: bool, by: User | None,
    ) -> None:  # fmt: skip
        self.file, self.report, self.villages, self.repair, self.by = (
            file, report, villages, repair, by,
        )  # fmt: skip
        self.boundaries: dict[str, Area] = {
            v.code: to_shape(v.boundary) for v in villages.values() if v.boundary is not None
        }
        self.stored = stored
        self.outlines = {c.code: (c, to_shape(c.polygon)) for cs in stored.values() for c in cs}
        self.seen: dict[str, int] = {}  # code → feature number
        self.accepted: list[Drawn] = []
        self.drawn: dict[str, dict[int, shapely.Polygon]] = defaultdict(dict)  # for pictures
        self.valid: dict[str, dict[str, shapely.Polygon]] = defaultdict(dict)  # stored, basic
        self.neighbours: dict[str, list[Neighbour]] = defaultdict(list)
        for cell, polygon in self.outlines.values():
            later = cell.to_date is None or cell.to_date > from_date
            if cell.kind is CellKind.BASIC and later:
                self.neighbours[cell.village_code].append(Neighbour(polygon, code=cell.code))
                self.valid[cell.village_code][cell.code] = polygon

    def check_place(self, village_code: str, number: int, code: str) -> None:
        """Raise `BadFeature` where the village or the code cannot be used at all."""
        if self.by is not None and not may(self.by, Permission.GROUND_WRITE, village_code):
            words = N_("village %(code)s lies outside your jurisdiction: take the row out")
            raise BadFeature(Fault(words, {"code": village_code}), kind="scope", column="code")
        if village_code not in self.villages:
            words = N_(
                "village %(code)s is not stored: import jurisdictions first, or mend the code"
            )
            raise BadFeature(Fault(words, {"code": village_code}), kind="village", column="code")
        if code and self.seen.setdefault(code, number) != number:
            words = N_("code %(code)s is also that of feature %(number)s")
            values = {"code": code, "number": self.seen[code]}
            raise BadFeature(Fault(words, values), kind="duplicate", column="code")

    def check(self, cell: Drawn) -> None:
        """Accept a new cell or count a stored one; raises `BadFeature`."""
        self.drawn[cell.village_code][cell.number] = cell.polygon
        if self._is_stored(cell):
            self.report.same += 1
            return
        if cell.to_date:
            words = N_("the cell ended on %(day)s by its to_date and is not stored: take it out")
            raise BadFeature(Fault(words, {"day": cell.to_date}), kind="ended", column="to_date")
        if self.repair:
            cell = self._fitted(cell)
        self._check_inside(cell)
        if cell.kind is CellKind.BASIC:
            self._check_overlap(cell)
            self.neighbours[cell.village_code].append(Neighbour(cell.polygon, number=cell.number))
        self.accepted.append(cell)
        self.report.notes.extend(Note(cell.number, words) for words in cell.mended)

    def _is_stored(self, cell: Drawn) -> bool:
        """Whether an equal cell is stored: of this code, or where none is given of any."""
        if not cell.code:
            here = [self.outlines[stored.code] for stored in self.stored.get(cell.village_code, ())]
            return any(
                stored.to_date is None
                and stored.kind is cell.kind
                and stored.name == cell.name
                and self._equal(polygon, cell.polygon)
                for stored, polygon in here
            )
        stored, polygon = self.outlines.get(cell.code, (None, None))
        if stored is None or polygon is None:
            return False
        same = self._equal(polygon, cell.polygon)
        if stored.to_date is not None and not (same and cell.to_date == str(stored.to_date)):
            words = N_(
                "cell %(code)s was retired on %(day)s: codes are never reused. Give village_code "
                "instead of code"
            )
            raise _stored_otherwise(words, code=cell.code, day=stored.to_date)
        if not same:
            words = N_(
                "cell %(code)s is stored with another polygon, and a cell's polygon never changes: "
                "split, merge or redraw it, or retire it and give village_code instead of code"
            )
            raise _stored_otherwise(words, code=cell.code)
        if (stored.name, stored.kind) != (cell.name, cell.kind):
            words = N_(
                "cell %(code)s is stored as “%(name)s”, %(kind)s; here it is “%(here)s”, %(kind2)s"
            )
            raise _stored_otherwise(
                words, code=cell.code, name=stored.name, kind=stored.kind.value, here=cell.name,
                kind2=cell.kind.value,
            )  # fmt: skip
        return True

    def _equal(self, one: shapely.Polygon, other: shapely.Polygon) -> bool:
        near = max(abs(a - b) for a, b in zip(one.bounds, other.bounds, strict=True))
        if near <= SAME and shapely.hausdorff_distance(one.boundary, other.boundary) <= SAME:
            return True
        # What a repair stored differs by hairs from the file that it came from.
        return self.repair and near <= 1e-3 and mending.same_but_for_hairs(one, other)

    def _fitted(self, cell: Drawn) -> Drawn:
        around = [n.polygon for n in self.neighbours[cell.village_code]]
        boundary = self.boundaries.get(cell.village_code)
        polygon, said = mending.fitted(
            cell.polygon, boundary, around if cell.kind is CellKind.BASIC else []
        )
        if polygon is cell.polygon:
            return cell
        return replace(cell, polygon=checked_polygon(polygon), mended=(*cell.mended, *said))

    def _check_inside(self, cell: Drawn) -> None:
        boundary = self.boundaries.get(cell.village_code)
        if boundary is None:
            return
        metres = metres_outside(cell.polygon, boundary)
        if metres <= STRAY_M:
            return
        village = self.villages[cell.village_code]
        words = N_("lies up to %(metres)s m outside the village %(code)s %(name)s")
        values = {"metres": f"{metres:,.0f}", "code": village.code, "name": village.name}
        raise BadFeature(
            Fault(words, values), kind="outside",
            shape=shapely.difference(cell.polygon, boundary),
            remedy=Fault(N_("Draw it within the village's boundary, or mend its code.")),
        )  # fmt: skip

    def _check_overlap(self, cell: Drawn) -> None:
        faults, shared = [], []
        for other in self.neighbours[cell.village_code]:
            area = overlap(cell.polygon, other.polygon)
            if not area:
                continue
            words = N_("overlaps feature %(other)s by %(area)s m²")
            if other.code:
                words = N_("overlaps the stored cell %(other)s by %(area)s m²")
            called = other.code or other.number
            faults.append(Fault(words, {"other": called, "area": f"{area:,.0f}"}))
            shared.append(shapely.intersection(cell.polygon, other.polygon))
        if faults:
            remedy = Fault(N_("Decide to which cell the ground belongs and draw one edge."))
            raise BadFeature(
                *faults, kind="overlap", shape=shapely.union_all(shared), remedy=remedy
            )

    def close_gaps(self) -> None:
        """Give slivers that no cell covers to the new cell that has most of their edge."""
        for code, boundary in self.boundaries.items():
            new = [n for n, c in enumerate(self.accepted)
                   if c.village_code == code and c.kind is CellKind.BASIC]  # fmt: skip
            if not new or any(fault.village == code for fault in self.report.faults):
                continue
            around = [n.polygon for n in self.neighbours[code]]
            for gap in mending.gaps(boundary, around):
                shares = {n: _shared_edge(self.accepted[n].polygon, gap) for n in new}
                best = max(shares, key=lambda n: shares[n])
                if shares[best] > 0:
                    self._widen(best, gap)

    def _widen(self, place: int, gap: shapely.Polygon) -> None:
        cell = self.accepted[place]
        wider, metres = mending.joined(cell.polygon, gap)
        if wider is None:
            return
        self.accepted[place] = replace(cell, polygon=checked_polygon(wider))
        if metres >= mending.WORTH_SAYING_M2:
            words = N_("closed a gap of %(area)s m² to its neighbours")
            self.report.notes.append(Note(cell.number, Fault(words, {"area": f"{metres:,.1f}"})))


def _shared_edge(cell: shapely.Polygon, gap: shapely.Polygon) -> float:
    return float(shapely.intersection(gap.boundary, cell).length)


def _stored_otherwise(words: str, **values: object) -> BadFeature:
    return BadFeature(Fault(words, values), kind="stored", column="code")

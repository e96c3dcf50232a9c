"""Brings cells in from a map file, each checked against its village and its neighbours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from grids import detection, picture
from grids.cellcheck import Checker, Drawn
from grids.featurefile import BadFeature, Feature
from grids.fit import STRAY_M
from grids.geometry import Area, Fault
from grids.models import Cell, CellKind, Jurisdiction, Level
from grids.operations import free_serials, lock_villages, new_cell
from grids.projection import Frame
from grids.report import Question, Report
from gridserve.db import CHECK_VIOLATION, db, sqlstate
from gridserve.later import N_
from gridserve.people import User

KINDS = {
    **dict.fromkeys(("basic", "基础", "基础网格", "普通", "普通网格"), CellKind.BASIC),
    **dict.fromkeys(("dedicated", "专属", "专属网格"), CellKind.DEDICATED),
}
Step = Callable[[int], object]
Say = Callable[[str], object]


@dataclass(frozen=True)
class Named:
    """What the properties of a feature say; `code` is "" where a new serial is to be given."""

    feature: Feature
    code: str
    village_code: str
    name: str
    kind: CellKind
    to_date: str


def import_cells(
    path: Path,
    *,
    system: str = "",
    layer: str = "",
    swapped: bool = False,
    from_date: date,
    repair: bool = False,
    skip_bad: bool = False,
    dry_run: bool = False,
    by: User | None = None,
    begin: Step = lambda total: None,
    step: Step = lambda n: None,
    say: Say = lambda words: None,
) -> Report:
    """Store the cells of a GeoJSON, GeoPackage or zipped Shapefile, valid from `from_date`.

    `system` is wgs84, cgcs2000, gcj02, bd09, EPSG:n, or "" for what the file says; `swapped` where
    latitude comes first; `layer` chooses among several. Properties: `code` (15 digits) or
    `village_code` (12; the next serial is given), `name`, `kind` (basic, the default, or
    dedicated), or their Chinese names. A feature equal to a stored cell changes nothing.

    Nothing is stored where a feature is damaged, unless `skip_bad`, nor where something must be
    asked first (`Report.question`), nor in a `dry_run`, which does all of it and takes it back.
    `repair` mends what is plain and notes it. `by` keeps to the own jurisdiction; None is the
    command line. `begin` gets the number of features, `step` each one done, `say` the stage.
    `Report.villages` are those with new cells: the caller puts the households into them. Raises
    `BadInput`; the caller commits.
    """
    from grids import mapfile  # loads GDAL

    report = Report()
    say(_("Reading…"))
    features, frame = mapfile.read_placed(path, report, system=system, layer=layer, swapped=swapped)
    if frame is None:
        return report
    begin(len(features))
    named = _named(path.name, features, report)
    villages = lock_villages({cell.village_code for cell in named})
    report.question = _doubt(frame, named, features, _boundaries(list(villages.values())))
    if report.question:
        return report
    say(_("Checking…"))
    checker = Checker(path.name, report, villages, _stored(villages), from_date, repair, by)
    for cell in named:
        _check(cell, frame, checker, report, path.name)
        step(1)
    if repair:
        checker.close_gaps()
    report.sort([path.name])
    report.pictures = picture.of_report(report, villages, checker.drawn, checker.valid)
    if report.faults and not skip_bad:
        return report
    say(_("Storing…"))
    _store(path.name, checker.accepted, from_date, by, dry_run, report)
    return report


def _named(file: str, features: Sequence[Feature], report: Report) -> list[Named]:
    named = []
    for feature in features:
        report.read += 1
        try:
            named.append(_read(feature))
        except BadFeature as bad:
            report.blame(file, feature.number, bad.faults, **bad.more)
    return named


def _read(feature: Feature) -> Named:
    code = feature.digits("code", 15)
    village_code = feature.digits("village_code", Level.VILLAGE)
    if not code and not village_code:
        words = N_("give property code (15 digits) or village_code (12 digits)")
        raise BadFeature(Fault(words), kind="code", column="code")
    if code and village_code and not code.startswith(village_code):
        words = N_("code %(code)s does not begin with its village_code %(village)s")
        values = {"code": code, "village": village_code}
        raise BadFeature(Fault(words, values), kind="code", column="code")
    if code.endswith("000"):
        words = N_("code %(code)s has the serial 000: serials begin at 001")
        raise BadFeature(Fault(words, {"code": code}), kind="code", column="code")
    name = feature.text("name", 80)
    if not name:
        raise BadFeature(Fault(N_("property name is missing")), kind="property", column="name")
    kind = feature.text("kind", 24).lower() or "basic"
    if kind not in KINDS:
        words = N_("property kind is “%(kind)s”: give basic (基础网格) or dedicated (专属网格)")
        raise BadFeature(Fault(words, {"kind": kind}), kind="property", column="kind")
    village_code = village_code or code[: Level.VILLAGE]
    return Named(feature, code, village_code, name, KINDS[kind], feature.text("to_date", 40)[:10])


def _stored(villages: dict[str, Jurisdiction]) -> dict[str, list[Cell]]:
    """All cells that the villages ever had, by village."""
    cells = select(Cell).where(Cell.village_code.in_(list(villages))).order_by(Cell.code)
    found = defaultdict(list)
    for cell in db.session.scalars(cells):
        found[cell.village_code].append(cell)
    return found


def _boundaries(villages: Sequence[Jurisdiction]) -> dict[str, Area]:
    """Within what the cells of each village should lie: its boundary, or that of its township."""
    townships = {v.code[: Level.TOWNSHIP] for v in villages if v.boundary is None}
    above = select(Jurisdiction).where(
        Jurisdiction.code.in_(townships), Jurisdiction.boundary.is_not(None)
    )
    rows: Any = db.session.scalars(above)
    around = {row.code: to_shape(row.boundary) for row in rows}
    found: dict[str, Area] = {}
    for village in villages:
        rim: Any = village.boundary
        if rim is not None:
            found[village.code] = to_shape(rim)
        elif village.code[: Level.TOWNSHIP] in around:
            found[village.code] = around[village.code[: Level.TOWNSHIP]]
    return found


def _doubt(
    frame: Frame, named: Sequence[Named], features: Sequence[Feature], around: dict[str, Area]
) -> Question | None:
    """Ask where the areas fit clearly better in another coordinate system than in the said one."""
    placed = [(c.feature, around[c.village_code]) for c in named if c.village_code in around]
    other = detection.better_frame(placed, frame, STRAY_M)
    if other is None:
        lost = [f for f in features if f.geometry is not None and f.loose(frame) is None]
        turned = [f for f in lost if f.loose(frame.swap()) is not None]
        if placed or not turned or len(turned) < len(features) / 2:
            return None
        other = frame.swap()
    return detection.question(other, frame)


def _check(cell: Named, frame: Frame, checker: Checker, report: Report, file: str) -> None:
    number = cell.feature.number
    try:
        checker.check_place(cell.village_code, number, cell.code)
        outline = cell.feature.outline(frame, mend=checker.repair)
        drawn = Drawn(
            number, cell.code, cell.village_code, cell.name, cell.kind, cell.to_date,
            outline.area, outline.mended,
        )  # fmt: skip
        checker.check(drawn)
    except BadFeature as bad:
        report.blame(file, number, bad.faults, village=cell.village_code, **bad.more)


def _store(
    file: str, drawn: Sequence[Drawn], from_date: date, by: User | None, dry_run: bool,
    report: Report,
) -> None:  # fmt: skip
    """Store checked cells; new serials follow those that the file itself names."""
    try:
        with db.session.begin_nested() as attempt:
            _new_cells(drawn, from_date, by)
            if dry_run:
                attempt.rollback()
    except DBAPIError as error:
        if sqlstate(error) != CHECK_VIOLATION:
            raise
        words = N_("the database refused the cells, another change came first: import again")
        report.blame(file, 0, [Fault(words)], kind="database")
        return
    report.stored, report.new = True, len(drawn)
    report.villages = sorted({cell.village_code for cell in drawn})


def _new_cells(drawn: Sequence[Drawn], from_date: date, by: User | None) -> None:
    unnumbered: dict[str, list[Drawn]] = defaultdict(list)
    for cell in drawn:
        if cell.code:
            new_cell(cell.code, cell.polygon, name=cell.name, kind=cell.kind, from_date=from_date,
                     by=by)  # fmt: skip
        else:
            unnumbered[cell.village_code].append(cell)
    db.session.flush()
    for village_code, group in unnumbered.items():
        for serial, cell in zip(free_serials(village_code, len(group)), group, strict=True):
            new_cell(f"{village_code}{serial:03}", cell.polygon, name=cell.name, kind=cell.kind,
                     from_date=from_date, by=by)  # fmt: skip
    db.session.flush()

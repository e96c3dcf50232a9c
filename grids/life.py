"""The life of cells after the first division: split, merge, redraw, retire. Nothing here commits.

A change ends cells on a day and begins others on it; what belongs to the old cells is moved by
`follow`, which the caller gives, in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids import cutting, inheritance
from grids.fit import overlap
from grids.geometry import BadGeometry
from grids.models import Cell, CellKind, Change, ChangeKind, Jurisdiction, Lineage
from grids.operations import free_serials, lock_villages, new_cell
from grids.permissions import holds_on
from grids.queries import cell as find_cell
from gridserve import events, workdays
from gridserve.db import db
from gridserve.errors import Conflict, Forbidden, Invalid
from gridserve.people import User
from gridserve.permissions import Permission, may

EARLIEST = timedelta(days=31)  # decided at a meeting, typed later; not longer ago than that


class IdTaken(Conflict):
    code = "request.id_taken"


class CellEnded(Conflict):
    """Somebody changed the cell before."""

    code = "cell.ended"


class LeavesGap(Conflict):
    """Without the cell its ground would belong to nobody."""

    code = "cell.leaves_gap"


@dataclass(frozen=True)
class Made:
    """What a change made: old cells, new ones, and who inherits what belonged to the old.

    `heirs` are the new cells, or for a retired dedicated cell the basic ones around it; `main`
    says which heir takes what has no place of its own: old cell's id → heir's id.
    """

    change_id: uuid.UUID
    kind: ChangeKind
    on: date
    village: Jurisdiction
    old: list[Cell]
    new: list[Cell]
    heirs: list[Cell]
    main: dict[uuid.UUID, uuid.UUID]


Follow = Callable[[Made], dict[str, Any]]
Weigh = Callable[[Sequence[Cell]], Mapping[uuid.UUID, int]]  # cell's id → households in it


def carry_out(
    said: dict[str, Any], fingerprint: str, *, by: User, weigh: Weigh, follow: Follow
) -> tuple[dict[str, Any], bool]:
    """Change cells once, however often it is sent; gives the result and whether it is a repeat.

    `said` is id, kind, cells (codes), and by kind line, names; on (today). `weigh` says which of
    merged cells counts most; its lead team leads. `follow` moves what belongs to the cells and says
    what it moved, which is kept as the result of the change.
    Raises NoSuchCell, Forbidden outside the administrator's scope, Invalid, CellEnded, IdTaken,
    LeavesGap.
    """
    if known := _same(said["id"], fingerprint, by):
        return known.result, True
    codes = list(dict.fromkeys(said["cells"]))
    village_code = _own_village([find_cell(by, code) for code in codes], by)
    village = lock_villages([village_code])[village_code]
    if known := _same(said["id"], fingerprint, by):  # it came while this waited for the lock
        return known.result, True
    kind, on = ChangeKind(said["kind"]), said.get("on") or workdays.today()
    old = _locked(codes)
    _check(old, on)
    areas = _areas(kind, old, said)
    # Old cells end before new ones begin: the database lets no two overlap even for a moment.
    for cell in old:
        cell.to_date = on
    db.session.flush()
    new = _store(kind, old, areas, said, on=on, by=by)
    made = _made(said["id"], kind, on, village, old, new)
    inheritance.pass_on(old, new, on, _parents(old, new, weigh))
    result = follow(made)
    _write_down(made, result, fingerprint, by)
    return result, False


def _same(change_id: uuid.UUID, fingerprint: str, by: User) -> Change | None:
    known = db.session.get(Change, change_id)
    if known is not None and (known.said != fingerprint or known.actor_id != by.id):
        raise IdTaken(_("This id is already used for another change; make a new one."))
    return known


def _own_village(cells: Sequence[Cell], by: User) -> str:
    villages = sorted({cell.village_code for cell in cells})
    if len(villages) > 1:
        raise Invalid(errors={"/cells": [_("These cells lie in different villages.")]})
    if not may(by, Permission.GROUND_WRITE, villages[0]):
        raise Forbidden(_("This village lies outside your jurisdiction."))
    return villages[0]


def _locked(codes: Sequence[str]) -> list[Cell]:
    """The cells in the order of `codes`, read anew and locked: nobody adds to them meanwhile."""
    rows = select(Cell).where(Cell.code.in_(codes)).order_by(Cell.code).with_for_update()
    found = {c.code: c for c in db.session.scalars(rows.execution_options(populate_existing=True))}
    return [found[code] for code in codes]


def _check(old: Sequence[Cell], on: date) -> None:
    for cell in old:
        if cell.to_date is not None:
            raise CellEnded(
                _(
                    "Cell %(code)s ended on %(day)s: somebody changed it. Look at the map again, "
                    "then decide.",
                    code=cell.code,
                    day=cell.to_date.isoformat(),
                )
            )
    if len({cell.kind for cell in old}) > 1:
        raise Invalid(errors={"/cells": [_("Basic and dedicated cells cannot be mixed.")]})
    newest = max(old, key=lambda cell: cell.from_date)
    first = newest.from_date + timedelta(days=1)
    today = workdays.today()
    if first > today:
        words = _(
            "Cell %(code)s began on %(day)s: it can be changed from the day after.",
            code=newest.code,
            day=newest.from_date.isoformat(),
        )
        raise Invalid(errors={"/on": [words]})
    if not max(first, today - EARLIEST) <= on <= today:
        words = _(
            "Give a day from %(first)s to %(last)s: after the cells began, within the last "
            "%(days)s days, and not in the future.",
            first=max(first, today - EARLIEST).isoformat(),
            last=today.isoformat(),
            days=EARLIEST.days,
        )
        raise Invalid(errors={"/on": [words]})


def _areas(kind: ChangeKind, old: Sequence[Cell], said: dict[str, Any]) -> list[shapely.Polygon]:
    """The polygons of the new cells; none for a cell that is retired."""
    shapes = [to_shape(cell.polygon) for cell in old]
    wanted = {ChangeKind.SPLIT: (1, 1), ChangeKind.REDRAW: (2, 2), ChangeKind.RETIRE: (1, 1)}
    least, most = wanted.get(kind, (2, cutting.MOST_PIECES))
    if not least <= len(old) <= most:
        words = _("Give %(least)s to %(most)s different cells.", least=least, most=most)
        raise Invalid(errors={"/cells": [words]})
    if kind is ChangeKind.RETIRE:
        if old[0].kind is CellKind.BASIC:
            raise LeavesGap(
                _(
                    "Without cell %(code)s nobody would answer for its ground. Merge it with a "
                    "neighbour instead; only dedicated cells are retired.",
                    code=old[0].code,
                )
            )
        return []
    pointer = "/cells" if kind is ChangeKind.MERGE else "/line"
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
        raise Invalid(errors={pointer: reasons}) from bad


def _store(
    kind: ChangeKind, old: Sequence[Cell], areas: Sequence[shapely.Polygon], said: dict[str, Any],
    *, on: date, by: User,
) -> list[Cell]:  # fmt: skip
    if not areas:
        return []
    village_code = old[0].village_code
    serials = free_serials(village_code, len(areas))
    names = list(said.get("names") or [])
    if names and len(names) != len(areas):
        words = _("Give %(n)s names, one for each new cell, or none.", n=len(areas))
        raise Invalid(errors={"/names": [words]})
    if not names:
        kept = [cell.name for cell in old]
        split = [f"第{serial}网格" for serial in serials]
        names = split if kind is ChangeKind.SPLIT else kept[: len(areas)]
    cells = [
        new_cell(
            f"{village_code}{serial:03}", area, name=name, from_date=on, by=by, kind=old[0].kind
        )
        for serial, area, name in zip(serials, areas, names, strict=True)
    ]
    db.session.flush()
    return cells


def _parents(old: Sequence[Cell], new: Sequence[Cell], weigh: Weigh) -> dict[uuid.UUID, list[Cell]]:
    """New cell's id → the old cells whose teams it inherits: those that most of it comes from.

    A split cell has its one parent, a merged one all, that with the most households first; a
    redrawn one stays with its own.
    """
    if len(old) == len(new):
        return {child.id: [parent] for parent, child in zip(old, new, strict=True)}
    homes = weigh(old) if len(old) > 1 else {}
    ranked = sorted(old, key=lambda cell: (-homes.get(cell.id, 0), cell.code))
    return {child.id: ranked for child in new}


def _made(
    change_id: uuid.UUID, kind: ChangeKind, on: date, village: Jurisdiction, old: list[Cell],
    new: list[Cell],
) -> Made:  # fmt: skip
    heirs = new
    if kind is ChangeKind.RETIRE:
        around = select(Cell).where(
            Cell.village_code == village.code, Cell.kind == CellKind.BASIC, holds_on(Cell, on)
        )
        heirs = list(db.session.scalars(around.order_by(Cell.code)))
    main = {}
    for cell in old:
        shape = to_shape(cell.polygon)
        shared = {heir.id: overlap(shape, to_shape(heir.polygon)) for heir in heirs}
        if shared:
            main[cell.id] = max(shared, key=lambda heir: shared[heir])
    return Made(change_id, kind, on, village, old, new, heirs, main)


def _write_down(made: Made, result: dict[str, Any], fingerprint: str, by: User) -> None:
    db.session.add(
        Change(
            id=made.change_id, kind=made.kind, village_code=made.village.code, on_date=made.on,
            actor_id=by.id, result=result, said=fingerprint,
        )
    )  # fmt: skip
    db.session.flush()
    for parent in made.old:
        shape = to_shape(parent.polygon)
        db.session.add_all(
            Lineage(parent_id=parent.id, child_id=child.id, change_id=made.change_id)
            for child in made.new
            if overlap(shape, to_shape(child.polygon))
        )
        data = {"change": str(made.change_id), "to": [cell.code for cell in made.new]}
        events.record(f"cell.{made.kind}", parent.id, by=by.id, jurisdiction=parent.code, data=data)
    db.session.flush()

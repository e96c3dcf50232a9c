"""The life of cells after the first division: split, merge, redraw, retire, add. Nothing commits.

A change ends cells on a day and begins others on it; what belongs to the old cells is moved by
`follow`, which the caller gives, in the same transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids import inheritance, pieces
from grids.fit import overlap
from grids.inheritance import Passed
from grids.models import Cell, CellKind, Change, ChangeKind, Jurisdiction, Level, Lineage
from grids.operations import lock_villages
from grids.queries import cell as find_cell
from grids.queries import jurisdiction as find_jurisdiction
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
    passed: Passed


Follow = Callable[[Made], dict[str, Any]]
Weigh = Callable[[Sequence[Cell]], Mapping[uuid.UUID, int]]  # cell's id → households in it


def carry_out(
    said: dict[str, Any], fingerprint: str, *, by: User, weigh: Weigh, follow: Follow
) -> tuple[dict[str, Any], bool]:
    """Change cells once, however often it is sent; gives the result and whether it is a repeat.

    `said` is id, kind, cells (codes) or village (its code), and by kind line, polygon, names; on
    (today). `weigh` says which of merged cells counts most; its lead team leads. `follow` moves
    what belongs to the cells and says what it moved, which is kept as the result of the change.
    Raises NoSuchCell, NoSuchJurisdiction, Forbidden outside the administrator's scope, Invalid,
    CellEnded, IdTaken, LeavesGap.
    """
    if known := same(said["id"], fingerprint, by):
        return known.result, True
    village = lock_village(_village(said, by), by)
    if known := same(said["id"], fingerprint, by):  # it came while this waited for the lock
        return known.result, True
    kind, on = ChangeKind(said["kind"]), said.get("on") or workdays.today()
    old = _old(kind, said, village)
    _check(kind, old, on)
    polygons = pieces.areas(kind, old, village, said)
    # Old cells end before new ones begin: the database lets no two overlap even for a moment.
    for cell in old:
        cell.to_date = on
    db.session.flush()
    new = pieces.store(kind, old, polygons, village, said, on=on, by=by)
    heirs = _around(village) if kind is ChangeKind.RETIRE else new
    passed = inheritance.pass_on(old, new, on, _parents(old, new, weigh))
    made = Made(said["id"], kind, on, village, old, new, heirs, _main(old, heirs), passed)
    result = follow(made)
    _write_down(made, result, fingerprint, by)
    return result, False


def same(change_id: uuid.UUID, fingerprint: str, by: User) -> Change | None:
    """The change that was stored under this id for the same request; raises IdTaken."""
    known = db.session.get(Change, change_id)
    if known is not None and (known.said != fingerprint or known.actor_id != by.id):
        raise IdTaken(_("This id is already used for another change; make a new one."))
    return known


def lock_village(code: str, by: User) -> Jurisdiction:
    """The village, for whose cells nobody else decides meanwhile; Forbidden outside the scope."""
    if not may(by, Permission.GROUND_WRITE, code):
        raise Forbidden(_("This village lies outside your jurisdiction."))
    return lock_villages([code])[code]


def _village(said: dict[str, Any], by: User) -> str:
    if said.get("village"):
        found = find_jurisdiction(by, said["village"])
        if found.level != Level.VILLAGE:
            raise Invalid(errors={"/village": [_("Give a village: 12 digits.")]})
        return found.code
    villages = sorted({find_cell(by, code).village_code for code in said["cells"]})
    if len(villages) > 1:
        raise Invalid(errors={"/cells": [_("These cells lie in different villages.")]})
    return villages[0]


def _old(kind: ChangeKind, said: dict[str, Any], village: Jurisdiction) -> list[Cell]:
    """The cells to end, in the order given; a village is retired with all that it has."""
    if kind is ChangeKind.ADD:
        return []
    there = select(Cell.code).where(Cell.village_code == village.code, Cell.to_date.is_(None))
    codes = list(dict.fromkeys(said.get("cells") or ()))
    if kind is not ChangeKind.RETIRE:
        return locked_cells(codes)
    if not codes:
        codes = list(db.session.scalars(there.order_by(Cell.code)))
        if not codes:
            raise CellEnded(_("The village has no cells that could be retired."))
    basic = set(db.session.scalars(there.where(Cell.kind == CellKind.BASIC)))
    if basic & set(codes):
        if left := sorted(basic - set(codes)):
            raise LeavesGap(
                _(
                    "Without cell %(code)s nobody would answer for its ground, while the village "
                    "keeps %(left)s. Merge it with a neighbour instead, or retire all basic cells "
                    "of the village at once.",
                    code=min(basic & set(codes)),
                    left=", ".join(left[:3]),
                )
            )
        # What lies inside ends with the ground around it.
        codes += [code for code in db.session.scalars(there) if code not in codes]
    return locked_cells(codes)


def locked_cells(codes: Sequence[str]) -> list[Cell]:
    """The cells in the order of `codes`, read anew and locked: nobody adds to them meanwhile."""
    rows = select(Cell).where(Cell.code.in_(codes)).order_by(Cell.code)
    # Not FOR UPDATE: a visit that holds its household need not wait for its cell besides.
    rows = rows.with_for_update(key_share=True).execution_options(populate_existing=True)
    found = {cell.code: cell for cell in db.session.scalars(rows)}
    return [found[code] for code in codes]


def _check(kind: ChangeKind, old: Sequence[Cell], on: date) -> None:
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
    if len({cell.kind for cell in old}) > 1 and kind is not ChangeKind.RETIRE:
        raise Invalid(errors={"/cells": [_("Basic and dedicated cells cannot be mixed.")]})
    today = workdays.today()
    first = max([today - EARLIEST, *(cell.from_date for cell in old)])
    if first > today:
        words = _("These cells begin on %(day)s: not before.", day=first.isoformat())
        raise Invalid(errors={"/on": [words]})
    if not first <= on <= today:
        words = _(
            "Give a day from %(first)s to %(last)s: not before the cells began, within the last "
            "%(days)s days, and not in the future.",
            first=first.isoformat(),
            last=today.isoformat(),
            days=EARLIEST.days,
        )
        raise Invalid(errors={"/on": [words]})


def _around(village: Jurisdiction) -> list[Cell]:
    """The basic cells that a village still has."""
    rows = select(Cell).where(
        Cell.village_code == village.code, Cell.kind == CellKind.BASIC, Cell.to_date.is_(None)
    )
    return list(db.session.scalars(rows.order_by(Cell.code)))


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


def _main(old: Sequence[Cell], heirs: Sequence[Cell]) -> dict[uuid.UUID, uuid.UUID]:
    """Old cell's id → the id of the heir that has most of it."""
    main = {}
    for cell in old:
        shape = to_shape(cell.polygon)
        shared = {heir.id: overlap(shape, to_shape(heir.polygon)) for heir in heirs}
        if shared:
            main[cell.id] = max(shared, key=lambda heir: shared[heir])
    return main


def _write_down(made: Made, result: dict[str, Any], fingerprint: str, by: User) -> None:
    db.session.add(
        Change(
            id=made.change_id, kind=made.kind, village_code=made.village.code, on_date=made.on,
            actor_id=by.id, result=result, said=fingerprint, teams=asdict(made.passed),
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
    data: dict[str, Any] = {"change": str(made.change_id)}
    for cell in made.old or made.new:
        to = {"to": [child.code for child in made.new]} if made.old else {}
        events.record(
            f"cell.{made.kind}", cell.id, by=by.id, jurisdiction=cell.code, data=data | to
        )
    db.session.flush()

"""Taking back the last change of cells, while nothing depends on it. Nothing here commits.

As if it had never been: the new cells end on the day they began, so that they never held, and the
old ones hold on. Their codes stay used, and the change stays on record as undone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids import inheritance
from grids.fit import overlap
from grids.inheritance import Passed
from grids.life import EARLIEST, CellEnded, lock_village, locked_cells, same
from grids.models import Cell, CellKind, Change, ChangeKind, Jurisdiction
from grids.permissions import visible_changes
from gridserve import events, workdays
from gridserve.db import db
from gridserve.errors import Conflict, Invalid, NotFound
from gridserve.people import User


class NoSuchChange(NotFound):
    code = "change.not_found"


class AlreadyUndone(Conflict):
    code = "change.undone"


class Depends(Conflict):
    """Something was done since that would be lost or left behind."""

    code, title = "change.depends", _l("Other things depend on this change")


@dataclass(frozen=True)
class TakenBack:
    """A change that is taken back by another one: its old cells hold again, its new ones never."""

    undo_id: uuid.UUID
    change: Change
    village: Jurisdiction
    old: list[Cell]
    new: list[Cell]
    passed: Passed


Depending = Callable[[TakenBack], list[str]]
Follow = Callable[[TakenBack], dict[str, Any]]


def take_back(
    said: dict[str, Any], fingerprint: str, *, by: User, depending: Depending, follow: Follow
) -> tuple[dict[str, Any], bool]:
    """Undo a change once, however often it is sent; gives the result and whether it is a repeat.

    `said` is id and change. `depending` says what else depends on the change, in words; `follow`
    moves back what the change moved. Raises NoSuchChange, Forbidden, Invalid, AlreadyUndone,
    CellEnded, Depends, IdTaken.
    """
    if known := same(said["id"], fingerprint, by):
        return known.result, True
    change = db.session.scalar(visible_changes(by).where(Change.id == said["change"]))
    if change is None:
        raise NoSuchChange(_("No such change in your scope."))
    village = lock_village(change.village_code, by)
    if known := same(said["id"], fingerprint, by):  # it came while this waited for the lock
        return known.result, True
    undoing = _read(said["id"], change, village)
    reasons = _reasons(undoing) + depending(undoing)
    if reasons:
        words = " ".join([_("This change can no longer be taken back."), *reasons])
        raise Depends(words, errors={"/change": reasons})
    for cell in undoing.new:
        cell.to_date = cell.from_date
    inheritance.give_back(undoing.passed)
    for cell in undoing.old:
        cell.to_date = None
    db.session.flush()
    result = follow(undoing)
    _write_down(undoing, result, fingerprint, by)
    return result, False


def _read(undo_id: uuid.UUID, change: Change, village: Jurisdiction) -> TakenBack:
    if change.kind is ChangeKind.UNDO:
        words = _("This took another change back. Make that change again instead.")
        raise Invalid(errors={"/change": [words]})
    if db.session.scalar(select(Change.id).where(Change.undoes_id == change.id)):
        raise AlreadyUndone(_("This change has been taken back already."))
    if change.teams is None or workdays.day_of(change.at) < workdays.today() - EARLIEST:
        words = _(
            "A change is taken back within %(days)s days. Change the cells anew instead.",
            days=EARLIEST.days,
        )
        raise Invalid(errors={"/change": [words]})
    old = locked_cells(change.result["ended"])
    new = locked_cells([cell["code"] for cell in change.result["cells"]])
    for cell in new:
        if cell.to_date is not None:
            raise CellEnded(
                _(
                    "Cell %(code)s ended on %(day)s by a later change. Take that one back first.",
                    code=cell.code,
                    day=cell.to_date.isoformat(),
                )
            )
    return TakenBack(undo_id, change, village, old, new, Passed(**change.teams))


def _reasons(undoing: TakenBack) -> list[str]:
    reasons = []
    if taken := _taken(undoing.old, undoing.new):
        reasons.append(_("The ground belongs to cell %(code)s by now.", code=taken))
    on = undoing.change.on_date
    if inheritance.changed_since(undoing.passed, undoing.old, undoing.new, on):
        reasons.append(_("Teams were assigned or ended since."))
    return reasons


def _taken(old: Sequence[Cell], new: Sequence[Cell]) -> str | None:
    """The code of a basic cell, made since, that covers ground of the old ones."""
    shapes = [to_shape(cell.polygon) for cell in old if cell.kind is CellKind.BASIC]
    if not shapes:
        return None
    rows = select(Cell).where(
        Cell.village_code == old[0].village_code,
        Cell.kind == CellKind.BASIC,
        Cell.to_date.is_(None),
        Cell.id.not_in([cell.id for cell in new]),
    )
    for cell in db.session.scalars(rows.order_by(Cell.code)):
        if any(overlap(to_shape(cell.polygon), shape) for shape in shapes):
            return cell.code
    return None


def _write_down(undoing: TakenBack, result: dict[str, Any], fingerprint: str, by: User) -> None:
    db.session.add(
        Change(
            id=undoing.undo_id, kind=ChangeKind.UNDO, village_code=undoing.village.code,
            on_date=undoing.change.on_date, actor_id=by.id, result=result, said=fingerprint,
            undoes_id=undoing.change.id,
        )
    )  # fmt: skip
    data = {"change": str(undoing.undo_id), "undoes": str(undoing.change.id)}
    for cell in (*undoing.old, *undoing.new):
        events.record("cell.undo", cell.id, by=by.id, jurisdiction=cell.code, data=data)
    db.session.flush()

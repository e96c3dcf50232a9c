"""What a cell came from and what came of it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from grids.models import Cell, Change, Lineage
from gridserve.db import db


def of(cell: Cell) -> dict[str, Any]:
    """Ancestors and descendants of a cell, oldest first, and the changes that link them.

    All of them lie in the cell's village, so who may see the cell may see them.
    """
    above, below = _line(cell.id, up=True), _line(cell.id, up=False)
    parent, child, undo = aliased(Cell), aliased(Cell), aliased(Change)
    links = (
        select(parent.code, child.code, Change.kind, Change.on_date, Change.id, undo.id)
        .select_from(Lineage)
        .join(parent, parent.id == Lineage.parent_id)
        .join(child, child.id == Lineage.child_id)
        .join(Change, Change.id == Lineage.change_id)
        .join(undo, undo.undoes_id == Change.id, isouter=True)
        .where(Lineage.child_id.in_([cell.id, *above]) | Lineage.parent_id.in_([cell.id, *below]))
        .order_by(Change.on_date, Change.at, parent.code, child.code)
    )
    shown = {cell.id, *above, *below}
    names = {c.id: c for c in db.session.scalars(select(Cell).where(Cell.id.in_(shown)))}
    codes = {c.code for c in names.values()}

    def ordered(ids: set[uuid.UUID]) -> list[Cell]:
        return sorted((names[i] for i in ids), key=lambda c: (c.from_date, c.code))

    return {
        "code": cell.code,
        "ancestors": ordered(above),
        "descendants": ordered(below),
        "changes": [
            {
                "parent": a,
                "child": b,
                "kind": kind,
                "on": on,
                "change": change,
                "undone": undone is not None,
            }
            for a, b, kind, on, change, undone in db.session.execute(links)
            if {a, b} <= codes
        ],
    }


def _line(start: uuid.UUID, *, up: bool) -> set[uuid.UUID]:
    """The ids of all ancestors (up) or descendants of a cell."""
    here, there = (
        (Lineage.child_id, Lineage.parent_id) if up else (Lineage.parent_id, Lineage.child_id)
    )
    line = select(there.label("id")).where(here == start).cte(recursive=True)
    line = line.union(select(there).where(here == line.c.id))
    return set(db.session.scalars(select(line.c.id)))

"""What is done to the ground: new cells, and the first division of a village."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select

from grids.models import Cell, CellKind, DividedGround, Jurisdiction, Level
from grids.permissions import holds_on
from gridserve import events
from gridserve.db import SRID, db
from gridserve.errors import Conflict, Invalid
from gridserve.people import User

LAST_SERIAL = 999


def lock_villages(codes: Iterable[str]) -> dict[str, Jurisdiction]:
    """The villages of these codes; until the transaction ends nobody else adds cells to them.

    Always locked in the order of codes, so that two that lock the same never wait in a ring.
    """
    rows = select(Jurisdiction).where(
        Jurisdiction.code.in_(sorted(set(codes))), Jurisdiction.level == Level.VILLAGE
    )
    locked = rows.order_by(Jurisdiction.code).with_for_update(key_share=True)
    return {village.code: village for village in db.session.scalars(locked)}


def free_serials(village_code: str, count: int) -> list[int]:
    """The next `count` serials of a village: above all ever given, since codes are never reused."""
    highest = db.session.scalar(
        select(func.max(Cell.code)).where(Cell.village_code == village_code)
    )
    first = int(highest[-3:]) + 1 if highest else 1
    if first + count - 1 > LAST_SERIAL:
        raise Invalid(
            _("Village %(code)s has no codes left: serial numbers end at 999.", code=village_code)
        )
    return list(range(first, first + count))


def new_cell(
    code: str,
    polygon: shapely.Polygon,
    *,
    name: str,
    from_date: date,
    by: User | None,
    kind: CellKind = CellKind.BASIC,
    how: str = "cell.created",
) -> Cell:
    """A cell with a code that is free; the checks of its polygon are the caller's.

    `by` is None only on the command line.
    """
    cell = Cell(
        id=uuid.uuid4(),
        code=code,
        village_code=code[: Level.VILLAGE],
        kind=kind,
        name=name,
        polygon=from_shape(polygon, srid=SRID),
        from_date=from_date,
    )
    db.session.add(cell)
    data: dict[str, Any] = {"code": code, "from_date": from_date.isoformat()}
    events.record(how, cell.id, by=by.id if by else None, jurisdiction=code, data=data)
    return cell


def adopt_division(
    village: Jurisdiction, polygons: Sequence[shapely.Polygon], *, from_date: date, by: User | None
) -> list[Cell]:
    """Make the first basic cells of a village, in the order of `polygons`.

    From then on the database lets no gap come up in their ground.
    Raises `Conflict` where the village has basic cells from that day on.
    """
    lock_villages([village.code])
    taken = db.session.scalars(
        select(Cell.code)
        .where(
            Cell.village_code == village.code,
            Cell.kind == CellKind.BASIC,
            holds_on(Cell, from_date) | (Cell.from_date > from_date),
        )
        .order_by(Cell.code)
    ).all()
    if taken:
        raise Conflict(
            _(
                "Village %(name)s (%(code)s) has %(n)s basic cells already, %(first)s to "
                "%(last)s. A first division is for a village without cells: split or merge those.",
                name=village.name,
                code=village.code,
                n=len(taken),
                first=taken[0],
                last=taken[-1],
            )
        )
    cells = [
        new_cell(
            f"{village.code}{serial:03}", polygon, name=f"第{serial}网格", from_date=from_date,
            by=by, how="cell.divided",
        )
        for serial, polygon in zip(
            free_serials(village.code, len(polygons)), polygons, strict=True
        )
    ]  # fmt: skip
    ground = village.boundary
    if ground is None:
        ground = from_shape(
            shapely.MultiPolygon(shapely.get_parts(shapely.union_all(list(polygons))).tolist()),
            srid=SRID,
        )
    db.session.add(DividedGround(village_code=village.code, from_date=from_date, ground=ground))
    db.session.flush()
    return cells

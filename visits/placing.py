"""Which cell each household belongs to, worked out for many villages at once.

The points are read in one stream and looked up in a tree of the cells, which takes less time than
the join in the database; only what differs is written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import func, select

from grids.models import Cell, CellKind
from grids.operations import lock_villages
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db
from visits import figures, past

VILLAGES_AT_ONCE = 500  # some hundred thousand households: some ten megabytes

# What COPY sends in its binary format (PostgreSQL manual, COPY, File Formats): a header, then for
# each row the number of columns and each column after its length; all of these have a fixed one.
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_ID = "V16"
_READ = np.dtype([
    ("columns", ">i2"), ("_1", ">i4"), ("id", _ID), ("_2", ">i4"), ("village", "S12"),
    ("_3", ">i4"), ("cell", _ID), ("_4", ">i4"), ("x", ">f8"), ("_5", ">i4"), ("y", ">f8"),
])  # fmt: skip
_WRITE = np.dtype([
    ("columns", ">i2"), ("_1", ">i4"), ("id", _ID), ("_2", ">i4"), ("before", _ID),
    ("_3", ">i4"), ("cell", _ID), ("_4", ">i4"), ("x", ">f8"), ("_5", ">i4"), ("y", ">f8"),
])  # fmt: skip
_NOWHERE = uuid.UUID(int=0)

READ = f"""
    COPY (
        SELECT id, village_code::text, coalesce(cell_id, '{_NOWHERE}'),
               coalesce(ST_X(point), 'NaN'), coalesce(ST_Y(point), 'NaN')
        FROM household WHERE village_code = ANY(%s)
    ) TO STDOUT (FORMAT binary)
"""  # noqa: S608 (nothing from outside)
# Whoever was moved by somebody else since it was read is left as it is.
WRITE = f"""
    UPDATE household AS h SET cell_id = placed.cell FROM placed
    WHERE h.id = placed.id AND coalesce(h.cell_id, '{_NOWHERE}') = placed.before
      AND coalesce(ST_X(h.point), 'NaN') = placed.x AND coalesce(ST_Y(h.point), 'NaN') = placed.y
"""  # noqa: S608 (nothing from outside)
LEAVES = f"""
    SELECT h.id, placed.before, placed.cell
    FROM placed JOIN household AS h ON h.id = placed.id AND h.cell_id = placed.cell
    WHERE placed.before <> '{_NOWHERE}'
"""  # noqa: S608 (nothing from outside)

Rows = NDArray[Any]
Indices = NDArray[np.int64]


def assign_households(villages: Iterable[str] | None = None, *, on: date | None = None) -> int:
    """Put the households of these villages (of all) into the basic cells that hold on a day.

    The cell is the one of the own village that covers the point, on a shared edge the lower code.
    Without a point it is the village's only cell, where it has one. A household for which there
    is none keeps what it has. The day is today unless given. Gives how many households changed.
    """
    day = on or workdays.today()
    codes = select(Cell.village_code).where(Cell.kind == CellKind.BASIC, holds_on(Cell, day))
    if villages is not None:
        codes = codes.where(Cell.village_code.in_(sorted(set(villages))))
    found = list(db.session.scalars(codes.distinct().order_by(Cell.village_code)))
    db.session.flush()
    changed = 0
    for first in range(0, len(found), VILLAGES_AT_ONCE):
        changed += _assign(found[first : first + VILLAGES_AT_ONCE], day)
    if changed:
        db.session.expire_all()  # what is loaded already does not know its new cell
    return changed


def _assign(villages: Sequence[str], day: date) -> int:
    lock_villages(villages)  # nobody changes their cells meanwhile
    cells = db.session.execute(
        select(Cell.id, Cell.village_code, func.ST_AsBinary(Cell.polygon))
        .where(Cell.village_code.in_(villages), Cell.kind == CellKind.BASIC, holds_on(Cell, day))
        .order_by(Cell.code)
    ).all()
    households = read(villages)
    home = find(
        households,
        shapely.from_wkb([bytes(row[2]) for row in cells]),
        np.array([row.village_code.encode() for row in cells]),
    )
    ids = np.array([row.id.bytes for row in cells], _ID)
    differs = (home >= 0) & (ids[home] != households["cell"])
    if not differs.any():
        return 0
    before, after = households["cell"][differs], ids[home[differs]]
    changed = write(households[differs], after, day)
    touched = set(before.tolist()) | set(after.tolist())
    figures.mark(uuid.UUID(bytes=cell) for cell in touched - {_NOWHERE.bytes})
    return changed


def read(villages: Sequence[str]) -> Rows:
    """The households of these villages: id, village, cell (zeros for none), x, y (NaN for none)."""
    with _cursor() as cursor, cursor.copy(READ, [list(villages)]) as copy:
        sent = b"".join(copy)
    return np.frombuffer(sent, _READ, offset=len(_HEADER), count=len(sent) // _READ.itemsize)


def find(households: Rows, polygons: NDArray[Any], villages: NDArray[np.bytes_]) -> Indices:
    """The index of the cell of each household, -1 for none; cells in the order of their codes."""
    home = np.full(len(households), len(polygons))
    placed = np.flatnonzero(~np.isnan(households["x"]))
    points = shapely.points(
        households["x"][placed].astype(float), households["y"][placed].astype(float)
    )
    which, cell = shapely.STRtree(polygons).query(points, predicate="intersects")
    own = villages[cell] == households["village"][placed[which]]
    np.minimum.at(home, placed[which[own]], cell[own])
    names, firsts, counts = np.unique(villages, return_index=True, return_counts=True)
    village = np.searchsorted(names, households["village"])
    only = np.isnan(households["x"]) & (counts[village] == 1)
    home[only] = firsts[village[only]]
    home[home == len(polygons)] = -1
    return home


def write(households: Rows, cells: Rows, day: date) -> int:
    """Give each household its cell (an id) from `day` on, for days before it keeps the one it had.

    Gives how many were still as they had been read.
    """
    rows = np.empty(len(households), _WRITE)
    rows["columns"] = 5
    for name, length in (("_1", 16), ("_2", 16), ("_3", 16), ("_4", 8), ("_5", 8)):
        rows[name] = length
    rows["before"], rows["cell"] = households["cell"], cells
    for name in ("id", "x", "y"):
        rows[name] = households[name]
    with _cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE placed (id uuid, before uuid, cell uuid, x float8, y float8) "
            "ON COMMIT DROP"
        )
        with cursor.copy("COPY placed FROM STDIN (FORMAT binary)") as copy:
            copy.write(_HEADER + rows.tobytes() + _END)
        cursor.execute("ANALYZE placed")
        cursor.execute(WRITE)
        changed: int = cursor.rowcount
        past.keep_cells(LEAVES, day=day)
        cursor.execute("DROP TABLE placed")
    return changed


def _cursor() -> Any:
    driver: Any = db.session.connection().connection.driver_connection
    return driver.cursor()

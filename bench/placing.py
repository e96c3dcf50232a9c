"""Measure putting a million households into 10,000 cells, beside the bare PostGIS join.

One run on one database. Compared with the join is what finds the cell of each household: reading
cells and points, and looking the points up. Writing a million rows is shown apart, beside the same
in one bare UPDATE; and then the whole operation where nothing is to change.
"""

from __future__ import annotations

import numpy as np
import shapely
from sqlalchemy import func, select, text
from work import COUNTY, application, seconds, show

from grids.models import Cell
from gridserve.db import db
from visits import placing

SIDE = 100  # cells; two by two make a village
HOUSEHOLDS = 1_000_000
CORNERS = 10  # of each side of a cell: borders of real cells are no straight lines
WEST, SOUTH, STEP = 103.5, 28.0, 0.01

ABOVE = f"""
    INSERT INTO jurisdiction (code, name, parent_code, year, source)
    SELECT code, 'bench', parent, 2023, 'bench' FROM (
        VALUES ('53', NULL), ('5306', '53'), ('{COUNTY}', '5306')) AS known (code, parent)
    UNION ALL
    SELECT '{COUNTY}' || t, 'bench', '{COUNTY}', 2023, 'bench' FROM generate_series(100, 104) AS t
"""  # noqa: S608
BELOW = """
    INSERT INTO jurisdiction (code, name, parent_code, year, source)
    SELECT village, 'bench', left(village, 9), 2023, 'bench'
    FROM unnest(CAST(:villages AS text[])) AS village
"""
CELLS = """
    INSERT INTO cell (id, code, village_code, kind, name, polygon, from_date)
    SELECT gen_random_uuid(), code, left(code, 12), 'basic', 'bench',
        ST_GeomFromWKB(decode(shape, 'hex'), 4326), '2020-01-01'
    FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS text[])) AS made (code, shape)
"""
PEOPLE = """
    INSERT INTO household (id, number, village_code, address, head_name, size, tags, status,
        do_not_disturb, note, point, point_source)
    SELECT gen_random_uuid(), :part || '-' || number, village, '', '', 3, '{}', 'active', false, '',
        ST_Point(x, y, 4326), 'wgs84'
    FROM unnest(CAST(:xs AS float8[]), CAST(:ys AS float8[]), CAST(:villages AS text[]))
        WITH ORDINALITY AS made (x, y, village, number)
"""
JOIN = "SELECT count(*) FROM household AS h JOIN cell AS c ON ST_Covers(c.polygon, h.point)"
UPDATE = """
    UPDATE household AS h SET cell_id = c.id FROM cell AS c
    WHERE c.village_code = h.village_code AND ST_Covers(c.polygon, h.point)
"""


def village_codes(column: np.ndarray, row: np.ndarray) -> list[str]:
    """The codes of the villages of cells or households in these columns and rows."""
    number = (row // 2) * (SIDE // 2) + column // 2
    return [f"{COUNTY}{100 + n // 500}{200 + n % 500}" for n in number.tolist()]


def outlines() -> tuple[list[str], list[str]]:
    """Codes and shapes (hexadecimal WKB) of cells with bent common borders."""
    rng = np.random.default_rng(1)
    bent = rng.uniform(-0.05, 0.05, (2, SIDE + 1, SIDE, CORNERS)) * STEP
    bent[..., 0] = 0  # corners stay
    along = np.arange(CORNERS) / CORNERS
    column, row = (part.ravel() for part in np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    shapes = []
    for c, r in zip(column.tolist(), row.tolist(), strict=True):
        south = np.column_stack([c + along, r + bent[0, r, c] / STEP])
        north = np.column_stack([c + along, r + 1 + bent[0, r + 1, c] / STEP])
        west = np.column_stack([c + bent[1, c, r] / STEP, r + along])
        east = np.column_stack([c + 1 + bent[1, c + 1, r] / STEP, r + along])
        end = [[c + 1, r + 1]]
        ring = np.vstack([south, east, end, north[:0:-1], [[c, r + 1]], west[:0:-1]])
        shapes.append(shapely.Polygon(ring * STEP + [WEST, SOUTH]).wkb_hex)
    serial = 1 + 2 * (row % 2) + column % 2
    codes = [
        f"{village}{n:03}" for village, n in zip(village_codes(column, row), serial, strict=True)
    ]
    return codes, shapes


def fill() -> None:
    codes, shapes = outlines()
    db.session.execute(text(ABOVE))
    db.session.execute(text(BELOW), {"villages": sorted({code[:12] for code in codes})})
    db.session.execute(text(CELLS), {"codes": codes, "shapes": shapes})
    rng = np.random.default_rng(2)
    places = rng.uniform(0, SIDE, (HOUSEHOLDS, 2))
    villages = village_codes(*places.astype(int).T)
    points = np.round(places * STEP + [WEST, SOUTH], 6)
    for number, part in enumerate(np.array_split(np.arange(HOUSEHOLDS), 10)):
        made = {"part": str(number), "xs": points[part, 0].tolist(), "ys": points[part, 1].tolist()}
        db.session.execute(text(PEOPLE), made | {"villages": [villages[i] for i in part]})
    db.session.commit()
    raw = db.session.connection().connection.driver_connection
    db.session.commit()
    raw.autocommit = True
    raw.execute("VACUUM ANALYZE household")
    raw.execute("VACUUM ANALYZE cell")
    raw.autocommit = False


def find() -> None:
    """The cell of each household, without writing it."""
    villages = list(
        db.session.scalars(select(Cell.village_code).distinct().order_by(Cell.village_code))
    )
    found = 0
    for first in range(0, len(villages), placing.VILLAGES_AT_ONCE):
        some = villages[first : first + placing.VILLAGES_AT_ONCE]
        cells = db.session.execute(
            select(Cell.village_code, func.ST_AsBinary(Cell.polygon))
            .where(Cell.village_code.in_(some))
            .order_by(Cell.code)
        ).all()
        home = placing.find(
            placing.read(some),
            shapely.from_wkb([bytes(row[1]) for row in cells]),
            np.array([row[0].encode() for row in cells]),
        )
        found += int((home >= 0).sum())
    print(f"{found:,} households have a cell")


def assign() -> None:
    placing.assign_households()
    db.session.flush()


def main() -> None:
    with application():
        fill()
        db.session.execute(text(JOIN)).all()  # once, so that both find the rows in memory
        limit = seconds(lambda: db.session.execute(text(JOIN)).all(), 2)
        show("cells of 1,000,000 households found", seconds(find, 2), limit, "bare join")
        whole = seconds(assign)
        db.session.rollback()
        bare = seconds(lambda: db.session.execute(text(UPDATE)))
        db.session.rollback()
        show("the same, and all of them written", whole, bare, "bare UPDATE")
        assign()
        db.session.commit()
        show("the same again, nothing to change", seconds(assign), limit, "bare join")
        db.session.rollback()


if __name__ == "__main__":
    main()

"""A county as large as they come, made in minutes: for the benches of maps, figures and phones.

Cells tile the county without gap or overlap, with bent edges, and are as large in a small county
as in a big one; each village has a team of two. Visits lie over the last 13 months; issues are
those of the demonstration many times over, with their whole chains. What a commit would check row
by row (triggers, foreign keys) is switched off while it is made, since it is true by construction.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from desk import copied
from sqlalchemy import text
from work import COUNTY as SMALL
from work import TABLE

from gridserve.db import db, now
from visits import figures
from visits.demo.bulk import copy_rows, make_ids
from visits.demo.load import Wanted, load

BIG = "530699"  # no real county's code
LEADER = "bench-leader"
WEST, SOUTH = 104.0, 27.0
WIDTH = 0.01  # degrees: about that of a cell
BENDS = 4  # points along each side of a cell
ACROSS, ALONG = 5, 10  # cells of a village; a township is a column of villages
DAYS = 400
SETTLED = "2020-01-01"
NOBODY = "-"  # in place of a password: signs nobody in


@dataclass(frozen=True)
class Size:
    """How large; `cells` is rounded to a square number."""

    households: int = 1_000_000
    cells: int = 10_000
    visits: int = 10_000_000
    issues: int = 100_000


def build(size: Size, seed: int = 1, say: Any = print) -> dict[str, float]:
    """Make the demonstration county and beside it the big one; gives seconds by part."""
    took: dict[str, float] = {}
    rng = np.random.default_rng(seed)

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        db.session.commit()
        took[what] = time.perf_counter() - began
        say(f"  {what:<40} {took[what]:>7.1f} s", flush=True)

    with timed("the demonstration beside it"):
        load(Wanted(county=SMALL, table=TABLE, households=3_000, visits=6_000))
    with unchecked():
        with timed(f"{size.cells:,} cells"):
            _people(_ground(size, rng), rng)
        with timed(f"{size.households:,} households"):
            back = drop_indexes("household")
            _households(size)
        with timed(f"{size.visits:,} visits and their indexes"):
            _visits(size)
        with timed("when each was last met, and the households' indexes"):
            db.session.execute(text(LAST_MET), {"big": BIG + "%"})
            for statement in back:
                db.session.execute(text(statement))
        with timed(f"{size.issues:,} open issues, their chains, as many closed"):
            _issues(size)
    with timed("figures of coverage"):
        figures.rebuild()
    with timed("vacuum and statistics"), db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    return took


@contextmanager
def unchecked() -> Iterator[None]:
    """Without triggers and foreign keys, and with room to sort, in this session's transactions."""
    for line in (
        "SET session_replication_role = replica",
        "SET maintenance_work_mem = '1GB'",
        "SET work_mem = '256MB'",
        "SET synchronous_commit = off",
    ):
        db.session.execute(text(line))
    db.session.commit()
    connection = db.session.connection()
    try:
        yield
    finally:
        db.session.rollback()
        connection = db.session.connection()
        connection.execute(text("RESET ALL"))
        db.session.commit()


def _side(cells: int) -> int:
    return round(cells**0.5)


def polygons(side: int, step: float, rng: np.random.Generator) -> list[shapely.Polygon]:
    """`side` × `side` cells of about `step` degrees, row by row from the south-west."""
    n = side + 1
    at = np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).astype(float)
    at[1:-1, 1:-1] += rng.uniform(-0.2, 0.2, (n - 2, n - 2, 2))

    def bent(ends: np.ndarray, others: np.ndarray) -> np.ndarray:
        share = (np.arange(1, BENDS + 1) / (BENDS + 1))[:, None]
        line = ends[..., None, :] * (1 - share) + others[..., None, :] * share
        return line + rng.uniform(-0.05, 0.05, line.shape)

    east, north = bent(at[:, :-1], at[:, 1:]), bent(at[:-1], at[1:])
    found = []
    for row in range(side):
        for column in range(side):
            ring = np.concatenate(
                [
                    at[row, column][None], east[row, column],
                    at[row, column + 1][None], north[row, column + 1],
                    at[row + 1, column + 1][None], east[row + 1, column][::-1],
                    at[row + 1, column][None], north[row, column][::-1],
                ]
            )  # fmt: skip
            found.append(ring)
    corner = np.array([WEST, SOUTH])
    return list(shapely.polygons([shapely.linearrings(ring * step + corner) for ring in found]))


def _ground(size: Size, rng: np.random.Generator) -> dict[str, str]:
    """Jurisdictions, cells and teams; gives the team of each village."""
    side = _side(size.cells)
    shapes = polygons(side, WIDTH, rng)
    village_of = [(row // ALONG, column // ACROSS) for row in range(side) for column in range(side)]
    codes, members = {}, {}
    for place, shape in zip(village_of, shapes, strict=True):
        members.setdefault(place, []).append(shape)
    for row, column in sorted(members):
        codes[row, column] = f"{BIG}{100 + column:03d}{200 + row:03d}"
    outlines = {code: shapely.union_all(members[place]) for place, code in codes.items()}
    townships: dict[str, list[Any]] = {}
    for code, outline in outlines.items():
        townships.setdefault(code[:9], []).append(outline)
    whole = {code: shapely.union_all(parts) for code, parts in townships.items()}
    county = shapely.union_all(list(whole.values()))
    named = [(BIG, "大县", BIG[:4], county)]
    named += [(code, f"第{code[6:]}镇", BIG, shape) for code, shape in whole.items()]
    named += [(code, f"{code[6:]}村民委员会", code[:9], s) for code, s in outlines.items()]
    copy_rows(
        "jurisdiction",
        ("code", "name", "parent_code", "year", "source", "boundary"),
        [(code, name, above, 2023, "bench", _multi(shape)) for code, name, above, shape in named],
    )
    teams = dict(zip(outlines, make_ids(len(outlines), rng), strict=True))
    crews = [(key, f"{code[6:]}组", code) for code, key in teams.items()]
    copy_rows("team", ("id", "name", "jurisdiction_code"), crews)
    ids = make_ids(len(shapes), rng)
    serials: dict[str, int] = {}
    cells, held = [], []
    for place, shape, key in zip(village_of, shapes, ids, strict=True):
        village = codes[place]
        serials[village] = serial = serials.get(village, 0) + 1
        cells.append((key, f"{village}{serial:03d}", village, "basic", f"第{serial}网格",
                      _written(shape), SETTLED))  # fmt: skip
        held.append((make_ids(1, rng)[0], teams[village], key, SETTLED, True))
    copy_rows("cell", ("id", "code", "village_code", "kind", "name", "polygon", "from_date"), cells)
    copy_rows("assignment", ("id", "team_id", "cell_id", "from_date", "lead"), held)
    return teams


def _people(teams: dict[str, str], rng: np.random.Generator) -> None:
    """The county's leader, and two cadres in each team, who are looked up by a device's token."""
    accounts, posts, members = [], [], []

    def add(login: str, role: str, code: str) -> str:
        account, post = make_ids(2, rng)
        accounts.append((account, login, login, NOBODY, True, now()))
        posts.append((post, account, role, code, SETTLED))
        return account

    add(LEADER, "leader", BIG)
    for code, team in teams.items():
        for n, duty in enumerate(("leader", "full_time")):
            account = add(f"bench-{code}-{n}", "cadre", code)
            members.append((make_ids(1, rng)[0], team, account, duty, SETTLED))
    columns = ("id", "login", "name", "password_hash", "active", "created_at")
    copy_rows("account", columns, accounts)
    copy_rows("post", ("id", "user_id", "role", "jurisdiction_code", "from_date"), posts)
    copy_rows("membership", ("id", "team_id", "user_id", "duty", "from_date"), members)


def _multi(shape: Any) -> str:
    parts = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
    return _written(shapely.MultiPolygon(list(parts)))


def _written(shape: Any) -> str:
    return str(shapely.to_wkb(shapely.set_srid(shape, 4326), hex=True, include_srid=True))


HOUSEHOLDS = """
    INSERT INTO household (id, number, village_code, cell_id, address, head_name, size, tags,
        status, do_not_disturb, note, point, point_source, registered_at)
    SELECT gen_random_uuid(), 'B' || lpad(h::text, 7, '0'), c.village_code, c.id,
        h || '号', substr('赵钱孙李周吴郑王冯陈', 1 + h % 10, 1) || '某', 1 + h % 6,
        CASE WHEN mix % 8 = 0 THEN ARRAY['poor'] WHEN mix % 9 = 0 THEN ARRAY['empty_nest']
             ELSE ARRAY[]::varchar[] END,
        CASE WHEN mix % 40 = 0 THEN 'vacant' ELSE 'active' END, false, '',
        ST_SetSRID(ST_MakePoint(
            c.x + (random() - 0.5) * :step * 0.5, c.y + (random() - 0.5) * :step * 0.5), 4326),
        'wgs84', now() - interval '1 day' * (500 + h % 500)
    FROM generate_series(0, :n - 1) AS h
    CROSS JOIN LATERAL (SELECT h % :cells + h / :cells) AS mixed (mix)  -- some of each in a cell
    JOIN (SELECT id, village_code, ST_X(m) AS x, ST_Y(m) AS y,
              row_number() OVER (ORDER BY code) - 1 AS place
          FROM (SELECT id, code, village_code, ST_Centroid(polygon) AS m FROM cell
                WHERE village_code LIKE :big) AS middle) AS c
      ON c.place = h % :cells
"""


# What is dropped while a table is filled, in the order in which it is made anew: its keys and
# unique constraints, its other indexes, and what refers to its keys.
DROPPED = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS gone,
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
            pg_get_constraintdef(oid)) AS back,
        CASE contype WHEN 'f' THEN 3 ELSE 1 END AS place
    FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid = CAST(CAST(:t AS text) AS regclass)
        OR contype = 'f' AND confrelid = CAST(CAST(:t AS text) AS regclass)
    UNION ALL
    SELECT format('DROP INDEX %I', indexname), indexdef, 2 FROM pg_indexes
    WHERE tablename = CAST(:t AS name) AND indexname NOT IN
        (SELECT conname FROM pg_constraint WHERE conrelid = CAST(CAST(:t AS text) AS regclass))
    ORDER BY place
"""


def drop_indexes(table: str) -> list[str]:
    """Drop the table's indexes; gives the statements that make them anew, in one go each."""
    found = db.session.execute(text(DROPPED), {"t": table}).all()
    for row in reversed(found):
        db.session.execute(text(row.gone))
    return [row.back for row in found]


@contextmanager
def without_indexes(table: str) -> Iterator[None]:
    """The table has no indexes within the block, and all of them after it."""
    back = drop_indexes(table)
    yield
    for statement in back:
        db.session.execute(text(statement))


def _households(size: Size) -> None:
    side = _side(size.cells)
    db.session.execute(
        text(HOUSEHOLDS),
        {"n": size.households, "cells": side * side, "step": WIDTH, "big": BIG + "%"},
    )


VISITS = """
    INSERT INTO visit (id, household_id, visitor_id, cell_id, team_id, in_scope, purpose, outcome,
        started_at, received_at, notes, said)
    SELECT gen_random_uuid(), h.id, m.user_id, h.cell_id, a.team_id, true, 'regular',
        CASE WHEN random() < 0.8 THEN 'met' ELSE 'nobody_home' END, at, at, '', ''
    FROM household AS h JOIN assignment AS a ON a.cell_id = h.cell_id
        JOIN membership AS m ON m.team_id = a.team_id AND m.duty = 'leader',
        -- in some cells nobody has come for months
        LATERAL (SELECT now() - interval '1 day'
                 * (idle + random() * (:days - idle)) AS at
                 FROM generate_series(1, :each),
                     (SELECT greatest(0, abs(hashtext(h.cell_id::text)) % 500 - 250)) AS rest (idle)
                 WHERE h.id IS NOT NULL) AS moments
    WHERE h.village_code LIKE :big
"""
LAST_MET = """
    UPDATE household AS h SET last_met_at = v.at
    FROM (SELECT household_id, max(started_at) AS at FROM visit WHERE outcome = 'met'
          GROUP BY household_id) AS v
    WHERE v.household_id = h.id AND h.village_code LIKE :big
"""


def _visits(size: Size) -> None:
    # Without statistics each household would be looked for among all assignments.
    db.session.execute(text("ANALYZE cell, assignment, membership, household"))
    with without_indexes("visit"):
        db.session.execute(
            text(VISITS),
            {"days": DAYS, "each": size.visits // size.households, "big": BIG + "%"},
        )


# Issues of the demonstration, open and closed in equal number, at households of the big county.
TWINS = """
    CREATE TEMP TABLE twin AS
    WITH few AS (
        SELECT id, row_number() OVER (PARTITION BY closed_at IS NULL) - 1 AS place,
            count(*) OVER (PARTITION BY closed_at IS NULL) AS many, closed_at IS NULL AS open
        FROM issue WHERE status NOT IN ('merged')
    ), homes AS (
        SELECT h.id, h.village_code, h.cell_id, a.team_id, row_number() OVER () - 1 AS place
        FROM (SELECT * FROM household WHERE village_code LIKE :big
              ORDER BY number LIMIT :twice) AS h
        JOIN assignment AS a ON a.cell_id = h.cell_id
    )
    SELECT few.id AS old, gen_random_uuid() AS id, homes.id AS household_id, homes.village_code,
        homes.cell_id, homes.team_id, random() * 20 - 12 AS later
    FROM homes JOIN few ON few.open = (homes.place % 2 = 0)
        AND few.place = (homes.place / 2) % few.many
"""
WHEN = """ + twin.later * CASE WHEN {}.limit_unit LIKE '%hour' THEN interval '1 hour'
    ELSE interval '1 day' END"""
ISSUE = {
    "id": "twin.id",
    "number": "left(i.number, 7) || upper(left(replace(twin.id::text, '-', ''), 16))",
    "household_id": "twin.household_id", "village_code": "twin.village_code",
    "cell_id": "twin.cell_id", "visit_id": "NULL", "point": "NULL", "point_source": "NULL",
    "desk_code": "left(twin.village_code, length(i.desk_code))", "calendar_code": "i.calendar_code",
    "team_id": "CASE WHEN i.team_id IS NOT NULL THEN twin.team_id END", "handler_id": "NULL",
    "due_mark": "i.due_mark + twin.later", "due_at": "i.due_at" + WHEN.format("i"),
}  # fmt: skip
STEP = {
    "id": "gen_random_uuid()", "issue_id": "twin.id",
    "desk_code": "left(twin.village_code, length(i.desk_code))", "handler_id": "NULL",
    "team_before_id": "CASE WHEN i.team_before_id IS NOT NULL THEN twin.team_id END",
    "team_after_id": "CASE WHEN i.team_after_id IS NOT NULL THEN twin.team_id END",
    "due_mark": "i.due_mark + twin.later",
}  # fmt: skip


def _issues(size: Size) -> None:
    db.session.execute(text("ANALYZE household"))  # it has its indexes now
    db.session.execute(text(TWINS), {"big": BIG + "%", "twice": size.issues * 2})
    with without_indexes("issue"):
        copied("issue", ISSUE, "i.id = twin.old")
    with without_indexes("step"):
        copied("step", STEP, "i.issue_id = twin.old")
    db.session.execute(text("DROP TABLE twin"))

"""Brings households in from a table: checked as a whole, stored by a handful of statements."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import text

from grids.coordinates import System
from grids.operations import lock_villages
from grids.villages import find_villages
from gridserve import events, workdays
from gridserve.db import SRID, db
from gridserve.people import User
from gridserve.permissions import Permission, Role
from gridserve.sealed import SealedPhone, whole_mark
from gridserve.sealing import data_keys
from gridserve.tables import reading
from gridserve.tables.reading import Row, Table
from gridserve.tables.report import Report
from gridserve.tables.values import CLEAR
from visits import figures, past
from visits.householdfile import COLUMNS
from visits.householdpoints import STRAY_M, check_points, place

# Those who bring households in: a cadre's cells are no place for a file.
IMPORTERS = tuple(role for role in Role if role is not Role.CADRE)
PHONE = SealedPhone("household.phone")
METRES = 111_320  # of a degree of latitude
PLAIN = ("group_name", "address", "head_name", "phone", "size", "status", "do_not_disturb", "note")
EMPTY: dict[str, Any] = {"tags": [], "note": ""}  # what a cleared column becomes, where not null

CREATE = """
    CREATE TEMPORARY TABLE household_row (
        line integer, village_code varchar(12) COLLATE "C", number varchar(24), given text[],
        group_name varchar, address varchar, head_name varchar, phone bytea, size smallint,
        status varchar, do_not_disturb boolean, note text, tags varchar[],
        lon float8, lat float8, source varchar, id uuid, differs boolean, moved boolean,
        cell_before uuid, status_before varchar, earlier bytea
    ) ON COMMIT DROP
"""
COPY = """
    COPY household_row (line, village_code, number, given, group_name, address, head_name, phone,
        size, status, do_not_disturb, note, tags, lon, lat, source, earlier) FROM STDIN
"""
LOCK = """
    SELECT h.id FROM household AS h JOIN household_row AS r USING (village_code, number)
    ORDER BY h.id FOR UPDATE OF h
"""
# Coordinates that differ by less than 2 cm are the same: conversion and rounding move them by less.
FIND = """
    UPDATE household_row AS r SET id = h.id, cell_before = h.cell_id,
        status_before = h.status, moved = 'point' = ANY(r.given) AND CASE
            WHEN r.lon IS NULL OR h.point IS NULL THEN (r.lon IS NULL) <> (h.point IS NULL)
            ELSE greatest(abs(ST_X(h.point) - r.lon), abs(ST_Y(h.point) - r.lat)) > 2e-7
        END
    FROM household AS h WHERE h.village_code = r.village_code AND h.number = r.number
"""
# Sealed, the same number is never equal: it is compared by its mark. `earlier` has those that it
# would have under the earlier keys, one after the other.
PHONE_DIFFERS = f"""'phone' = ANY(r.given) AND CASE
    WHEN h.phone IS NULL OR r.phone IS NULL THEN (h.phone IS NULL) <> (r.phone IS NULL)
    ELSE {whole_mark("h.phone")} <> {whole_mark("r.phone")}
        AND position({whole_mark("h.phone")} IN r.earlier) = 0 END"""
COMPARED = [column for column in PLAIN if column != "phone"]
COMPARE = f"""
    UPDATE household_row AS r SET differs = r.moved
        OR 'tags' = ANY(r.given) AND NOT (h.tags @> r.tags AND h.tags <@ r.tags)
        OR {" OR ".join(f"'{c}' = ANY(r.given) AND h.{c} IS DISTINCT FROM r.{c}" for c in COMPARED)}
        OR {PHONE_DIFFERS}
    FROM household AS h WHERE h.id = r.id
"""  # noqa: S608 (nothing from outside)
POINT = f"ST_SetSRID(ST_MakePoint(r.lon, r.lat), {SRID})"
INSERT = f"""
    INSERT INTO household (id, number, village_code, group_name, address, head_name, phone, size,
        tags, status, do_not_disturb, note, point, point_source)
    SELECT r.id, r.number, r.village_code, r.group_name, r.address, r.head_name, r.phone,
        coalesce(r.size, 1), coalesce(r.tags, '{{}}'), coalesce(r.status, 'active'),
        coalesce(r.do_not_disturb, false), coalesce(r.note, ''), {POINT}, r.source
    FROM household_row AS r WHERE r.differs IS NULL
"""  # noqa: S608
UPDATE = f"""
    UPDATE household AS h SET
        {
    ", ".join(
        f"{c} = CASE WHEN '{c}' = ANY(r.given) THEN r.{c} ELSE h.{c} END" for c in (*PLAIN, "tags")
    )
},
        point = CASE WHEN r.moved THEN {POINT} ELSE h.point END,
        point_source = CASE WHEN r.moved THEN r.source ELSE h.point_source END,
        accuracy_m = CASE WHEN r.moved THEN NULL ELSE h.accuracy_m END
    FROM household_row AS r WHERE h.id = r.id AND r.differs
"""  # noqa: S608
# The basic cell of the own village that covers the point, on a shared edge the lower code; for a
# point that strays a little from all of them the nearest. Without a point the village's only one.
HERE = """c.village_code = r.village_code AND c.kind = 'basic' AND c.from_date <= :day
    AND (c.to_date IS NULL OR c.to_date > :day)"""
ASSIGN = f"""
    UPDATE household AS h SET cell_id = found.cell_id FROM (
        SELECT r.id, CASE WHEN r.lon IS NULL THEN (
            SELECT (array_agg(c.id))[1] FROM cell AS c WHERE {HERE} HAVING count(*) = 1
        ) ELSE coalesce((
            SELECT c.id FROM cell AS c WHERE {HERE} AND ST_Covers(c.polygon, {POINT})
            ORDER BY c.code LIMIT 1
        ), (
            SELECT c.id FROM cell AS c WHERE {HERE} AND ST_DWithin(c.polygon, {POINT}, :stray)
            ORDER BY ST_Distance(c.polygon, {POINT}), c.code LIMIT 1
        )) END AS cell_id
        FROM household_row AS r
        WHERE r.differs IS NULL OR r.moved AND r.lon IS NOT NULL
    ) AS found
    WHERE h.id = found.id AND h.cell_id IS DISTINCT FROM found.cell_id
"""  # noqa: S608
# What a household leaves, and the status it had.
LEAVES = """
    SELECT r.id, r.cell_before, h.cell_id FROM household_row AS r JOIN household AS h ON h.id = r.id
    WHERE r.differs
"""
HAD = """
    SELECT r.id, r.status_before FROM household_row AS r JOIN household AS h ON h.id = r.id
    WHERE r.differs AND h.status <> r.status_before
"""
TOUCHED = """
    SELECT cell_id FROM household_row AS r JOIN household AS h ON h.id = r.id
    WHERE coalesce(r.differs, true)
    UNION SELECT cell_before FROM household_row WHERE differs
"""


def import_households(
    data: bytes,
    *,
    by: User | None,
    system: System | None = None,
    skip_bad: bool = False,
    dry_run: bool = False,
    subject: uuid.UUID | None = None,
    say: Callable[[str], object] = lambda words: None,
) -> Report:
    """Store the households of an XLSX or CSV file; known again by village and number.

    An empty cell leaves what is stored. `system` is that of the coordinates where no column says
    it. Nothing is stored where a row has a fault, unless `skip_bad`. `by` is None only on the
    command line and then may write everywhere. Raises `BadTable`; the caller commits.
    """
    say(_("Reading…"))
    table = reading.read(data, COLUMNS)
    report = Report.of(table)
    scope = None if by is None else (by, Permission.HOUSEHOLD_WRITE, IMPORTERS)
    villages = find_villages(table, scope)
    say(_("Checking…"))
    _check_values(table)
    place(table, system)
    report.notes += check_points(table, villages, system)
    rows = [row for row in table.rows if not row.faults]
    if not dry_run:
        lock_villages({row.values["village_code"] for row in rows})
    _stage(rows, lock=not dry_run)
    _check_new(table, rows)
    rows = report.gather(table.rows)
    if report.faults and not skip_bad:
        _count(report)
        return report
    say(_("Storing…"))
    _count(report)
    if not dry_run:
        _store(report, by, subject)
    report.stored = True
    return report


def _check_values(table: Table) -> None:
    """What one row cannot say alone: numbers that come again, and masks in the place of names."""
    first: dict[tuple[str, str], int] = {}
    for row in table.rows:
        if "number" not in row.values and not row.faults:
            row.blame(table.titles["number"], _("The household has no number."),
                      _("Give the number by which the village knows it."))  # fmt: skip
        for key in ("head_name", "phone"):
            if "*" in str(row.values.get(key, "")):
                row.blame(
                    table.titles[key],
                    _("The value is masked with stars."),
                    _("Give it in full, or leave the cell empty to keep what is stored."),
                )
        if {"number", "village_code"} <= row.values.keys():
            at = (row.values["village_code"], row.values["number"])
            if at in first:
                row.blame(
                    table.titles["number"],
                    _("The number stands in row %(row)s already.", row=first[at]),
                    _("Keep one of the rows, or mend the number or the village."),
                )
            first.setdefault(at, row.number)


def _stage(rows: Iterable[Row], *, lock: bool) -> None:
    """Copy the rows into a temporary table and compare them with what is stored."""
    db.session.flush()
    db.session.execute(text("DROP TABLE IF EXISTS pg_temp.household_row"))
    db.session.execute(text(CREATE))
    driver: Any = db.session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row(_staged(row))
    db.session.execute(text("CREATE INDEX ON household_row (village_code, number)"))
    db.session.execute(text("ANALYZE household_row"))
    for statement in (*((LOCK,) if lock else ()), FIND, COMPARE):
        db.session.execute(text(statement))


def _staged(row: Row) -> tuple[Any, ...]:
    values = row.values
    given = [key for key in (*PLAIN, "tags", "point") if key in values]
    plain = {
        key: EMPTY.get(key) if values.get(key) is CLEAR else values.get(key)
        for key in (*PLAIN, "tags")
    }
    phone, earlier = plain["phone"], b""
    if phone is not None:
        earlier = b"".join(key.whole(phone) for key in list(data_keys().values())[1:])
        phone = PHONE.seal(phone)
    point = (None, None, None) if values.get("point") in (None, CLEAR) else values["point"]
    return (
        row.number, values["village_code"], values["number"], given,
        plain["group_name"], plain["address"], plain["head_name"], phone,
        plain["size"], plain["status"], plain["do_not_disturb"], plain["note"], plain["tags"],
        *point, earlier,
    )  # fmt: skip


def _check_new(table: Table, rows: Iterable[Row]) -> None:
    """A new household needs an address and a head; those that lack them leave the stage."""
    by_line = {row.number: row for row in rows}
    lacking = db.session.execute(
        text("DELETE FROM household_row WHERE id IS NULL AND (address IS NULL OR "
             "head_name IS NULL) RETURNING line, address, head_name")
    ).all()  # fmt: skip
    for found in lacking:
        for key in ("address", "head_name"):
            if getattr(found, key) is None:
                by_line[found.line].blame(
                    table.titles[key],
                    _("The household is new and this is missing."),
                    _("Fill it in; or, where the household is stored already, mend number or "
                      "village."),
                )  # fmt: skip
    db.session.execute(text("UPDATE household_row SET id = gen_random_uuid() WHERE id IS NULL"))


def _count(report: Report) -> None:
    row = db.session.execute(
        text("SELECT count(*) FILTER (WHERE differs IS NULL), count(*) FILTER (WHERE differs), "
             "count(*) FILTER (WHERE NOT differs) FROM household_row")
    ).one()  # fmt: skip
    report.new, report.changed, report.same = row


def _store(report: Report, by: User | None, subject: uuid.UUID | None) -> None:
    if not report.new and not report.changed:
        return
    day = workdays.today()
    db.session.execute(text(INSERT))
    db.session.execute(text(UPDATE))
    db.session.execute(text(ASSIGN), {"day": day, "stray": STRAY_M / METRES})
    past.keep_cells(LEAVES, day=day)
    past.keep_statuses(HAD, day=day)
    figures.mark(db.session.scalars(text(TOUCHED)))
    counts = db.session.execute(
        text("SELECT village_code, count(*) FILTER (WHERE differs IS NULL) AS new, "
             "count(*) FILTER (WHERE differs) AS changed FROM household_row GROUP BY 1 ORDER BY 1")
    ).all()  # fmt: skip
    for row in counts:
        if row.new or row.changed:
            events.record(
                "households.imported", subject, by=by.id if by else None,
                jurisdiction=row.village_code, data={"new": row.new, "changed": row.changed},
            )  # fmt: skip
    db.session.flush()
    db.session.expire_all()  # what is loaded already does not know what was stored

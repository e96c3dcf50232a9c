"""Brings the code table of jurisdictions into the database: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import text

from grids import codetable
from grids.codetable import FILES, SHEETS, Row
from grids.report import BadInput, Report
from gridserve import events
from gridserve.db import db

# Rows as read; `line` is null for none. Dropped with the transaction.
CREATE = """
    CREATE TEMPORARY TABLE code_row (
        digits smallint, line integer, code varchar(12) COLLATE "C", name varchar(80)
    ) ON COMMIT DROP
"""

# The rows after the first of those with one code; grouping first, since the answer is mostly none.
REPEATED = """
    SELECT digits, line, code, name, first_line, first_name FROM (
        SELECT digits, line, code, name,
               first_value(line) OVER w AS first_line, first_value(name) OVER w AS first_name
        FROM code_row
        WHERE code IN (SELECT code FROM code_row GROUP BY code HAVING count(*) > 1)
        WINDOW w AS (PARTITION BY code ORDER BY line)
    ) AS repeated
    WHERE line > first_line
    ORDER BY line
"""

# Rows whose parent is neither in the table nor stored.
ORPHANED = """
    FROM code_row AS r
    WHERE r.digits = :digits
      AND NOT EXISTS (
          SELECT FROM code_row AS p WHERE p.digits = :above AND p.code = left(r.code, :above)
      )
      AND NOT EXISTS (SELECT FROM jurisdiction AS j WHERE j.code = left(r.code, :above))
"""

COUNT_NEW = """
    SELECT count(*) FROM code_row AS r
    WHERE NOT EXISTS (SELECT FROM jurisdiction AS j WHERE j.code = r.code)
"""

# In the order of codes, so that parents come first and the index grows at its end.
STORE = """
    INSERT INTO jurisdiction (code, name, parent_code, year, source)
    SELECT code, name, left(code, nullif(
        CASE digits WHEN 4 THEN 2 WHEN 6 THEN 4 WHEN 9 THEN 6 WHEN 12 THEN 9 ELSE 0 END, 0
    )), CAST(:year AS smallint), CAST(:source AS varchar)
    FROM code_row ORDER BY code
    ON CONFLICT (code) DO UPDATE
    SET name = excluded.name, year = excluded.year, source = excluded.source
    WHERE (jurisdiction.name, jurisdiction.year, jurisdiction.source)
        IS DISTINCT FROM (excluded.name, excluded.year, excluded.source)
"""

COUNT_ABSENT = """
    SELECT count(*) FROM jurisdiction AS j
    WHERE j.code LIKE :prefix AND NOT EXISTS (SELECT FROM code_row AS r WHERE r.code = j.code)
"""


def import_jurisdictions(
    folder: Path,
    *,
    county: str | None = None,
    year: int,
    source: str,
    skip_bad: bool = False,
    step: Callable[[int], object] = lambda n: None,
    say: Callable[[str], object] = lambda words: None,
) -> Report:
    """Store the code table in `folder`, or one county of it with the two rows above it.

    Nothing is stored where a row is damaged, unless `skip_bad` leaves those rows and their children
    out. Stored boundaries stay. A second run changes nothing. `step` gets bytes read, `say` the
    name of each longer stage. Raises `BadInput`; the caller commits.
    """
    if county is not None and not (len(county) == 6 and county.isascii() and county.isdigit()):
        raise BadInput(f"County {county!r}: give the 6 digits of a county's code, such as 530626.")
    place = codetable.find(folder)
    report = Report()
    # One import at a time, so that each reports what it changed itself; ends with the transaction.
    db.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('import jurisdictions'))"))
    db.session.execute(text("DROP TABLE IF EXISTS pg_temp.code_row"))
    db.session.execute(text(CREATE))
    counties = _copy(codetable.read(place, county, step=step), report, skip_bad)
    if county is not None and not counties:
        raise BadInput(
            f"County {county} is not in {place / 'areas.csv'}. "
            "Look its code up there: the first column, 6 digits."
        )
    say("Checking…")
    db.session.execute(text("ANALYZE code_row"))
    _check_repeated(report)
    _check_parents(report, skip_bad)
    report.sort(FILES)
    if report.faults and not skip_bad:
        return report
    say("Storing…")
    _store(report, year, source, county)
    return report


def _copy(rows: Iterable[Row], report: Report, skip_bad: bool) -> int:
    """Fill `code_row`, note damaged rows, and count the rows of counties, damaged or not.

    Unless damaged rows are to be left out, one with a readable code still stands for a parent, so
    that its children are not reported as well.
    """
    counties = 0
    driver: Any = db.session.connection().connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy("COPY code_row (digits, line, code, name) FROM STDIN") as copy,
    ):
        for sheet, line, code, name, fault in rows:
            report.read += 1
            counties += sheet.digits == 6
            if fault is not None:
                report.blame(sheet.file, line, [fault])
                readable = len(code) == sheet.digits and code.isascii() and code.isdigit()
                if skip_bad or not readable:
                    continue
                name = ""
            copy.write_row((sheet.digits, line, code, name))
    return counties


def _check_repeated(report: Report) -> None:
    """Report codes that come again with another name; only the first row of a code stays."""
    files = {sheet.digits: sheet.file for sheet in SHEETS}
    rows = db.session.execute(text(REPEATED)).all()
    for row in rows:
        # A row without a name is a damaged one and reported already.
        if row.name != row.first_name and row.name and row.first_name:
            here, there = repr(row.name), f"{row.first_name!r} in row {row.first_line}"
            report.blame(
                files[row.digits], row.line, [f"code {row.code} is {here} here and {there}"]
            )
    if rows:
        db.session.execute(
            text(
                "DELETE FROM code_row WHERE (code, line) IN (SELECT * FROM unnest("
                "CAST(:codes AS varchar[]), CAST(:lines AS integer[])))"
            ),
            {"codes": [row.code for row in rows], "lines": [row.line for row in rows]},
        )


def _check_parents(report: Report, skip_bad: bool) -> None:
    """Report rows without a parent, level by level; with `skip_bad` take them out."""
    for above, sheet in pairwise(SHEETS):
        verb = "DELETE" if skip_bad else "SELECT r.line, r.code"
        returning = "RETURNING r.line, r.code" if skip_bad else ""
        orphans = db.session.execute(
            text(f"{verb} {ORPHANED} {returning}"),
            {"digits": sheet.digits, "above": above.digits},
        ).all()
        for row in orphans:
            parent = row.code[: above.digits]
            why = f"code {row.code} lies in {parent}, which is neither in {above.file} nor stored"
            report.blame(sheet.file, row.line, [why])


def _store(report: Report, year: int, source: str, county: str | None) -> None:
    count = db.session.scalar(text("SELECT count(*) FROM code_row")) or 0
    report.new = db.session.scalar(text(COUNT_NEW)) or 0
    touched = db.session.execute(text(STORE), {"year": year, "source": source})
    report.changed = touched.rowcount - report.new  # type: ignore[attr-defined]
    report.same = count - report.new - report.changed
    prefix = {"prefix": (county or "") + "%"}
    report.absent = db.session.scalar(text(COUNT_ABSENT), prefix) or 0
    report.stored = True
    if report.new or report.changed:
        counts = {"new": report.new, "changed": report.changed, "year": year, "source": source}
        events.record("jurisdictions.imported", None, by=None, jurisdiction=county, data=counts)

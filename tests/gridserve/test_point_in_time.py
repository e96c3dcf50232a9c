"""Recovery to a moment, as docs/operations.md describes it: a base backup, the log that was put
aside since, and the time before which all was well."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from sqlalchemy import func, select, text

from gridserve import trail
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db
from gridserve.local import find_places, postgres
from gridserve.permissions import Role
from gridserve.trailcheck import verify
from tests.factories import VILLAGE, Make
from tests.replicas import base_backup, change, copy
from visits.models import Household


def test_what_was_deleted_by_mistake_is_there_at_the_moment_before(app: Flask, config: Config):
    with app.app_context():
        db.engine.dispose()
    folder = Path(tempfile.mkdtemp(prefix="gs-"))
    folder.chmod(0o755)  # the database's account passes through
    live, again = find_places(folder / "l"), find_places(folder / "a")
    aside = folder / "aside"
    aside.mkdir()
    os.chown(aside, live.uid, live.gid)
    session = Path(parse_qs(urlsplit(config.database_url).query)["host"][0])
    try:
        copy(session, live, settings=(
            "archive_mode = on\n"
            f"archive_command = 'test ! -f {aside}/%f && cp %p {aside}/%f'\n"
        ))  # fmt: skip
        base_backup(live.run, again)
        own = create_app(replace(config, database_url=postgres.url(live)))
        with own.app_context():
            make = Make()
            kept = {make.household(make.cell()).id, make.household().id}
            make.user(Role.CADRE, VILLAGE)
            db.session.commit()
            while trail.seal():
                db.session.commit()
            moment = db.session.scalar(text("SELECT clock_timestamp()::text"))
            db.session.rollback()
            # The mistake; and the rest of the log is put aside, as time would do.
            db.session.execute(text("DELETE FROM household"))
            db.session.commit()
            last = db.session.scalar(text("SELECT pg_walfile_name(pg_switch_wal())"))
            db.session.rollback()
            db.engine.dispose()
        deadline = time.monotonic() + 60
        while not (aside / last).exists():
            assert time.monotonic() < deadline, "the log is not put aside"
            time.sleep(0.05)
        postgres.stop(live)
        change(again, (
            f"restore_command = 'cp {aside}/%f %p'\nrecovery_target_time = '{moment}'\n"
            "recovery_target_action = promote\narchive_mode = off\n"
        ))  # fmt: skip
        signal = again.postgres / "recovery.signal"
        signal.touch()
        os.chown(signal, again.uid, again.gid)
        postgres.start(again, lambda _words: None)
        found = create_app(replace(config, database_url=postgres.url(again)))
        with found.app_context():
            deadline = time.monotonic() + 60
            while db.session.scalar(text("SELECT pg_is_in_recovery()")):
                assert time.monotonic() < deadline, "it does not come to its end"
                time.sleep(0.05)
            db.session.rollback()
            assert set(db.session.scalars(select(Household.id))) == kept
            db.session.rollback()
            assert verify().faults == []
            db.session.rollback()
            assert db.session.scalar(select(func.count()).select_from(Household)) == len(kept)
            db.session.rollback()
            db.engine.dispose()
    finally:
        for place in (again, live):
            postgres.stop(place)
        shutil.rmtree(folder, ignore_errors=True)

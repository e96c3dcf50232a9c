"""SQL that goes to the driver as it stands: its errors are those of SQLAlchemy."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from gridserve.db import UNIQUE_VIOLATION, db, run, sqlstate


def test_a_connection_that_was_cut_is_told_and_not_used_again(app):
    with app.app_context():
        (before,) = run("SELECT pg_backend_pid() AS pid")
        other = create_engine(db.engine.url)
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before.pid})
        other.dispose()
        with pytest.raises(OperationalError):
            run("SELECT 1")
        db.session.rollback()
        (after,) = run("SELECT pg_backend_pid() AS pid")
        assert after.pid != before.pid


def test_what_the_database_refuses_has_its_code(app):
    with app.app_context():
        db.session.execute(text("CREATE TEMP TABLE once (n int PRIMARY KEY) ON COMMIT DROP"))
        with pytest.raises(IntegrityError) as refused:
            run("INSERT INTO once VALUES (%(n)s), (%(n)s) RETURNING n", n=1)
        assert sqlstate(refused.value) == UNIQUE_VIOLATION
        db.session.rollback()

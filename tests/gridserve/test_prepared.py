"""What is asked all the time is prepared once on each connection; other queries never are."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import bindparam, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from gridserve.db import Asked, db, run

TWICE = Asked(lambda: select((bindparam("n") * 2).label("twice")))


def prepared():
    rows = run("SELECT statement, generic_plans + custom_plans AS used FROM pg_prepared_statements")
    return {row.statement: row.used for row in rows}


def test_it_stays_prepared_when_a_request_that_only_read_ends(committed):
    for n in (2, 3, 4):
        assert TWICE(n=n)[0].twice == 2 * n
        db.session.rollback()
    assert [used for said, used in prepared().items() if "twice" in said] == [3]


def test_other_queries_are_planned_for_their_values(committed):
    for n in range(20):
        db.session.scalar(select(func.abs(bindparam("n"))), {"n": n})
    db.session.commit()
    assert not [said for said in prepared() if "abs(" in said]


def test_a_transaction_that_failed_is_rolled_back_too(committed):
    bare = db.session.connection().connection.driver_connection
    with pytest.raises(psycopg.errors.DivisionByZero):
        bare.execute("SELECT 1 / 0")
    db.session.rollback()
    assert db.session.scalar(text("SELECT 1")) == 1


def test_what_a_transaction_did_is_undone(committed):
    db.session.execute(text("CREATE TABLE undone ()"))
    db.session.rollback()
    assert db.session.scalar(text("SELECT to_regclass('undone')")) is None


def test_after_a_migration_has_changed_a_column_each_connection_fails_no_more_than_once(committed):
    widened = "SELECT note FROM widened"
    other = create_engine(db.engine.url)  # as `gridserve migrate` does while servers run
    with other.begin() as migrating:
        migrating.execute(text("CREATE TABLE widened (note varchar(8))"))
    assert run(widened) == []
    db.session.rollback()
    with other.begin() as migrating:
        migrating.execute(text("ALTER TABLE widened ALTER note TYPE varchar(80)"))
    other.dispose()
    with pytest.raises(DBAPIError, match="must not change result type"):
        run(widened)
    db.session.rollback()
    assert run(widened) == []


def test_what_fails_again_and_again_is_not_kept_each_time(committed):
    for _ in range(10):
        prepared()  # as each request asks who asks
        with pytest.raises(DBAPIError):
            run("SELECT 1 / %(n)s::int", n=0)
        db.session.rollback()
    assert len(prepared()) == 1


@pytest.mark.parametrize("ending", ["rollback", "commit"])
def test_a_connection_that_is_lost_before_its_transaction_ends_is_replaced(committed, ending):
    (row,) = run("SELECT pg_backend_pid() AS lost")
    other = create_engine(db.engine.url)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:lost, 10000)"), row._asdict())
    other.dispose()
    with pytest.raises(OperationalError) as lost:
        getattr(db.session, ending)()
    assert lost.value.connection_invalidated
    db.session.rollback()
    assert TWICE(n=2)[0].twice == 4

"""What is asked all the time is prepared once on each connection; other queries never are."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import bindparam, func, select, text

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

"""What is to follow a commit waits for the whole transaction, not for a savepoint in it."""

from __future__ import annotations

from sqlalchemy import text

from gridserve.db import db, on_commit


def test_a_released_savepoint_is_no_commit(committed):
    done: list[str] = []
    with db.session.begin_nested():
        on_commit(lambda: done.append("told"))
    assert done == []
    db.session.commit()
    assert done == ["told"]


def test_what_is_rolled_back_is_not_followed(committed):
    done: list[str] = []
    db.session.execute(text("SELECT 1"))
    on_commit(lambda: done.append("told"))
    db.session.rollback()
    db.session.commit()
    assert done == []

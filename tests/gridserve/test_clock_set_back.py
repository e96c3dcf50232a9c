"""A clock that was ahead and is set back: what it wrote holds nobody up until it is that late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import TimestampSigner
from rq import Queue
from sqlalchemy import select, update

from gridserve import jobs
from gridserve.attempts import SignInFailure
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP
from tests.gridserve.test_passwords import browser_of

DAY = timedelta(days=1)


def test_the_timetable_begins_anew(context):
    redis, queue = jobs.connect(context.extensions["gridserve"]), "timetable-of-a-test"
    table = jobs._Timetable(connection=redis, logging_level="WARNING")
    often = table.register(jobs.perform, queue, args=("x",), interval=60)
    nightly = table.register(jobs.perform, queue, args=("y",), cron="20 4 * * *")
    try:
        assert table.enqueue_jobs() == [often]
        ahead = datetime.now(UTC) + 2 * DAY
        table.looked = ahead
        for job in (often, nightly):  # as if both had run then
            job.set_enqueue_time(ahead)
        assert table.enqueue_jobs() == [often]
        assert table.enqueue_jobs() == []
        assert nightly.next_enqueue_time - datetime.now(UTC) <= DAY
    finally:
        Queue(queue, connection=redis).delete()


@pytest.mark.parametrize(("made", "stays"), [(DAY, True), (-DAY, True), (-31 * DAY, False)])
def test_a_browser_stays_signed_in(made, stays, make, context, monkeypatch):
    user = make.user(Role.CADRE, TOWNSHIP)
    at = TimestampSigner.get_timestamp
    browser = browser_of(context, user.login, target="/m/")
    monkeypatch.setattr(
        TimestampSigner, "get_timestamp", lambda self: at(self) + int(made.total_seconds())
    )
    with browser.session_transaction() as session:  # the cookie is written anew, as of then
        session["seen"] = True
    monkeypatch.undo()
    assert (browser.get("/account").status_code == 200) is stays


def test_an_account_rests_no_longer_than_its_rest(make, context):
    user = make.user(Role.CADRE, TOWNSHIP)

    def sign_in(password):
        said = {"login": user.login, "password": password}
        return context.test_client().post("/api/v1/sessions", json=said).status_code

    while sign_in("not this one") != 429:
        pass
    later = {"last_at": now() + DAY, "rests_until": now() + DAY + timedelta(minutes=5)}
    db.session.execute(update(SignInFailure).values(**later))
    db.session.commit()
    assert sign_in("not this one") == 401
    assert sign_in("not this one") == 429  # those before it still count
    assert max(db.session.scalars(select(SignInFailure.rests_until))) < now() + DAY
    db.session.execute(update(SignInFailure).values(**later))
    db.session.commit()
    assert sign_in(PASSWORD) == 201

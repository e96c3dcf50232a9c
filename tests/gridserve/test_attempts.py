"""Guessing: how tries rest by account and by address, and whom that does not keep out."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select

from gridserve.attempts import LIMITS, Counted, SignInFailure, forget
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP, Make
from tests.gridserve.test_passwords import browser_of, change, csrf

WRONG = "not this one"


@pytest.fixture
def sign_in(context: Any) -> Any:
    """Sign in over the API from an address; gives the answer."""

    def done(login: str, password: str, address: str) -> Any:
        said = {"login": login, "password": password}
        where = {"REMOTE_ADDR": address}
        return context.test_client().post("/api/v1/sessions", json=said, environ_base=where)

    return done


def later(**by: float) -> None:
    """Let so much time have passed."""
    for row in db.session.scalars(select(SignInFailure)):
        row.last_at, row.rests_until = (
            each - timedelta(**by) for each in (row.last_at, row.rests_until)
        )
    db.session.commit()


def by_page(browser: Any, login: str, password: str, address: str) -> int:
    said = {"csrf_token": csrf(browser.get("/login").text), "login": login, "password": password}
    where = {"REMOTE_ADDR": address}
    return int(browser.post("/login", data=said, environ_base=where).status_code)


def test_guesses_from_everywhere_rest_longer_each_time_and_never_for_ever(
    make: Any, context: Any, sign_in: Any
) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    known = browser_of(context, user.login)
    token = csrf(known.get("/account/password").text)
    known.post("/logout", data={"csrf_token": token})
    waits = []
    for login in ("nobody-at-all", user.login):  # what is told does not depend on who exists
        for n in range(10):
            assert sign_in(login, WRONG, f"10.0.0.{n}").status_code == 401
        found = []
        for n in range(8):
            refused = sign_in(login, PASSWORD, f"10.0.1.{n}")
            assert refused.status_code == 429
            found.append(round(int(refused.headers["Retry-After"]) / 30) * 30)
            later(seconds=found[-1] + 1)
            assert sign_in(login, WRONG, f"10.0.2.{n}").status_code == 401
        waits.append(found)
    assert waits[0] == waits[1] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert sign_in(user.login, PASSWORD, "10.0.3.1").status_code == 429
    assert by_page(known, user.login, PASSWORD, "10.0.3.2") == 302  # where its owner was before
    stranger = context.test_client()
    assert by_page(stranger, user.login, PASSWORD, "10.0.3.3") == 429


def test_a_known_browser_is_no_way_to_guess(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    known = browser_of(context, user.login)
    known.post("/logout", data={"csrf_token": csrf(known.get("/account/password").text)})
    tried = [by_page(known, user.login, WRONG, f"10.0.0.{n}") for n in range(6)]
    assert tried == [401] * 5 + [429]
    other = make.user(Role.CADRE, TOWNSHIP)  # and knows nobody else
    assert by_page(known, other.login, PASSWORD, "10.0.0.1") == 302


def test_one_password_tried_for_everybody_rests_by_address(make: Any, sign_in: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    row = SignInFailure(
        kind=Counted.ADDRESS, subject="10.0.0.9", failures=LIMITS[Counted.ADDRESS].free - 1,
        last_at=now(), rests_until=now(),
    )  # fmt: skip
    db.session.add(row)
    db.session.commit()
    assert sign_in("one", WRONG, "10.0.0.9").status_code == 401
    assert sign_in("another", WRONG, "10.0.0.9").status_code == 429
    assert sign_in(user.login, PASSWORD, "10.0.0.9").status_code == 429
    assert sign_in(user.login, PASSWORD, "10.0.0.8").status_code == 201
    later(minutes=11)
    assert sign_in(user.login, PASSWORD, "10.0.0.9").status_code == 201


def test_who_sits_at_an_open_page_does_not_guess_the_old_password(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    browser = browser_of(context, user.login)
    new = "晒谷场边三棵老核桃树"
    assert [change(browser, WRONG, new).status_code for _ in range(6)] == [422] * 5 + [429]
    assert change(browser, PASSWORD, new).status_code == 429


def test_many_at_the_same_moment_are_all_counted(committed: Any) -> None:
    user = Make().user(Role.CADRE, TOWNSHIP)
    answers: list[int] = []

    def guess() -> None:
        said = {"login": user.login, "password": WRONG}
        answers.append(committed.test_client().post("/api/v1/sessions", json=said).status_code)

    threads = [Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [401] * 5 + [429] * 7
    kept = {row.kind: row.failures for row in db.session.scalars(select(SignInFailure))}
    assert kept == {Counted.PAIR: 5, Counted.ACCOUNT: 5, Counted.ADDRESS: 5}
    later(hours=2)
    forget()
    assert db.session.scalars(select(SignInFailure)).all() == []

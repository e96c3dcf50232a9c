"""The second step of signing in: set up, asked for, good once, recovered, reset."""

from __future__ import annotations

import re
import time
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import select, text

from gridserve import secondfactor
from gridserve.db import db
from gridserve.events import Event
from gridserve.people import User
from gridserve.permissions import Role
from gridserve.secondfactor import SecondFactor
from gridserve.usercommands import user_group
from tests.factories import PASSWORD, TOWNSHIP
from tests.gridserve.test_passwords import browser_of, csrf

ADDRESS = "/account/second-factor"
PAGE = {"Accept": "text/html"}


def code_of(user: User, off: int = 0) -> str:
    """The code that the app of `user` shows `off` steps from now, as if none had been used."""
    row = db.session.get_one(SecondFactor, user.id, populate_existing=True)
    row.last_step = 0
    db.session.commit()
    return pyotp.TOTP(row.secret).generate_otp(int(time.time()) // 30 + off)


def send(browser: Any, **said: str) -> Any:
    page = browser.get(ADDRESS).text
    return browser.post(ADDRESS, data={"csrf_token": csrf(page), "next": "/desk"} | said)


def set_up(browser: Any, user: User) -> list[str]:
    """Set it up on the page; gives the recovery codes that it shows."""
    assert send(browser, begin="1", password=PASSWORD).status_code == 302
    page = browser.get(ADDRESS).text
    assert "<svg" in page
    done = send(browser, confirm="1", code=code_of(user))
    assert done.status_code == 200, done.text
    return re.findall(r"<li>([a-z0-9-]{19})</li>", done.text)


def over_api(context: Any, user: User, **more: str) -> Any:
    said = {"login": user.login, "password": PASSWORD} | more
    return context.test_client().post("/api/v1/sessions", json=said)


def to_code(context: Any, user: User) -> Any:
    """A browser that has given the right password and is asked for the code."""
    browser = browser_of(context, user.login, target="/account")
    assert browser.get("/account").status_code == 401
    return browser


def give(browser: Any, code: str) -> Any:
    page = browser.get("/login/code?next=/account").text
    said = {"csrf_token": csrf(page), "next": "/account", "code": code}
    return browser.post("/login/code", data=said)


def test_an_administrator_sets_it_up_before_anything_else_opens(make: Any, context: Any) -> None:
    user = make.user(Role.ADMINISTRATOR, TOWNSHIP)
    browser = browser_of(context, user.login)
    there = browser.get("/admin", headers=PAGE)
    assert (there.status_code, there.location) == (302, f"{ADDRESS}?next=%2Fadmin")
    answer = over_api(context, user)
    program = {"Authorization": f"Bearer {answer.json['token']}"}
    refused = context.test_client().get("/api/v1/teams", headers=program)
    assert (refused.status_code, refused.json["code"]) == (403, "auth.second_factor_due")
    assert send(browser, begin="1", password="not this one").status_code == 422
    assert len(set(set_up(browser, user))) == 10
    assert browser.get("/admin", headers=PAGE).status_code == 200
    assert context.test_client().get("/api/v1/me", headers=program).status_code == 401
    raw = db.session.execute(text("SELECT secret, recovery FROM second_factor")).one()
    secret = db.session.scalars(select(SecondFactor.secret)).one()
    assert secret.encode() not in bytes(raw.secret)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in raw.recovery)


def test_others_may_and_are_then_asked(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    recovery = set_up(browser_of(context, user.login), user)
    asked = over_api(context, user)
    assert (asked.status_code, asked.json["code"]) == (401, "auth.code_required")
    assert over_api(context, user, code="000000").json["code"] == "auth.code_wrong"
    code = code_of(user)
    assert over_api(context, user, code=code).status_code == 201
    assert over_api(context, user, code=code).json["code"] == "auth.code_wrong"  # once
    browser = to_code(context, user)
    assert give(browser, "12345").status_code == 401
    for off, status in ((-2, 401), (2, 401), (-1, 302)):  # half a minute's drift
        assert give(browser, code_of(user, off)).status_code == status
    assert browser.get("/account").status_code == 200
    assert give(to_code(context, user), recovery[0].upper()).status_code == 302
    again = give(to_code(context, user), recovery[0])
    assert again.status_code == 401
    actions = db.session.scalars(select(Event.action).where(Event.subject_id == user.id)).all()
    assert "second_factor.recovered" in actions
    assert actions.count("sign_in.refused") == 6


def test_the_password_is_worth_nothing_for_long_and_nothing_alone(
    make: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    set_up(browser_of(context, user.login), user)
    assert context.test_client().get("/login/code").location == "/login?next=/"
    for away in (-301, 86_400):  # the latter by a clock that was ahead
        browser = to_code(context, user)
        with browser.session_transaction() as session:
            session["half"] = session["half"] | {"at": int(time.time()) + away}
        assert give(browser, code_of(user)).status_code == 401
    browser = to_code(context, user)
    db.session.get_one(User, user.id).password_hash = "another"
    db.session.commit()
    assert give(browser, code_of(user)).status_code == 401


def test_codes_are_not_guessed_by_who_knows_the_password(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    set_up(browser_of(context, user.login), user)
    known = to_code(context, user)
    assert give(known, code_of(user)).status_code == 302  # its owner's own browser, now stolen
    known.post("/logout", data={"csrf_token": csrf(known.get("/account").text)})
    answers = []
    for _n in range(7):
        token = csrf(known.get("/login").text)
        said = {"csrf_token": token, "login": user.login, "password": PASSWORD}
        if known.post("/login", data=said).status_code == 429:
            break
        answers.append(give(known, "000000").status_code)
    assert answers == [401] * 5


def test_it_is_renewed_ended_and_reset(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    browser = browser_of(context, user.login)
    old = set_up(browser, user)
    renewed = send(browser, renew="1", code=code_of(user))
    assert renewed.status_code == 200
    assert send(browser, end="1", code=old[0]).status_code == 401
    new = re.findall(r"<li>([a-z0-9-]{19})</li>", renewed.text)
    assert send(browser, end="1", code=new[0]).status_code == 302
    assert over_api(context, user).status_code == 201
    browser = browser_of(context, user.login)
    set_up(browser, user)
    ran = CliRunner().invoke(user_group, ["reset-second-factor", user.login])
    assert ran.exit_code == 0, ran.output
    assert browser.get("/account").status_code == 401
    assert over_api(context, user).status_code == 201
    again = CliRunner().invoke(user_group, ["reset-second-factor", user.login])
    assert again.exit_code == 1


def test_who_has_to_have_one_and_ends_it_sets_it_up_anew(make: Any, context: Any) -> None:
    user = make.user(Role.ADMINISTRATOR, TOWNSHIP)
    browser = browser_of(context, user.login)
    set_up(browser, user)
    assert send(browser, end="1", code=code_of(user)).status_code == 302
    assert browser.get("/admin", headers=PAGE).status_code == 302
    assert secondfactor.of(user.id) is None

"""Passwords: what is refused, what a given one is good for, and that none comes back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from gridserve import passwordrules, passwords
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.people import User
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP

NEW = "晒谷场边三棵老核桃树"


def browser_of(context: Any, login: str, password: str = PASSWORD, target: str = "/") -> Any:
    """A browser in which somebody has signed in; its `csrf` is the token of its pages."""
    browser = context.test_client()
    said = {"csrf_token": csrf(browser.get("/login").text), "next": target}
    answer = browser.post("/login", data=said | {"login": login, "password": password})
    assert answer.status_code == 302, answer.text
    return browser


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def change(browser: Any, old: str, new: str, again: str = "", target: str = "") -> Any:
    said = {"csrf_token": csrf(browser.get("/account/password").text), "next": target}
    said |= {"old": old, "password": new, "again": again or new}
    return browser.post("/account/password", data=said)


@pytest.mark.parametrize(
    "password",
    [
        "123456789", "1234567890", "P@ssw0rd123", "Passw0rd!Passw0rd!", "woaini1314520",
        "Admin@123456", "1qaz2WSX3edc", "aaaaaaaaaaaaaaaa", "abababababab", "网格员2026123456",
        "Zhang.San2026", "张三13800001234", "x" * 129,
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(context: Any, password: str) -> None:
    with context.test_request_context():
        assert passwordrules.fault(password, 10, ("zhang.san", "张三", "13800001234"))


@pytest.mark.parametrize("password", [PASSWORD, NEW, "xK4rWq2pLm9s", "tian-kong-lan"])
def test_what_is_long_and_ones_own_is_taken_whatever_its_characters(
    context: Any, password: str
) -> None:
    with context.test_request_context():
        assert passwordrules.fault(password, 10, ("zhang.san", "张三", None)) is None


def test_a_given_password_opens_nothing_but_the_choice_of_another(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    passwords.give(db.session.get_one(User, user.id), "given-7Kq2xv")
    db.session.commit()
    browser = browser_of(context, user.login, "given-7Kq2xv", "/m/")
    page = browser.get("/households", headers={"Accept": "text/html"})
    assert (page.status_code, page.location) == (302, "/account/password?next=%2Fhouseholds")
    phone = browser.get("/m/session")
    assert (phone.status_code, phone.json["code"]) == (403, "auth.password_due")
    assert phone.json["at"] == "/account/password"
    said = {"login": user.login, "password": "given-7Kq2xv"}
    token = context.test_client().post("/api/v1/sessions", json=said).json["token"]
    program = context.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    for path in ("/me", "/households", "/workset"):
        assert program.get(f"/api/v1{path}").json["code"] == "auth.password_due"
    assert program.post("/api/v1/visits", json={}).json["code"] == "auth.password_due"
    done = change(browser, "given-7Kq2xv", NEW, target="/m/")
    assert (done.status_code, done.location) == (302, "/m/")
    assert browser.get("/m/session").json["user"]["login"] == user.login
    assert program.get("/api/v1/me").status_code == 401  # signed out everywhere else
    wanted = select(Event.action).where(Event.subject_id == user.id).order_by(Event.at)
    assert db.session.scalars(wanted).all()[-1] == "user.password_changed"


def test_a_program_changes_it_too(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    said = {"login": user.login, "password": PASSWORD}
    client = context.test_client()
    token = client.post("/api/v1/sessions", json=said).json["token"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    wrong = client.put("/api/v1/me/password", json={"old": "not this", "password": NEW})
    assert wrong.status_code == 422
    right = client.put("/api/v1/me/password", json={"old": PASSWORD, "password": NEW})
    assert right.status_code == 204
    assert client.get("/api/v1/me").status_code == 200
    assert context.test_client().post("/api/v1/sessions", json=said).status_code == 401


def test_none_of_the_last_five_comes_back(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    browser, old = browser_of(context, user.login), PASSWORD
    assert change(browser, old, old).status_code == 422
    assert change(browser, old, NEW, "otherwise").status_code == 422
    assert change(browser, old, "woaini1314").status_code == 422
    for n in range(5):
        refused = change(browser, old, PASSWORD)
        assert refused.status_code == 422
        assert "5" in refused.text
        assert change(browser, old, f"{NEW}{n}").status_code == 302
        old = f"{NEW}{n}"
    assert change(browser, old, PASSWORD).status_code == 302
    kept = select(func.count()).where(passwords.PasswordBefore.user_id == user.id)
    assert db.session.scalar(kept) == passwords.NOT_AGAIN - 1


def test_a_given_password_that_lies_for_a_month_signs_nobody_in(make: Any, context: Any) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    row = db.session.get_one(User, user.id)
    row.password_given_at = now() - passwords.GIVEN_LASTS - timedelta(hours=1)
    db.session.commit()
    said = {"login": user.login, "password": PASSWORD}
    answer = context.test_client().post("/api/v1/sessions", json=said)
    assert (answer.status_code, answer.json["code"]) == (401, "auth.password_expired")

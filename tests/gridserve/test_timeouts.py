"""Sign-ins at a desk end without work and with the day; those of phones and programs go on."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gridserve.db import db, now
from gridserve.people import DeviceToken
from gridserve.permissions import Role
from tests.factories import TOWNSHIP
from tests.gridserve.test_passwords import browser_of

PAGE = {"Accept": "text/html"}


def left_alone(browser: Any, minutes: float) -> None:
    with browser.session_transaction() as session:
        session["worked"] -= int(minutes * 60)


def test_a_desk_that_is_left_alone_is_signed_out_and_one_at_work_is_not(
    make: Any, context: Any
) -> None:
    user = make.user(Role.DISPATCHER, TOWNSHIP)
    browser = browser_of(context, user.login)
    until = db.session.scalars(select(DeviceToken.expires_at)).one()
    assert timedelta(hours=11) < until - now() <= timedelta(hours=12)
    for _ in range(3):
        left_alone(browser, 50)
        assert browser.get("/desk", headers=PAGE).status_code == 200
    for _ in range(2):  # what the page asks by itself does not keep it open
        left_alone(browser, 31)
        answer = browser.get("/desk/live", headers=PAGE | {"X-Unattended": "1"})
    assert (answer.status_code, answer.location) == (302, "/login?next=/desk/live")
    assert "60" in browser.get(answer.location, headers=PAGE).text
    assert browser.post("/desk", data={}, headers=PAGE).status_code == 401
    assert browser.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("target", ["/", "/m/"])
def test_a_phone_goes_on_for_weeks(make: Any, context: Any, target: str) -> None:
    user = make.user(Role.CADRE, TOWNSHIP)
    phone = browser_of(context, user.login, target=target)
    until = db.session.scalars(select(DeviceToken.expires_at)).one()
    assert until - now() > timedelta(days=29)
    with phone.session_transaction() as session:
        session["worked"] = int(time.time()) - 20 * 86_400
    assert phone.get("/m/session").status_code == 200


@pytest.mark.parametrize(("role", "target"), [(Role.CADRE, "/households"), (Role.LEADER, "/m/"),
                                              (Role.ADMINISTRATOR, "/m/")])  # fmt: skip
def test_whoever_does_not_go_to_the_phone_sits_at_a_desk(
    make: Any, context: Any, role: Role, target: str
) -> None:
    user = make.user(role, TOWNSHIP)
    browser = browser_of(context, user.login, target=target)
    left_alone(browser, 61)
    assert browser.get("/account", headers=PAGE).status_code == 302

"""One's own sign-ins: each is seen, and ended at once; those of others are nobody's business."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from gridserve.db import db
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP


def sign_in(context: Any, user: Any, device: str) -> Any:
    client = context.test_client()
    said = {"login": user.login, "password": PASSWORD, "device": device}
    token = client.post("/api/v1/sessions", json=said).json["token"]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


def test_a_sign_in_that_one_does_not_know_is_ended_at_once(make: Any, context: Any) -> None:
    user, other = make.user(Role.CADRE, TOWNSHIP), make.user(Role.CADRE, TOWNSHIP)
    phone, lost = (sign_in(context, user, name) for name in ("Redmi 13C", "lost one"))
    stranger = sign_in(context, other, "theirs")
    seen = phone.get("/api/v1/sessions").json["items"]
    assert {row["device"]: row["current"] for row in seen} == {"Redmi 13C": True, "lost one": False}
    gone = next(row["id"] for row in seen if not row["current"])
    assert stranger.delete(f"/api/v1/sessions/{gone}").status_code == 404
    assert lost.get("/api/v1/me").status_code == 200
    for _again in range(2):
        assert phone.delete(f"/api/v1/sessions/{gone}").status_code == 204
    assert lost.get("/api/v1/me").status_code == 401
    assert len(phone.get("/api/v1/sessions").json["items"]) == 1
    ended = db.session.scalars(select(Event).where(Event.action == "sign_in.ended")).all()
    assert [event.data["device"] for event in ended] == ["lost one"]


def test_the_page_ends_one_or_all_others(make: Any, context: Any) -> None:
    user = make.user(Role.LEADER, TOWNSHIP)
    devices = [sign_in(context, user, f"phone {n}") for n in range(3)]
    browser = context.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/login").text)
    assert token is not None
    said = {"csrf_token": token[1]}
    browser.post("/login", data=said | {"login": user.login, "password": PASSWORD})
    page = browser.get("/account").text
    said["csrf_token"] = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
    ids = re.findall(r'name="sign_in" value="([^"]+)"', page)
    assert len(ids) == 3
    assert browser.post("/account", data={"sign_in": ids[0]}).status_code == 400
    assert browser.post("/account", data=said | {"sign_in": "x"}).status_code == 422
    assert browser.post("/account", data=said | {"sign_in": ids[0]}).status_code == 302
    assert [each.get("/api/v1/me").status_code for each in devices].count(401) == 1
    assert browser.post("/account", data=said).status_code == 302
    assert [each.get("/api/v1/me").status_code for each in devices] == [401] * 3
    assert 'name="sign_in"' not in browser.get("/account").text

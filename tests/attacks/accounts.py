"""V2 and V3: signing in, and what is signed in."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve import people
from gridserve.db import db
from gridserve.permissions import Role
from tests.attacks.tries import Scene, Tries, Try, csrf, headed, raw, with_header, without, written
from tests.factories import PASSWORD, VILLAGE

SESSIONS = "/api/v1/sessions"


def sign_in(client: Any, login: str, password: str, address: str = "10.1.0.1") -> Any:
    said = {"login": login, "password": password}
    return client.post(SESSIONS, json=said, environ_base={"REMOTE_ADDR": address})


def authentication(scene: Scene) -> Tries:
    """V2 Authentication"""
    nobody, cadre = scene.nobody, scene.own.people[Role.CADRE]
    yield Try("A wrong password", sign_in(nobody, cadre.login, "wrong"), 401)
    unknown = sign_in(nobody, "no-such-login", "wrong")
    known = sign_in(nobody, cadre.login, "wrong")
    assert (unknown.json["code"], unknown.json["detail"]) == (
        known.json["code"],
        known.json["detail"],
    )
    yield Try("An unknown login, answered as a wrong password is", unknown, 401)
    yield Try("No password", sign_in(nobody, cadre.login, ""), 422)
    yield Try("A password of a megabyte", sign_in(nobody, cadre.login, "x" * 1_000_000), 422)
    yield Try("SQL in the login", sign_in(nobody, "' OR 1=1 --", PASSWORD), 401)
    yield Try("A zero byte in the login", sign_in(nobody, "admin\x00", PASSWORD), 422)
    yield Try("A list as the password", nobody.post(
        SESSIONS, json={"login": cadre.login, "password": [PASSWORD]}), 422)  # fmt: skip
    yield Try("An object as the login", nobody.post(
        SESSIONS, json={"login": {"$ne": ""}, "password": PASSWORD}), 422)  # fmt: skip
    yield Try("True as the password", nobody.post(
        SESSIONS, json={"login": cadre.login, "password": True}), 422)  # fmt: skip
    for password in ("admin", "123456", "password", "gridserve", "admin123"):
        yield Try(f"The usual account admin with “{password}”", sign_in(
            nobody, "admin", password, f"10.2.0.{len(password)}"), 401)  # fmt: skip
    victim = scene.make.user(Role.CADRE, VILLAGE)
    for _n in range(5):
        sign_in(nobody, victim.login, "wrong", "10.3.0.1")
    yield Try("A sixth guess from one address, though right", sign_in(
        nobody, victim.login, PASSWORD, "10.3.0.1"), 429)  # fmt: skip
    forwarded = nobody.post(
        SESSIONS, json={"login": victim.login, "password": PASSWORD},
        headers={"X-Forwarded-For": "10.9.9.9"}, environ_base={"REMOTE_ADDR": "10.3.0.1"},
    )  # fmt: skip
    yield Try("The same with a made-up X-Forwarded-For", forwarded, 429)
    gone = scene.make.user(Role.CADRE, VILLAGE)
    db.session.get_one(people.User, gone.id).active = False
    db.session.commit()
    yield Try("The account of somebody who has left", sign_in(
        nobody, gone.login, PASSWORD, "10.4.0.1"), 401)  # fmt: skip
    body = written({"login": cadre.login, "password": PASSWORD, "role": "administrator"})
    yield Try("Asking for a role with the password", raw(nobody, SESSIONS, body), 422)
    yield Try("A password in the address", nobody.get(
        f"/login?login={cadre.login}&password={PASSWORD}"), 200)  # fmt: skip
    yield Try("Single sign-on that is not set up", nobody.get("/login/sso"), 404)
    yield Try("Coming back from a provider with a made-up code", nobody.get(
        "/login/sso/back?code=x&state=y"), 404)  # fmt: skip
    yield Try("A second step without a first", nobody.get("/login/code"), 302)


def sessions(scene: Scene) -> Tries:
    """V3 Session management"""
    nobody, cadre = scene.nobody, scene.own.people[Role.CADRE]
    me = "/api/v1/me"
    yield Try("No token", nobody.get(me), 401)
    for words, value in (
        ("A made-up token", "Bearer made-up"),
        ("An empty token", "Bearer "),
        ("A token of 8 kB", "Bearer " + "x" * 8000),
        ("Basic authentication", "Basic YWRtaW46YWRtaW4="),
        ("An unsigned JSON web token", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."),
        ("SQL as a token", "Bearer ' OR ''='"),
        ("The id of a sign-in as its token", f"Bearer {scene.own['sign_in']}"),
    ):
        yield Try(words, nobody.get(me, headers={"Authorization": value}), 401)
    stored = people.digest(scene.make.token(cadre))
    yield Try("The token's digest, as the database has it", nobody.get(
        me, headers={"Authorization": f"Bearer {stored}"}), 401)  # fmt: skip
    token = scene.make.token(cadre)
    yield Try("A token in the address", nobody.get(f"{me}?token={token}&access_token={token}"), 401)
    mine = {"Authorization": f"Bearer {token}"}
    nobody.delete(f"{SESSIONS}/current", headers=mine)
    yield Try("A token after signing out", nobody.get(me, headers=mine), 401)
    yield Try("Ending somebody else's sign-in", scene.by[Role.CADRE].delete(
        f"{SESSIONS}/{scene.other['sign_in']}"), 404)  # fmt: skip
    yield Try(
        "A forged cookie",
        nobody.get("/account", headers={"Cookie": "session=eyJ0b2tlbiI6ImFkbWluIn0.Zx.forged"}),
        401,
    )
    inside = scene.browser(scene.own.people[Role.CADRE].login)
    for name in ("HttpOnly", "SameSite=Lax"):
        again = scene.nobody
        page = again.get("/login")
        with_header(page, "Set-Cookie", name)
    yield Try("A form without its token (CSRF)", inside.post("/logout"), 400)
    yield Try("A form with a made-up token", inside.post(
        "/logout", data={"csrf_token": "made-up"}), 400)  # fmt: skip
    stranger = csrf(scene.nobody.get("/login").text)
    yield Try("A form with the token of another browser", inside.post(
        "/logout", data={"csrf_token": stranger}), 400)  # fmt: skip
    yield Try("A change over the API with the cookie alone", inside.post(
        "/api/v1/visits", json={"id": str(uuid.uuid4())}), 400)  # fmt: skip
    yield Try("Signing out by a link", inside.get("/logout"), 405)
    fixed = scene.app.test_client()
    fixed.set_cookie("session", "chosen-by-somebody-else")
    page = fixed.get("/login")
    yield Try("A cookie chosen for somebody beforehand", without(page, "chosen-by"), 200)
    yield Try("A private page from the cache of a proxy", with_header(
        inside.get("/account"), "Cache-Control", "no-store", "private"), 200)  # fmt: skip
    yield Try(
        "A page of another site reading answers",
        headed(
            nobody.get(me, headers={"Origin": "https://evil.example"}),
            "Access-Control-Allow-Origin",
        ),
        401,
    )

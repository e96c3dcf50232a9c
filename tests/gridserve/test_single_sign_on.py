"""Signing in by an OpenID Connect provider: a real one, also where its tokens are bent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from gridserve import people
from gridserve.app import create_app
from gridserve.attempts import SignInFailure
from gridserve.config import Config, ConfigError
from gridserve.db import db
from gridserve.events import Event
from gridserve.people import DeviceToken, User
from gridserve.permissions import Role
from tests.conftest import own_database
from tests.factories import VILLAGE, Make
from tests.providers import There

BACK = "http://localhost/login/sso/back"
ZH = {"Accept-Language": "zh", "Accept": "text/html"}


@pytest.fixture(scope="module")
def there() -> Iterator[There]:
    there = There.on_free_port()
    with there.open(BACK):
        yield there


@pytest.fixture(scope="module")
def site(app: Flask, config: Config, there: There) -> Iterator[Flask]:
    """An installation that knows the provider, with one cadre."""
    with own_database(app, there.known_to(config, oidc_label="政务平台")) as own:
        with own.app_context():
            Make().user(Role.CADRE, VILLAGE, login="cadre-001")
            db.session.commit()
        yield own


@pytest.fixture(autouse=True)
def calm(site, there):
    """The provider is honest and nobody has failed, at the end of each test."""
    yield
    there.bend(None)
    with site.app_context():
        db.session.execute(SignInFailure.__table__.delete())
        db.session.commit()


def begin(client, path="/login/sso?next=/m/"):
    answer = client.get(path, headers=ZH)
    assert answer.status_code == 302
    return answer.location


def back(client, location):
    parts = urlsplit(location)
    return client.get(f"{parts.path}?{parts.query}", headers=ZH)


def come(site, there, person="cadre-001", path="/login/sso?next=/m/"):
    """Sign in there as `person` and come back with a fresh browser; gives (browser, answer)."""
    client = site.test_client()
    return client, back(client, there.sign_in(begin(client, path), person, BACK))


def refused(answer, status, words):
    assert answer.status_code == status
    assert words in answer.text
    assert 'href="/login/sso?next=' in answer.text  # once more is one tap


def test_who_is_known_there_and_here_is_signed_in_and_lands_where_it_was_asked(site, there):
    page = site.test_client().get("/login?next=/m/", headers=ZH)
    assert "用政务平台登录" in page.text
    assert 'href="/login/sso?next=/m/"' in page.text
    client = site.test_client()
    there_ = begin(client)
    asked = {k: v[0] for k, v in parse_qs(urlsplit(there_).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BACK
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
    answer = back(client, there.sign_in(there_, "cadre-001", BACK))
    assert (answer.status_code, answer.location) == (302, "/m/")
    assert client.get("/m/session").json["user"]["login"] == "cadre-001"
    with client.session_transaction() as session:
        assert set(session) <= {"token", "worked", "csrf_token", "lang", "_permanent"}
    with site.app_context():
        last = db.session.scalars(select(Event).order_by(Event.at.desc())).first()
        assert (last.action, last.data["through"]) == ("sign_in.done", "provider")


def test_the_next_page_is_one_of_ours(site, there):
    for path in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        _client, answer = come(site, there, path=f"/login/sso?next={path}")
        assert answer.location == "/"


@pytest.mark.parametrize(
    "query", ["", "?code=x&state=forged", "?error=access_denied", "?state=%00"]
)
def test_an_answer_that_nobody_here_asked_for_is_not_taken(site, there, query):
    for _ in range(6):  # and, as anybody can make a browser ask this, it is not counted
        refused(site.test_client().get(f"/login/sso/back{query}", headers=ZH), 400, "再来一次")
    _client, answer = come(site, there)
    assert answer.location == "/m/"


def test_an_answer_serves_one_browser_once(site, there):
    client = site.test_client()
    answer = there.sign_in(begin(client), "cadre-001", BACK)
    thief = site.test_client()
    begin(thief)
    refused(back(thief, answer), 400, "再来一次")
    assert back(client, answer).location == "/m/"
    refused(back(client, answer), 400, "再来一次")


@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": ["another"], "azp": "gridserve"},
        {"iss": "https://another.example"},
        {"exp": 1_700_000_000},
        {"sub": "somebody-else"},  # whom the provider's own page of the person does not confirm
        {"preferred_username": ["cadre-001"]},
        {"preferred_username": "cadre-001\x00"},
        {"signed": "otherwise"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_and_from_there_lets_nobody_in(site, there, bent):
    there.bend(bent)
    client, answer = come(site, there)
    assert answer.status_code == 401
    assert client.get("/m/session").status_code == 401
    with site.app_context():
        assert db.session.scalar(select(SignInFailure.failures)) == 1


def test_who_has_no_account_here_gets_none_and_no_right(site, there):
    with site.app_context():
        before = db.session.scalar(select(func.count()).select_from(User))
    client, answer = come(site, there, "stranger")
    refused(answer, 403, "stranger")
    assert client.get("/m/session").status_code == 401
    for _ in range(4):
        come(site, there, "stranger")
    refused(come(site, there, "stranger")[1], 429, "分钟")
    assert come(site, there)[1].location == "/m/"  # who sits beside is not held up
    with site.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == before
        Make().user(Role.CADRE, VILLAGE, login="gone")
        people.disable(db.session.scalars(select(User).where(User.login == "gone")).one())
        db.session.commit()
    refused(come(site, there, "gone")[1], 403, "gone")


def test_another_person_takes_over_the_browser_and_the_same_one_keeps_the_sign_in(site, there):
    with site.app_context():
        Make().user(Role.CADRE, VILLAGE, login="cadre-002")
        db.session.commit()
    client, _answer = come(site, there)
    first = client.get("/m/session").json["sign_in"]
    back(client, there.sign_in(begin(client), "Cadre-001", BACK))
    assert client.get("/m/session").json["sign_in"] == first
    back(client, there.sign_in(begin(client), "cadre-002", BACK))
    assert client.get("/m/session").json["user"]["login"] == "cadre-002"
    with site.app_context():
        assert db.session.get_one(DeviceToken, first).revoked_at is not None


def test_a_provider_that_is_away_is_said_on_the_page_and_waited_for_once(app, config):
    away = There.on_free_port()
    with own_database(app, away.known_to(config)) as site:
        client = site.test_client()
        for _ in range(2):
            refused(client.get("/login/sso?next=/m/", headers=ZH), 424, "账号和密码登录")
        assert client.get("/login").status_code == 200


def test_a_provider_that_calls_itself_otherwise_is_not_believed(config, there):
    issuer = there.issuer.replace("127.0.0.1", "localhost")
    named = replace(there.known_to(config), oidc_issuer=issuer)
    answer = create_app(named).test_client().get("/login/sso", headers=ZH)
    refused(answer, 401, "管理员")


def test_in_a_platforms_frame_the_way_back_is_remembered_too(config, there):
    framed = replace(there.known_to(config), embedded_by=("https://gov.cn",), secure_cookies=True)
    answer = create_app(framed).test_client().get("/login/sso?next=/m/", headers=ZH)
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "SameSite=None", "Partitioned", "HttpOnly"))
    assert parse_qs(urlsplit(answer.location).query)["redirect_uri"] == [
        BACK.replace("http:", "https:")
    ]


def test_without_a_provider_there_is_no_way_to_one(client):
    assert "/login/sso" not in client.get("/login").text
    assert client.get("/login/sso").status_code == 404
    assert client.get("/login/sso/back").status_code == 404


def test_settings_that_cannot_work_are_named(config, there):
    with pytest.raises(ConfigError, match="CLIENT_SECRET"):
        replace(config, oidc_issuer="https://sso.example.cn", oidc_client_id="x")
    with pytest.raises(ConfigError, match="openid"):
        there.known_to(config, oidc_scope="profile")
    said = dict.fromkeys((n for n, d in Config.variables().items() if d is None), "x" * 32)
    for issuer in ("http://sso.example.cn", "https://u:p@sso.example.cn", "https://a.cn/?b", "a"):
        with pytest.raises(ConfigError, match="OIDC_ISSUER"):
            Config.from_env(
                {**said, "GRIDSERVE_SECRET_KEY": "k" * 32, "GRIDSERVE_OIDC_ISSUER": issuer}
            )

"""What the server gives to the phone besides the API: shell, worker, manifest, who is signed in."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace

import pytest

from gridserve.app import create_app
from gridserve.config import Config, ConfigError
from gridserve.permissions import Role
from tests.factories import PASSWORD, VILLAGE

BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip"}


def sums(client):
    worker = client.get("/m/sw.js")
    assert worker.headers["Cache-Control"] == "no-cache"
    return json.loads(re.match(r"const SUMS = ({.*?});", worker.text, re.S)[1])


def test_the_shell_is_one_for_everybody_and_leaves_no_cookie(client, as_user, make):
    cadre = as_user(make.user(Role.CADRE, VILLAGE, name="李看不见"))
    pages = [c.get("/m/?lang=en", headers=BROWSER) for c in (client, cadre)]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].data == pages[1].data
    assert "Set-Cookie" not in pages[0].headers
    again = client.get("/m/", headers=BROWSER | {"If-None-Match": pages[0].headers["ETag"]})
    assert again.status_code == 304


def test_the_worker_keeps_just_what_is_served(client):
    kept = sums(client)
    assert {"/m/", "/static/phone/app.js", "/static/vendor/idb/index.js"} <= set(kept)
    for address, checksum in kept.items():
        content = client.get(address, buffered=True).data
        found = "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert found == checksum, address
    shell = client.get("/m/").text
    for address in re.findall(r'(?:href|src)="(/static/phone/[^"]+\.(?:js|css))"', shell):
        assert address in kept


def test_the_manifest_names_icons_that_are_there(client):
    said = client.get("/m/manifest.webmanifest")
    assert said.mimetype == "application/manifest+json"
    assert said.json["scope"] == said.json["start_url"] == "/m/"
    for icon in said.json["icons"]:
        assert client.get(icon["src"], buffered=True).mimetype == "image/png"


def test_the_session_says_who_and_until_when_and_ends_with_the_sign_in(client, make):
    cadre = make.user(Role.CADRE, VILLAGE, login="cadre")
    said = {"Accept": "application/json"}
    assert client.get("/m/session", headers=said).json["code"] == "auth.required"
    page = client.get("/login", headers=BROWSER)
    token = re.search(r'name="csrf_token" value="([^"]+)"', gzip.decompress(page.data).decode())[1]
    form = {"login": "cadre", "password": PASSWORD, "csrf_token": token, "next": "/m/"}
    assert client.post("/login", data=form).location == "/m/"
    found = client.get("/m/session", headers=said).json
    assert found["user"] == {"id": str(cadre.id), "login": "cadre", "name": cadre.name}
    assert "visit.record" in found["may"]
    assert found["expires_at"] > found["now"]
    # the token in it is what changes have to carry
    assert client.post("/logout", headers=said).status_code == 400
    assert client.post("/logout", headers={"X-CSRFToken": found["csrf"]}).status_code == 302
    assert client.get("/m/session", headers=said).status_code == 401


def test_static_files_are_sent_small_and_not_twice(client):
    path = "/static/phone/store.js"
    plain = client.get(path, buffered=True)
    small = client.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) < len(plain.data) / 2
    assert small.headers["Vary"] == "Accept-Encoding"
    for answer in (plain, small):
        known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "gzip"}
        assert client.get(path, headers=known, buffered=True).status_code == 304
    part = client.get(
        path, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-9"}, buffered=True
    )
    assert (part.status_code, part.data) == (206, plain.data[:10])
    png = client.get(
        "/static/phone/icons/512.png", headers={"Accept-Encoding": "gzip"}, buffered=True
    )
    assert "Content-Encoding" not in png.headers  # it is small already


def test_pages_stand_in_no_frame_unless_the_settings_name_whose(context, config):
    pages = ("/login", "/m/", "/m/session")
    for page in pages:
        answer = context.test_client().get(page)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    platform = "https://gov.example.cn"
    framed = create_app(replace(config, embedded_by=(platform,), secure_cookies=True))
    client = framed.test_client()
    for page in pages:
        policy = client.get(page).headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors 'self' {platform}")
    page = framed.test_client().get("/login", base_url="https://localhost")
    cookie = page.headers["Set-Cookie"]
    assert all(word in cookie for word in ("Secure", "SameSite=None", "Partitioned", "HttpOnly"))


@pytest.mark.parametrize(
    ("embedders", "secure", "words"),
    [
        ("http://gov.example.cn", "1", "cannot be"),
        ("https://gov.example.cn/path", "1", "cannot be"),
        ("https://gov.example.cn; script-src *", "1", "cannot be"),
        ("https://gov.example.cn, https://a.example.cn:8443", "0", "SECURE_COOKIES"),
    ],
)
def test_who_may_frame_is_said_as_origins_and_needs_https(config, embedders, secure, words):
    said = {
        "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url,
        "GRIDSERVE_SECRET_KEY": config.secret_key,
        "GRIDSERVE_DATA_KEY": config.data_key[0],
        "GRIDSERVE_BLOBS": config.blobs,
        "GRIDSERVE_EMBEDDED_BY": embedders,
        "GRIDSERVE_SECURE_COOKIES": secure,
    }
    with pytest.raises(ConfigError, match=words):
        Config.from_env(said)

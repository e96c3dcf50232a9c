"""V12, V14 and V7: files, and what every answer carries."""

from __future__ import annotations

import io
import uuid
import zipfile

from gridserve.imports import work
from gridserve.permissions import Role
from tests.attacks.tries import Scene, Tries, Try, headed, with_header, without
from tests.pictures import jpeg, sha

API = "/api/v1"


def uploads(scene: Scene) -> Tries:
    """V12 Files and resources"""
    cadre, admin = scene.by[Role.CADRE], scene.by[Role.ADMINISTRATOR]
    for words, data, status in (
        ("A script as a picture", b"<script>alert(1)</script>", 415),
        ("A program as a picture", b"\x7fELF" + b"\0" * 200, 415),
        ("A drawing with a script (SVG) as a picture", b"<svg onload='alert(1)'/>", 415),
        ("A picture that breaks off", jpeg()[:200], 415),
        ("A picture of nothing", b"", 415),
        ("A picture of three megabytes", b"\xff\xd8" + b"x" * 3_000_000, 413),
    ):
        yield Try(words, cadre.put(
            f"{API}/photos/{sha(data)}", data=data, content_type="image/jpeg"), status)  # fmt: skip
    yield Try("A picture under the digest of another", cadre.put(
        f"{API}/photos/{'0' * 64}", data=jpeg(), content_type="image/jpeg"), 422)  # fmt: skip
    yield Try("A path as a picture's digest", cadre.put(
        f"{API}/photos/..%2f..%2fetc%2fpasswd", data=jpeg()), 404)  # fmt: skip
    shown = cadre.get(f"{API}/photos/{scene.own['sha256']}")
    yield Try("A picture shown as a page", with_header(
        with_header(shown, "Content-Security-Policy", "sandbox", "default-src 'none'"),
        "X-Content-Type-Options", "nosniff"), 200)  # fmt: skip
    yield Try("Where and with what a picture was taken", without(shown, "SECRETPHONE"), 200)
    for words, name, data, status in (
        ("A table that is a program", "a.xlsx", b"MZ" + b"\0" * 100, 202),
        ("A workbook that unpacks to 200 megabytes", "a.xlsx", _bomb(), 202),
        ("A file named ../../etc/passwd", "../../etc/passwd", b"a,b\n", 202),
        ("A file named by a script", "<script>.csv", b"a,b\n", 202),
        ("A map file with paths in its archive", "a.zip", _slip(), 202),
    ):
        kind = "cells" if name.endswith("zip") else "teams"
        key = str(uuid.uuid4())
        sent = admin.post(f"{API}/imports", query_string={"id": key, "kind": kind},
                          data={"file": (io.BytesIO(data), name)})  # fmt: skip
        yield Try(f"{words}, taken to be looked at", without(sent, "../"), status)
        work.work(key)
        found = admin.get(f"{API}/imports/{key}")
        assert found.json["state"] in ("refused", "failed", "checked"), found.json
        assert not found.json.get("ready"), found.json
        page = without(admin.get(f"/imports/{key}"), "../../etc", "<script>.csv")
        yield Try(f"{words}, once it was looked at", page, 200)
    yield Try(
        "No file at all",
        admin.post(f"{API}/imports", query_string={"id": str(uuid.uuid4()), "kind": "teams"}),
        422,
    )
    yield Try("A kind of file that nobody reads", admin.post(
        f"{API}/imports", query_string={"id": str(uuid.uuid4()), "kind": "python"},
        data={"file": (io.BytesIO(b"a"), "a.py")}), 403)  # fmt: skip


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<a/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _n in range(200):
                sheet.write(b"0" * 1024 * 1024)
    return out.getvalue()


def _slip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../../tmp/evil.shp", b"x")
    return out.getvalue()


def answers(scene: Scene) -> Tries:
    """V14 Configuration"""
    page = scene.nobody.get("/login")
    policy = "Content-Security-Policy"
    for words, name, parts in (
        ("Scripts of others on a page", policy, ("script-src 'self' 'nonce-",)),
        ("Plugins on a page", policy, ("object-src 'none'",)),
        ("A base address put into a page", policy, ("base-uri 'none'",)),
        ("A form that is sent elsewhere", policy, ("form-action 'self'",)),
        ("A page in somebody's frame (clickjacking)", policy, ("frame-ancestors 'none'",)),
        ("A file taken for something else", "X-Content-Type-Options", ("nosniff",)),
        ("Addresses told to other sites", "Referrer-Policy", ("same-origin",)),
    ):
        yield Try(words, with_header(page, name, *parts), 200)
    assert "unsafe-eval" not in page.headers[policy]
    assert "'unsafe-inline'" not in page.headers[policy].partition("script-src")[2].split(";")[0]
    again = scene.nobody.get("/login").headers[policy]
    yield Try("A nonce used twice", page, 200)
    assert again != page.headers[policy]
    yield Try("Asking what serves here", headed(page, "X-Powered-By"), 200)
    yield Try(
        "Another host in the request",
        without(scene.nobody.get("/login", headers={"Host": "evil.example"}), "evil.example"),
        200,
    )
    yield Try("Another host by a header of proxies", without(scene.nobody.get(
        "/login", headers={"X-Forwarded-Host": "evil.example"}), "evil.example"), 200)  # fmt: skip


def faults(scene: Scene) -> Tries:
    """V7 Errors and logging"""
    inner = ("Traceback", "sqlalchemy", "psycopg", "/gridserve/", "SELECT ")
    cadre = scene.by[Role.CADRE]
    for words, path, status in (
        ("What is inside, from an unknown address", "/nowhere", 404),
        ("What is inside, from an id that is none", f"{API}/visits/x", 404),
        ("What is inside, from a bad filter", f"{API}/visits?household=x", 422),
        ("What is inside, from a bad day", "/maps/coverage?to=2026-99-99", 422),
        ("What is inside, from a huge day", "/maps/coverage?to=99999-01-01", 422),
    ):
        yield Try(words, without(cadre.get(path), *inner), status)
    refused = scene.nobody.post(f"{API}/sessions", json={"login": "x", "password": "hunter22-x"})
    yield Try("One's wrong password in the answer", without(refused, "hunter22-x"), 401)

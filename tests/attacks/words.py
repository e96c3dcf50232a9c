"""V5, V11 and V13: what is said, in which order, and in which form."""

from __future__ import annotations

import uuid
from datetime import timedelta

from gridserve.db import now
from gridserve.permissions import Role
from tests.attacks.tries import Scene, Tries, Try, raw, with_header, without, written
from tests.scope.world import issue_in, step_in, visit_in

API = "/api/v1"
SCRIPT = "<script>alert(1)</script>"


def validation(scene: Scene) -> Tries:
    """V5 Validation, sanitization and encoding"""
    own, cadre, desk = scene.own, scene.by[Role.CADRE], scene.by[Role.DISPATCHER]
    for words, change in (
        ("An outcome that does not exist", {"outcome": "'; DROP TABLE visit; --"}),
        ("A time in year 1", {"started_at": "0001-01-01T00:00:00Z"}),
        ("A time in year 9999", {"started_at": "9999-12-31T23:59:59Z"}),
        ("A time without an offset", {"started_at": "2026-11-01T08:00:00"}),
        ("A visit tomorrow", {"started_at": (now() + timedelta(days=1)).isoformat()}),
        ("Latitude 999", {"point": {"lon": 103.9, "lat": 999}}),
        ("A latitude that is no number", {"point": {"lon": 103.9, "lat": "28 OR 1=1"}}),
        ("An unknown coordinate system", {"point": {"lon": 103.9, "lat": 28.6, "crs": "../x"}}),
        ("Notes of five megabytes of one letter", {"notes": "x" * 3_000_000}),
        ("A zero byte in the notes", {"notes": "a\x00b"}),
        ("Half a surrogate in the notes", {"notes": "\ud800"}),
        ("A negative accuracy", {"accuracy_m": -1}),
        ("An id that is no UUID", {"id": "1 OR 1=1"}),
        ("A household as a list", {"household_id": [own["household"]]}),
        ("A field that nobody asked for", {"__proto__": {"admin": True}}),
        ("Notes as an object", {"notes": {"$gt": ""}}),
        ("An end before the start", {"ended_at": "2020-01-01T00:00:00Z"}),
        ("A thousand photos", {"photos": ["0" * 64] * 1000}),
    ):
        said = written(visit_in(own) | change)
        yield Try(words, raw(cadre, f"{API}/visits", said), 422)
    for words, path in (
        ("SQL in a filter", f"{API}/households?q=' OR 1=1 --"),
        ("Wildcards in a search", f"{API}/households?q=%25%25%25_____"),
        ("A search of only brackets", f"{API}/households?q=(((((((((("),
        ("A template in a search", f"{API}/households?q={{{{7*7}}}}${{7*7}}"),
    ):
        yield Try(words, without(desk.get(path), "49"), 200)
    yield Try("A search of a hundred thousand letters", desk.get(
        f"{API}/households", query_string={"q": "a" * 100_000}), 422)  # fmt: skip
    yield Try("A page of a million rows", desk.get(f"{API}/households?limit=1000000"), 422)
    yield Try("A page of minus one rows", desk.get(f"{API}/households?limit=-1"), 422)
    yield Try("A filter that nobody offers", desk.get(f"{API}/households?order_by=phone;--"), 422)
    yield Try("An address as a jurisdiction", scene.by[Role.LEADER].get(
        f"{API}/coverage?jurisdiction=../../etc"), 422)  # fmt: skip
    made = cadre.post(f"{API}/issues", json=issue_in(own) | {"words": SCRIPT})
    yield Try("A script in an issue's words, stored as words", made, 201)
    yield Try("The same on the issue's page", without(
        cadre.get(f"/issues/{made.json['id']}"), SCRIPT), 200)  # fmt: skip
    yield Try("The same in the desk's list", without(desk.get("/desk"), SCRIPT), 200)
    yield Try("A script in a search that the page shows", without(desk.get(
        "/households", query_string={"q": SCRIPT}), SCRIPT), 200)  # fmt: skip
    yield Try("A script in an address that does not exist", without(
        desk.get(f"/{SCRIPT}"), SCRIPT), 404)  # fmt: skip
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:a()"):
        page = scene.nobody.get("/login", query_string={"next": target})
        assert 'name="next" value="/"' in page.text, target
        yield Try(f"Going on to {target} after signing in", page, 200)
    yield Try("A line break for a header (language)", scene.nobody.get(
        "/login?lang=zh%0d%0aSet-Cookie:a=b"), 200)  # fmt: skip
    yield Try("A tile outside the world", cadre.get("/tiles/cells/3/99/99.mvt"), 404)
    yield Try("A tile at zoom 99", cadre.get("/tiles/cells/99/0/0.mvt"), 404)
    yield Try("A base map that is not set up, by its address", cadre.get(
        "/basemap/0/1/0/0.tile?url=http://169.254.169.254/"), 404)  # fmt: skip
    gateway = {"what": "add", "name": "x", "url": "json://169.254.169.254/latest"}
    page = scene.browser(scene.own.people[Role.DISPATCHER].login)
    yield Try("A gateway to the machine's own network, by who may not", page.post(
        "/gateways", data=gateway), 400)  # fmt: skip


def forms(scene: Scene) -> Tries:
    """V13 API and web service"""
    cadre, own = scene.by[Role.CADRE], scene.own
    visits = f"{API}/visits"
    yield Try("A body that is no JSON", raw(cadre, visits, b"{"), 400)
    yield Try("A body that is not UTF-8", raw(cadre, visits, b'{"a": "\xff"}'), 400)
    yield Try("Two hundred thousand brackets", raw(cadre, visits, b"[" * 200_000), 400)
    yield Try("A number of ten thousand digits", raw(
        cadre, visits, b'{"accuracy_m": ' + b"1" * 10_000 + b"}"), 400)  # fmt: skip
    yield Try("A name twice in an object", raw(
        cadre, visits, b'{"outcome": "met", "outcome": "refused"}'), 400)  # fmt: skip
    yield Try("NaN as a number", raw(cadre, visits, written(
        visit_in(own) | {"accuracy_m": float("nan")})), 422)  # fmt: skip
    yield Try("A list instead of an object", raw(cadre, visits, b"[]"), 422)
    yield Try("XML with an entity of a file", raw(
        cadre, visits, b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "application/xml"), 422)  # fmt: skip
    yield Try("A form instead of JSON", raw(
        cadre, visits, b"outcome=met", "application/x-www-form-urlencoded"), 422)  # fmt: skip
    yield Try("JSON of five megabytes", raw(cadre, visits, b'"' + b"x" * 5_000_000 + b'"'), 413)
    yield Try("Ten thousand items in a batch", cadre.post(
        f"{API}/submissions", json={"items": [{"kind": "visit"}] * 10_000}), 422)  # fmt: skip
    yield Try("An item of an unknown kind, told for itself", cadre.post(
        f"{API}/submissions", json={"items": [{"kind": "sql", "data": {}}]}), 200)  # fmt: skip
    yield Try("A forged cursor", cadre.get(f"{API}/visits?cursor=WyIxIl0="), 422)
    yield Try("Tracing", cadre.open("/", method="TRACE"), 405)
    yield Try("An unknown method", cadre.open("/", method="BREW"), 405)
    yield Try("A path of another file", cadre.get("/static/../wsgi.py"), 404)
    yield Try("The same, encoded", cadre.get("/static/%2e%2e/%2e%2e/etc/passwd"), 404)
    yield Try("The same, encoded twice", cadre.get("/static/%252e%252e/wsgi.py"), 404)
    yield Try("A listing of a folder", cadre.get("/static/"), 404)
    for path in ("/.git/config", "/.env", "/wsgi.py", "/debug", "/console", "/server-status"):
        yield Try(f"A file that is often left open: {path}", scene.nobody.get(path), 404)
    yield Try("What the API is, told to anybody, with no data in it", without(
        scene.nobody.get(f"{API}/openapi.json"), own.mark), 200)  # fmt: skip
    yield Try("The figures of the machine, from outside", scene.nobody.get("/metrics"), 404)


def order(scene: Scene) -> Tries:
    """V11 Business logic"""
    own, desk, cadre = scene.own, scene.by[Role.DISPATCHER], scene.by[Role.CADRE]
    steps = f"{API}/issues/{own['issue']}/steps"
    yield Try("A step that was not due", cadre.post(steps, json=step_in("feed_back", 3)), 409)
    yield Try("A step on a state that is gone", desk.post(steps, json=step_in("urge", 1)), 409)
    yield Try("A step that does not exist", desk.post(steps, json=step_in("erase", 3)), 422)
    yield Try("Minus one seen", desk.post(steps, json=step_in("urge", -1)), 422)
    signed = step_in("sign", 3)
    yield Try("Signing for it", cadre.post(steps, json=signed), 201)
    yield Try("The same step again, for the same answer", cadre.post(steps, json=signed), 201)
    yield Try("Other words under the same id", cadre.post(
        steps, json=signed | {"words": "etwas anderes"}), 409)  # fmt: skip
    yield Try("Closing what nobody has answered", desk.post(
        steps, json=step_in("pass_review", 4)), 409)  # fmt: skip
    yield Try("Feeding back without a word", cadre.post(
        steps, json=step_in("feed_back", 4) | {"words": ""}), 422)  # fmt: skip
    yield Try("Feeding back", cadre.post(
        steps, json=step_in("feed_back", 4) | {"answer": "已告知"}), 201)  # fmt: skip
    yield Try("Verifying one's own work", cadre.post(steps, json=step_in("pass_review", 5)), 403)
    yield Try("Merging an issue into itself", desk.post(
        f"{API}/issues/{own['other']}/steps",
        json=step_in("merge", 2) | {"into": own["other"]}), 422)  # fmt: skip
    same = visit_in(own)
    yield Try("A visit", cadre.post(f"{API}/visits", json=same), 201)
    yield Try("The same visit again", cadre.post(f"{API}/visits", json=same), 201)
    yield Try("Another visit under its id", cadre.post(
        f"{API}/visits", json=same | {"outcome": "refused"}), 409)  # fmt: skip
    yield Try(
        "A household that does not exist",
        cadre.post(f"{API}/visits", json=visit_in(own) | {"household_id": str(uuid.uuid4())}),
        404,
    )
    yield Try("A document of a time to come", with_header(scene.by[Role.LEADER].post(
        f"{API}/documents", json={"id": str(uuid.uuid4()), "kind": "public", "format": "xlsx",
                                  "arguments": {"jurisdiction": own.township, "month": "2099-01"}}),
        "Content-Type", "problem"), 422)  # fmt: skip

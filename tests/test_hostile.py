"""Requests that mean harm, or are merely broken: refused with words, never a fault of ours."""

from __future__ import annotations

import json
import uuid
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import request

from gridserve.app import create_app
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP, VILLAGE
from visits.models import Household


def post(client, path, body, **kwargs):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/api/v1{path}", data=data, content_type="application/json", **kwargs)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 200_000, 400),
        (b'{"login": ' + b"1" * 10_000 + b"}", 400),
        (b'{"login": "a", "login": "b", "password": "c"}', 400),
        (b"\xff\xfe", 400),
        (b"", 422),
        (rb'{"login": "a", "password": "\ud800"}', 422),
        (rb'{"login": "a", "password": "b", "\ud83d": "x"}', 422),
        (b"[]", 422),
        (b"null", 422),
    ],
)
def test_bodies_that_cannot_be_read(client, body, status):
    answer = post(client, "/sessions", body)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status


@pytest.mark.parametrize(
    "target", ["//[", "//a%E2%84%80b", "/\r\nSet-Cookie: a=b", "//evil", "/\\e"]
)
def test_where_to_go_after_signing_in_stays_inside(client, target):
    page = client.get("/login", query_string={"next": target})
    assert page.status_code == 200
    assert 'name="next" value="/"' in page.text


@pytest.mark.parametrize(
    "values",
    [
        [["[" * 900], "x"],
        ["0001-01-01T00:00:00+23:59", str(uuid.UUID(int=1))],
        ["2026-01-01T00:00:00", str(uuid.UUID(int=1))],
        [1, 2],
        ["2026-01-01T00:00:00Z", 5],
        {},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/issues", "/api/v1/visits", "/issues", "/desk"])
def test_forged_cursors(make, as_user, path, values):
    client = as_user(make.user(Role.DISPATCHER))
    cursor = urlsafe_b64encode(json.dumps(values).encode()).decode()
    for one in (cursor, urlsafe_b64encode(b"[" * 2900).decode()):
        assert client.get(path, query_string={"cursor": one}).status_code == 422


@pytest.mark.parametrize(("path", "rows"), [("/visits", 5), ("/issues", 5)])
def test_every_page_of_a_list_by_time_can_be_followed(make, as_user, path, rows):
    cell = make.cell()
    cadre, household = make.cadre([cell]), make.household(cell)
    for n in range(rows):
        moment = now() - timedelta(hours=n // 2)  # some at the same moment
        make.visit(household, cadre, moment) if path == "/visits" else make.issue(
            household, cadre, moment
        )
    client, address, seen = as_user(cadre), f"/api/v1{path}?limit=2", []
    while address:
        page = client.get(address)
        assert page.status_code == 200, page.text
        seen += [row["id"] for row in page.json["items"]]
        address = page.json["next"]
    assert len(seen) == len(set(seen)) == rows


def wrong(client, login, address, times=5):
    body = {"login": login, "password": "not this one"}
    return [
        post(client, "/sessions", body, environ_base={"REMOTE_ADDR": address}).status_code
        for _ in range(times + 1)
    ]


def test_guessing_rests_for_the_guesser_and_not_for_the_owner(make, client):
    user = make.user(Role.CADRE)
    guessed = wrong(client, user.login, "10.0.0.1")
    assert guessed == [401] * 5 + [429]
    assert wrong(client, "nobody-at-all", "10.0.0.1") == guessed  # tells nothing of who exists
    right = {"login": user.login, "password": PASSWORD}
    owner = post(client, "/sessions", right, environ_base={"REMOTE_ADDR": "10.0.0.2"})
    assert owner.status_code == 201


def test_a_point_far_from_the_cell_is_refused(make, as_user):
    make.category()
    cell = make.cell()
    client = as_user(make.cadre([cell]))
    said = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "x", "cell": cell.code}
    far = post(client, "/issues", said | {"point": {"lon": -120, "lat": -40}})
    assert (far.status_code, list(far.json["errors"])) == (422, ["/point"])
    near = post(client, "/issues", said | {"point": {"lon": 103.955, "lat": 28.605}})
    assert near.status_code == 201


def test_an_issue_about_a_household_outside_the_own_cells_does_not_tell_where_it_is(make, as_user):
    make.category()
    mine, theirs = make.cell(1), make.cell(2)
    client, household = as_user(make.cadre([mine])), make.household(theirs)
    said = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "x",
            "household_id": str(household.id)}  # fmt: skip
    answer = post(client, "/issues", said)
    assert (answer.status_code, answer.json["point"]) == (201, None)


def test_a_mask_is_never_stored_as_a_name(make, as_user):
    cell = make.cell()
    household = make.household(cell)
    desk = as_user(make.user(Role.DISPATCHER))
    shown = desk.get(f"/api/v1/households/{household.id}").json
    answer = desk.patch(
        f"/api/v1/households/{household.id}", json={"head_name": shown["head_name"]}
    )
    assert (answer.status_code, answer.json["code"]) == (403, "household.masked")
    assert desk.patch(f"/api/v1/households/{household.id}", json={"size": 4}).status_code == 200
    db.session.expire_all()
    assert db.session.get_one(Household, household.id).head_name == "李四"


def test_a_household_is_added_once_and_changed_only_as_it_was_seen(make, as_user):
    cell = make.cell()
    client = as_user(make.cadre([cell]))
    said = {"id": str(uuid.uuid4()), "number": "H1", "village": VILLAGE, "address": "1号",
            "head_name": "王五", "point": {"lon": 103.955, "lat": 28.605}}  # fmt: skip
    first, again = post(client, "/households", said), post(client, "/households", said)
    assert (first.status_code, first.data) == (201, again.data)
    other = post(client, "/households", said | {"id": str(uuid.uuid4())})
    assert (other.status_code, other.json["code"]) == (409, "household.number_taken")
    address = f"/api/v1/households/{said['id']}"
    tag = client.get(address).headers["ETag"]
    fresh = client.patch(address, json={"size": 2}, headers={"If-Match": tag})
    stale = client.patch(address, json={"size": 3}, headers={"If-Match": tag})
    assert (fresh.status_code, stale.status_code) == (200, 412)
    client.patch(address, json={"note": "一" * 500})
    tag = client.get(address, headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    assert tag.startswith("W/")
    assert client.patch(address, json={"size": 4}, headers={"If-Match": tag}).status_code == 200


def test_who_has_no_post_any_more_can_still_sign_out(make, as_user):
    user = make.user()
    client = as_user(user)
    assert client.get("/api/v1/households").status_code == 403
    assert client.delete("/api/v1/sessions/current").status_code == 204
    assert client.get("/api/v1/me").status_code == 401


def test_answers_are_zipped_for_who_takes_it(make, as_user):
    cell = make.cell()
    for _ in range(10):
        make.household(cell)
    client = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    plain = client.get("/api/v1/households")
    zipped = client.get("/api/v1/households", headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 3


def test_a_forwarded_address_is_believed_only_from_known_proxies(config):
    for proxies, expected in ((0, "127.0.0.1"), (1, "10.9.8.7")):
        app = create_app(replace(config, proxies=proxies))
        seen = []
        app.before_request(lambda seen=seen: seen.append(request.remote_addr))
        app.test_client().get("/healthz", headers={"X-Forwarded-For": "10.9.8.7"})
        assert seen == [expected]

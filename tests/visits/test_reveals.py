"""Names and numbers that lie masked, shown for a purpose: written down, limited, told."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP
from visits.reveals import operations
from visits.reveals.models import Reveal
from visits.telling.models import Notice

PAGE = {"Accept": "text/html"}


@pytest.fixture
def desk(make):
    return make.user(Role.DISPATCHER, TOWNSHIP, name="值班员")


@pytest.fixture(autouse=True)
def by_day(monkeypatch):
    """The hour of the test's run is no part of it."""
    monkeypatch.setattr(operations, "DAY_BEGINS", 0)
    monkeypatch.setattr(operations, "DAY_ENDS", 24)


def asked(**said):
    return {"id": str(uuid.uuid4()), "purpose": "visit", "words": "约走访时间", **said}


def limit(app, n):
    app.extensions["gridserve"] = replace(app.extensions["gridserve"], reveals_a_day=n)


@pytest.fixture
def config_back(context):
    before = context.extensions["gridserve"]
    yield context
    context.extensions["gridserve"] = before


def test_the_number_is_shown_for_a_purpose_on_the_page_and_hidden_again(make, as_user, desk):
    home = make.household(make.cell(1), head_name="李国强")
    client = as_user(desk)
    address = f"/households/{home.id}"
    before = client.get(address, headers=PAGE).text
    assert "13800001234" not in before
    assert "李国强" not in before
    assert f'action="{address}/reveal"' in before
    bare = client.post(f"{address}/reveal", data=asked(words=""), headers=PAGE)
    assert bare.status_code == 422
    assert client.post(f"{address}/reveal", data=asked()).status_code == 302
    shown = client.get(address, headers=PAGE).text
    assert "13800001234" in shown
    assert "李国强" in shown
    event = db.session.scalars(select(Event).where(Event.action == "phone.revealed")).one()
    assert (event.actor_id, event.subject_id) == (desk.id, home.id)
    assert event.data == {"purpose": "visit", "why": "约走访时间", "unusual": []}
    other = as_user(make.user(Role.LEADER, COUNTY))
    assert "13800001234" not in other.get(address, headers=PAGE).text
    row = db.session.scalars(select(Reveal)).one()
    for away in (-operations.SHOWN - timedelta(seconds=1), timedelta(days=1)):
        row.at = now() + away  # the latter by a clock that was ahead
        db.session.commit()
        assert "13800001234" not in client.get(address, headers=PAGE).text


def test_of_an_issue_who_reported_it_is_shown_and_a_complaint_stays_closed(make, as_user, desk):
    cell = make.cell(1)
    issue = make.issue(make.household(cell), desk)
    issue.resident_name, issue.resident_phone = "赵老汉", "13900001111"
    db.session.commit()
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    address = f"/issues/{issue.id}"
    assert "13900001111" not in leader.get(address, headers=PAGE).text
    assert leader.post(f"{address}/reveal", data=asked()).status_code == 302
    assert "13900001111" in leader.get(address, headers=PAGE).text
    # Whoever is its desk sees it anyway, and uses nothing up.
    seen = as_user(desk).post(f"/api/v1/issues/{issue.id}/reveal", json=asked())
    assert (seen.status_code, seen.json["code"]) == (403, "reveal.not_here")
    cadre = make.cadre([cell])
    assert as_user(cadre).post(f"/api/v1/issues/{issue.id}/reveal", json=asked()).status_code == 403


def test_the_day_has_a_limit_and_the_administrator_is_told_once(make, as_user, desk, config_back):
    limit(config_back, 2)
    mine = make.user(Role.ADMINISTRATOR, TOWNSHIP)
    above = make.user(Role.ADMINISTRATOR, COUNTY)
    homes = [make.household(make.cell(n)) for n in (1, 2, 3)]
    client = as_user(desk)
    post = lambda home, **said: client.post(  # noqa: E731
        f"/api/v1/households/{home.id}/reveal", json=asked(**said)
    )
    first = asked()
    for _again in range(2):
        got = client.post(f"/api/v1/households/{homes[0].id}/reveal", json=first)
        assert (got.status_code, got.json["phone"], got.json["left"]) == (200, "13800001234", 1)
    assert post(homes[1]).json["left"] == 0
    refused = post(homes[2])
    assert (refused.status_code, refused.json["code"]) == (429, "reveal.limit")
    assert len(db.session.scalars(select(Reveal)).all()) == 2
    told = db.session.scalars(select(Notice).where(Notice.kind == "reveals")).all()
    assert [(n.user_id, n.said["unusual"]) for n in told] == [(mine.id, "limit")]
    inbox = as_user(mine).get("/inbox", headers=PAGE).text
    assert "值班员" in inbox
    assert 'href="/reveals"' in inbox
    listed = as_user(above).get("/reveals", headers=PAGE).text
    assert "约走访时间" in listed
    assert homes[0].number in listed
    assert "13800001234" not in listed
    assert as_user(desk).get("/reveals", headers=PAGE).status_code == 403


def test_night_many_and_elsewhere_are_unusual(make, as_user, desk, monkeypatch):
    make.user(Role.ADMINISTRATOR, TOWNSHIP)
    own, other = make.cell(1), make.cell(2)
    make.team([own], [desk])
    home = make.household(other)
    hour = now().astimezone(workdays.zone()).hour
    monkeypatch.setattr(operations, "DAY_BEGINS", hour + 1)
    monkeypatch.setattr(operations, "MANY", 1)
    got = as_user(desk).post(f"/api/v1/households/{home.id}/reveal", json=asked())
    assert got.status_code == 200
    row = db.session.scalars(select(Reveal)).one()
    assert row.unusual == ["many", "night", "elsewhere"]
    told = db.session.scalars(select(Notice.cause).where(Notice.kind == "reveals"))
    assert {cause.split(":")[1] for cause in told} == {"many", "night", "elsewhere"}

"""The desk's page of what phones sent and was refused."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP
from visits.models import Household, Visit
from visits.submissions.models import Resolution, Submission


@pytest.fixture
def refused(make, as_user):
    """A visit of a cadre whose times cannot be, and its household."""
    cell = make.cell()
    cadre, home = make.cadre([cell]), make.household(cell).id
    data = {
        "id": str(uuid.uuid4()),
        "household_id": str(home),
        "outcome": "met",
        "started_at": (now() - timedelta(hours=1)).isoformat(),
        "ended_at": "2020-01-01T00:00:00Z",
        "notes": "老人身体好",
        "point": {"lon": 103.955, "lat": 28.605},
    }
    sent = as_user(cadre).post(
        "/api/v1/submissions", json={"items": [{"kind": "visit", "data": data}, 7]}
    )
    assert [one["result"] for one in sent.json["results"]] == ["invalid", "invalid"]
    return cadre, data, [one["kept"] for one in sent.json["results"]]


@pytest.fixture
def page(make, client):
    """The desk, signed in with a browser; gives its client and the CSRF token."""
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/login").text)[1]
    client.post("/login", data={"login": desk.login, "password": PASSWORD, "csrf_token": token})
    return client, desk


def post(client, kept, **form):
    shown = client.get("/desk/refused", headers={"Accept": "text/html"}).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)[1]
    return client.post(
        f"/desk/refused/{kept}", data={"csrf_token": token, **form}, headers={"Accept": "text/html"}
    )


def test_the_desk_says_how_many_and_the_page_what_and_why(refused, page):
    client, _desk = page
    shown = client.get("/desk?lang=en", headers={"Accept": "text/html"}).text
    assert re.search(r"Refused from phones.*?>2<", shown)
    shown = client.get("/desk/refused", headers={"Accept": "text/html"}).text
    answer = db.session.scalars(select(Submission.answer).where(Submission.kind == "visit")).one()
    why = answer["errors"]["/ended_at"][0]  # in the language of the phone
    for words in ("张三", "田坝1号", why, "老人身体好", "can only be dropped"):
        assert words in shown


def test_the_desk_corrects_a_visit_and_it_is_the_cadres(refused, page):
    client, _desk = page
    cadre, data, (kept, _other) = refused
    wrong = post(client, kept, do="apply", **{"f-ended_at": "2021-01-01T00:00"})
    assert wrong.status_code == 422
    assert "2021-01-01T00:00" in wrong.text
    began = now().astimezone(workdays.zone()) - timedelta(hours=2)
    number = db.session.get_one(Household, uuid.UUID(data["household_id"])).number
    form = {
        "f-household_id": number,  # as people know it
        "f-started_at": began.strftime("%Y-%m-%dT%H:%M"),
        "f-ended_at": "",
        "f-notes": "老人身体好，已核对时间",
        "f-outcome": "met",
    }
    assert post(client, kept, do="apply", **form).status_code == 302
    visit = db.session.scalars(select(Visit)).one()
    assert (str(visit.id), visit.visitor_id) == (data["id"], cadre.id)
    assert visit.notes == "老人身体好，已核对时间"
    assert visit.ended_at is None
    assert visit.point is not None
    assert abs(visit.started_at - began) < timedelta(minutes=1)
    assert post(client, kept, do="apply", **form).status_code == 409


def test_what_is_dropped_needs_a_reason(refused, page):
    client, desk = page
    _cadre, _data, (_kept, other) = refused
    assert post(client, other, do="drop", words=" ").status_code == 422
    assert post(client, other, do="drop", words="看不懂").status_code == 302
    row = db.session.get_one(Submission, uuid.UUID(other), populate_existing=True)
    assert (row.resolution, row.words, row.resolved_by_id) == (
        Resolution.DROPPED,
        "看不懂",
        desk.id,
    )

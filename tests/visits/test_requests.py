"""Residents ask to see, correct or delete what is kept of them."""

from __future__ import annotations

import io
import json
import uuid
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from gridserve import workdays
from gridserve.db import db
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import TOWNSHIP
from tests.pictures import jpeg, sha
from visits import figures
from visits.issues.models import Issue
from visits.models import Household, Visit
from visits.photos.models import Photo
from visits.requests.models import ResidentRequest, State
from visits.retention import operations as retention

PAGE = {"Accept": "text/html"}
PICTURE = jpeg(seed=7100)


class Place:
    def __init__(self, make, as_user):
        self.cell = make.cell(1)
        self.cadre = make.cadre([self.cell])
        self.clerk = make.user(Role.DISPATCHER, TOWNSHIP)
        self.leader = make.user(Role.LEADER, TOWNSHIP)
        self.desk, self.head = as_user(self.clerk), as_user(self.leader)
        self.home = make.household(self.cell, head_name="李国强", note="有狗", tags=["poor"])
        said = {"id": str(uuid.uuid4()), "household_id": str(self.home.id), "outcome": "met",
                "started_at": workdays.start_of(workdays.today()).isoformat(),
                "notes": "老人住院", "point": {"lon": 103.955, "lat": 28.605},
                "photos": [sha(PICTURE)]}  # fmt: skip
        phone = as_user(self.cadre)
        assert phone.post("/api/v1/visits", json=said).status_code == 201
        sent = phone.put(f"/api/v1/photos/{sha(PICTURE)}", data=PICTURE)
        assert sent.status_code in (200, 201)
        self.visit = uuid.UUID(said["id"])
        other = make.household(make.cell(2))
        self.closed, self.open = make.issue(other, self.clerk), make.issue(self.home, self.clerk)
        # At the household, but by a neighbour: it is not to be told who.
        self.foreign = make.issue(self.home, self.clerk)
        for issue, phone in (
            (self.closed, "138 0000 1234"), (self.open, "13800001234"),
            (self.foreign, "13811112222"),
        ):  # fmt: skip
            issue.resident_name, issue.resident_phone = "李国强", phone
        self.foreign.resident_name = "王邻居"
        db.session.commit()
        make.step(self.closed, "decline", self.clerk, words="不属本级")

    def take(self, kind, **more):
        form = {"id": str(uuid.uuid4()), "kind": kind, "words": "我要申请", "checked": "出示身份证"}
        answer = self.desk.post(f"/households/{self.home.id}/request", data=form | more)
        assert answer.status_code == 302, answer.text
        return form["id"]

    def decide(self, id_, granted="1", client=None):
        said = {"granted": granted, "answer": "已办理"}
        return (client or self.head).post(f"/requests/{id_}", data=said, headers=PAGE)


@pytest.fixture
def place(make, as_user):
    return Place(make, as_user)


def test_what_is_kept_is_handed_out_once_it_is_granted(place, make, as_user):
    assert "/request" in place.desk.get(f"/households/{place.home.id}", headers=PAGE).text
    id_ = place.take("see")
    row = db.session.get(ResidentRequest, uuid.UUID(id_))
    assert row.due_on == workdays.today() + timedelta(days=15)
    assert place.desk.post(f"/requests/{id_}/file", headers=PAGE).status_code == 409
    assert place.decide(id_, client=place.desk).status_code == 403
    assert place.decide(id_).status_code == 302
    assert place.decide(id_).status_code == 409
    book = load_workbook(io.BytesIO(place.desk.post(f"/requests/{id_}/file").data))
    cells = [[c.value for c in row] for page in book for row in page.rows]
    flat = json.dumps(cells, ensure_ascii=False)
    for kept in (
        "李国强",
        "13800001234",
        "有狗",
        "老人住院",
        place.closed.number,
        place.open.number,
    ):
        assert kept in flat
    assert place.foreign.number not in flat
    assert book.active.oddFooter.left.text.startswith("导出：")
    actions = db.session.scalars(
        select(Event.action).where(Event.subject_id == uuid.UUID(id_)).order_by(Event.at)
    ).all()
    assert actions == [f"resident_request.{what}" for what in ("taken", "granted", "file_taken")]
    other = as_user(make.user(Role.LEADER, "530626102"))
    assert other.get(f"/requests/{id_}", headers=PAGE).status_code == 404


def test_a_leader_does_not_decide_what_the_same_leader_took_down(place):
    form = {"id": str(uuid.uuid4()), "kind": "see", "words": "查阅", "checked": "本人认识"}
    assert place.head.post(f"/households/{place.home.id}/request", data=form).status_code == 302
    assert place.decide(form["id"]).status_code == 403


def test_what_is_wrong_is_corrected_with_the_decision(place):
    bare = {"id": str(uuid.uuid4()), "kind": "correct", "words": "写错了", "checked": "身份证"}
    refused = place.desk.post(f"/households/{place.home.id}/request", data=bare, headers=PAGE)
    assert refused.status_code == 422
    id_ = place.take("correct", new_head_name="李国祥", new_phone="13900009999")
    assert place.decide(id_).status_code == 302
    db.session.expire_all()
    home = db.session.get(Household, place.home.id)
    assert (home.head_name, home.phone, home.address) == ("李国祥", "13900009999", "田坝1号")


def test_what_the_law_lets_go_goes_and_the_answer_says_what_stays(place):
    id_ = place.take("delete")
    assert place.decide(id_).status_code == 302
    db.session.expire_all()
    home, visit = db.session.get(Household, place.home.id), db.session.get(Visit, place.visit)
    assert (home.head_name, home.phone, home.note, home.tags) == ("—", None, "", [])
    assert (visit.notes, visit.point, visit.outcome) == ("", None, "met")
    closed, still, foreign = (
        db.session.get(Issue, issue.id) for issue in (place.closed, place.open, place.foreign)
    )
    assert (closed.resident_name, closed.resident_phone) == (None, None)
    assert (still.resident_name, foreign.resident_name) == ("李国强", "王邻居")
    page = place.desk.get(f"/requests/{id_}", headers=PAGE).text
    assert place.open.number in page
    assert place.foreign.number not in page
    assert "依法应当保存" in page
    figures.refresh_marked()
    assert figures.check() == []
    # The pictures go in the second night.
    assert retention.due()["asked"] == 0
    row = db.session.get(ResidentRequest, uuid.UUID(id_))
    row.decided_at -= timedelta(days=1, hours=1)
    visit.started_at -= timedelta(days=2)
    db.session.commit()
    assert retention.run().counts == {"asked": 1}
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 0


def test_refused_changes_nothing_and_lists_say_what_waits(place):
    id_ = place.take("delete")
    assert id_ in place.desk.get("/requests", headers=PAGE).text
    assert place.decide(id_, granted="0").status_code == 302
    db.session.expire_all()
    assert db.session.get(Household, place.home.id).head_name == "李国强"
    assert db.session.get(ResidentRequest, uuid.UUID(id_)).state is State.REFUSED
    assert id_ not in place.desk.get("/requests", headers=PAGE).text
    assert id_ in place.desk.get("/requests?open=0", headers=PAGE).text

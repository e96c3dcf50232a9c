"""Registers: on screen, as a workbook, on paper; who may have them, and that they stay the same."""

from __future__ import annotations

import io
import uuid
from datetime import date, datetime, timedelta

import pypdfium2
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from gridserve import events, workdays
from gridserve.db import db, now
from gridserve.documents import work
from gridserve.documents.models import Document
from gridserve.people import Post
from gridserve.permissions import Role
from maps.sheets import registers
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.issues.models import Category
from visits.models import Visit

EVIL = ("=1+1", "+86", "-2", "@SUM(A1)", "\t=1", "=cmd|'/c calc'!A1")


def ask(client, kind="issues", format_="xlsx", code=TOWNSHIP, as_of=None, **arguments):
    today = workdays.today()
    said = {"jurisdiction": code, "from": str(today - timedelta(days=30)), "to": str(today)}
    body = {"id": str(uuid.uuid4()), "kind": kind, "format": format_,
            "arguments": said | arguments}  # fmt: skip
    if as_of:
        body["as_of"] = as_of
    return client.post("/api/v1/documents", json=body)


def made(client, *args, **kwargs):
    asked = ask(client, *args, **kwargs)
    assert asked.status_code == 202, asked.json
    work.work(asked.json["id"])
    return client.get(f"/api/v1/documents/{asked.json['id']}").json


def taken(client, document):
    return client.get(f"/documents/{document['id']}/file")


def table(data: bytes) -> list[list]:
    return [[cell.value for cell in row] for row in load_workbook(io.BytesIO(data)).active.rows]


def words(pdf: bytes) -> str:
    return "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))


@pytest.fixture
def place(make):
    cell = make.cell()
    cadre = make.cadre([cell])
    return cell, cadre, make.household(cell, address="田坝9号", head_name="王小明")


def test_the_register_of_issues_says_what_the_chain_says_and_hides_who_it_should(
    make, as_user, place
):
    _cell, cadre, home = place
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    issue = make.issue(home, cadre)
    other = make.issue(home, cadre)
    issue.resident_name, issue.resident_phone = "赵大海", "13912345678"
    issue.words = EVIL[0]
    make.category("dispute.family")
    db.session.get(Category, "dispute.family").sensitive = True
    other.category_code = "dispute.family"
    db.session.commit()
    make.step(issue, "decline", desk, words="不属本级")
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    rows = table(taken(leader, made(leader)).data)
    line = dict(zip(rows[0], rows[1], strict=True))
    assert line["编号"] == issue.number
    assert (line["反映人"], line["电话"]) == ("赵**", "139******78")
    assert (line["事件内容"], line["状态"], line["是否按期"]) == ("=1+1", "不予受理", None)
    line = dict(zip(rows[0], rows[2], strict=True))
    assert line["反映人"] == "王**"
    assert "路灯" not in str(line)
    assert line["地址"] is None
    seen = as_user(desk)
    full = table(taken(seen, made(seen)).data)
    assert "赵大海" in full[1]
    assert "13912345678" in full[1]
    page = leader.get(f"/sheets/issues?jurisdiction={TOWNSHIP}", headers={"Accept": "text/html"})
    assert issue.number in page.text
    assert "赵大海" not in page.text


def test_made_again_as_of_then_it_is_the_same_whatever_came_since(make, as_user, place):
    _cell, cadre, home = place
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    issue = make.issue(home, cadre)
    visit = make.visit(home, cadre)
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    first = {
        (kind, form): made(leader, kind, form)
        for kind in ("issues", "visits")
        for form in ("xlsx", "pdf")
    }
    make.step(issue, "decline", desk, words="不属本级")
    make.issue(home, cadre)
    make.visit(home, cadre)
    for (kind, form), before in first.items():
        same = made(leader, kind, form, as_of=before["as_of"])
        assert same["state"] == "done", same
        assert (same["sha256"], same["size"]) == (before["sha256"], before["size"]), (kind, form)
        assert made(leader, kind, form)["sha256"] != before["sha256"]
    # Each says who had it made and when, where it is printed and in what the file says of itself.
    book = load_workbook(io.BytesIO(taken(leader, first["visits", "xlsx"]).data))
    when = datetime.fromisoformat(first["visits", "xlsx"]["as_of"]).astimezone(workdays.zone())
    assert book.properties.description.endswith(f" {when:%Y-%m-%d %H:%M}")
    assert book.active.oddFooter.left.text == book.properties.description
    data = taken(leader, first["visits", "pdf"]).data
    assert "导出：张三" in words(data)
    assert home.number in words(data)
    assert workdays.day_of(visit.started_at).isoformat() in words(data)


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_becomes_a_formula(make, as_user, place, evil):
    _cell, cadre, home = place
    visit = make.visit(home, cadre)
    db.session.get(Visit, visit.id).notes = evil
    db.session.commit()
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    book = load_workbook(io.BytesIO(taken(leader, made(leader, "visits")).data))
    cell = [c for c in book.active[2] if c.value == evil]
    assert [(c.data_type, c.number_format) for c in cell] == [("s", "@")]


def test_a_visit_stands_with_the_team_of_its_day(make, as_user):
    cell = make.cell()
    then = make.user(Role.CADRE, VILLAGE, name="前任")
    day = workdays.today() - timedelta(days=10)
    old = make.team([cell], [then], until=day)
    make.team([cell], [make.user(Role.CADRE, VILLAGE, name="后任")], since=day)
    make.visit(make.household(cell), then, at=now() - timedelta(days=12))
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    rows = table(taken(leader, made(leader, "visits")).data)
    line = dict(zip(rows[0], rows[1], strict=True))
    assert (line["团队"], line["走访人"]) == (old.name, "前任")


def test_a_register_is_of_what_one_may_see_and_no_one_elses(make, as_user, place):
    _cell, cadre, home = place
    make.issue(home, cadre)
    leader = make.user(Role.LEADER, TOWNSHIP)
    client = as_user(leader)
    document = made(client)
    assert client.get("/api/v1/documents").json["items"][0]["id"] == document["id"]
    away = as_user(make.user(Role.LEADER, "530626102"))
    same = as_user(make.user(Role.LEADER, TOWNSHIP))
    for somebody in (away, same):
        assert somebody.get("/api/v1/documents").json["items"] == []
        assert somebody.get(f"/api/v1/documents/{document['id']}").status_code == 404
        assert taken(somebody, document).status_code == 404
    assert ask(away).status_code in (403, 404)
    assert ask(as_user(cadre)).status_code == 403
    assert taken(client, document).status_code == 200
    done = select(events.Event.action).where(events.Event.subject_id == uuid.UUID(document["id"]))
    actions = db.session.scalars(done.order_by(events.Event.at)).all()
    assert actions == ["document.asked", "document.made", "document.taken"]
    # The post ends: what waits is not made, what was made is not given out.
    waiting = ask(client).json
    for post in db.session.scalars(select(Post).where(Post.user_id == leader.id)):
        post.to_date = workdays.today()
    db.session.commit()
    work.work(waiting["id"])
    assert db.session.get(Document, uuid.UUID(waiting["id"])).state == "failed"
    assert taken(client, document).status_code == 403


def test_too_much_is_refused_in_words(make, as_user, place, monkeypatch):
    _cell, cadre, home = place
    for _n in range(3):
        make.issue(home, cadre)
    county = as_user(make.user(Role.LEADER, COUNTY))
    monkeypatch.setattr(registers, "ON_PAPER", 2)
    refused = made(county, "issues", "pdf")
    assert (refused["state"], refused["sha256"]) == ("failed", None)
    assert "2" in refused["failure"]
    assert made(county, "issues", "xlsx")["state"] == "done"
    assert ask(county, "visits", code=COUNTY).status_code == 422
    page = county.get("/sheets/visits", headers={"Accept": "text/html"})
    assert page.status_code == 200
    long_ago = {"from": str(date(2020, 1, 1))}
    assert ask(county, **long_ago).status_code == 422
    for _n in range(5):
        assert ask(county).status_code == 202
    assert ask(county).status_code == 429

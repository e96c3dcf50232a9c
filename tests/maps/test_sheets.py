"""The public sheet, the comparison of a quarter with its objections, and the brief on one page."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pypdfium2
import pytest

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from maps.sheets.kinds import month_name
from maps.sheets.periodpages import last_quarter
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.maps.test_registers import ask, made, table, taken, words
from visits.issues.models import Category
from visits.objections import operations as objecting

PAGE = {"Accept": "text/html"}
OTHER = "530626101202"


def asked(client, kind, format_, code=TOWNSHIP, **said):
    body = {"id": str(uuid.uuid4()), "kind": kind, "format": format_,
            "arguments": {"jurisdiction": code, **said}}  # fmt: skip
    answer = client.post("/api/v1/documents", json=body)
    if answer.status_code == 202:
        from gridserve.documents import work

        work.work(body["id"])
        return client.get(f"/api/v1/documents/{body['id']}").json
    return answer


def notices(client):
    """What stands in somebody's inbox."""
    return client.get("/api/v1/notices").json["items"]


@pytest.fixture
def month():
    return (workdays.today().replace(day=1) - timedelta(days=1)).replace(day=1)


def reported(make, home, by, number, at, category="facility.road"):
    return [make.issue(home, by, at=at, category=category) for _n in range(number)]


def test_the_public_sheet_shows_no_small_group_no_name_and_no_kind_of_a_sensitive_matter(
    make, as_user, month
):
    cell, other = make.cell(), make.cell(village=OTHER)
    cadre = make.user(Role.DISPATCHER, TOWNSHIP)
    home = make.household(cell, address="秘密巷7号", head_name="钱多多")
    away = make.household(other)
    make.category("dispute.family")
    db.session.get(Category, "dispute.family").sensitive = True
    db.session.get(Category, "dispute.family").name = "家暴"
    db.session.commit()
    at = workdays.start_of(month) + timedelta(days=3)
    reported(make, home, cadre, 8, at)
    reported(make, away, cadre, 3, at)
    reported(make, away, cadre, 6, at, "dispute.family")
    leader = as_user(make.user(Role.LEADER, COUNTY))
    said = {"month": month_name(month)}
    rows = table(taken(leader, asked(leader, "public", "xlsx", **said)).data)
    shown = {row[0]: row[1] for row in rows[1:] if row[0]}
    assert shown["中城镇"] == 17
    assert shown["道路"] == 11
    assert shown["不便分项公开的事项"] == 6
    assert (shown["田坝村"], shown[f"地区{OTHER}"]) == (8, 9)
    paper = words(taken(leader, asked(leader, "public", "pdf", **said)).data)
    page = leader.get("/sheets/public", query_string=said | {"jurisdiction": TOWNSHIP},
                      headers=PAGE).text  # fmt: skip
    for text in (paper, page, str(rows)):
        assert "17" in text
        for secret in ("秘密巷", "钱多多", "钱**", "家暴", "WT"):
            assert secret not in text, secret
    reported(make, away, cadre, 2, at, "sanitation.waste")  # a kind of two
    rows = table(taken(leader, asked(leader, "public", "xlsx", **said)).data)
    assert sorted(str(row[1]) for row in rows[2:5]) == ["11", "–", "–"]
    for wrong in ({"month": month_name(workdays.today())}, {"month": "2026-13"}):
        assert asked(leader, "public", "pdf", **wrong).status_code == 422
    assert asked(leader, "public", "pdf", code=COUNTY, **said).status_code == 422


def test_teams_are_compared_by_what_came_of_it_and_may_object_in_time(make, as_user):
    quarter = last_quarter()
    start = workdays.start_of(quarter)
    cell, second = make.cell(1), make.cell(2)
    good, poor = make.user(Role.CADRE, VILLAGE), make.user(Role.CADRE, VILLAGE)
    a, b = make.team([cell], [good]), make.team([second], [poor])
    for team_cell, by, met in ((cell, good, 12), (second, poor, 2)):
        for n in range(12):
            home = make.household(team_cell)
            if n < met:
                make.visit(home, by, at=start + timedelta(days=9))
    leader = make.user(Role.LEADER, TOWNSHIP)
    client = as_user(leader)
    said = {"quarter": objecting.quarter_name(quarter)}
    rows = table(taken(client, asked(client, "comparison", "xlsx", **said)).data)
    met = {row[0]: row[2:] for row in rows if row[1] and row[1].startswith("见到户数")}
    assert met[a.name][:3] == [12, 12, 1]
    assert met[b.name][:2] == [2, 12]
    assert (met[a.name][5], met[b.name][5]) == ("高于全体", "低于全体")
    assert met["全体合计"][:2] == [14, 24]
    page = as_user(poor).get("/sheets/comparison", query_string=said, headers=PAGE).text
    assert b.name in page
    assert a.name not in page  # a team sees its own figures and those of all together
    form = {"id": str(uuid.uuid4()), "team": str(b.id), "words": "有十户外出务工", **said}
    begins, ends = objecting.window(TOWNSHIP, quarter)
    inside = begins <= now() < ends
    answer = as_user(poor).post("/sheets/comparison", data=form)
    assert answer.status_code == (302 if inside else 409)
    assert as_user(good).post("/sheets/comparison", data=form | {"id": str(uuid.uuid4())}
                              ).status_code == 403  # fmt: skip


def test_an_objection_is_shown_and_answered_once(make, as_user, context, monkeypatch):
    quarter = last_quarter()
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [cadre])
    home = make.household(cell)
    make.visit(home, cadre, at=workdays.start_of(quarter) + timedelta(days=9))
    begins, ends = objecting.window(TOWNSHIP, quarter)
    assert ends - begins >= timedelta(days=10)
    monkeypatch.setattr(objecting, "now", lambda: begins + timedelta(days=1))
    said = {"quarter": objecting.quarter_name(quarter), "jurisdiction": TOWNSHIP}
    form = {"id": str(uuid.uuid4()), "team": str(team.id), "words": "有十户外出务工", **said}
    leader, away = make.user(Role.LEADER, TOWNSHIP), make.user(Role.LEADER, "530626102")
    below = make.user(Role.LEADER, VILLAGE)  # sees no comparison of the township
    for _n in range(2):
        assert as_user(cadre).post("/sheets/comparison", data=form).status_code == 302
    monkeypatch.undo()
    told = notices(as_user(leader))
    assert [each["title"] for each in told] == ["有团队对季度评比提出异议"]
    inbox = as_user(leader).get("/inbox", headers=PAGE).text
    assert f"{team.name} · {said['quarter']}" in inbox
    assert as_user(leader).get(told[0]["link"], headers=PAGE).text.count("有十户外出务工") == 1
    assert [notices(as_user(each)) for each in (away, below, cadre)] == [[], [], []]
    reply = {"id": form["id"], "action": "answer", "words": "已核实", "upheld": "1", **said}
    assert as_user(away).post("/sheets/comparison", data=reply).status_code == 404
    assert as_user(cadre).post("/sheets/comparison", data=reply).status_code == 404
    assert as_user(leader).post("/sheets/comparison", data=reply).status_code == 302
    again = as_user(leader).post("/sheets/comparison", data=reply | {"words": "另说"})
    assert again.status_code == 409
    (answered,) = notices(as_user(cadre))
    assert (answered["title"], answered["detail"]) == ("您的异议已有答复", "异议成立：已核实")
    assert "已核实" in as_user(cadre).get(answered["link"], headers=PAGE).text
    assert len(notices(as_user(leader))) == 1
    client = as_user(leader)
    for text in (
        client.get("/sheets/comparison", query_string=said, headers=PAGE).text,
        words(taken(client, asked(client, "comparison", "pdf", quarter=said["quarter"])).data),
    ):
        assert "有十户外出务工" in text
        assert "已核实" in text


def test_where_the_only_leader_objects_those_above_are_told(make, as_user, context, monkeypatch):
    quarter = last_quarter()
    only, above = make.user(Role.LEADER, TOWNSHIP), make.user(Role.LEADER, COUNTY)
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [only, cadre])
    at = workdays.start_of(quarter) + timedelta(days=9)
    make.visit(make.household(cell), cadre, at=at)
    begins, _ends = objecting.window(TOWNSHIP, quarter)
    monkeypatch.setattr(objecting, "now", lambda: begins + timedelta(days=1))
    said = {"quarter": objecting.quarter_name(quarter), "jurisdiction": TOWNSHIP}
    form = {"id": str(uuid.uuid4()), "team": str(team.id), "words": "有十户外出务工", **said}
    assert as_user(only).post("/sheets/comparison", data=form).status_code == 302
    assert notices(as_user(only)) == []
    (told,) = notices(as_user(above))
    assert "有十户外出务工" in as_user(above).get(told["link"], headers=PAGE).text
    reply = {"id": form["id"], "action": "answer", "words": "属实", "upheld": "1", **said}
    form = 'name="action" value="answer"'
    assert form not in as_user(only).get(told["link"], headers=PAGE).text
    assert as_user(only).post("/sheets/comparison", data=reply).status_code == 403
    assert form in as_user(above).get(told["link"], headers=PAGE).text
    assert as_user(above).post("/sheets/comparison", data=reply).status_code == 302


def test_the_brief_fits_one_page_however_bad_the_month_was(make, as_user, month):
    cells = [make.cell(village=f"5306261012{n:02d}") for n in range(1, 10)]
    cadre = make.user(Role.DISPATCHER, TOWNSHIP)
    at = workdays.start_of(month)
    for cell in cells:
        home = make.household(cell)
        for issue in reported(make, home, cadre, 2, at):
            issue.words = "村口的路灯坏了很久一直没有人来修老人晚上出门很不方便" * 8
    db.session.commit()
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    said = {"month": month_name(month)}
    for language in ("zh", "en"):
        leader.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        document = asked(leader, "brief", "pdf", **said)
        data = taken(leader, document).data
        assert len(pypdfium2.PdfDocument(data)) == 1
        assert "18" in words(data)
    assert made(leader, "issues", "xlsx")["state"] == "done"
    page = leader.get("/sheets/brief", query_string=said, headers=PAGE)
    assert page.status_code == 200
    assert ask(as_user(make.cadre(cells[:1]))).status_code == 403

"""The work log: all that somebody did by days, nothing to type, and for nobody else."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from sqlalchemy import update

from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.statements import statements
from visits.issues.models import Issue

LOG = "/api/v1/log"


def days(client, first, last=None):
    answer = client.get(f"{LOG}?from={first}&to={last or first}")
    assert answer.status_code == 200, answer.json
    return answer.json["days"]


def noon(ago):
    return workdays.start_of(workdays.today() - timedelta(days=ago)) + timedelta(hours=12)


def day(ago):
    return workdays.today() - timedelta(days=ago)


def test_visits_reports_and_steps_stand_under_the_day_on_which_they_happened(make, as_user):
    cell = make.cell()
    cadre, other = make.user(Role.CADRE, VILLAGE), make.cadre([cell])
    team = make.team([cell], [cadre])
    home, desk = make.household(cell, head_name="王五"), make.user(Role.DISPATCHER)
    late = workdays.start_of(day(1)) + timedelta(minutes=1)  # in UTC it is the day before
    make.visit(home, by=cadre, at=late)
    make.visit(home, by=cadre, at=noon(2), outcome="nobody_home")
    make.visit(home, by=other, at=noon(2))
    issue = make.issue(home, by=cadre, at=noon(2))
    for action in ("accept", "dispatch"):
        make.step(issue, action, desk, team_id=team.id, happened_at=noon(2) + timedelta(hours=1))
    make.step(issue, "sign", cadre, happened_at=noon(1), words="马上去看")
    got = days(as_user(cadre), day(3), day(0))
    assert [each["day"] for each in got] == [day(2).isoformat(), day(1).isoformat()]
    first, second = got
    assert [visit["outcome"] for visit in first["visits"]] == ["nobody_home"]
    assert first["visits"][0]["name"] == "王五"
    assert [(s["action"], s["number"]) for s in first["issues"]] == [("report", issue.number)]
    assert first["steps"] == []
    assert [visit["at"] for visit in second["visits"]] == [late.astimezone(UTC).isoformat()]
    assert [(s["action"], s["words"], s["for"]) for s in second["steps"]] == [
        ("sign", "马上去看", None)
    ]
    acts = [s["action"] for each in days(as_user(desk), day(2)) for s in each["steps"]]
    assert acts == ["accept", "dispatch"]


def test_what_was_done_in_somebodys_place_says_so(make, as_user):
    cell = make.cell()
    a, b = make.user(Role.CADRE, VILLAGE, name="甲"), make.user(Role.CADRE, VILLAGE, name="乙")
    team = make.team([cell], [a])
    make.deputy(team, a, b)
    make.absent(a, workdays.today() - timedelta(days=3))
    home, desk = make.household(cell), make.user(Role.DISPATCHER)
    make.visit(home, by=b)
    issue = make.issue(home, by=desk)
    for action in ("accept", "dispatch"):
        make.step(issue, action, desk, team_id=team.id)
    make.step(issue, "sign", b)
    (today,) = days(as_user(b), day(0))
    assert [visit["for"] for visit in today["visits"]] == ["甲"]
    assert [step["for"] for step in today["steps"]] == ["甲"]
    assert days(as_user(a), day(0)) == []
    page = as_user(b).get("/m/log?lang=en").text
    assert page.count("for 甲") == 2


def test_nobody_reads_the_log_of_another(make, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    make.visit(make.household(cell), by=cadre)
    for role, code in ((Role.LEADER, COUNTY), (Role.DISPATCHER, TOWNSHIP),
                       (Role.ADMINISTRATOR, COUNTY), (Role.CADRE, VILLAGE)):  # fmt: skip
        client = as_user(make.user(role, code))
        assert days(client, day(0)) == []
        for asked in (f"user={cadre.id}", f"user_id={cadre.id}"):
            assert client.get(f"{LOG}?{asked}").status_code == 422
    assert len(days(as_user(cadre), day(0))) == 1


def test_own_words_are_put_down_changed_and_taken_away(make, as_user):
    client = as_user(make.cadre([make.cell()]))
    say = lambda words, ago=0: client.post(f"{LOG}/{day(ago)}", json={"words": words})  # noqa: E731
    assert say("上午参加防汛培训").json["days"][0]["words"] == "上午参加防汛培训"
    assert say("上午参加防汛培训").status_code == 200
    assert say("全天培训").json["days"][0]["words"] == "全天培训"
    assert [each["words"] for each in days(client, day(0))] == ["全天培训"]
    assert say("").json["days"] == []
    assert days(client, day(0)) == []
    assert say("明天", -1).status_code == 422
    for wrong in ("2026-13-01", "today", "20261"):
        assert client.post(f"{LOG}/{wrong}", json={"words": "x"}).status_code == 404
    assert say("x" * 4001).status_code == 422


@pytest.mark.parametrize(
    ("asked", "field"),
    [("from=2026-03-02&to=2026-03-01", "/to"), ("from=2026-01-01&to=2026-02-01", "/to"),
     ("from=yesterday", "/from")],
)  # fmt: skip
def test_days_that_cannot_be_asked_for(make, as_user, asked, field):
    answer = as_user(make.user(Role.CADRE)).get(f"{LOG}?{asked}")
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])


def test_a_household_that_one_has_left_is_masked_and_a_complaint_is_in_no_log(make, as_user):
    cell = make.cell()
    a, b = make.user(Role.CADRE, "530626102"), make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [b])
    make.deputy(team, b, a)
    absence = make.absent(b, day(1))
    home = make.household(cell, head_name="王小五")
    make.visit(home, by=a)
    issue = make.issue(home, by=a)
    client = as_user(a)
    (before,) = days(client, day(0))
    assert (before["visits"][0]["name"], len(before["issues"])) == ("王小五", 1)
    absence.to_date = workdays.today()
    db.session.execute(update(Issue).where(Issue.id == issue.id).values(about_staff=True))
    db.session.commit()
    (after,) = days(client, day(0))
    assert (after["visits"][0]["name"], after["issues"]) == ("王**", [])


def test_the_page_is_a_log_to_print_with_room_for_own_words(make, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    client = as_user(cadre)
    assert "Nothing recorded yet" in client.get("/m/log?lang=en").text
    visit = make.visit(make.household(cell, head_name="王五"), by=cadre)
    visit.notes = "老人身体尚可"
    db.session.commit()
    page = client.get("/m/log?lang=en").text
    assert "王五" in page
    assert "老人身体尚可" in page
    assert "1 visit, met 1" in page
    form = {"words": "<b>培训</b>"}
    answer = client.post(f"/m/log/{day(0)}?from={day(6)}&to={day(0)}", data=form)
    assert (answer.status_code, answer.location) == (302, f"/m/log?from={day(6)}&to={day(0)}")
    assert "&lt;b&gt;培训&lt;/b&gt;" in client.get(answer.location).text
    assert client.post("/m/log/2026-13-01", data=form).status_code == 422
    assert client.post(f"/m/log/{day(0)}", data={"words": "x" * 4001}).status_code == 422
    assert client.get("/m/log?from=x").status_code == 422


def test_the_queries_do_not_grow_with_the_days(make, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    client, counts = as_user(cadre), []
    for rounds in (1, 5):
        for n in range(rounds):
            home = make.household(cell)
            make.visit(home, by=cadre, at=noon(n + 1))
            make.issue(home, by=cadre, at=noon(n + 1))
        with statements() as found:
            days(client, day(20), day(0))
        counts.append(len(found))
    assert counts[0] == counts[1] <= 8, counts

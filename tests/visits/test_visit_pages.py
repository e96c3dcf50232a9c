"""The pages on households and issues: recording in the browser, and what each person may read."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, VILLAGE
from visits.issues.models import Issue
from visits.models import Visit

PAGE = {"Accept": "text/html"}


@pytest.fixture
def place(make, as_user):
    """A cell with its cadre, a household, a desk, and a client for each."""
    make.category()
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE, name="王网格")
    desk = make.user(Role.DISPATCHER, TOWNSHIP, name="赵调度")
    household = make.household(cell, head_name="李四海", phone="13800001234")
    return SimpleNamespace(
        cell=cell, household=household, cadre=cadre, desk=desk, team=make.team([cell], [cadre]),
        address=f"/households/{household.id}",
        as_cadre=as_user(cadre), as_desk=as_user(desk),
    )  # fmt: skip


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


def visited(**changes):
    return {
        "id": str(uuid.uuid4()), "outcome": "met", "started_at": "2026-01-05T09:30", "notes": "",
        **changes,
    }  # fmt: skip


def reported(**changes):
    said = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路面塌陷"}
    return said | changes


def test_lists_say_in_whose_charge_an_issue_is_and_mark_ones_own(make, as_user, place):
    issue = make.issue(place.household, place.cadre)
    make.step(issue, "accept", place.desk)
    make.step(issue, "dispatch", place.desk, team_id=place.team.id)
    listed = place.as_desk.get("/issues", headers=PAGE).text
    assert "王网格" in listed
    assert "由我承办" not in listed
    assert "由我承办" in place.as_cadre.get("/issues", headers=PAGE).text
    deputy = make.user(Role.CADRE, VILLAGE, name="孙代")
    make.deputy(place.team, place.cadre, deputy)
    make.absent(place.cadre, workdays.today())
    assert "由我承办（代 王网格）" in as_user(deputy).get("/issues", headers=PAGE).text
    assert "孙代" in place.as_desk.get("/issues", headers=PAGE).text


def test_a_visit_is_recorded_once_however_often_the_button_is_tapped(place):
    form = visited(notes="一切都好")
    for _tap in range(2):
        answer = place.as_cadre.post(place.address, data=form, headers=PAGE)
        assert (answer.status_code, answer.location) == (302, place.address)
    visit = db.session.scalars(select(Visit)).one()
    assert (visit.outcome, visit.notes, visit.in_scope) == ("met", "一切都好", True)
    assert visit.started_at.isoformat() == "2026-01-05T01:30:00+00:00"  # half past nine here
    page = place.as_cadre.get(place.address, headers=PAGE).text
    assert "一切都好" in page


def test_another_outcome_from_the_same_form_is_refused_and_the_next_try_counts(place):
    form = visited()
    assert place.as_cadre.post(place.address, data=form, headers=PAGE).status_code == 302
    again = place.as_cadre.post(place.address, data=form | {"outcome": "refused"}, headers=PAGE)
    assert again.status_code == 409
    assert form["id"] not in again.text  # the form has an id of its own again
    assert count(Visit) == 1


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        (visited(outcome="gone"), "outcome"),
        (visited(started_at="yesterday"), "started_at"),
        (visited(started_at="2099-01-01T00:00"), "started_at"),
        (visited(id="x"), "id"),
        (reported(category="no.such"), "category"),
        (reported(words=" "), "words"),
    ],
)
def test_what_cannot_be_used_is_named_and_what_was_typed_is_kept(place, form, pointer):
    form |= {"notes": "门前修路"} if "outcome" in form else {}
    answer = place.as_cadre.post(place.address, data=form, headers=PAGE)
    assert answer.status_code == 422
    alert = re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)[1]
    assert pointer in alert
    assert "门前修路" in answer.text or form.get("words", "").strip() in answer.text
    assert (count(Visit), count(Issue)) == (0, 0)


def test_an_issue_is_reported_once_with_its_household(place):
    form = reported()
    for _tap in range(2):
        assert place.as_cadre.post(place.address, data=form, headers=PAGE).status_code == 302
    issue = db.session.scalars(select(Issue)).one()
    assert (issue.household_id, issue.cell_id) == (place.household.id, place.cell.id)
    assert (issue.words, issue.channel) == ("路面塌陷", "visit")
    page = place.as_cadre.get(place.address, headers=PAGE).text
    assert issue.number in page


def test_a_dispatcher_reports_and_does_not_visit_and_sees_no_names(place):
    page = place.as_desk.get(place.address, headers=PAGE).text
    assert "李**" in page
    assert "138******34" in page
    assert "李四海" not in page
    assert 'name="outcome"' not in page
    assert place.as_desk.post(place.address, data=visited(), headers=PAGE).status_code == 403
    form = reported(channel="hotline")
    assert place.as_desk.post(place.address, data=form, headers=PAGE).status_code == 302
    assert db.session.scalars(select(Issue)).one().channel == "hotline"


def test_a_leader_reads_and_changes_nothing(make, place, as_user):
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    page = leader.get(place.address, headers=PAGE)
    assert page.status_code == 200
    assert "<textarea" not in page.text
    assert leader.post(place.address, data=reported(), headers=PAGE).status_code == 403


def test_other_places_find_nothing(make, place, as_user):
    other = make.cell(2)
    for user in (make.cadre([other]), make.user(Role.LEADER, "530629")):
        client = as_user(user)
        assert client.get(place.address, headers=PAGE).status_code == 404
    neighbour = as_user(make.cadre([other]))
    assert neighbour.post(place.address, data=visited(), headers=PAGE).status_code == 404
    assert neighbour.post(place.address, data=reported(), headers=PAGE).status_code == 404
    assert as_user(make.user(Role.ADMINISTRATOR)).get(place.address).status_code == 403
    assert (count(Visit), count(Issue)) == (0, 0)


def test_the_list_of_households_says_which_and_how_many(make, place):
    make.visit(make.household(place.cell), place.cadre)
    today = workdays.today().isoformat()  # of the county: in the evening UTC is a day behind
    filters = f"cell={place.cell.code}&status=active&from=2026-01-01&to={today}&met=0"
    page = place.as_cadre.get(f"/households?{filters}&lang=en", headers=PAGE).text
    heading = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)[1]
    assert "田坝村 · 第1网格" in heading
    assert "Households not met" in heading
    assert "1 household" in page
    assert place.address in page


def test_the_list_of_issues_shows_open_ones_unless_asked(make, place):
    open_, declined = (make.issue(place.household, place.cadre) for _n in range(2))
    make.step(declined, "decline", place.desk, words="不属本镇")
    for query, shown in (
        ("", {open_}), ("?open=1", {open_}), ("?open=0", {declined}),
        ("?open=all", {open_, declined}), ("?status=declined", {declined}),
    ):  # fmt: skip
        page = place.as_desk.get(f"/issues{query}", headers=PAGE).text
        assert {i for i in (open_, declined) if i.number in page} == shown, query


def test_an_address_that_cannot_be_used_says_what_and_what_can(place):
    page = place.as_desk.get("/issues?light=purple&lang=en", headers=PAGE)
    assert page.status_code == 422
    assert "light=purple" in page.text
    assert "deep_red" in page.text


def test_a_closed_issue_shows_how_it_ended_and_is_evaluated_once(make, place):
    issue = make.issue(place.household, place.cadre, now() - timedelta(days=30))
    make.step(issue, "accept", place.desk)
    make.step(issue, "dispatch", place.desk, team_id=place.team.id)
    make.step(issue, "sign", place.cadre)
    make.step(issue, "feed_back", place.cadre, words="已修好")
    address = f"/issues/{issue.id}?lang=en&back=/desk?queue=to_review"
    page = place.as_desk.get(address, headers=PAGE).text
    assert "Long overdue, by" in page
    assert 'href="/desk?queue=to_review"' in page
    form = {"id": str(uuid.uuid4()), "action": "pass_review", "seen": issue.step_no}
    answer = place.as_desk.post(address, data=form, headers=PAGE)
    assert "back=/desk" in answer.location
    page = place.as_desk.get(address, headers=PAGE).text
    assert "Closed late" in page
    assert "Held by" not in page
    assert 'class="light' not in page
    rate = {"action": "evaluate", "rating": "satisfied", "seen": issue.step_no + 1}
    steps = f"/api/v1/issues/{issue.id}/steps"
    said = place.as_desk.post(steps, json={"id": str(uuid.uuid4())} | rate)
    assert said.status_code == 201
    page = place.as_desk.get(address, headers=PAGE).text
    assert 'value="evaluate"' not in page
    rate["seen"] += 1
    again = place.as_desk.post(steps, json={"id": str(uuid.uuid4())} | rate)
    assert (again.status_code, again.json["code"]) == (409, "issue.already_evaluated")


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
def test_the_way_back_stays_on_this_site(make, place, back):
    issue = make.issue(place.household, place.cadre)
    page = place.as_desk.get(f"/issues/{issue.id}", query_string={"back": back}, headers=PAGE).text
    assert "evil" not in re.search(r'<p class="back">.*?</p>', page, re.DOTALL)[0]


def test_a_village_shows_its_administrator_what_is_there(make, place, as_user):
    client = as_user(make.user(Role.ADMINISTRATOR))
    page = client.get(f"/admin?jurisdiction={VILLAGE}&lang=en", headers=PAGE).text
    for words in (place.cell.code, place.cell.name, place.team.name, place.cadre.name, "田坝村"):
        assert words in page
    assert "村民委员会" not in page
    page = client.get(f"/admin?jurisdiction={TOWNSHIP}", headers=PAGE).text
    assert f"/admin?jurisdiction={VILLAGE}" in page

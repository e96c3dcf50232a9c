"""The map pages and the API of figures: who sees what, what is refused, and how many queries."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import text

from grids.models import parent_code
from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import Post
from gridserve.permissions import Role
from maps import coveragepages
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.statements import statements
from visits import counting, figures

PAGE = {"Accept": "text/html"}
PAGES = ("/overview", "/maps/coverage", "/maps/aging", "/maps/aging/weeks")
APIS = ("/api/v1/coverage", "/api/v1/aging")
ELSEWHERE = "530627100200"


def fill(make, cells, households, issues, *, first=1):
    """Cells with households and open issues of all ages, kept figures included."""
    cadre = make.user(Role.CADRE, COUNTY)
    made = [make.cell(n) for n in range(first, first + cells)]
    make.team(made, [cadre])
    for n in range(households):
        home = make.household(made[n % cells])
        if n % 2:
            make.visit(home, cadre, now() - timedelta(days=n % 200))
        if n < issues:
            make.issue(home, cadre, now() - timedelta(days=n))
    figures.refresh_marked()
    figures.refresh()
    db.session.commit()
    return made


@pytest.mark.parametrize(
    "address",
    [
        "/overview",
        "/maps/coverage",
        "/maps/coverage?by=cell",
        "/maps/coverage?days=30",
        "/maps/coverage?from=2026-01-01&to=2026-02-01",
        "/maps/aging",
        "/maps/aging?light=deep_red",
        "/maps/aging?as_of=2026-01-01",
        f"/maps/coverage?jurisdiction={VILLAGE}",
        f"/maps/aging?jurisdiction={VILLAGE}",
        f"/overview?jurisdiction={VILLAGE}",
        "/api/v1/coverage",
        "/api/v1/coverage?by=cell",
        "/api/v1/coverage?as_of=2026-06-30",
        "/api/v1/aging",
        "/api/v1/aging?as_of=2026-06-30",
    ],
)
def test_more_cells_and_issues_ask_no_more_queries(make, as_user, address):
    client = as_user(make.user(Role.LEADER))
    fill(make, 2, 4, 4)
    with statements() as few:
        assert client.get(address, headers=PAGE).status_code == 200
    fill(make, 5, 20, 20, first=3)
    with statements() as many:
        assert client.get(address, headers=PAGE).status_code == 200
    assert len(many) == len(few)
    assert len(few) <= 20


@pytest.mark.parametrize("address", [*PAGES, *APIS])
def test_what_lies_outside_the_scope_cannot_be_found(make, as_user, address):
    make.cell()
    make.jurisdictions(ELSEWHERE)
    for role, code in ((Role.LEADER, TOWNSHIP), (Role.CADRE, VILLAGE), (Role.DISPATCHER, COUNTY)):
        client = as_user(make.user(role, code))
        assert client.get(address, headers=PAGE).status_code == 200
        assert client.get(f"{address}?jurisdiction={code}", headers=PAGE).status_code == 200
        for other in (ELSEWHERE, ELSEWHERE[:6], "53", parent_code(code), "999999"):
            answer = client.get(f"{address}?jurisdiction={other}", headers=PAGE)
            assert answer.status_code == 404, (role, other)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        assert as_user(make.user(role)).get(address, headers=PAGE).status_code == 403


def test_figures_of_a_scope_count_nothing_beside_it(make, as_user):
    here, there = make.cell(1), make.cell(2, village="530626102200")
    cadre = make.user(Role.CADRE, COUNTY)
    for cell in (here, there):
        make.issue(make.household(cell), cadre)
    client = as_user(make.user(Role.LEADER, TOWNSHIP))
    assert client.get("/api/v1/coverage").json["total"]["households"] == 1
    assert client.get("/api/v1/aging").json["total"] == 1
    assert len(client.get("/api/v1/aging").json["places"]) == 1
    assert [a["code"] for a in client.get("/api/v1/coverage?by=cell").json["areas"]] == [here.code]
    whole = as_user(make.user(Role.LEADER, COUNTY)).get("/api/v1/aging").json
    assert whole["total"] == 2


def test_the_whole_installation_begins_where_all_cells_lie(make, as_user):
    client = as_user(make.user(Role.LEADER, None))
    assert client.get("/api/v1/coverage").json["jurisdiction"] == ""
    make.cell(1)
    make.jurisdictions(ELSEWHERE)  # a code without cells does not matter
    assert client.get("/api/v1/coverage").json["jurisdiction"] == COUNTY
    make.cell(1, village=ELSEWHERE)
    found = client.get("/api/v1/coverage").json
    assert (found["jurisdiction"], found["by"]) == ("5306", "county")
    for page in PAGES:
        assert client.get(page, headers=PAGE).status_code == 200


def test_somebody_with_two_posts_chooses(make, as_user):
    other = "530626102"
    user = make.user(Role.LEADER, TOWNSHIP)
    make.jurisdictions(other)
    db.session.execute(
        text(
            "INSERT INTO post (id, user_id, role, jurisdiction_code, from_date)"
            " VALUES (:id, :user, 'leader', :code, '2020-01-01')"
        ),
        {"id": uuid.uuid4(), "user": user.id, "code": other},
    )
    db.session.commit()
    page = as_user(user).get("/maps/aging", headers=PAGE).text
    assert f"/maps/aging?jurisdiction={TOWNSHIP}" in page
    assert f"/maps/aging?jurisdiction={other}" in page


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("jurisdiction=53062", "jurisdiction"),
        ("jurisdiction=x", "jurisdiction"),
        ("jurisdiction=%00", "jurisdiction"),
        ("as_of=2026-13-01", "as_of"),
        ("as_of=2099-01-01", "as_of"),
        ("as_of=0001-01-01", "as_of"),
        ("as_of=9999-12-31", "as_of"),
        ("colour=red", "colour"),
    ],
)
@pytest.mark.parametrize("address", ["/maps/coverage", "/maps/aging", *APIS])
def test_what_cannot_be_used_is_named(make, as_user, address, query, name):
    make.cell()
    answer = as_user(make.user(Role.LEADER)).get(f"{address}?{query}", headers=PAGE)
    assert answer.status_code == 422
    if address in APIS:
        assert list(answer.json["errors"]) == [f"/{name}"]
    else:
        assert name in answer.text


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("from=2026-02-01&to=2026-01-01", "from"),
        ("to=2099-01-01", "to"),
        ("by=street", "by"),
        ("from=1999-12-31", "from"),
        (f"jurisdiction={VILLAGE}&by=township", "by"),
        ("jurisdiction=53&by=village", "by"),
        ("jurisdiction=5306&by=cell", "by"),
        ("jurisdiction=53&by=township", "by"),
        ("from=9999-12-31&to=9999-12-31", "from"),
    ],
)
def test_a_window_or_level_that_cannot_be_is_refused(make, as_user, query, name):
    make.cell()
    client = as_user(make.user(Role.LEADER, None))
    answer = client.get(f"/api/v1/coverage?{query}")
    assert answer.status_code == 422
    assert f"/{name}" in answer.json["errors"]
    page = client.get(f"/maps/coverage?{query}", headers=PAGE)
    assert (page.status_code, page.mimetype) == (422, "text/html")


def test_of_many_cells_the_page_holds_no_rows_and_its_map_all_figures(make, as_user, monkeypatch):
    cadre = make.user(Role.CADRE, COUNTY)
    villages = [f"{TOWNSHIP}20{n}" for n in range(5)]
    cells = [make.cell(1, village=village) for village in villages]
    for n, cell in enumerate(cells):
        for m in range(4):
            home = make.household(cell)
            if m < n:
                make.visit(home, cadre)
    make.household(village_code=villages[0])
    figures.refresh_marked()
    figures.refresh()
    client = as_user(make.user(Role.LEADER, COUNTY))
    asked = {"jurisdiction": COUNTY, "by": "cell", "lang": "en"}

    def page(**more):
        return client.get("/maps/coverage", query_string={**asked, **more}, headers=PAGE).text

    few = page()
    monkeypatch.setattr(coveragepages, "FEW", 4)
    monkeypatch.setattr(coveragepages, "LOWEST", 2)
    many = page()
    for said in ("10 / 21", "47.6 %", "of 5", "1 more household has no cell"):
        assert said in few, said
        assert said in many, said
    summary = re.compile(r"Areas under 60 %.*?</dd>", re.DOTALL)
    assert summary.search(few).group() == summary.search(many).group()
    assert len(re.findall(r"[0-4] / 4<", few)) == 5
    assert not re.findall(r"[0-4] / 4", many)
    assert "3 more areas are on the map only" in many
    assert re.findall(r"[0-4] / 4", page(by="village"))  # only of cells are there so many

    drawn = client.get("/maps/coverage/areas", query_string=asked).json
    assert drawn["areas"] == {c.code: [c.name, n, 4] for n, c in enumerate(cells)}
    assert set(drawn["villages"]) == set(villages)
    earlier = client.get("/maps/coverage/areas", query_string={**asked, "compare": ago(400)}).json
    assert earlier["areas"] == {c.code: [c.name, n, 4, 0, 4] for n, c in enumerate(cells)}


def test_of_many_cells_those_open_that_open_of_few(make, as_user):
    near, far, another = make.cell(1), make.cell(2), f"{TOWNSHIP}202"
    wide = make.cell(1, village=another)
    wide.name = "田坝村民委员会"
    cadre = make.user(Role.CADRE, COUNTY)
    make.team([near], [cadre], code=VILLAGE)
    since = workdays.today() - timedelta(days=9)
    also = Post(user_id=cadre.id, role=Role.DISPATCHER, jurisdiction_code=another, from_date=since)
    db.session.add(also)
    db.session.commit()
    for cell in (near, far, wide):
        make.household(cell)
    client = as_user(cadre)
    asked = {"jurisdiction": COUNTY, "by": "cell", "lang": "en"}
    few = client.get("/maps/coverage", query_string=asked, headers=PAGE).text
    many = client.get("/maps/coverage/areas", query_string=asked).json
    assert set(many["own"]) == {near.code, wide.code}
    for cell in (near, far, wide):
        address = many["cases"].replace("{code}", cell.code)
        assert (address in unescape(few)) is (cell.code in many["own"])
    assert many["areas"][wide.code][0] == "田坝村"
    assert ">田坝村<" in few


def test_the_cells_of_a_whole_city_are_too_many(make, as_user):
    make.cell()
    client = as_user(make.user(Role.LEADER, COUNTY[:4]))
    for by in ("", "&by=county", "&by=cell"):
        answer = client.get(f"/maps/coverage/areas?jurisdiction={COUNTY[:4]}{by}")
        assert answer.status_code == 422, by


def ago(days):
    return (workdays.today() - timedelta(days=days)).isoformat()


def links(page, label):
    """The addresses in a page that lead to `label`."""
    return {unescape(href) for href in re.findall(r'href="([^"]+)"', page) if label in href}


def test_every_figure_opens_to_as_many_cases_as_it_counts(make, as_user):
    cells = fill(make, 3, 30, 30)
    cadre = make.user(Role.CADRE, COUNTY)
    for n in range(24):  # due, overdue, or neither; visited in time, late, or not
        since = now() - timedelta(days=20 + 9 * n)
        home = make.household(cells[n % 3], tags=["poor"] * (n % 2), registered_at=since)
        if n % 3:
            make.visit(home, cadre, max(since, now() - timedelta(days=n)))
    figures.refresh_marked()
    figures.refresh()
    client = as_user(make.user(Role.LEADER))

    def listed(address):
        found, address = 0, f"/api/v1{address}&limit=500"
        while address:
            page = client.get(address).json
            found, address = found + len(page["items"]), page["next"]
        return found

    for asked, part, whole in (
        ("measure=met", "met", "households"), ("measure=register&tag=any", "met", "registered"),
        ("measure=due", "in_time", "due"), ("measure=due&tag=poor", "in_time", "due"),
    ):  # fmt: skip
        found = client.get(f"/api/v1/coverage?by=cell&from={ago(29)}&{asked}").json
        assert sum(area[whole] for area in found["areas"]) > 0, asked
        for area in found["areas"]:
            address = area["cases"].removeprefix("/api/v1")
            assert listed(address) == area[whole] - area[part], address
        page = client.get(f"/maps/coverage?by=cell&from={ago(29)}&{asked}&lang=en", headers=PAGE)
        total = found["total"]
        assert f"{total[part]:,} / {total[whole]:,}" in page.text
        if "due" in asked:
            rest = next(iter(links(page.text, "overdue=1")))
            assert listed(rest) == total["overdue"] - total["caught_up"] > 0
    aging = client.get("/api/v1/aging").json
    for area in aging["areas"]:
        assert listed(area["cases"].removeprefix("/api/v1")) == area["total"]
    for band in aging["bands"]:
        assert listed(f"/issues?open=1&light={band['light']}") == band["count"]

    overview = client.get("/overview?lang=en", headers=PAGE).text
    numbers = {
        unescape(href): int(n.replace(",", ""))
        for href, n in re.findall(r'<a href="(/issues\?[^"]+)">([\d,]+)</a>', overview)
    }
    assert len(numbers) >= 6
    for address, count in numbers.items():
        assert listed(address) == count, address
    due = next(href for href in links(overview, "due_from"))
    assert f"of {listed(due)} that fell due" in overview
    # Every address on the pages is one that opens.
    shown = set().union(*(links(client.get(page, headers=PAGE).text, "/") for page in PAGES))
    for address in shown - {"/"}:
        if not address.startswith("/static/"):
            answer = client.get(address, headers=PAGE)
            assert answer.status_code == 200, address


def test_a_cadre_gets_links_to_the_own_cells_only(make, as_user):
    mine, theirs = make.cell(1), make.cell(2)
    cadre = make.cadre([mine])
    make.household(mine)
    make.household(theirs)
    areas = as_user(cadre).get(f"/api/v1/coverage?jurisdiction={VILLAGE}").json["areas"]
    assert {a["code"]: bool(a["cases"]) for a in areas} == {mine.code: True, theirs.code: False}


def test_names_of_people_stay_words_on_the_pages(make, as_user):
    nasty = "</script><img src=x onerror=alert(1)>"
    cell = make.cell()
    cell.name = nasty
    db.session.commit()
    home = make.household(cell)
    issue = make.issue(home, make.user(Role.CADRE, COUNTY), now() - timedelta(days=40))
    issue.words = nasty
    db.session.commit()
    client = as_user(make.user(Role.LEADER))
    for page in ("/overview", "/maps/aging", f"/maps/coverage?jurisdiction={VILLAGE}"):
        page = client.get(page, headers=PAGE).text
        assert "<img src=x" not in page
        assert "&lt;img" in page or "\\u003cimg" in page


def test_the_api_says_what_was_counted(make, as_user):
    fill(make, 2, 4, 0)
    made = as_user(make.user(Role.LEADER)).get("/api/v1/coverage?by=cell&from=2026-11-01").json
    today = workdays.today().isoformat()
    assert (made["from"], made["to"], made["as_of"]) == ("2026-11-01", today, today)
    assert made["formula"] == counting.FORMULA
    assert made["total"]["share"] == made["total"]["met"] / made["total"]["households"]


def test_a_leader_is_told_what_went_back_and_forth_and_what_nobody_has(make, as_user):
    """Each count on the start page opens as many cases; with nothing wrong nothing is said."""
    leader = as_user(make.user(Role.LEADER))
    cell, desk = make.cell(), make.user(Role.DISPATCHER, COUNTY)
    cadre = make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [cadre])

    def sent(times):
        issue = make.issue(make.household(cell), cadre, now() - timedelta(days=2))
        make.step(issue, "accept", desk)
        for _n in range(times):
            make.step(issue, "dispatch", desk, team_id=team.id)
            make.step(issue, "return", cadre, words="不归我们")
        return issue

    sent(1)
    assert not links(leader.get("/overview", headers=PAGE).text, "trouble=")
    sent(2)
    again = sent(0)
    make.step(again, "dispatch", desk, team_id=team.id)
    make.step(again, "sign", cadre)
    make.step(again, "feed_back", cadre, words="好了")
    make.step(again, "pass_review", desk)
    make.step(again, "reopen", desk, words="又坏了")
    late = make.issue(make.household(cell), cadre, now() - timedelta(days=30))
    page = leader.get("/overview?lang=en", headers=PAGE).text
    for kind, issues in (("returned", 1), ("again", 1), ("nobody", 1)):
        address = next(iter(links(page, f"trouble={kind}")))
        found = leader.get(f"/api/v1{address}").json["items"]
        assert len(found) == issues, kind
    assert found[0]["id"] == str(late.id)

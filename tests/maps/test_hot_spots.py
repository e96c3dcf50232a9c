"""Hot spots: the worst places in words, each opening exactly the issues that it counts."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import text, update

from gridserve.db import db, now
from gridserve.permissions import Role
from maps import hotspots, pages
from maps.narrowing import Narrowing
from maps.places import Place
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.issues.models import Issue

PAGE = {"Accept": "text/html"}
OTHER = "530626102200"

# Hours of the factory's limits run day and night, so an age is plain time.
PLAIN = text("""
    SELECT coalesce(c.code, i.village_code) AS place, count(*) AS n,
        sum(least(3, extract(epoch FROM :at - i.reported_at) / 3600 / i.limit_amount)) AS heat
    FROM issue i LEFT JOIN cell c ON c.id = i.cell_id
    WHERE i.closed_at IS NULL AND NOT i.about_staff AND i.due_at < :at
      AND (CAST(:category AS text) IS NULL OR i.category_code = :category)
    GROUP BY 1 ORDER BY 3 DESC
""")


@pytest.fixture
def county(make):
    """Cells with overdue issues of many ages, some held by a team, one in no cell."""
    cells = [make.cell(1), make.cell(2), make.cell(4, village=OTHER)]
    cadre = make.cadre(cells, code=COUNTY)
    desk, team = make.user(Role.DISPATCHER, COUNTY), make.team(cells, [cadre], code=TOWNSHIP)
    make.category("facility.water", 2)
    for n in range(14):
        kind = "facility.water" if n % 4 == 1 else "facility.road"
        made = make.issue(make.household(cells[n % 3]), cadre, now() - timedelta(days=1 + n), kind)
        if n % 3 == 0:
            make.step(made, "accept", desk, happened_at=now())
            make.step(made, "dispatch", desk, team_id=team.id, happened_at=now())
        if n == 13:
            values = {"cell_id": None, "point": None, "point_source": None}
            db.session.execute(update(Issue).where(Issue.id == made.id).values(values))
        if n == 12:
            db.session.execute(update(Issue).where(Issue.id == made.id).values(about_staff=True))
    db.session.commit()
    db.session.expire_all()
    return team


def rows(page):
    """Of each hot spot on a page: its whole row, the address it opens, and its number."""
    table = re.search(r'<table class="rows rows-stack spots">.*?</table>', page, re.S)
    found = re.findall(r"<tr><th scope=\"row\">.*?</tr>", table[0] if table else "", re.S)
    said = [re.search(r'<a href="(/issues\?[^"]+)">([\d,]+)</a>', row) for row in found]
    return [(row, unescape(m[1]), int(m[2])) for row, m in zip(found, said, strict=True)]


@pytest.mark.parametrize("category", [None, "facility.water"])
def test_they_equal_a_plain_count(county, category):
    moment = now()
    narrowing = Narrowing(category)
    for live in (True, False):  # the steps say the same as the rows
        found = hotspots.hot_spots(Place(COUNTY, ""), moment, narrowing=narrowing, live=live)
        plain = db.session.execute(PLAIN, {"at": moment, "category": category}).all()
        assert {(spot.cell or spot.village, spot.count) for spot in found} == {
            (row.place, row.n) for row in plain
        }
        assert [spot.heat for spot in found] == pytest.approx([float(r.heat) for r in plain])
    if category is None:
        assert next(s for s in found if s.cell is None).count == 1
        assert found[0].kinds == 2


@pytest.mark.parametrize(
    "asked", ["", "category=facility.water", "tier=township", "tier=county", "light=deep_red",
              "holder={team}", "holder=" + TOWNSHIP, "holder=" + COUNTY],
)  # fmt: skip
def test_each_opens_to_as_many_cases_as_it_counts(make, as_user, county, asked):
    client = as_user(make.user(Role.LEADER, COUNTY))
    page = client.get("/maps/aging?" + asked.format(team=county.id), headers=PAGE)
    assert page.status_code == 200
    found = rows(page.text)
    for _row, address, number in found:
        items = client.get(f"/api/v1{address}&limit=500").json["items"]
        assert len(items) == number > 0, address
        assert client.get(address, headers=PAGE).status_code == 200
    bands = re.findall(r'figure-value"><a href="(/issues\?[^"]+)">(\d+)</a>', page.text)
    assert len(bands) == 4
    for address, number in bands:
        items = client.get(f"/api/v1{unescape(address)}&limit=500").json["items"]
        assert len(items) == int(number), address
    whole = sum(number for _row, _address, number in found)
    late = client.get(f"/api/v1/issues?overdue=1&limit=500&{asked.format(team=county.id)}").json
    assert whole == len(late["items"])
    # county: nothing is to be solved there, and its desk has nothing itself
    nothing = asked in ("tier=county", "holder=" + COUNTY)
    assert bool(found) != nothing


def test_who_may_read_figures_only_learns_no_sensitive_category(make, as_user, county):
    stranger = as_user(make.cadre([], code=VILLAGE))
    page = stranger.get(f"/maps/aging?jurisdiction={VILLAGE}&lang=en", headers=PAGE).text
    table = re.search(r'<table class="rows rows-stack spots">.*?</table>', page, re.S)[0]
    assert "Roads" in table
    assert "/issues" not in table
    db.session.execute(text("UPDATE category SET sensitive = true"))
    db.session.commit()
    page = stranger.get(f"/maps/aging?jurisdiction={VILLAGE}&lang=en", headers=PAGE).text
    table = re.search(r'<table class="rows rows-stack spots">.*?</table>', page, re.S)[0]
    assert "Roads" not in table


@pytest.mark.parametrize("asked", ["holder=x", "holder=5306261", "tier=street", "holder=%00"])
def test_what_cannot_be_asked_is_named(make, as_user, asked):
    make.cell()
    client = as_user(make.user(Role.LEADER, COUNTY))
    for address in ("/maps/aging", "/api/v1/aging", "/api/v1/issues", "/issues"):
        answer = client.get(f"{address}?{asked}", headers=PAGE)
        assert answer.status_code == 422, address
        assert asked.split("=")[0] in answer.text


def test_more_cases_than_a_page_holds_come_as_tiles(make, as_user, county, monkeypatch):
    monkeypatch.setattr(pages, "DRAWN", 5)
    client = as_user(make.user(Role.LEADER, COUNTY))
    page = client.get("/maps/aging?tier=township&lang=en", headers=PAGE).text
    cases = json.loads(re.search(r'"cases": ("[^"]+")', page)[1])
    squares = json.loads(re.search(r'"squares": ("[^"]+")', page)[1])
    assert "tier=township" in cases
    assert "tier=township" in squares
    assert f"jurisdiction={COUNTY}" in squares
    cell = db.session.scalar(text("SELECT min(code) FROM cell"))
    there = client.get("/api/v1" + cases.replace("{cell}", cell)).json["items"]
    plain = "SELECT count(*) FROM issue i JOIN cell c ON c.id = cell_id WHERE c.code = :c"
    plain += " AND NOT about_staff"
    assert len(there) == db.session.scalar(text(plain), {"c": cell}) > 0
    assert "1 open issue lies in no cell" in page
    assert page.count("/issues/") < 5 + pages.OLDEST  # the oldest in the table, none in the map
    few = client.get("/maps/aging?tier=county&lang=en", headers=PAGE).text
    assert "squares" not in few

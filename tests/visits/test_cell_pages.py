"""The map of cells and the page of one cell: who sees what, and what they say."""

from __future__ import annotations

import uuid

import pytest

from gridserve import workdays
from gridserve.permissions import Role
from tests.factories import COUNTY, LONG_AGO, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from tests.statements import statements

PAGE = {"Accept": "text/html"}
ADDRESS = f"/maps/cells?jurisdiction={VILLAGE}"


def text_of(client, address, status=200):
    answer = client.get(address, headers=PAGE)
    assert answer.status_code == status, address
    return answer.get_data(as_text=True)


@pytest.fixture
def ground(make):
    """Two cells with a team, and two households in the first."""
    cells = [make.cell(n) for n in (1, 2)]
    make.team(cells[:1], [make.user(Role.CADRE, VILLAGE, name="李四")])
    for _ in range(2):
        make.household(cells[0])
    return cells


def split(client, **kwargs):
    lon = WEST + STEP / 2
    line = [[lon, SOUTH - 0.001], [lon, SOUTH + STEP + 0.001]]
    body = {"id": str(uuid.uuid4()), "cell": f"{VILLAGE}001", **kwargs,
            "line": {"type": "LineString", "coordinates": line}}  # fmt: skip
    answer = client.post("/api/v1/cells/split", json=body)
    assert answer.status_code == 201, answer.json
    return answer.json


@pytest.mark.parametrize("role", list(Role))
def test_everybody_sees_the_cells_and_only_the_administrator_the_tools(make, as_user, ground, role):
    shown = text_of(as_user(make.user(role, COUNTY)), ADDRESS)
    assert f"<strong>{ground[1].code[12:]}</strong>" in shown
    assert ("data-tool" in shown) is (role is Role.ADMINISTRATOR)
    # an auditor sees no figures, a cadre those of the own cells: here none
    counts = role not in (Role.AUDITOR, Role.CADRE)
    assert ('data-households="2"' in shown) is counts


def test_there_are_no_tools_on_an_old_day_or_in_another_county(make, as_user, ground):
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    assert "data-tool" not in text_of(admin, f"{ADDRESS}&as_of={LONG_AGO}")
    assert "第1网格" not in text_of(admin, f"{ADDRESS}&as_of=2019-01-01")
    elsewhere = as_user(make.user(Role.ADMINISTRATOR, make.jurisdictions("530627")))
    text_of(elsewhere, ADDRESS, 404)
    text_of(elsewhere, f"/cells/{VILLAGE}001", 404)


def test_a_county_asks_to_choose_a_township(make, as_user, ground):
    shown = text_of(as_user(make.user(Role.LEADER, COUNTY)), "/maps/cells")
    assert f"jurisdiction={TOWNSHIP}" in shown


def test_a_change_is_told_on_the_map_and_drawn_on_the_pages_of_its_cells(make, as_user, ground):
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY, name="王五"))
    done = split(admin)
    shown = text_of(admin, f"{ADDRESS}&done={done['id']}&lang=en")
    assert "Moved: 2 households, 0 open issues." in shown
    assert "王五" in shown
    old = text_of(admin, f"/cells/{VILLAGE}001?lang=en")
    assert old.count('class="family-box') == 3
    assert f'href="/cells/{VILLAGE}004"' in old
    new = text_of(admin, f"/cells/{VILLAGE}003?on={LONG_AGO}")
    assert new.count('class="family-box') == 2
    assert "Never changed" in text_of(admin, f"/cells/{VILLAGE}002")


def test_the_teams_of_a_chosen_day_stand_beside_those_of_today(make, as_user, ground):
    until = workdays.today()
    make.team(ground[1:], [make.user(Role.CADRE, VILLAGE, name="赵六")], until=until)
    shown = text_of(as_user(make.user(Role.LEADER, COUNTY)), f"/cells/{VILLAGE}002")
    assert "赵六" not in shown
    shown = text_of(as_user(make.user(Role.LEADER, COUNTY)), f"/cells/{VILLAGE}002?on={LONG_AGO}")
    assert "赵六" in shown


def test_more_cells_ask_no_more_queries(make, as_user, ground):
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    counts = []
    for last in (3, 8):
        for n in range(last, last + 2):
            make.team([make.cell(n)], [make.user(Role.CADRE, VILLAGE)])
        with statements() as sent:
            text_of(admin, ADDRESS)
        counts.append(len(sent))
    assert counts[0] == counts[1]

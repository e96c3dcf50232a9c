"""Asking for a division and looking at its draft: who may, and what is said where it cannot be."""

from __future__ import annotations

import uuid

import pytest
from shapely import box

from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST
from tests.visits.test_cell_pages import text_of

ADDRESS = f"/divisions?village={VILLAGE}&lang=en"


@pytest.fixture
def admin(make, as_user):
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def ask(client) -> str:
    body = {"id": str(uuid.uuid4()), "village": VILLAGE, "smallest": 5, "largest": 9}
    answer = client.post("/api/v1/divisions", json=body)
    assert answer.status_code == 202, answer.json
    return answer.json["id"]


def test_a_village_without_boundary_is_told_what_to_import(make, admin):
    make.jurisdictions(VILLAGE)
    shown = text_of(admin, ADDRESS)
    assert 'id="divide"' not in shown
    assert "import" in shown


def test_a_village_with_cells_is_told_that_it_cannot_adopt(make, admin):
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    assert "already" not in text_of(admin, ADDRESS)
    make.cell(1)
    assert "already" in text_of(admin, ADDRESS)
    assert "already" in text_of(admin, f"/divisions/{ask(admin)}?lang=en")


def test_drafts_are_listed_for_those_who_keep_the_village(make, as_user, admin):
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    draft = ask(admin)
    assert f'href="/divisions/{draft}"' in text_of(admin, ADDRESS)
    other = as_user(make.user(Role.ADMINISTRATOR, make.jurisdictions("530627")))
    text_of(other, f"/divisions/{draft}", 404)
    text_of(other, ADDRESS, 404)
    text_of(as_user(make.user(Role.LEADER, COUNTY)), ADDRESS, 403)


@pytest.mark.parametrize("village", ["", "1", "530626101", "999999999999"])
def test_an_address_that_names_no_village_is_refused_in_words(make, admin, village):
    make.jurisdictions(VILLAGE)
    status = 404 if len(village) > 8 else 422
    text_of(admin, f"/divisions?village={village}", 422 if len(village) == 9 else status)

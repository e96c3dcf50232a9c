"""The auditor's page: what was done in the own jurisdiction, and nothing of another."""

from __future__ import annotations

import re

import pytest

from gridserve.permissions import Role
from tests.factories import PASSWORD, TOWNSHIP


@pytest.fixture
def sign_in(client):
    """Sign in through the page, as a browser does."""

    def done(user):
        page = client.get("/login").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        client.post("/login", data={"csrf_token": token, "login": user.login, "password": PASSWORD})
        return client

    return done


def test_the_auditor_sees_the_own_jurisdiction_only(make, sign_in):
    cell, other = make.cell(), make.cell(village="530629101201")
    here = make.household(cell)
    make.visit(here, make.cadre([cell]))
    there = make.household(other)
    make.visit(there, make.cadre([other], code="530629101201"))
    page = sign_in(make.user(Role.AUDITOR, "530626")).get("/audit?kind=visit").text
    assert page.count("visit.recorded") == 1
    assert TOWNSHIP in page
    assert "530629" not in page


def test_signing_in_leaves_a_trace_and_leads_home(make, sign_in):
    auditor = make.user(Role.AUDITOR, "530626")
    browser = sign_in(auditor)
    assert browser.get("/").headers["Location"] == "/audit"
    assert "sign_in.done" in browser.get(f"/audit?login={auditor.login}").text
    assert browser.get("/desk").status_code == 403
    assert browser.get("/audit?day=x").status_code == 422

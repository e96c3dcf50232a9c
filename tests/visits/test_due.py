"""When households are due: by their tags, in Python as in a query, and as a list."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from gridserve import workdays
from gridserve.app import create_app
from gridserve.config import ConfigError
from gridserve.db import db, now
from gridserve.permissions import Role
from visits import due
from visits.models import Household, HouseholdStatus, Tag

SAID = {"ordinary": 180, "tagged": 30, "migrant": 90, "key": 365}


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ([], 180),
        (["poor"], 30),
        (["migrant"], 90),
        (["migrant", "disabled"], 30),
        (["key"], 180),  # a tag never makes a household wait longer
    ],
)
def test_the_shortest_interval_counts(tags, days):
    assert due.days_between(tags, SAID) == days


def test_a_query_and_a_row_agree(make, context, monkeypatch):
    """Random tags, and times around midnight here and in UTC; met or never."""
    config = replace(context.extensions["gridserve"], visit_days=SAID)
    monkeypatch.setitem(context.extensions, "gridserve", config)
    pick, cell = random.Random(5), make.cell()
    for _ in range(80):
        moment = now() - timedelta(hours=pick.randint(0, 24 * 400), minutes=pick.randint(0, 59))
        make.household(
            cell,
            tags=pick.sample([tag.value for tag in Tag], pick.choice([0, 0, 1, 1, 2, 3])),
            last_met_at=pick.choice([None, moment]),
            registered_at=moment - timedelta(days=pick.randint(0, 300)),
            status=pick.choice(list(HouseholdStatus)),
        )
    rows = db.session.execute(select(Household, due.due_column().label("day"))).all()
    assert len(rows) == 80
    assert [due.due_on(row.Household) for row in rows] == [row.day for row in rows]
    today = workdays.today()
    chosen = set(db.session.scalars(select(Household.id).where(due.is_due(today))))
    assert chosen == {
        row.Household.id for row in rows
        if row.Household.status is HouseholdStatus.ACTIVE and row.day <= today
    }  # fmt: skip
    assert 0 < len(chosen) < 80


def test_the_due_ones_are_listed_longest_due_first(make, as_user):
    cell = make.cell()
    client = as_user(make.cadre([cell]))
    ago = lambda days: now() - timedelta(days=days)  # noqa: E731
    key = make.household(cell, tags=["poor"], last_met_at=ago(31))
    old = make.household(cell, last_met_at=ago(200))
    never = make.household(cell, registered_at=ago(3))
    make.household(cell, last_met_at=ago(31))
    make.household(cell, last_met_at=ago(400), status=HouseholdStatus.VACANT)
    address, listed = "/api/v1/households?due=true&sort=due&limit=2", []
    while address:
        page = client.get(address).json
        listed += page["items"]
        address = page["next"]
    assert [h["id"] for h in listed] == [str(h.id) for h in (old, never, key)]
    days = [(workdays.today() - timedelta(days=n)).isoformat() for n in (20, 3, 1)]
    assert [h["due_on"] for h in listed] == days
    assert len(client.get("/api/v1/households?due=false").json["items"]) == 2


def test_the_page_says_since_when(make, as_user):
    cell = make.cell()
    make.household(cell, head_name="王五", last_met_at=now() - timedelta(days=190))
    leader = as_user(make.user(Role.LEADER))
    page = leader.get("/households?due=true&sort=due&lang=en").text
    assert "Households due for a visit" in page
    assert "王*" in page
    assert "10 days" in page


@pytest.mark.parametrize(
    "said", [{"ordinary": 180}, {"ordinary": 180, "tagged": 30, "rich": 5}, {"tagged": 0}]
)
def test_intervals_that_cannot_be_are_refused_at_start(config, said):
    with pytest.raises(ConfigError, match="GRIDSERVE_VISIT_DAYS"):
        create_app(replace(config, visit_days=said))

"""Visits over HTTP: stored once, judged by the day they happened, kept apart by scope."""

from __future__ import annotations

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from gridserve import jobs
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import VILLAGE
from visits import figures
from visits.models import Household, Visit


def body(household, **changes):
    return {
        "id": str(uuid.uuid4()),
        "household_id": str(household.id),
        "outcome": "met",
        "started_at": (now() - timedelta(hours=1)).isoformat(),
        **changes,
    }


def test_a_repeat_is_stored_once_and_answered_alike(make, as_user):
    cell = make.cell()
    client, household = as_user(make.cadre([cell])), make.household(cell)
    said = body(
        household, notes="老人身体好", point={"lon": 103.955, "lat": 28.605, "crs": "gcj02"}
    )
    first, second = (
        client.post("/api/v1/visits", json=said),
        client.post("/api/v1/visits", json=said),
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert first.json["in_scope"] is True
    assert first.json["point"]["given_in"] == "gcj02"
    assert abs(first.json["point"]["lon"] - 103.955) > 0.0005  # converted on the way in
    assert db.session.scalar(select(func.count()).select_from(Visit)) == 1


def test_the_same_id_for_another_thing_is_a_conflict_and_changes_nothing(make, as_user):
    cell = make.cell()
    client, household = as_user(make.cadre([cell])), make.household(cell)
    said = body(household)
    client.post("/api/v1/visits", json=said)
    other = client.post("/api/v1/visits", json={**said, "outcome": "refused"})
    assert (other.status_code, other.json["code"]) == (409, "request.id_taken")
    assert client.get(f"/api/v1/visits/{said['id']}").json["outcome"] == "met"


def test_a_visit_counts_by_who_was_assigned_on_the_day(make, as_user):
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE)
    left = now().date() - timedelta(days=10)
    team = make.team([cell], [cadre], until=left)
    client, household = as_user(cadre), make.household(cell)
    before = (now() - timedelta(days=20)).isoformat()
    then = client.post("/api/v1/visits", json=body(household, started_at=before))
    since = client.post("/api/v1/visits", json=body(household))
    assert (then.json["in_scope"], then.json["team_id"]) == (True, str(team.id))
    assert (since.status_code, since.json["in_scope"], since.json["team_id"]) == (201, False, None)


def test_last_met_never_goes_back(make, as_user):
    cell = make.cell()
    client, household = as_user(make.cadre([cell])), make.household(cell)
    late, early = now() - timedelta(days=1), now() - timedelta(days=30)
    for moment in (late, early):
        client.post("/api/v1/visits", json=body(household, started_at=moment.isoformat()))
    db.session.expire_all()
    assert db.session.get_one(Household, household.id).last_met_at == late


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"started_at": "2026-11-23T09:00:00"}, "/started_at"),  # no offset
        ({"started_at": "2099-01-01T00:00:00Z"}, "/started_at"),
        ({"ended_at": "2020-01-01T00:00:00Z"}, "/ended_at"),
        ({"outcome": "asleep"}, "/outcome"),
        ({"notes": "a\x00b"}, "/notes"),
        ({"point": {"lon": 28.6, "lat": 103.9}}, "/point/lat"),
        ({"colour": "red"}, "/colour"),
        ({"id": "1"}, "/id"),
    ],
)
def test_what_is_wrong_is_named(make, as_user, changes, pointer):
    cell = make.cell()
    client = as_user(make.cadre([cell]))
    answer = client.post("/api/v1/visits", json=body(make.household(cell), **changes))
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert list(answer.json["errors"]) == [pointer]


def test_households_outside_the_own_cells_are_not_shown(make, as_user):
    mine, theirs = make.cell(1), make.cell(2)
    client = as_user(make.cadre([mine]))
    seen, hidden = make.household(mine), make.household(theirs)
    listed = client.get("/api/v1/households").json["items"]
    assert [h["id"] for h in listed] == [str(seen.id)]
    assert client.get(f"/api/v1/households/{hidden.id}").status_code == 404
    # a visit there is kept all the same: the assignment may have changed since it was made
    assert client.post("/api/v1/visits", json=body(hidden)).json["in_scope"] is False


def test_names_and_phones_are_masked_for_those_who_do_not_visit(make, as_user):
    cell = make.cell()
    household = make.household(cell)
    own = as_user(make.cadre([cell])).get(f"/api/v1/households/{household.id}").json
    desk = as_user(make.user(Role.DISPATCHER)).get(f"/api/v1/households/{household.id}").json
    assert (own["head_name"], own["phone"]) == ("李四", "13800001234")
    assert (desk["head_name"], desk["phone"]) == ("李*", "138******34")


def test_pages_of_a_list_neither_repeat_nor_skip(make, as_user):
    cell = make.cell()
    client = as_user(make.cadre([cell]))
    wanted = {str(make.household(cell).id) for _ in range(7)}
    address, seen = "/api/v1/households?limit=3", []
    while address:
        page = client.get(address).json
        seen += [h["id"] for h in page["items"]]
        address = page["next"]
    assert len(seen) == 7
    assert set(seen) == wanted


def test_a_moved_point_brings_the_household_to_its_new_cell(make, as_user):
    old, new = make.cell(1), make.cell(2)
    client, household = as_user(make.cadre([old, new])), make.household(old)
    answer = client.patch(
        f"/api/v1/households/{household.id}", json={"point": {"lon": 103.965, "lat": 28.605}}
    )
    assert (answer.status_code, answer.json["cell"]) == (200, new.code)


def test_a_visit_is_kept_while_redis_is_away_and_counted_by_the_sweep(make, as_user, monkeypatch):
    cell = make.cell()
    client, household = as_user(make.cadre([cell])), make.household(cell)
    monkeypatch.setattr(jobs, "connect", lambda _config: jobs._client("unix:///nowhere?db=0"))
    assert client.post("/api/v1/visits", json=body(household)).status_code == 201
    assert client.get("/readyz").json == {"status": "ok", "database": True, "redis": False}
    assert figures.refresh_marked() == 1
    assert figures.check() == []


def test_each_sees_the_own_visits_and_those_to_households_within_scope(make, as_user):
    """By each way in which a list is found: of a village, of a cadre, one's own, a household's."""
    ours, theirs = make.cell(1), make.cell(2)
    one, other = make.cadre([ours]), make.cadre([theirs])
    leader = make.user(Role.LEADER, VILLAGE)
    home, away = make.household(ours), make.household(theirs)
    days_ago = lambda n: now() - timedelta(days=n)  # noqa: E731
    late = make.visit(home, one, days_ago(9))
    abroad = make.visit(away, one, days_ago(5))
    foreign = make.visit(away, other, days_ago(3))
    helped = make.visit(home, other, days_ago(1))
    oldest = make.visit(home, one, days_ago(12))  # and the last to arrive

    def listed(user, **asked):
        found, address = [], f"/api/v1/visits?{urlencode(asked | {'limit': 1})}"
        while address:
            page = as_user(user).get(address).json
            found += [row["id"] for row in page["items"]]
            address = page["next"]
        return found

    def ids(*visits):
        return [str(visit.id) for visit in visits]

    assert listed(leader) == ids(oldest, helped, foreign, abroad, late)  # by arrival
    assert listed(one) == ids(helped, abroad, late, oldest)  # by when it was
    assert listed(one, mine=True) == ids(abroad, late, oldest)
    assert listed(one, mine=True, household=away.id) == ids(abroad)
    assert listed(one, household=home.id) == ids(helped, late, oldest)
    assert listed(other, household=home.id) == ids(helped)
    assert listed(make.cadre([make.cell(3)])) == []

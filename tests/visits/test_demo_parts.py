"""The pure parts of the demonstration: cells of points, chains, the reading back of a day."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from shapely import box
from sqlalchemy import select

from gridserve.calendars import Book
from gridserve.db import db
from gridserve.permissions import Role
from gridserve.tables import reading
from gridserve.worktime import Calendar, Unit
from tests.factories import VILLAGE, Make
from visits import categories
from visits.categoryfile import COLUMNS
from visits.demo import geography, households, people, villages, words
from visits.demo.accounts import Account, plan
from visits.demo.bulk import make_ids
from visits.demo.chain import Chain
from visits.demo.day import evenly, missing_or_doubled
from visits.demo.households import cells_of, short_name
from visits.issues.chain import Action, Rating
from visits.issues.clock import Limit
from visits.issues.models import Category, Issue
from visits.models import Household

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def someone(login: str) -> Account:
    return Account(uuid.uuid4(), login, "张三", "154", Role.CADRE, "530626101201", "secret")


def test_a_point_on_a_shared_edge_belongs_to_the_lower_cell() -> None:
    cells = [box(0, 0, 1, 1), box(1, 0, 2, 1)]
    points = np.array([[0.5, 0.5], [1.0, 0.5], [1.5, 0.5], [2.0000001, 0.5]])
    assert cells_of(points, cells).tolist() == [0, 0, 1, 1]


def test_ids_are_random_uuids_and_follow_from_the_seed() -> None:
    ids = make_ids(100, np.random.default_rng(5))
    assert ids == make_ids(100, np.random.default_rng(5))
    assert len(set(ids)) == 100
    assert {uuid.UUID(i).version for i in ids} == {4}
    assert {uuid.UUID(i).variant for i in ids} == {uuid.RFC_4122}


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("田坝村民委员会", "田坝村"),
        ("兴汶社区居民委员会", "兴汶社区"),
        ("新城居民委员会", "新城社区"),
    ],
)
def test_villages_have_everyday_names(name: str, short: str) -> None:
    assert short_name(name) == short


def test_phones_ring_nowhere() -> None:
    numbers = people.phones(50, np.random.default_rng(1))
    assert {number[:3] for number in numbers} == {"154"}
    assert {len(number) for number in numbers} == {11}


def test_every_village_has_a_cadre_and_every_township_a_guide_and_a_desk() -> None:
    villages = {f"5306261010{n:02}": 10 * n for n in range(1, 6)} | {"530626102001": 5}
    accounts = plan("530626", villages, 20, np.random.default_rng(1))
    cadres = [a for a in accounts if a.role is Role.CADRE and not a.unit]
    assert len(cadres) == 20
    assert {a.scope for a in cadres if not a.guide} == set(villages)
    assert {a.scope for a in cadres if a.guide} == {"530626101", "530626102"}
    assert len({a.login for a in accounts}) == len(accounts)


def test_words_are_there_for_known_categories_only() -> None:
    table = reading.read(categories.DEFAULT.read_bytes(), COLUMNS)
    assert words.ISSUES.keys() <= {row.values["code"] for row in table.rows}
    assert words.FREQUENT.keys() <= words.ISSUES.keys()


def test_processes_settle_a_county_as_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    county = geography.invent(
        {"530626101": ["530626101201", "530626101202"]}, (103.95, 28.6), 40.0,
        np.random.default_rng(1),
    )  # fmt: skip

    def settled() -> list[tuple[str, bytes, tuple[float, ...]]]:
        found = villages._settled(county, county.households(900), np.random.default_rng(2))
        return [(code, points.tobytes(), d.households) for code, (points, _group, d) in found]

    alone = settled()
    monkeypatch.setattr(villages, "WORTH_PROCESSES", 1)
    assert settled() == alone
    assert sum(sum(households) for _code, _points, households in alone) == 900


def test_a_large_county_leaves_one_village_to_be_divided() -> None:
    counts = {"530626101001": 6_000, "530626101201": 3_000, "530626102001": 999}
    assert villages._undivided(counts) == ""  # a small one has none to spare
    assert villages._undivided(counts | {"530626102001": 1_000}) == "530626101201"


def test_households_of_a_village_without_cells_are_in_none(make: Make) -> None:
    make.jurisdictions()
    rng = np.random.default_rng(1)
    points = np.array([[103.95, 28.6], [103.96, 28.61]])
    zeros = np.zeros(2, dtype=np.int64)
    homes = households.invent(VILLAGE, "田坝村", points, zeros + 1, zeros, rng)
    households.store(homes, [], np.full(2, np.datetime64("NaT", "s")), rng)
    assert db.session.scalars(select(Household.cell_id)).all() == [None, None]


def chain() -> tuple[Chain, Account]:
    cadre = someone("cadre")
    limit = Limit(72, Unit.URGENT_HOUR)
    issue = Issue(id=uuid.uuid4(), village_code="530626101201", reported_at=START, limit=limit,
                  words="停水", team_id=None, closed_at=None)  # fmt: skip
    kind = Category(accept_limit=limit, handle_limit=limit, review_limit=limit)
    calendars = Book({"": Calendar(ZoneInfo("Asia/Shanghai"), {}, frozenset())})
    return Chain(issue, cadre, np.random.default_rng(1), kind, calendars), cadre


def test_a_chain_goes_the_way_of_the_table_and_no_other() -> None:
    made, cadre = chain()
    desk, team = someone("desk"), uuid.uuid4()
    with pytest.raises(ValueError, match="sign"):
        made.take(Action.SIGN, cadre, START + HOUR)
    made.take(Action.ACCEPT, desk, START + HOUR)
    with pytest.raises(ValueError, match="team_id"):
        made.take(Action.DISPATCH, desk, START + HOUR)
    made.take(Action.DISPATCH, desk, START + 2 * HOUR, team_id=team)
    with pytest.raises(ValueError, match="sign"):
        made.take(Action.SIGN, cadre, START + HOUR)  # before the last step
    made.take(Action.SIGN, cadre, START + 3 * HOUR)
    made.take(Action.FEED_BACK, cadre, START + 4 * HOUR, words="已修复", told={"answer": "已告知"})
    assert made.issue.team_id == team
    with pytest.raises(ValueError, match="handler"):
        made.take(Action.PASS_REVIEW, cadre, START + 5 * HOUR)
    made.take(Action.PASS_REVIEW, desk, START + 5 * HOUR)
    made.take(Action.EVALUATE, desk, START + 6 * HOUR, rating=Rating.FAIRLY)
    assert made.issue.rating is Rating.FAIRLY
    assert made.issue.closed_at == START + 5 * HOUR
    due = made.issue.due_at
    made.take(Action.REOPEN, desk, START + 29 * HOUR, words="又停水")
    assert made.issue.due_at == due + 24 * HOUR
    assert [step.seq for step in made.steps] == list(range(1, 8 + 1))


VISIT = {
    "id": "a", "household_id": "h", "outcome": "met", "notes": "",
    "started_at": "2026-03-02T09:00:00+08:00",
}  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        ([VISIT], None),
        ([], "0 times"),
        ([VISIT, VISIT], "2 times"),
        ([{**VISIT, "notes": "x"}], "otherwise"),
        ([VISIT, {**VISIT, "id": "b"}], "2 visits that began"),
        ([VISIT, {**VISIT, "id": "b", "household_id": "i"}], None),
    ],
)
def test_reading_back_sees_what_is_missing_or_doubled(
    stored: list[dict[str, str]], fault: str | None
) -> None:
    found = missing_or_doubled({"a": VISIT}, stored)
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0])


def test_players_are_chosen_evenly_and_begin_with_the_first() -> None:
    accounts = [{"login": str(n)} for n in range(10)]
    assert [a["login"] for a in evenly(accounts, 3)] == ["0", "3", "6"]
    assert evenly(accounts, 99) == accounts

"""Ageing equals an independent count in plain SQL, now and as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from maps import aging
from maps.narrowing import Narrowing
from maps.places import BY, Place
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.issues.clock import Light
from visits.issues.models import Issue, Step
from visits.models import Household

DESK_WORDS = {"words": "已核实"}

# From the steps alone, with the age put together from what happened: all time since the report
# except the time closed. The application reads the issue's row, or the due time of one step.
COUNT = text("""
    WITH seen AS (
        SELECT s.*, lead(happened_at) OVER (PARTITION BY issue_id ORDER BY seq) AS until
        FROM step s WHERE s.happened_at <= :at
    ), aged AS (
        SELECT i.id, left(coalesce(c.code, i.village_code), :digits) AS part, i.limit_amount,
               extract(epoch FROM :at - i.reported_at
                   - coalesce(sum(s.until - s.happened_at)
                              FILTER (WHERE s.status_after IN ('closed', 'declined')),
                              interval '0')) / 3600 / i.limit_amount AS age,
               (array_agg(s.status_after ORDER BY s.seq DESC))[1] AS status
        FROM issue i JOIN seen s ON s.issue_id = i.id LEFT JOIN cell c ON c.id = i.cell_id
        WHERE i.village_code LIKE :code || '%'
          AND (CAST(:category AS text) IS NULL OR i.category_code = :category)
        GROUP BY i.id, c.code
    )
    SELECT part, CASE WHEN age < 0.8 THEN 'green' WHEN age <= 1 THEN 'amber'
                      WHEN age <= 2 THEN 'red' ELSE 'deep_red' END AS light, count(*) AS n
    FROM aged WHERE status NOT IN ('closed', 'declined') GROUP BY 1, 2
""")


def counted(code, by, moment, category=None):
    rows = db.session.execute(
        COUNT, {"at": moment, "digits": BY[by], "code": code, "category": category}
    )
    return {(row.part, Light(row.light)): row.n for row in rows}


def check(code, moment, *, live=True, by=None, category=None):
    place = Place(code, "x")
    by = by or place.below
    found = aging.aging(place, moment, by=by, narrowing=Narrowing(category), live=live)
    plain = counted(code, by, moment, category)
    parts = {
        (row.area.code, light): n for row in found.rows for light, n in row.counts.items() if n
    }
    assert parts == {key: n for key, n in plain.items() if len(key[0]) == BY[by]}
    assert found.counts == {
        light: sum(n for (_part, each), n in plain.items() if each is light) for light in Light
    }
    return found


@pytest.fixture
def chain(make):
    """Issues that opened, closed, reopened and were declined in the past two months."""
    cells = [make.cell(1), make.cell(2), make.cell(4, village="530626102200")]
    cadre = make.cadre(cells, code=COUNTY)
    # a step taken today lies today: the tests move issues back in time as a whole
    desk = make.user(Role.DISPATCHER, COUNTY)
    homes = [make.household(cell) for cell in cells]
    make.category("facility.water", 2)
    made = {}

    def report(name, days, home=0, category="facility.road", **hours):
        made[name] = make.issue(homes[home], cadre, now() - timedelta(days=days, **hours), category)

    report("young", 1)
    report("green edge", 3.999)
    report("amber", 4.001)
    report("red", 6, 1)
    report("deep", 11, 1)
    report("water", 5, 2, "facility.water")
    report("closed", 20)
    report("reopened", 20, 1)
    report("declined", 8)
    report("declined and reopened", 30, 2)
    for name in ("declined", "declined and reopened"):
        make.step(made[name], "decline", desk, happened_at=now() - timedelta(days=7), **DESK_WORDS)
    reopened = made["declined and reopened"]
    make.step(reopened, "reopen", desk, happened_at=now() - timedelta(days=2), **DESK_WORDS)
    team_id = make.team(cells, [cadre], code=TOWNSHIP).id
    for name in ("closed", "reopened"):
        issue, day = made[name], now() - timedelta(days=10)
        make.step(issue, "accept", desk, happened_at=day)
        make.step(issue, "dispatch", desk, team_id=team_id, happened_at=day)
        make.step(issue, "sign", cadre, happened_at=day)
        make.step(issue, "feed_back", cadre, words="修好了", happened_at=day)
        make.step(issue, "pass_review", desk, happened_at=day + timedelta(days=1))
    make.step(
        made["reopened"], "reopen", desk, words="又坏了", happened_at=now() - timedelta(days=3)
    )
    db.session.expire_all()
    return made


@pytest.mark.parametrize("code", ["", COUNTY, TOWNSHIP, VILLAGE])
@pytest.mark.parametrize("category", [None, "facility.water"])
def test_now_equals_a_plain_count(chain, code, category):
    moment = now()
    found = check(code, moment, category=category)
    check(code, moment, category=category, live=False)  # the steps say the same as the rows
    if code == COUNTY and category is None:
        assert found.total == 8  # closed and declined are not open, what was reopened is
        assert found.counts == {
            Light.GREEN: 2,
            Light.AMBER: 1,
            Light.RED: 1,
            Light.DEEP_RED: 4,
        }


@pytest.mark.parametrize("days", [0.5, 2.5, 3.5, 5, 7.5, 9.5, 15, 25, 40])
def test_the_past_equals_a_plain_count(chain, days):
    check(COUNTY, now() - timedelta(days=days), live=False)
    check(VILLAGE, now() - timedelta(days=days), live=False)


def test_an_issue_that_is_due_just_now_is_not_yet_overdue(make, chain):
    leader = make.user(Role.LEADER)
    issue = chain["young"]
    for late, light in ((0, Light.AMBER), (1, Light.RED)):
        moment = issue.due_at + timedelta(microseconds=late)
        before = aging.aging(Place(COUNTY, ""), moment, live=False)
        check(COUNTY, moment, live=False)
        listed = {
            i.id: i.light
            for i in aging.open_issues(leader, Place(COUNTY, ""), moment, limit=50, live=False)
        }
        assert listed[issue.id] is light
        assert before.counts[light] == list(listed.values()).count(light)


def test_each_issue_stands_where_it_is(make, chain):
    leader = make.user(Role.LEADER)
    issue, household = chain["young"], db.session.get(Household, chain["young"].household_id)
    middle = (household.cell_id, pytest.approx(103.955, abs=1e-9))

    def where(name):
        found = aging.open_issues(leader, Place(COUNTY, ""), now(), limit=50)
        each = next(i for i in found if i.id == chain[name].id)
        return each.lon, each.lat, each.words

    assert where("young") == (pytest.approx(103.955), pytest.approx(28.605), "路灯不亮")
    move = "UPDATE {} SET point = ST_SetSRID(ST_MakePoint(:lon, 28.601), 4326) WHERE id = :id"
    db.session.execute(text(move.format("issue")), {"lon": 103.951, "id": issue.id})
    db.session.execute(text(move.format("household")), {"lon": 103.952, "id": household.id})
    assert where("young")[0] == pytest.approx(103.951)
    db.session.execute(
        update(Issue).where(Issue.id == issue.id).values(point=None, point_source=None)
    )
    assert where("young")[0] == pytest.approx(103.952)
    db.session.execute(text("UPDATE category SET sensitive = true"))
    assert where("young") == (middle[1], pytest.approx(28.605), "")
    db.session.execute(update(Issue).where(Issue.id == issue.id).values(cell_id=None))
    assert where("young") == (None, None, "")


def test_the_oldest_come_first_and_the_list_has_an_end(make, chain):
    leader = make.user(Role.LEADER)
    found = aging.open_issues(leader, Place(COUNTY, ""), now(), limit=3)
    assert len(found) == 3
    assert [i.weight for i in found] == sorted((i.weight for i in found), reverse=True)
    assert found[0].id == chain["declined and reopened"].id
    reds = aging.open_issues(leader, Place(COUNTY, ""), now(), limit=50, only=Light.RED)
    assert [i.id for i in reds] == [chain["red"].id]


def test_a_cadre_is_shown_the_own_cases_only_but_the_figures_of_the_village(make, chain):
    stranger = make.cadre([], code=VILLAGE)
    assert aging.open_issues(stranger, Place(VILLAGE, ""), now(), limit=50) == []
    assert aging.aging(Place(VILLAGE, ""), now()).total > 0


def test_answered_in_time_equals_a_plain_count(make, chain):
    issue = chain["closed"]
    issue.closed_at = issue.due_at  # closed at the very moment is in time
    db.session.flush()
    today = workdays.today()
    since, until = workdays.span(today - timedelta(days=30), today - timedelta(days=1))
    found = aging.answered(Place(COUNTY, ""), since, until)
    plain = db.session.execute(
        text("""
        SELECT count(*) AS due, sum((coalesce(closed_at, 'infinity') <= due_at)::int) AS kept
        FROM issue WHERE status <> 'declined'
          AND (due_at AT TIME ZONE 'Asia/Shanghai')::date
              BETWEEN CAST(:today AS date) - 30 AND CAST(:today AS date) - 1
    """),
        {"today": today},
    ).one()
    assert (found.due, found.in_time) == (plain.due, plain.kept)
    assert found.in_time >= 1
    assert db.session.query(Step).count() > 0


def test_a_category_counts_those_below_it(make, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    make.category("facility.road").parent_code = make.category("facility").code
    db.session.commit()
    make.issue(make.household(cell), cadre)
    leader = as_user(make.user(Role.LEADER))
    for code in ("facility", "facility.road"):
        bands = leader.get(f"/api/v1/aging?jurisdiction=530626&category={code}").json["bands"]
        assert sum(band["count"] for band in bands) == 1
        assert len(leader.get(f"/api/v1/issues?category={code}").json["items"]) == 1

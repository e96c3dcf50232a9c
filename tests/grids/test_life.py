"""What the database itself refuses, for every way in, and two administrators at once."""

from __future__ import annotations

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from shapely import box
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from grids.inheritance import Held, joined
from grids.models import Cell, Jurisdiction
from grids.operations import adopt_division
from gridserve import workdays
from gridserve.db import db
from gridserve.migrating import downgrade, upgrade
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST, Make

OTHER = "530626101202"
INSERT = """
    INSERT INTO cell (id, code, village_code, kind, name, polygon, from_date, to_date)
    VALUES (gen_random_uuid(), :code, :village, :kind, '', ST_GeomFromText(:wkt, 4326),
            :since, :until)
"""


def put(
    serial, shape, *, kind="basic", since="2020-01-01", until=None, connection=None, village=VILLAGE
):
    values = {
        "code": f"{village}{serial:03}", "village": village, "kind": kind, "wkt": shape.wkt,
        "since": since, "until": until,
    }  # fmt: skip
    (connection or db.session).execute(text(INSERT), values)


def square(shift: float = 0.0, side: float = STEP):
    return box(WEST + shift, SOUTH, WEST + shift + side, SOUTH + side)


def refused(words):
    return pytest.raises(DBAPIError, match=words)


def test_basic_cells_of_one_time_do_not_overlap(make):
    make.jurisdictions(VILLAGE)
    put(1, square(), until="2024-01-01")
    put(2, square(0.0001), since="2024-01-01")
    put(3, square(STEP + 0.0001 - 0.000005), since="2024-01-01")  # half a metre: a hair
    put(4, square(), kind="dedicated")
    for shape, since, until in (
        (square(0.0002), "2024-01-01", None),
        (square(0.001, 0.001), "2023-01-01", "2023-02-01"),
        (square(-STEP + 0.0001), "2020-01-01", "2021-01-01"),
    ):
        with refused("overlaps cell"), db.session.begin_nested():
            put(9, shape, since=since, until=until)
    with refused("overlaps cell 530626101201002"), db.session.begin_nested():
        db.session.execute(text("UPDATE cell SET to_date = NULL WHERE code LIKE '%001'"))


def test_cells_of_neighbouring_villages_do_not_overlap_either(make):
    for village in (VILLAGE, OTHER):
        make.jurisdictions(village)
    put(1, square())
    put(1, square(STEP - 0.00011), village=OTHER)  # 11 m: both boundaries drawn by hand
    with refused(f"overlaps cell {VILLAGE}001"), db.session.begin_nested():
        put(2, square(0.001, 0.001), village=OTHER)
    put(3, square(0.001, 0.001), village=OTHER, kind="dedicated")


def test_a_cell_lies_in_its_village(make):
    make.boundary(VILLAGE, square())
    put(1, square(0.00003))  # 3 m, as an import takes it
    with refused("m outside its village"), db.session.begin_nested():
        put(2, square(STEP / 2), since="2019-01-01", until="2019-02-01")
    with refused("m outside its village"), db.session.begin_nested():
        put(2, square(STEP / 2), kind="dedicated")


@pytest.mark.parametrize(
    "change",
    [
        "polygon = ST_Translate(polygon, 0.0000001, 0)",
        "code = '530626101201009'",
        "kind = 'dedicated'",
        "village_code = '530626101202'",
    ],
)
def test_code_village_kind_and_polygon_never_change(make, change):
    make.cell()
    make.jurisdictions("530626101202")
    with refused("never change"), db.session.begin_nested():
        db.session.execute(text(f"UPDATE cell SET {change}"))  # noqa: S608


def test_of_two_transactions_at_once_one_is_refused(committed):
    Make().jurisdictions(VILLAGE)
    db.session.remove()
    meet, answers = threading.Barrier(2), []

    def attempt(serial):
        with committed.app_context(), db.engine.connect() as connection:
            try:
                meet.wait(10)
                put(serial, square(serial * 0.0001), connection=connection)
                connection.commit()
            except DBAPIError as error:
                connection.rollback()
                return "overlaps" in str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(attempt, (1, 2)))
    assert sorted(answers, key=str) == [None, True]
    assert len(db.session.scalars(select(Cell)).all()) == 1


def test_a_repeatable_read_that_would_not_see_the_other_is_refused(committed):
    Make().jurisdictions(VILLAGE)
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, refused("read committed"):
        put(1, square(), connection=connection)


def test_two_administrators_at_once_one_is_told(committed):
    make = Make()
    cell = make.cell()
    for _n in range(20):
        make.household(cell)
    tokens = [make.token(make.user(Role.ADMINISTRATOR, COUNTY)) for _ in range(4)]
    code = cell.code
    db.session.remove()
    meet = threading.Barrier(4)

    def split(job):
        place, token = job
        lon = WEST + STEP * (place + 1) / 6
        line = {"type": "LineString", "coordinates": [[lon, SOUTH - 1], [lon, SOUTH + 1]]}
        body = {"id": str(uuid.uuid4()), "cell": code, "line": line}
        meet.wait(10)
        answer = committed.test_client().post(
            "/api/v1/cells/split", json=body, headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code, answer.json.get("code")

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(split, enumerate(tokens)), key=str)
    assert answers == [(201, None)] + [(409, "cell.ended")] * 3
    valid = select(Cell.id).where(Cell.to_date.is_(None))
    assert len(db.session.scalars(valid).all()) == 2
    lost = text("SELECT count(*) FROM household WHERE cell_id NOT IN (SELECT id FROM cell "
                "WHERE to_date IS NULL) OR cell_id IS NULL")  # fmt: skip
    assert db.session.scalar(lost) == 0


def test_a_household_added_while_its_cell_is_split_comes_to_the_new_cell(committed):
    make = Make()
    cell = make.cell()
    admin, desk = make.user(Role.ADMINISTRATOR, COUNTY), make.user(Role.DISPATCHER, COUNTY)
    tokens, code = [make.token(admin), make.token(desk)], cell.code
    db.session.remove()
    meet = threading.Barrier(2)
    lon = WEST + STEP / 2
    line = {"type": "LineString", "coordinates": [[lon, SOUTH - 1], [lon, SOUTH + 1]]}
    bodies = [
        ("/cells/split", {"cell": code, "line": line}),
        ("/households", {"number": "N1", "village": VILLAGE, "address": "1", "size": 1,
                         "head_name": "李四",
                         "point": {"lon": WEST + STEP / 4, "lat": SOUTH + STEP / 2}}),
    ]  # fmt: skip

    def post(n):
        path, body = bodies[n]
        meet.wait(10)
        return committed.test_client().post(
            f"/api/v1{path}", json={"id": str(uuid.uuid4()), **body},
            headers={"Authorization": f"Bearer {tokens[n]}"},
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(post, range(2)))
    assert [a.status_code for a in answers] == [201, 201], [a.json for a in answers]
    home = text("SELECT c.code FROM household h JOIN cell c ON c.id = h.cell_id")
    assert db.session.scalar(home) == f"{VILLAGE}002"


def test_of_several_teams_that_were_there_before_one_leads(committed):
    make = Make()
    cell, other = make.cell(1).id, make.cell(2).id
    days = [date(2025, 1, 1), date(2025, 6, 1), date(2026, 1, 1)]
    teams = [make.team([]).id for _n in range(3)]
    db.session.commit()
    downgrade("0003")
    put = text("INSERT INTO assignment (id, team_id, cell_id, from_date, to_date) "
               "VALUES (gen_random_uuid(), :team, :cell, :since, :until)")  # fmt: skip
    for team, where, since, until in (
        (0, cell, 0, 2), (1, cell, 1, None), (2, cell, 2, None), (2, other, 0, None)
    ):  # fmt: skip
        end = None if until is None else days[until]
        values = {"team": teams[team], "cell": where, "since": days[since], "until": end}
        db.session.execute(put, values)
    db.session.commit()
    upgrade()
    rows = db.session.execute(
        text("SELECT team_id, from_date, to_date, lead FROM assignment WHERE cell_id = :cell"),
        {"cell": cell},
    )
    assert {tuple(row) for row in rows} == {
        (teams[0], days[0], days[2], True),
        (teams[1], days[1], days[2], False),
        (teams[1], days[2], None, True),
        (teams[2], days[2], None, False),
    }
    with refused("ex_assignment_lead"), db.session.begin_nested():
        db.session.execute(text("UPDATE assignment SET lead = true"))


def test_the_migration_keeps_what_is_there(committed):
    make = Make()
    one, other = make.cell(1), make.cell(2)
    make.household(one)
    codes = [one.code, other.code]
    db.session.commit()
    db.session.remove()
    downgrade("0002")
    upgrade()
    assert sorted(db.session.scalars(select(Cell.code))) == codes
    with refused("overlaps"):
        put(3, square())


def test_teams_of_merged_cells_are_joined_and_one_of_them_leads():
    a, b, c, d = (date(2026, 1, 1) + timedelta(n) for n in (0, 10, 20, 30))
    one, other = uuid.uuid4(), uuid.uuid4()

    def all_of(*parents):
        found = joined([[Held(*each) for each in parent] for parent in parents])
        return {(h.team_id, h.first, h.last, h.lead) for h in found}

    assert all_of([(one, b, c, True), (one, a, b, True)]) == {(one, a, c, True)}
    assert all_of([(one, a, b, True)], [(one, c, d, True)]) == {
        (one, a, b, True), (one, c, d, True)
    }  # fmt: skip
    assert all_of([(one, a, None, True)], [(other, b, c, True)]) == {
        (one, a, None, True), (other, b, c, False)
    }  # fmt: skip
    assert all_of([(one, a, c, True)], [(other, b, None, True), (one, c, d, False)]) == {
        (one, a, c, True), (other, b, c, False), (one, c, d, False), (other, c, None, True)
    }  # fmt: skip
    assert all_of([(one, a, None, False), (other, b, None, False)]) == {
        (one, a, None, True), (other, b, None, False)
    }  # fmt: skip


def test_codes_are_never_given_again(make, as_user):
    cell = make.cell(7)
    client = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    lon = WEST + 6.5 * STEP
    line = {"type": "LineString", "coordinates": [[lon, SOUTH - 1], [lon, SOUTH + 1]]}
    body = {"id": str(uuid.uuid4()), "cell": cell.code, "line": line}
    done = client.post("/api/v1/cells/split", json=body).json
    assert [c["code"][-3:] for c in done["cells"]] == ["008", "009"]
    today = workdays.today()
    listed = client.get(f"/api/v1/cells?as_of={today}").json["features"]
    assert [f["id"][-3:] for f in listed] == ["008", "009"]
    listed = client.get(f"/api/v1/cells?as_of={today - timedelta(days=1)}").json["features"]
    assert [f["id"] for f in listed] == [cell.code]


def test_a_divided_village_never_has_a_gap(committed):
    make = Make()
    village, today = make.jurisdictions(VILLAGE), workdays.today()
    make.boundary(VILLAGE, square(side=2 * STEP))
    halves = [box(WEST, SOUTH, WEST + n * STEP, SOUTH + 2 * STEP) for n in (1, 2)]
    halves[1] = halves[1].difference(halves[0])
    row = db.session.get_one(Jurisdiction, village)
    since = today - timedelta(days=9)
    adopt_division(row, halves, from_date=since, by=None)
    db.session.commit()

    def tried(*statements):
        for statement in statements:
            db.session.execute(text(statement), {"today": today, "since": since})
        try:
            db.session.commit()
        except DBAPIError as error:
            db.session.rollback()
            return re.search("leave a gap on [-0-9]+|never changed or deleted", str(error))[0]
        return None

    end = "UPDATE cell SET to_date = :today WHERE code LIKE '%00{}'".format
    gap = f"leave a gap on {today}"
    assert tried(end(1)) == gap
    assert tried("UPDATE cell SET to_date = from_date WHERE code LIKE '%002'") == (
        f"leave a gap on {since}"
    )
    assert tried("UPDATE cell SET from_date = :today WHERE code LIKE '%002'") == (
        f"leave a gap on {since}"
    )
    assert tried(end(1), end(2)) is None  # none at all
    db.session.execute(text("SELECT 1"))
    put(3, halves[0], since=today)
    assert tried() == gap
    put(3, halves[0], since=today)
    put(4, halves[1], since=today)
    assert tried() is None
    for table in ("cell", "divided_ground"):
        with refused("never changed or deleted"), db.session.begin_nested():
            db.session.execute(text(f"DELETE FROM {table}"))  # noqa: S608

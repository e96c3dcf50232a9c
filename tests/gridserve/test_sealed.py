"""What lies sealed: nothing of it is to be read in the database, and it is found all the same."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlalchemy import text

from grids.models import Jurisdiction
from gridserve import people
from gridserve.db import Base, db
from gridserve.imports.models import Import, ImportState
from gridserve.permissions import Role
from gridserve.sealed import SealedPhone
from gridserve.sealing import SealBroken
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.issues.models import Issue
from visits.models import Household

NUMBER = "13987654321"
NEW = "only-for-tests-" + "n" * 32


def test_every_column_for_a_phone_is_sealed():
    columns = [c for table in Base.metadata.sorted_tables for c in table.c if "phone" in c.name]
    assert len(columns) >= 3
    assert all(isinstance(c.type, SealedPhone) for c in columns)
    assert all(c.type.column == f"{c.table.name}.{c.name}" for c in columns)


def test_nothing_in_the_database_holds_the_number(make, as_user):
    cell = make.cell(1)
    cadre, clerk = make.cadre([cell]), make.user(Role.DISPATCHER, TOWNSHIP)
    home = make.household(cell, phone=NUMBER)
    make.category()
    people.create_user("somebody", "某人", phone=NUMBER)
    place = {"category": "facility.road", "words": "路灯不亮", "channel": "window",
             "resident_phone": NUMBER, "household_id": str(home.id)}  # fmt: skip
    said = {**place, "id": str(uuid.uuid4())}
    assert as_user(clerk).post("/api/v1/issues", json=said).status_code == 201
    assert as_user(clerk).post("/api/v1/issues", json=said).status_code in (200, 201)  # a repeat
    nowhere = {**place, "id": str(uuid.uuid4()), "household_id": str(uuid.uuid4())}
    refused = {"kind": "issue", "data": nowhere}
    answer = as_user(cadre).post("/api/v1/submissions", json={"items": [refused]})
    assert answer.status_code == 200, answer.text
    db.session.add(Import(
        id=home.id, kind="households", state=ImportState.CHECKED, scope=COUNTY, file_name="a.csv",
        digest="0" * 64, size=11, content=NUMBER.encode(), language="zh", said="0" * 64,
        by_id=clerk.id,
    ))  # fmt: skip
    db.session.flush()
    counted = 0
    for table in Base.metadata.sorted_tables:
        if table is Jurisdiction.__table__:
            continue
        rows = db.session.execute(
            text(f'SELECT t::text FROM "{table.name}" AS t')  # noqa: S608
        ).all()
        counted += len(rows)
        held = [row for row in rows if NUMBER in row[0] or NUMBER.encode().hex() in row[0]]
        assert held == [], table.name
    assert counted > 10
    db.session.expire_all()
    assert db.session.get(Household, home.id).phone == NUMBER
    assert db.session.get(Import, home.id).content == NUMBER.encode()


@pytest.mark.parametrize("asked", ["4321", "654321", "13987654321", "+86 139-8765-4321"])
@pytest.mark.parametrize("cipher", ["aes", "sm4"])
def test_a_number_is_found_whatever_key_and_cipher_it_lies_under(make, as_user, asked, cipher):
    clerk = make.user(Role.DISPATCHER, TOWNSHIP)
    issue, other = (make.issue(make.household(make.cell(n)), clerk) for n in (1, 2))
    issue.resident_phone, other.resident_phone = NUMBER, "13900004321"[:7] + "9999"
    db.session.commit()
    app = as_user(clerk).application
    before = app.extensions["gridserve"]
    app.extensions["gridserve"] = replace(
        before, data_key=(NEW, *before.data_key), data_cipher=cipher
    )
    try:
        ours = as_user(clerk).get("/api/v1/issues", query_string={"q": asked}).json["items"]
        assert [one["id"] for one in ours] == [str(issue.id)]
        new = make.issue(make.household(make.cell(3)), clerk)
        new.resident_phone = "139 8765 4321"
        db.session.commit()
        both = as_user(clerk).get("/api/v1/issues", query_string={"q": asked}).json["items"]
        assert {one["id"] for one in both} == {str(issue.id), str(new.id)}
        db.session.expire_all()
        assert db.session.get(Issue, new.id).resident_phone == "139 8765 4321"
    finally:
        app.extensions["gridserve"] = before


def test_without_its_key_a_page_says_so_and_does_not_fall(make, as_user):
    cell = make.cell(1)
    home, cadre = make.household(cell, village_code=VILLAGE), make.cadre([cell])
    client, address = as_user(cadre), f"/api/v1/households/{home.id}"
    db.session.expire_all()
    before = client.application.extensions["gridserve"]
    client.application.extensions["gridserve"] = replace(before, data_key=(NEW,))
    try:
        answer = client.get(address)
    finally:
        client.application.extensions["gridserve"] = before
    assert answer.status_code == 503
    assert answer.json["code"] == "data.key_unknown"


def test_a_value_that_was_changed_or_put_elsewhere_does_not_open(make):
    make.household(make.cell(1), phone=NUMBER)
    lies = bytearray(db.session.scalar(text("SELECT phone FROM household")))
    here, elsewhere = SealedPhone("household.phone"), SealedPhone("issue.resident_phone")
    assert here.open(bytes(lies)) == NUMBER.encode()
    with pytest.raises(SealBroken):
        elsewhere.open(bytes(lies))
    lies[7] ^= 1  # in a mark
    with pytest.raises(SealBroken):
        here.open(bytes(lies))

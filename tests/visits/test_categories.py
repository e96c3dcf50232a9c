"""The catalogue: what a new installation starts with, versions, the list for cells, its table."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from grids.commands import export_group, import_group
from gridserve.db import db
from gridserve.permissions import Role
from gridserve.worktime import Unit
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.grids.test_import_people import imported, sheet
from visits import categories
from visits.issues import catalogue, projection
from visits.issues.chain import Tier
from visits.issues.models import Category, CategoryVersion, Issue

FAMILIES = {
    "welfare": "民政", "labour": "人社", "farming": "惠农", "health": "计生卫健",
    "dispute": "矛盾纠纷调处", "society": "社会管理",
}  # fmt: skip
PATH = "/api/v1/categories/facility.road"
DAYS = {"unit": "working_day"}
NEW = {
    "seen": 0, "name": "道路损坏", "name_en": "Damaged road", "promise": "within_limit",
    "limit": {"amount": 15, **DAYS}, "level": "township", "to_cells": True,
}  # fmt: skip


@pytest.fixture
def admin(make: Any, as_user: Any) -> Any:
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def test_a_new_installation_has_the_six_families_and_sixty_categories(context: Any) -> None:
    assert categories.store_first() >= 60
    assert (categories.store_first(), categories.store_default()) == (0, 0)
    rows = db.session.scalars(select(Category)).all()
    assert {row.code: row.name for row in rows if row.parent_code is None} == FAMILIES
    above = {row.code: row.parent_code for row in rows}

    def family(code: str) -> str:
        return family(above[code]) if above[code] else code

    leaves = [row for row in rows if row.code not in set(above.values())]
    assert len(leaves) >= 60
    assert min(Counter(family(row.code) for row in leaves).values()) >= 8
    limits = {limit.unit for row in rows for limit in (row.limit, row.accept_limit)}
    assert limits == set(Unit)
    assert {row.tier for row in leaves} == set(Tier)
    assert all(row.name_en for row in rows)
    assert sum(bool(row.basis) for row in leaves) >= 60
    assert sum(bool(row.materials) for row in leaves) >= 30
    assert {row.to_cells for row in leaves} == {True, False}
    versions = db.session.scalar(select(func.count()).select_from(CategoryVersion))
    assert versions == len(rows)


def test_a_change_is_a_version_and_an_issue_keeps_its_own(make: Any, as_user: Any,
                                                          admin: Any) -> None:  # fmt: skip
    made = admin.put(PATH, json=NEW)
    assert (made.status_code, made.json["version"]) == (200, 1)
    assert made.json["handle_limit"] == {"amount": 15, **DAYS}
    assert made.json["accept_limit"] == {"amount": 4, "unit": "working_hour"}
    cell = make.cell()
    issue = make.issue(make.household(cell), make.cadre([cell]))
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    before = desk.get(f"/api/v1/issues/{issue.id}").json
    shorter = {"amount": 3, **DAYS}
    said = {"seen": 1, "limit": shorter, "accept_limit": {"amount": 1, "unit": "urgent_hour"},
            "materials": "照片\n位置", "basis": "公路法"}  # fmt: skip
    changed = admin.put(PATH, json=said)
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert changed.json["materials"] == ["照片", "位置"]
    assert admin.put(PATH, json=said).json["version"] == 2  # the same again changes nothing
    stale = admin.put(PATH, json=said | {"basis": "别的"})
    assert (stale.status_code, stale.json["code"]) == (409, "category.stale_version")
    after = desk.get(f"/api/v1/issues/{issue.id}").json
    for name in ("due_at", "stage_due_at", "limit", "category_version", "due_because"):
        assert after[name] == before[name], name
    projection.rebuild(issue.id)
    assert desk.get(f"/api/v1/issues/{issue.id}").json["stage_due_at"] == before["stage_due_at"]
    later = make.issue(make.household(cell), make.cadre([cell]))
    assert (later.category_version, later.limit.amount) == (2, 3)
    seen = desk.get(PATH).json
    assert [each["limit"]["amount"] for each in seen["versions"]] == [3, 15]
    assert seen["versions"][0]["by"]["name"] == "张三"
    words = desk.get("/categories/facility.road", headers={"Accept-Language": "en"}).text
    assert "15 working days → 3 working days" in words
    with pytest.raises(DBAPIError, match="never changed"):
        db.session.execute(text("UPDATE category_version SET name = 'x'"))


def test_only_what_is_on_the_list_goes_to_cells(make: Any, as_user: Any, admin: Any) -> None:
    admin.put(PATH, json=NEW | {"to_cells": False})
    cell = make.cell()
    team, unit = make.team([cell]), make.team([], code=TOWNSHIP)
    issue = make.issue(make.household(cell), make.cadre([cell]))
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))

    def step(action: str, seen: int, **said: Any) -> Any:
        body = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **said}
        return desk.post(f"/api/v1/issues/{issue.id}/steps", json=body)

    step("accept", 1)
    refused = step("dispatch", 2, team_id=str(team.id))
    assert (refused.status_code, refused.json["code"]) == (422, "issue.not_for_cells")
    assert "道路损坏" in refused.json["errors"]["/team_id"][0]
    page = desk.get(f"/issues/{issue.id}").text
    assert str(unit.id) in page
    assert str(team.id) not in page
    assert step("dispatch", 2, team_id=str(unit.id)).status_code == 201
    refused = step("transfer", 3, team_id=str(team.id), words="请网格处理")
    assert refused.json["code"] == "issue.not_for_cells"
    admin.put(PATH, json={"seen": 1, "to_cells": True})  # today's list decides
    assert step("transfer", 3, team_id=str(team.id), words="请网格处理").status_code == 201


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"limit": {"amount": 0, **DAYS}}, "/limit/amount"),
        ({"limit": {"amount": 5, "unit": "weeks"}}, "/limit/unit"),
        ({"parent": "nowhere"}, "/parent"),
        ({"parent": "facility.road"}, "/parent"),
        ({"parent": "a.b.c"}, "/parent"),
        ({"name": ""}, "/name"),
    ],
)
def test_what_cannot_be_said_of_a_category(admin: Any, said: Any, place: str) -> None:
    for code, parent in (("a", None), ("a.b", "a"), ("a.b.c", "a.b")):
        assert admin.put(f"/api/v1/categories/{code}", json=NEW | {"parent": parent}).json["code"]
    assert admin.put(PATH, json=NEW).status_code == 200
    answer = admin.put(PATH, json={"seen": 1} | said)
    assert answer.status_code == 422
    assert place in answer.json["errors"]
    assert admin.put("/api/v1/categories/Road!", json=NEW).json["errors"].keys() == {"/code"}
    ring = admin.put("/api/v1/categories/a", json={"seen": 1, "parent": "a.b"})
    assert ring.json["errors"].keys() == {"/parent"}


def test_who_keeps_the_catalogue_and_who_reads_it(make: Any, as_user: Any, admin: Any) -> None:
    admin.put(PATH, json=NEW)
    township = as_user(make.user(Role.ADMINISTRATOR, TOWNSHIP))
    assert township.put(PATH, json={"seen": 1, "basis": "x"}).status_code == 403
    for role, code in ((Role.DISPATCHER, TOWNSHIP), (Role.LEADER, COUNTY), (Role.CADRE, VILLAGE)):
        reader = as_user(make.user(role, code))
        assert reader.put(PATH, json={"seen": 1, "basis": "x"}).status_code == 403
        assert reader.get(PATH).status_code == 200
        page = reader.get("/categories")
        assert (page.status_code, "facility.road" in page.text) == (200, True)
        assert "/categories/new" not in page.text
    assert as_user(make.user(Role.AUDITOR, COUNTY)).get("/categories").status_code == 403
    assert admin.get("/api/v1/categories/nothing").status_code == 404
    assert admin.get("/categories/%E8%B7%AF").status_code == 404


def test_the_page_changes_a_category_and_tells_of_a_faster_one(admin: Any) -> None:
    form = {
        "code": "facility.road", "name": "道路", "promise": "within_limit", "level": "village",
        "limit_amount": "10", "limit_unit": "working_day", "to_cells": "1", "active": "1",
        "parent": "", "seen": "0",
    }  # fmt: skip
    assert admin.post("/categories/new", data=form | {"limit_amount": "x"}).status_code == 422
    assert admin.post("/categories/new", data=form).status_code == 302
    row = catalogue.find("facility.road")
    assert (row.name_en, row.limit.amount, row.review_limit.amount) == ("道路", 10, 2)
    address = "/categories/facility.road"
    changed = form | {"seen": "1", "limit_amount": "4", "review_limit_amount": "1",
                      "review_limit_unit": "calendar_day"}  # fmt: skip
    assert admin.post(address, data=changed).status_code == 302
    db.session.refresh(row)
    assert (row.version, row.limit.amount) == (2, 4)
    refused = admin.post(address, data=changed | {"limit_amount": "6"})
    assert refused.status_code == 409
    assert 'value="6"' in refused.text
    assert admin.post(address, data=changed | {"seen": "2", "active": ""}).status_code == 302
    kept = {k: v for k, v in changed.items() if k != "active"} | {"seen": "2"}
    assert admin.post(address, data=kept).status_code == 302
    assert "facility.road" not in admin.get("/categories").text
    assert "facility.road" in admin.get("/categories?list=inactive").text
    assert "facility.road" not in admin.get("/categories?list=inactive&q=桥").text


def test_a_table_is_imported_exported_and_imported_again(admin: Any, tmp_path: Any) -> None:
    heads = ("编码", "上级编码", "名称", "承诺", "时限", "解决层级", "材料", "可派网格", "受理时限")
    rows = [
        ("facility.road", "facility", "道路", "限时办", "１５个工作日", "镇", "照片；位置", "是",
         "2小时"),
        ("facility", None, "公共设施", "承诺限时办", "10 工作日", "乡镇", None, "否", None),
    ]  # fmt: skip
    done = imported(admin, "categories", sheet(heads, *rows))
    assert (done["state"], done["new"]) == ("done", 2), done
    row = catalogue.find("facility.road")
    assert (row.materials, row.accept_limit.unit) == ("照片\n位置", Unit.URGENT_HOUR)
    bad = [
        ("Facility Road", None, "道路", "限时办", "15周", "镇", None, "是", None),
        ("new", "nowhere", "道路", "限时办", "15工作日", "镇", None, "是", None),
        ("newer", None, None, None, None, None, None, None, None),
        ("facility", None, "公共设施", None, "9工作日", None, None, None, None),
        ("facility", None, "公共设施", None, "8工作日", None, None, None, None),
    ]
    report = imported(admin, "categories", sheet(heads, *bad), confirm=False)
    assert {(f["row"], f["column"]) for f in report["faults"]} == {
        (2, "编码"), (2, "时限"), (3, "上级编码"), (4, "名称"), (4, "承诺"), (4, "时限"),
        (4, "解决层级"), (6, "编码"),
    }  # fmt: skip
    runner = CliRunner()
    file = tmp_path / "catalogue.xlsx"
    assert runner.invoke(export_group, ["categories", str(file)]).exit_code == 0
    again = runner.invoke(import_group, ["categories", str(file), "--json"])
    assert (again.exit_code, '"same": 2' in again.output) == (0, True), again.output
    told = admin.get("/categories.xlsx")
    assert told.status_code == 200
    table = load_workbook(file)
    table.active["F3"] = "3工作日"
    table.save(file)
    assert '"changed": 1' in runner.invoke(import_group, ["categories", str(file), "--json"]).output
    db.session.expire_all()
    assert db.session.get_one(Category, "facility.road").version == 2
    empty = runner.invoke(import_group, ["categories", "--template", str(tmp_path / "t.xlsx")])
    assert empty.exit_code == 0


def test_of_a_family_the_groups_below_are_found_too(make: Any, as_user: Any, admin: Any) -> None:
    for code, parent in (("society", None), ("facility", "society"), ("facility.road", "facility")):
        admin.put(f"/api/v1/categories/{code}", json=NEW | {"parent": parent})
    cell = make.cell()
    make.issue(make.household(cell), make.cadre([cell]))
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    for code, count in (("society", 1), ("facility", 1), ("facility.road", 1), ("nothing", 0)):
        assert len(desk.get(f"/api/v1/issues?category={code}").json["items"]) == count
    assert db.session.scalar(select(func.count()).select_from(Issue)) == 1

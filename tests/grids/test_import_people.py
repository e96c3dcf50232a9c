"""Accounts and teams from tables: what the own scope allows, once, and passwords seen once."""

from __future__ import annotations

import io
import uuid

import pytest
from click.testing import CliRunner
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from grids.imports import import_group
from grids.models import Assignment, Duty, Membership, Team
from gridserve.db import db
from gridserve.imports import work
from gridserve.people import Post, User
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, VILLAGE

USERS = ("账号", "姓名", "角色", "辖区编码", "开始日期")
TEAMS = ("团队", "辖区编码", "网格编码", "成员账号", "职责")


def sheet(*rows) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    sent = io.BytesIO()
    book.save(sent)
    return sent.getvalue()


def imported(client, kind, data, *, confirm=True):
    asked = {"id": str(uuid.uuid4()), "kind": kind}
    file = {"file": (io.BytesIO(data), "表.xlsx")}
    sent = client.post("/api/v1/imports", query_string=asked, data=file).json
    work.work(sent["id"])
    address = f"/api/v1/imports/{sent['id']}"
    if confirm:
        said = client.post(f"{address}/confirm", json={"digest": sent["digest"]})
        assert said.status_code == 202, said.json
        work.work(sent["id"])
    return client.get(address).json


@pytest.fixture
def admin(make, as_user):
    make.cell()
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def test_accounts_get_a_password_that_is_handed_out_once(admin, client):
    rows = [("wang.fang", "王芳", "网格员", VILLAGE, "2026年11月3日"),
            ("wang.fang", "王芳", "调度员", TOWNSHIP, "2026.11.03")]  # fmt: skip
    found = imported(admin, "users", sheet(USERS, *rows))
    assert (found["state"], found["new"], found["changed"]) == ("done", 1, 1)
    assert db.session.scalar(select(func.count()).select_from(Post).join(User).where(
        User.login == "wang.fang")) == 2  # fmt: skip
    given = admin.post(f"/imports/{found['id']}/passwords")
    login, name, password = (c.value for c in load_workbook(io.BytesIO(given.data)).active[2])
    assert (login, name) == ("wang.fang", "王芳")
    assert admin.post(f"/imports/{found['id']}/passwords").status_code == 404
    said = {"login": login, "password": password}
    assert client.post("/api/v1/sessions", json=said).status_code == 201
    again = imported(admin, "users", sheet(USERS, *rows), confirm=False)
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 2)


def test_nobody_grants_beyond_the_own_jurisdiction(make, as_user):
    make.jurisdictions("530627101201")
    there = make.user(Role.ADMINISTRATOR, "530627", login="other.admin")
    admin = as_user(make.user(Role.ADMINISTRATOR, TOWNSHIP))
    rows = [
        ("a.one", "甲", "管理员", COUNTY),
        ("b.two", "乙", "网格员", "530627101201"),
        (there.login, "改名", "网格员", TOWNSHIP),
        ("d four", "丁", "皇帝", TOWNSHIP),
        ("e.five", None, "网格员", "999999"),
    ]
    make.jurisdictions(TOWNSHIP)
    found = imported(admin, "users", sheet(USERS, *rows), confirm=False)
    assert found["left_out"] == 5
    columns = {(fault["row"], fault["column"]) for fault in found["faults"]}
    assert columns == {(2, "辖区编码"), (3, "辖区编码"), (4, "账号"), (5, "角色"), (6, "姓名"),
                       (6, "辖区编码")}  # fmt: skip
    assert db.session.scalar(select(User).where(User.login == "a.one")) is None


def test_teams_with_members_and_cells_and_a_second_time_nothing(make, admin):
    make.user(Role.CADRE, TOWNSHIP, login="li.si", name="李四")
    rows = [("一队", VILLAGE, VILLAGE + "001", "li.si", "网格长"),
            ("一队", VILLAGE, None, "nobody", "专职网格员")]  # fmt: skip
    bad = imported(admin, "teams", sheet(TEAMS, *rows), confirm=False)
    assert [(fault["row"], fault["column"]) for fault in bad["faults"]] == [(3, "成员账号")]
    assert db.session.scalar(select(Team)) is None
    done = imported(admin, "teams", sheet(TEAMS, rows[0]))
    assert (done["state"], done["new"]) == ("done", 1)
    assert db.session.scalars(select(Membership)).one().duty is Duty.LEADER
    assert db.session.scalars(select(Assignment)).one().lead
    again = imported(admin, "teams", sheet(TEAMS, rows[0]), confirm=False)
    assert (again["new"], again["changed"], again["same"]) == (0, 0, 1)


def test_the_commands(make, tmp_path):
    make.cell()
    make.user(Role.ADMINISTRATOR, COUNTY, login="boss")
    users, teams, out = (tmp_path / name for name in ("u.xlsx", "t.xlsx", "p.xlsx"))
    users.write_bytes(sheet(USERS, ("zhao.liu", "赵六", "网格员", VILLAGE, "2026-11-01")))
    teams.write_bytes(sheet(TEAMS, ("二队", VILLAGE, VILLAGE + "001", "zhao.liu", "专职")))
    run = CliRunner().invoke
    ran = run(import_group, ["users", str(users), "--passwords", str(out)], catch_exceptions=False)
    assert (ran.exit_code, out.stat().st_mode & 0o777) == (0, 0o600)
    ran = run(import_group, ["teams", str(teams), "--as", "boss"], catch_exceptions=False)
    assert (ran.exit_code, "1 new" in ran.output) == (0, True), ran.output
    assert run(import_group, ["teams", str(teams)]).exit_code == 2
    ran = run(import_group, ["teams", "--template", str(tmp_path / "tpl.xlsx")])
    assert (ran.exit_code, (tmp_path / "tpl.xlsx").exists()) == (0, True)

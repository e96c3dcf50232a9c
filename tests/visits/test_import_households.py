"""Households from XLSX and CSV: from the table that people have to what is stored."""

from __future__ import annotations

import getpass
import io
import json

import pytest
from click.testing import CliRunner
from geoalchemy2.shape import to_shape
from openpyxl import Workbook, load_workbook
from shapely import box
from sqlalchemy import select

from grids.coordinates import System, from_wgs84
from gridserve.db import db
from gridserve.events import Event
from gridserve.permissions import Role
from gridserve.tables import books
from gridserve.tables.raw import BadTable, Unsaid
from tests.factories import SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from visits.householdfile import ABOUT, COLUMNS
from visits.householdimport import import_households
from visits.models import Household
from visits.tablecommands import export_group, import_group

HEAD = (
    "户号",
    "村编码",
    "村民小组",
    "地址",
    "户主",
    "电话",
    "人口数",
    "标签",
    "经度",
    "纬度",
    "坐标系",
)
WANG = ("H1", VILLAGE, "3组", "田坝3号", "王一", "13800001234", 4, "残疾、空巢老人",
        WEST + 0.001, SOUTH + 0.001, "WGS84")  # fmt: skip


def sheet(*rows, head=HEAD) -> bytes:
    book = Workbook()
    for row in (head, *rows):
        book.active.append(row)
    sent = io.BytesIO()
    book.save(sent)
    return sent.getvalue()


def stored(number: str) -> Household:
    return db.session.scalars(select(Household).where(Household.number == number)).one()


def test_a_row_becomes_a_household_in_its_cell_and_a_second_time_nothing_changes(make):
    cell = make.cell()
    report = import_households(sheet(WANG), by=None)
    assert (report.new, report.changed, report.same, report.faults) == (1, 0, 0, [])
    home = stored("H1")
    assert (home.cell_id, home.group_name, home.size, home.phone) == (cell.id, "3组", 4, WANG[5])
    assert set(home.tags) == {"disabled", "empty_nest"}
    again = import_households(sheet(WANG), by=None)
    assert (again.new, again.changed, again.same) == (0, 0, 1)


def test_an_empty_cell_leaves_what_is_stored_and_a_cleared_one_forgets_it(make):
    make.cell()
    import_households(sheet(WANG), by=None)
    row = ("H1", VILLAGE, "清空", None, "王二", None, None, "清空", None, None, None)
    report = import_households(sheet(row), by=None)
    assert (report.changed, report.stored) == (1, True)
    home = stored("H1")
    assert (home.group_name, home.head_name, home.tags) == (None, "王二", [])
    assert (home.address, home.phone, home.size) == ("田坝3号", "13800001234", 4)
    assert home.point is not None


def test_a_point_in_gcj02_lands_where_it_is_meant(make):
    cell = make.cell()
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    lon, lat = from_wgs84(WEST + 0.001, SOUTH + 0.001, System.gcj02)
    rows = [(f"H{n}", VILLAGE, None, "x", "y", None, None, None, lon, lat, None) for n in range(4)]
    with pytest.raises(Unsaid) as unsaid:
        import_households(sheet(*rows), by=None)
    assert unsaid.value.likely is System.gcj02
    report = import_households(sheet(*rows), by=None, system=System.gcj02)
    assert report.new == 4
    home = stored("H0")
    assert home.point_source is System.gcj02
    assert home.cell_id == cell.id
    assert to_shape(home.point).x == pytest.approx(WEST + 0.001, abs=1e-7)
    with pytest.raises(Unsaid, match="GCJ-02"):
        import_households(sheet(*rows), by=None, system=System.bd09)


def test_a_household_with_another_point_comes_to_its_cell_and_its_visits_stay(make):
    west, east = make.cell(1), make.cell(2)
    import_households(sheet(WANG), by=None)
    visit = make.visit(stored("H1"), make.cadre([west]))
    moved = (*WANG[:8], WEST + STEP + 0.001, SOUTH + 0.001, "WGS84")
    assert import_households(sheet(moved), by=None).changed == 1
    db.session.refresh(visit)
    assert (stored("H1").cell_id, visit.cell_id) == (east.id, west.id)


def test_faults_name_row_column_and_remedy_and_keep_everything_out(make):
    make.cell()
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    bad = [
        ("H2", "999999999999", None, "a", "b"),
        ("H3", VILLAGE, None, None, "b"),
        ("H1", VILLAGE, None, "a", "b"),
        ("H4", VILLAGE, None, "a", "李**"),
        ("H5", VILLAGE, None, "a", "b", "没有", 4.5, "好人"),
        ("H6", VILLAGE, None, "a", "b", None, None, None, WEST + 1, SOUTH, "WGS84"),
        ("H7", "5.30626E+11", None, "a", "b"),
        ("H8", VILLAGE, None, "a", "b", None, None, None, WEST, None, "WGS84"),
        ("H9", VILLAGE, None, "a", "b", None, None, None, SOUTH, WEST, "WGS84"),
    ]
    report = import_households(sheet(WANG, *bad), by=None)
    assert not report.stored
    assert db.session.scalar(select(Household)) is None
    found = {(fault.row, fault.column) for fault in report.faults}
    assert found == {
        (3, "村编码"), (4, "地址"), (5, "户号"), (6, "户主"), (7, "电话"), (7, "人口数"),
        (7, "标签"), (8, "经度"), (9, "村编码"), (10, "纬度"), (11, "经度"),
    }  # fmt: skip
    assert all(fault.reason and fault.mend for fault in report.faults)
    partly = import_households(sheet(WANG, *bad), by=None, skip_bad=True)
    assert (partly.new, partly.left_out, partly.stored) == (1, 9, True)


def test_a_dispatcher_writes_within_the_own_township_only(make):
    other = "530626102201"
    make.jurisdictions(other)
    make.cell()
    dispatcher = make.user(Role.DISPATCHER, TOWNSHIP)
    row = ("H9", other, None, "a", "b")
    report = import_households(sheet(WANG, row), by=dispatcher)
    assert [(f.row, "辖区" in f.reason) for f in report.faults] == [(3, True)]
    cadre = make.user(Role.CADRE, TOWNSHIP)
    assert import_households(sheet(WANG), by=cadre).left_out == 1


def test_villages_by_name(make):
    make.cell()
    head = ("户号", "村名", "地址", "户主")
    rows = [("1", name, "a", "b") for name in ("田坝村",)] + [
        ("2", "田坝村民委员会", "a", "b"),
        ("3", "田坝", "a", "b"),
    ]
    report = import_households(sheet(*rows, head=head), by=None)
    assert report.new == 3, report.faults
    wrong = import_households(sheet(("4", "无名村", "a", "b"), head=head), by=None)
    assert "无名村" in wrong.faults[0].reason


def test_the_template_can_be_filled_in_and_its_example_is_passed_over(make):
    make.cell()
    data = books.template(COLUMNS, [str(line) for line in ABOUT])
    with pytest.raises(BadTable, match="没有数据行"):
        import_households(data, by=None)
    book = load_workbook(io.BytesIO(data))
    page = book["数据"]
    assert len(page.data_validations.dataValidation) == 4
    page.append(["7", VILLAGE, "田坝村", "中城镇", None, "a", "b"])
    sent = io.BytesIO()
    book.save(sent)
    report = import_households(sent.getvalue(), by=None)
    assert (report.new, len(report.notes)) == (1, 1)


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv"])
def test_what_is_exported_imports_again_with_no_change(make, tmp_path, name):
    cell = make.cell()
    make.household(
        cell, head_name="=1+1", note="@SUM(A1)\n二", phone="+86138", tags=["poor", "key"]
    )
    make.household(None, status="vacant", group_name="-3组", phone=None, do_not_disturb=True)
    path = tmp_path / name
    run = CliRunner().invoke
    masked = run(export_group, ["households", str(path)], catch_exceptions=False)
    assert masked.exit_code == 0, masked.output
    assert "1+1" not in str(path.read_bytes())
    assert run(export_group, ["households", str(path), "--reveal"]).exit_code == 2
    shown = run(export_group, ["households", str(path), "--reveal", "--reason", "核对"])
    assert shown.exit_code == 0, shown.output
    if name.endswith("csv"):
        lines = path.read_text(encoding="utf-8-sig")
        assert "'=1+1" in lines
        assert lines.splitlines()[-1].startswith(f"导出：{getpass.getuser()} 20")
    else:
        assert load_workbook(path).active.oddFooter.left.text.startswith("导出：")
        assert load_workbook(path).active["G2"].data_type == "s"
    event = db.session.scalars(
        select(Event).where(Event.action == "households.exported").order_by(Event.at.desc())
    ).first()
    assert event.data == {"households": 2, "revealed": True, "reason": "核对"}
    again = run(import_group, ["households", str(path), "--json"], catch_exceptions=False)
    report = json.loads(again.output)
    assert (report["same"], report["changed"], report["new"]) == (2, 0, 0), report

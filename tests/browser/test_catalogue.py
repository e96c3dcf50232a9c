"""The catalogue as its keeper uses it, on a screen and on a phone: look, change, add, import, and
read the list of what may be given to cells."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from gridserve.db import db
from gridserve.permissions import Role
from tests.browser.conftest import served
from tests.factories import COUNTY, TOWNSHIP, Make
from tests.grids.test_import_people import sheet
from visits import categories
from visits.issues.models import Category, CategoryVersion

pytestmark = pytest.mark.browser

CODE = "water.outage"


@pytest.fixture(scope="module")
def site(app: Any, config: Any) -> Any:
    """The catalogue that a new installation starts with, its keeper and a reader."""

    def build(make: Make) -> dict[str, Any]:
        make.user(Role.ADMINISTRATOR, COUNTY, login="keeper", name="管理员")
        make.user(Role.DISPATCHER, TOWNSHIP, login="clerk")
        categories.store_first()
        db.session.commit()
        return {}

    with served(app, config, build) as site:
        yield site


def terms(site: Any, code: str) -> Category:
    with site.app.app_context():
        row = db.session.get_one(Category, code)
        db.session.expunge(row)
        return row


def versions(site: Any, code: str) -> int:
    with site.app.app_context():
        return db.session.query(CategoryVersion).filter_by(category_code=code).count()


def test_a_category_is_found_changed_and_its_history_says_so(tab, site):
    new = tab("both", "keeper")
    before = terms(site, CODE)
    page = new.open("/categories")
    page.fill("#q", before.name)
    page.click(".catalogue-find button")
    new.sound()
    page.click(f".catalogue a[href$='/{CODE}']")
    new.sound()
    assert f"第 {before.version} 版" in page.locator(".lead-line").inner_text()
    page.fill("[name=limit_amount]", "9")
    page.select_option("[name=limit_unit]", "working_day")
    page.fill("#f-materials", "照片\n位置")
    page.uncheck("[name=to_cells]")
    page.click("button:has-text('保存')")
    page.wait_for_selector(f"text=第 {before.version + 1} 版")
    new.sound()
    first = page.locator("[aria-labelledby=h-history] li").first.inner_text()
    for words in (f"第 {before.version + 1} 版", "管理员", "9个工作日", "照片、位置", "可派网格"):
        assert words in first
    now = terms(site, CODE)
    assert (now.version, now.limit.amount, now.to_cells) == (before.version + 1, 9, False)
    # it is no longer on the list of what cells may be given
    page = new.open("/categories?list=cells")
    assert page.locator(".catalogue tbody tr").count() > 40
    assert page.locator(f".catalogue a[href$='/{CODE}']").count() == 0
    assert page.locator("text=只派部门").count() == 0


def test_a_new_category_is_refused_with_the_reason_and_then_made(tab, site):
    new = tab("both", "keeper")
    page = new.open("/categories")
    page.click("a[href='/categories/new']")
    new.sound()
    code = "facility.stop"
    page.fill("#f-code", "facility.road")
    page.fill("#f-name", "村口公交站")
    page.select_option("#f-parent", "facility")
    page.fill("[name=limit_amount]", "2000")
    page.fill("[name=accept_limit_amount]", "3")
    page.check("[name=to_cells]")
    page.click("button:has-text('保存')")
    page.wait_for_selector(".notice-error")  # there is one of this code already
    assert [fault for fault in new.faults if "409" not in fault] == []
    new.faults.clear()
    assert page.input_value("#f-name") == "村口公交站"
    page.fill("#f-code", code)
    page.click("button:has-text('保存')")
    page.wait_for_selector(f".lead-line:has-text('{code}')")
    new.sound()
    assert terms(site, code).name_en == "村口公交站"
    page = new.open("/categories?q=公交")
    assert page.locator(".catalogue tbody tr").count() >= 1


def test_somebody_who_was_faster_is_not_overwritten(tab, site):
    new, other = tab("desk", "keeper"), tab("desk", "keeper")
    page, faster = new.open("/categories/safety.fire"), other.open("/categories/safety.fire")
    faster.fill("#f-basis", "消防法第五条")
    faster.click("button:has-text('保存')")
    faster.wait_for_selector("text=第 2 版")
    page.fill("#f-basis", "另一依据")
    page.click("button:has-text('保存')")
    page.wait_for_selector(".notice-error")
    assert [fault for fault in new.faults if "409" not in fault] == []
    new.faults.clear()  # the browser tells of each refusal
    assert terms(site, "safety.fire").basis == "消防法第五条"
    assert page.input_value("#f-basis") == "另一依据"  # what was typed is not lost


def test_a_table_is_imported_and_the_catalogue_downloaded(tab, site, worked, tmp_path: Path):
    new = tab("both", "keeper")
    before = versions(site, "water.quality")
    page = new.open("/categories")
    page.click("a[href$='kind=categories']")
    new.sound()
    heads = ("编码", "上级编码", "名称", "承诺", "时限", "解决层级", "材料", "可派网格")
    path = tmp_path / "事项.xlsx"
    path.write_bytes(sheet(
        heads,
        ("water.meter", "water", "水表", "限时办", "７个工作日", "镇", "照片；位置", "是"),
        ("water.quality", None, "水质问题", "限时办", "3 工作日", "乡镇", None, "否"),
    ))  # fmt: skip
    page.set_input_files("#file", path)
    page.click(".import-go")
    page.wait_for_selector("button:has-text('保存 2 条')", timeout=60_000)
    new.sound()
    page.click("button:has-text('保存 2 条')")
    page.wait_for_selector("text=已保存", timeout=60_000)
    new.sound()
    assert terms(site, "water.meter").materials == "照片\n位置"
    assert versions(site, "water.quality") == before + 1
    page = new.open("/categories")
    with page.expect_download() as download:
        page.click("a[href$='categories.xlsx']")
    with Path(download.value.path()).open("rb") as file:
        book = load_workbook(io.BytesIO(file.read()))
    codes = {row[0].value for row in book.active.iter_rows(min_row=2)}
    assert "water.meter" in codes
    assert len(codes) > 110


def test_a_reader_sees_the_catalogue_and_no_form(tab, site):
    new = tab("phone", "clerk")
    page = new.open("/categories/welfare.allowance")
    assert "户口本" in page.locator("main").inner_text()
    assert page.locator("form.catalogue-form").count() == 0
    page = new.open("/categories")
    assert page.locator("a[href='/categories/new']").count() == 0

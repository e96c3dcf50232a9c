"""A clerk imports a file with two faults, downloads them, mends the sheet and confirms it."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests import brokentables
from tests.factories import VILLAGE

pytestmark = pytest.mark.browser


def test_two_faults_are_mended_and_the_file_is_stored(tab, worked, tmp_path: Path):
    new = tab("both", "dispatcher")
    page = new.open("/imports")
    path = tmp_path / "住户.xlsx"
    path.write_bytes(
        brokentables.book(
            ["71", VILLAGE, "田坝1号", "王一", 3],
            ["72", VILLAGE, "田坝2号", "李二", "许多"],
            ["73", "530626101999", "田坝3号", "张三", 2],
        )
    )
    page.set_input_files("#file", path)
    page.click(".import-go")
    page.wait_for_selector("#h-faults", timeout=60_000)
    new.sound()
    assert page.locator("#h-faults + table tbody tr").count() == 2
    with page.expect_download() as download:
        page.click("a[href$='faults.xlsx']")
    mended = tmp_path / "改.xlsx"
    download.value.save_as(mended)
    book = load_workbook(mended)
    sheet = book.active
    assert sheet.max_row == 3
    sheet["E2"], sheet["B3"] = 2, VILLAGE
    book.save(mended)
    page.click("button:has-text('只保存其余 1 条')")
    page.wait_for_selector("text=已保存", timeout=60_000)
    new.sound()
    page = new.open("/imports")
    page.set_input_files("#file", mended)
    page.click(".import-go")
    page.wait_for_selector("button:has-text('保存 2 条')", timeout=60_000)
    new.sound()
    page.click("button:has-text('保存 2 条')")
    page.wait_for_selector("text=已保存", timeout=60_000)
    new.sound()
    page = new.open("/households")
    assert "田坝3号" in page.locator("body").inner_text()

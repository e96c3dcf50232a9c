"""Registers and sheets on a phone and on a desk, and a register taken away as a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.browser.conftest import NASTY, SIZES
from tests.factories import TOWNSHIP

pytestmark = pytest.mark.browser
HERE = f"?jurisdiction={TOWNSHIP}"
PAGES = ("/documents", "/sheets/issues", f"/sheets/visits{HERE}", f"/sheets/brief{HERE}",
         f"/sheets/public{HERE}", f"/sheets/comparison{HERE}")  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_sheets_are_sound_whatever_people_wrote(tab, size):
    new = tab(size, "leader")
    for path in PAGES:
        page = new.open(path)
        assert page.locator("h1").inner_text()
        for each in page.locator("main button:visible, main select:visible").all():
            assert each.bounding_box()["height"] >= 40, path
    assert NASTY in new.open("/sheets/issues?from=2026-01-01").locator("body").inner_text()


def test_a_register_is_narrowed_and_taken_as_a_table(tab, worked, tmp_path: Path):
    new = tab("desk", "leader")
    page = new.open("/sheets/issues")
    page.select_option("[name=jurisdiction]", TOWNSHIP)
    page.click(".sheet-form button")
    page.wait_for_url(f"**jurisdiction={TOWNSHIP}**")
    new.sound()
    listed = page.locator(".rows tbody th").all_inner_texts()
    page.locator(".sheet-acts form:has([value=xlsx]) button").click()
    page.wait_for_selector("a[href$='/file']", timeout=60_000)
    new.sound()
    with page.expect_download() as download:
        page.click("a[href$='/file']")
    path = tmp_path / "register.xlsx"
    download.value.save_as(path)
    cells = {str(cell) for row in load_workbook(path).active.values for cell in row}
    assert listed
    assert set(listed) <= cells

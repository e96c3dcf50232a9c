"""The map of coverage as files: the same figures as on the page, the same bytes again."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import timedelta

import openpyxl
import pyogrio
import pypdfium2
import pytest
from PIL import Image
from shapely import box

from gridserve import workdays
from gridserve.db import db, now
from gridserve.documents import work
from gridserve.permissions import Role
from tests.factories import SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from visits import figures


@pytest.fixture
def leader(make, as_user):
    """Three cells: one visited, one not, one without households and with a name like a formula."""
    cells = [make.cell(n) for n in (1, 2, 3)]
    cells[2].name = "=1+1"
    for code in (VILLAGE, TOWNSHIP):
        make.boundary(code, box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP))
    cadre = make.user(Role.CADRE, VILLAGE)
    make.team(cells, [cadre])
    for n in range(4):
        home = make.household(cells[n % 2], tags=["poor"] if n < 2 else [])
        if n % 2 == 0:
            make.visit(home, cadre, now() - timedelta(days=n))
    figures.refresh_marked()
    db.session.commit()
    return as_user(make.user(Role.LEADER, TOWNSHIP))


def made(client, form, as_of=None, **said):
    """A file, asked for and taken as a leader does, and made as the worker makes it."""
    said = {"jurisdiction": VILLAGE, "by": "cell"} | said
    body = {"id": str(uuid.uuid4()), "kind": "coverage", "format": form, "arguments": said}
    answer = client.post("/api/v1/documents", json=body | ({"as_of": as_of} if as_of else {}))
    assert answer.status_code == 202, answer.json
    work.work(body["id"])
    told = client.get(f"/api/v1/documents/{body['id']}").json
    assert told["state"] == "done", told["failure"]
    return client.get(f"/documents/{body['id']}/file").data, told


def test_tables_hold_the_figures_and_no_formula(leader):
    text, _told = made(leader, "csv")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert rows[0] == ["code", "name", "households", "registered", "met", "share"]
    assert [row[2:] for row in rows[1:]] == [
        ["2", "2", "2", "1.0"], ["2", "2", "0", "0.0"], ["0", "0", "0", ""],
    ]  # fmt: skip
    assert rows[3][1] == "'=1+1"
    book, _told = made(leader, "xlsx", measure="due", tag="poor")
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    cell = next(c for row in sheet.iter_rows() for c in row if c.value == "=1+1")
    assert cell.data_type == "s"
    earlier = (workdays.today() - timedelta(days=40)).isoformat()
    text, _told = made(leader, "csv", compare=earlier)
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert rows[1][-2:] == ["0.0", "100.0"]


def test_a_gis_reads_shapes_and_figures(leader, tmp_path):
    data, _told = made(leader, "gpkg", measure="due")
    path = tmp_path / "map.gpkg"
    path.write_bytes(data)
    told, _fids, shapes, fields = pyogrio.raw.read(path)
    assert told["crs"] == "EPSG:4326"
    assert len(shapes) == 3
    assert {"code", "households", "due", "in_time", "overdue", "share"} <= set(told["fields"])
    assert sorted(fields[list(told["fields"]).index("households")]) == [0, 2, 2]


def test_paper_and_picture_are_the_same_page(leader):
    page, told = made(leader, "pdf")
    document = pypdfium2.PdfDocument(page)
    words = document[0].get_textpage().get_text_bounded()
    for part in ("50.0 %", "2 / 4", VILLAGE, "coverage-1", "0–20", "80–100"):
        assert part in words, part
    picture, _told = made(leader, "png")
    image = Image.open(io.BytesIO(picture))
    assert image.size[1] > image.size[0] > 1600
    colours = {colour for _n, colour in image.convert("RGB").getcolors(10**7)}
    assert {(27, 58, 102), (251, 233, 160)} <= colours  # all of a cell met, and nobody
    again, second = made(leader, "pdf", as_of=told["as_of"])
    assert again == page
    assert second["sha256"] == told["sha256"]


def test_nobody_takes_a_map_of_elsewhere(leader, make, as_user):
    body = {"kind": "coverage", "format": "pdf"}
    for who, code, status in (
        (leader, "530626", 404), (as_user(make.user(Role.CADRE, VILLAGE)), VILLAGE, 403),
    ):  # fmt: skip
        asked = {**body, "id": str(uuid.uuid4()), "arguments": {"jurisdiction": code}}
        assert who.post("/api/v1/documents", json=asked).status_code in (403, status)

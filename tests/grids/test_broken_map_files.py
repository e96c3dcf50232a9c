"""Broken map files: a clear word or a correct import, never a crash and never half of it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from grids.commands import import_group
from grids.models import Cell
from gridserve.db import db
from tests.data.broken.make_maps import CODES, HERE, LEFT, NAMES, RIGHT
from tests.factories import VILLAGE, Make

Run = Callable[..., Result]

# File → exit code, words said about it, and how many cells are stored.
BROKEN: dict[str, tuple[int, str, int]] = {
    "truncated.zip": (2, "damaged .zip", 0),
    "no-prj.zip": (2, "does not say its coordinate system", 0),
    "no-shx.zip": (0, "2 new", 2),
    "no-dbf.zip": (2, "has no .dbf", 0),
    "gbk.zip": (0, "2 new", 2),
    "gbk-said-utf8.zip": (0, "2 new", 2),
    "climbing.zip": (2, "outside of its folder", 0),
    "cut-shp.zip": (2, "cut off", 0),
    "cut-dbf.zip": (2, "cut off", 0),
    "xian1980.zip": (2, "needs the parameters of your survey office", 0),
    "three-dimensions.gpkg": (0, "2 new", 2),
    "cut.gpkg": (2, "damaged GeoPackage", 0),
    "endless-view.gpkg": (2, "has no layer with areas", 0),
    "mixed.geojson": (1, "feature 2: This is a LineString", 0),
    "nan.geojson": (1, "feature 1: A corner of the outline is not a number", 0),
    "infinity.geojson": (1, "feature 1: A corner of the outline is not a number", 0),
    "swapped.geojson": (2, "latitude and longitude seem to be swapped", 0),
    "nested.geojson": (1, "feature 2: This is a GeometryCollection", 0),
    "duplicate.geojson": (1, "feature 2: code 530626101201001 is also that of feature 1", 0),
    "said-wgs84-is-gcj02.geojson": (2, "--crs gcj02", 0),
    "no-geometry.geojson": (1, "feature 2: The feature has no geometry", 0),
    "bow-tie.geojson": (1, "feature 2: The outline crosses itself", 0),
    "unclosed.geojson": (0, "2 new", 2),
    "page.geojson": (2, "is a web page and no map file", 0),
    "empty.geojson": (2, "is empty", 0),
    "half.geojson": (2, "is not JSON", 0),
}
# What more has to be said for the file to come in, and how many cells then do.
MENDED: dict[str, tuple[tuple[str, ...], int]] = {
    "no-prj.zip": (("--crs", "cgcs2000"), 2),
    "swapped.geojson": (("--swapped",), 2),
    "said-wgs84-is-gcj02.geojson": (("--crs", "gcj02"), 2),
    "nested.geojson": (("--repair",), 2),
    "mixed.geojson": (("--skip-bad",), 1),
    "bow-tie.geojson": (("--repair", "--skip-bad"), 1),
}


@pytest.fixture
def run(context: Flask, make: Make) -> Run:
    make.boundary(VILLAGE, LEFT.union(RIGHT))

    def command(path: Path, *options: str) -> Result:
        arguments = ["cells", str(path), *options]
        return CliRunner().invoke(import_group, arguments, catch_exceptions=False)

    return command


def stored() -> list[Cell]:
    return list(db.session.scalars(select(Cell).order_by(Cell.code)))


def test_every_broken_file_is_tried() -> None:
    assert {path.name for path in HERE.iterdir()} == set(BROKEN)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_or_comes_in_whole(run: Run, name: str) -> None:
    code, words, count = BROKEN[name]
    result = run(HERE / name)
    assert words in result.output
    assert "/tmp" not in result.output.replace(str(HERE), "")
    assert result.exit_code == code
    cells = stored()
    assert len(cells) == count
    assert [cell.name for cell in cells] == NAMES[:count]
    if name == "three-dimensions.gpkg":
        assert not any(to_shape(cell.polygon).has_z for cell in cells)


@pytest.mark.parametrize("name", MENDED)
def test_with_one_word_more_it_comes_in(run: Run, name: str) -> None:
    options, count = MENDED[name]
    result = run(HERE / name, *options)
    assert result.exit_code == 0, result.output
    assert [cell.code for cell in stored()] == CODES[:count]
    again = json.loads(run(HERE / name, *options, "--json").stdout)
    assert (again["new"], again["same"]) == (0, count)


def test_files_too_large_are_not_read(run: Run, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.geojson"
    with nothing.open("wb") as file:
        file.truncate(100_000_000)
    assert "100 MB, at most" in run(nothing).output
    bomb = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("cells.geojson", "w") as member,
    ):
        for _block in range(300):
            member.write(bytes(1024 * 1024))
    assert bomb.stat().st_size < 1_000_000
    assert "when unpacked" in run(bomb).output
    # The same with a header that says that it is small.
    data = bomb.read_bytes()
    size = (300 * 1024 * 1024).to_bytes(4, "little")
    assert data.count(size) >= 1
    liar = tmp_path / "liar.zip"
    liar.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    assert run(liar).exit_code == 2
    assert stored() == []


def test_the_report_is_a_page_with_pictures(run: Run, tmp_path: Path) -> None:
    page, folder = tmp_path / "report.html", tmp_path / "report"
    run(HERE / "bow-tie.geojson", "--report", str(page))
    run(HERE / "bow-tie.geojson", "--report", str(folder))
    text = page.read_text(encoding="utf-8")
    assert text == (folder / "report.html").read_text(encoding="utf-8")
    assert "轮廓在" in text
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    svg = (folder / f"{VILLAGE}.svg").read_text(encoding="utf-8")
    drawing = ElementTree.fromstring(svg)  # noqa: S314 - our own
    assert drawing.findall(".//{*}circle"), "the place where it crosses itself has a ring"
    kept: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [(f["row"], f["kind"]) for f in kept["faults"]] == [(2, "outline")]


def test_words_from_a_file_are_words_in_the_picture(run: Run, tmp_path: Path) -> None:
    data = json.loads((HERE / "duplicate.geojson").read_text(encoding="utf-8"))
    data["features"][1]["properties"]["code"] = "<script>x</script>"
    path = tmp_path / "x.geojson"
    path.write_text(json.dumps(data), encoding="utf-8")
    page = tmp_path / "report.html"
    run(path, "--report", str(page))
    assert "&lt;script&gt;" in page.read_text(encoding="utf-8")
    assert "<script" not in page.read_text(encoding="utf-8")

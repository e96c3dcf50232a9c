"""The code table comes in whole or not at all, and damage is named by file, row and reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from shapely import box
from sqlalchemy import func, select

from grids.commands import import_group
from grids.models import Jurisdiction
from gridserve.db import db
from gridserve.events import Event

TABLE = Path(__file__).parents[1] / "data" / "530626"
TOWN = '530626102,"南岸镇",530626,53,5306'

Run = Callable[..., Result]


@pytest.fixture
def run(context: Flask) -> Run:
    return lambda *args: CliRunner().invoke(
        import_group, ["jurisdictions", *map(str, args)], catch_exceptions=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the table to be damaged."""
    return Path(shutil.copytree(TABLE, tmp_path / "table"))


def stored() -> list[tuple[Any, ...]]:
    columns = Jurisdiction.__table__.columns
    return [tuple(row) for row in db.session.execute(select(*columns).order_by(columns.code))]


def damage(folder: Path, file: str, old: str, new: str | bytes) -> int:
    """Replace `old` in a file and give the row in which it was."""
    path = folder / file
    data = path.read_bytes()
    assert data.count(old.encode()) == 1
    row = data[: data.index(old.encode())].count(b"\n") + 1
    path.write_bytes(data.replace(old.encode(), new if isinstance(new, bytes) else new.encode()))
    return row


def faults(result: Result) -> list[tuple[str, int, str]]:
    return [(f["file"], f["row"], f["reason"]) for f in json.loads(result.stdout)["faults"]]


def test_twice_is_the_same(run: Run) -> None:
    first = run(TABLE)
    assert (first.exit_code, first.stdout) == (0, "51 new, 0 changed, 0 as they were.\n")
    rows = stored()
    assert [sum(row[1] == digits for row in rows) for digits in (2, 4, 6, 9, 12)] == [
        1, 1, 1, 5, 43,
    ]  # fmt: skip
    events = db.session.scalar(select(func.count()).select_from(Event))
    second = run(TABLE)
    assert second.stdout == "0 new, 0 changed, 51 as they were.\n"
    assert stored() == rows
    assert db.session.scalar(select(func.count()).select_from(Event)) == events


def test_a_newer_table_changes_names_and_leaves_boundaries_and_missing_rows(
    run: Run, make: Any, copy: Path
) -> None:
    run(TABLE)
    make.boundary("530626102", box(103.9, 28.5, 104.0, 28.6))
    damage(copy, "streets.csv", "南岸镇", "南岸街道")
    damage(copy, "villages.csv", '530626101002,"凤凰社区居民委员会",530626101,53,5306,530626\n', "")
    result = run(copy, "--year", "2024", "--json")
    report = json.loads(result.stdout)
    assert (report["new"], report["changed"], report["absent"]) == (0, 50, 1)
    town = db.session.get_one(Jurisdiction, "530626102")
    assert (town.name, town.year) == ("南岸街道", 2024)
    assert town.boundary is not None
    assert db.session.get_one(Jurisdiction, "530626101002").year == 2023


def test_a_dry_run_stores_nothing(run: Run) -> None:
    result = run(TABLE, "--dry-run")
    assert (result.exit_code, stored()) == (0, [])
    assert "51 new" in result.stdout
    assert "nothing was stored" in result.stdout


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ('53062610,"南岸镇",530626,53,5306', "is not a number of 9 digits"),
        ('5.30626102E+08,"南岸镇",530626,53,5306', "is not a number of 9 digits"),
        ('53062610２,"南岸镇",530626,53,5306', "is not a number of 9 digits"),
        ('530626102,"",530626,53,5306', "has no name"),
        ('530626102,"  ",530626,53,5306', "has no name"),
        (f'530626102,"{"长" * 81}",530626,53,5306', "longer than 80"),
        ('530626102,"南\x00岸镇",530626,53,5306', "a character that no name has"),
        ('530626102,"南岸镇",530627,53,5306', "but areaCode says '530627'"),
        ('530626102,"南岸镇",530626,54,5306', "but provinceCode says '54'"),
        ('530626102,"南岸镇",530626,53', "has 4 columns where the heading has 5"),
        ('530626102,南岸,镇,530626,53,5306', "has 6 columns where the heading has 5"),
        ('530626102,"南岸镇,530626,53,5306', "quotation mark"),
        ('530626102,"南岸镇"x,530626,53,5306', "quotation mark"),
        ('530626102,"南岸镇",530626,53,5306'.encode("gbk"), "is not in UTF-8"),
    ],
)  # fmt: skip
def test_a_damaged_row_is_named_and_nothing_is_imported(
    run: Run, copy: Path, new: str | bytes, reason: str
) -> None:
    row = damage(copy, "streets.csv", TOWN, new)
    result = run(copy, "--json")
    assert result.exit_code == 1
    first = faults(result)[0]
    assert first[:2] == ("streets.csv", row)
    assert reason in first[2]
    assert stored() == []
    for options in ([], ["--county", "530626"]):
        plain = run(copy, *options)
        assert f"streets.csv, row {row}: " in plain.stderr
        assert "Nothing was imported" in plain.stderr
        assert stored() == []


def test_a_code_of_two_names_and_a_code_of_nobody(run: Run, copy: Path) -> None:
    villages = copy / "villages.csv"
    lines = villages.read_text(encoding="utf-8").splitlines()
    lines += [lines[1].replace("兴汶", "别的"), lines[2]]
    lines += ['530626777001,"无主村",530626777,53,5306,530626']
    villages.write_text("\n".join(lines), encoding="utf-8")
    result = run(copy, "--json")
    assert result.exit_code == 1
    first, second = faults(result)
    assert first[:2] == ("villages.csv", 45)
    assert "'别的社区居民委员会' here and '兴汶社区居民委员会' in row 2" in first[2]
    assert second[:2] == ("villages.csv", 47)
    assert "530626777, which is neither in streets.csv nor stored" in second[2]


def test_skip_bad_leaves_out_bad_rows_and_their_children(run: Run, copy: Path) -> None:
    damage(copy, "streets.csv", TOWN, '530626102,"",530626,53,5306')
    assert len(faults(run(copy, "--json"))) == 1  # its villages are not to blame
    result = run(copy, "--skip-bad", "--json")
    named = faults(result)
    children = [f for f in named if f[0] == "villages.csv"]
    assert result.exit_code == 0
    assert len(named) == 1 + len(children)
    assert len(children) == sum(
        line.startswith("530626102") for line in (TABLE / "villages.csv").read_text().splitlines()
    )
    assert len(stored()) == 51 - len(named)
    run(TABLE)
    assert len(stored()) == 51


def test_one_county_of_many(run: Run, copy: Path) -> None:
    with (copy / "areas.csv").open("a", encoding="utf-8") as file:
        file.write('530628,"彝良县",5306,53\n999999,"",1,2\n')
    with (copy / "cities.csv").open("a", encoding="utf-8") as file:
        file.write('5301,"昆明市",53\n')
    assert run(copy, "--county", "530626").exit_code == 0
    assert [row[0] for row in stored() if row[1] <= 6] == ["53", "5306", "530626"]


@pytest.mark.parametrize(
    ("make_input", "words"),
    [
        (lambda folder: [folder / "nowhere"], "does not exist"),
        (lambda folder: [folder / "streets.csv"], "is not a folder"),
        (lambda folder: [folder.parent], "Neither"),
        (lambda folder: [(folder / "streets.csv").unlink() or folder], "has no streets.csv"),
        (lambda folder: [folder, "--county", "530699"], "County 530699 is not in"),
        (lambda folder: [folder, "--county", "绥江"], "6 digits"),
        (lambda folder: [(folder / "areas.csv").write_text("a,b\n") and folder], "row 1"),
        (lambda folder: [folder, "--source", " "], "--source"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_at_all_leaves_with_2(
    run: Run, copy: Path, make_input: Callable[[Path], list[Any]], words: str
) -> None:
    result = run(*make_input(copy))
    assert result.exit_code == 2
    assert words in result.stderr
    assert stored() == []

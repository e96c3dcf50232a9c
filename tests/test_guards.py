"""Rules of the house that no review has to remember."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import Identity

from gridserve.config import ROLES, Config
from gridserve.db import Base
from gridserve.installation import ROOT
from gridserve.permissions import Role

PACKAGES = ("gridserve", "grids", "visits", "maps")
TABLES = list(Base.metadata.tables.values())


def sources(*suffixes: str) -> list[Path]:
    found = [p for package in PACKAGES for p in (ROOT / package).rglob("*")]
    return [p for p in found if p.suffix in suffixes and "vendor" not in p.parts]


def test_every_endpoint_says_who_may_and_every_change_commits_once(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        view = app.view_functions[rule.endpoint]
        assert getattr(view, "access", None), f"{rule.endpoint} is neither @requires nor @public"
        if rule.methods - {"GET", "HEAD", "OPTIONS"}:
            assert getattr(view, "transaction", False), f"{rule.endpoint} has no @transaction"


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.name)
def test_each_table_says_where_it_lives_and_points_only_where_it_may(table):
    placement = table.info.get("placement")
    assert placement in ("reference", "county")
    assert table.primary_key.columns
    for key in table.foreign_keys:
        target = key.column.table
        if placement == "reference":
            assert target.info["placement"] == "reference", f"{table.name} → {target.name}"
    if placement == "county":
        for column in table.columns:
            assert not isinstance(column.server_default, Identity)
            assert column.default is None or not column.default.is_sequence


def test_every_variable_is_documented():
    text = (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"GRIDSERVE_[A-Z_]+", text))
    assert set(Config.variables()) <= named
    for path in sources(".py"):
        assert set(re.findall(r"\bGRIDSERVE_[A-Z_]+\b", path.read_text())) <= named, path


def test_settings_know_every_role():
    assert tuple(Role) == ROLES


def test_pages_load_nothing_from_outside():
    inner = re.compile(r"https?://(127\.0\.0\.1|localhost|www\.w3\.org|[{%])")
    for path in sources(".html", ".js", ".css", ".svg"):
        for address in re.findall(r"(?:https?:)?//[a-z0-9{%][^\s\"')]*", path.read_text()):
            if address.startswith("http"):
                assert inner.match(address), f"{path}: {address}"


def test_a_status_is_set_in_one_place_only():
    for path in sources(".py"):
        if path.name == "projection.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                held = isinstance(target, ast.Attribute) and target.attr == "status"
                assert not (held and "issue" in ast.unparse(target)), f"{path}:{node.lineno}"


def test_the_diagram_in_the_documents_is_drawn_from_the_table():
    from visits.issues.chain import diagram, everywhere

    document = (ROOT / "docs" / "chain.md").read_text()
    assert diagram() in document
    assert everywhere() in document


def test_what_only_some_need_is_not_loaded_by_all():
    late = ("alembic", "apprise", "authlib", "folium", "openpyxl", "pyogrio", "pyproj", "requests",
            "weasyprint", "xlsxwriter")  # fmt: skip
    asked = f"import sys, gridserve.app; print(*[n for n in {late} if n in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not loaded.stdout.split(), "import it in the function that needs it"


def test_every_message_has_its_chinese(tmp_path):
    template = tmp_path / "messages.pot"
    command = ["extract", "-F", "pyproject.toml", "-k", "_l", "-k", "N_", "--no-location", "-o"]
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", *command, template, "."],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    words = ROOT / "gridserve/translations/zh/LC_MESSAGES/messages.po"
    with template.open("rb") as wanted, words.open("rb") as known:
        chinese = {m.id: m for m in read_po(known, locale="zh")}
        missing = [
            m.id for m in read_po(wanted)
            if m.id and not (m.id in chinese and any(chinese[m.id].string))
        ]  # fmt: skip
    assert missing == [], "run `make messages` and write the Chinese"

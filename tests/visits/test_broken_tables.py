"""Broken tables: each a correct import or a clear refusal, never half, never a fault of ours."""

from __future__ import annotations

import json
import re
from contextlib import suppress

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from gridserve.db import db
from gridserve.tables.raw import BadTable
from gridserve.tables.reading import read
from tests import brokentables
from visits.householdfile import COLUMNS
from visits.models import Household
from visits.tablecommands import import_group

WHOLE = (brokentables.book(), brokentables.gbk())


@pytest.mark.parametrize("name", brokentables.ALL)
def test_a_broken_table_is_read_right_or_refused_with_words(make, tmp_path, name):
    build, stored, words = brokentables.ALL[name]
    make.cell()
    path = tmp_path / name
    path.write_bytes(build())
    ran = CliRunner().invoke(
        import_group, ["households", str(path), "--json"], catch_exceptions=False
    )
    assert db.session.scalar(select(func.count()).select_from(Household)) == stored
    if stored:
        assert ran.exit_code == 0, ran.output
    elif ran.exit_code == 2:
        assert re.search(words, ran.output), ran.output
    else:
        assert ran.exit_code == 1
        reasons = " ".join(fault["reason"] for fault in json.loads(ran.stdout)["faults"])
        assert re.search(words, reasons), reasons


def test_merged_cells_are_said(make, tmp_path):
    make.cell()
    path = tmp_path / "merged.xlsx"
    path.write_bytes(brokentables.merged())
    ran = CliRunner().invoke(import_group, ["households", str(path), "--json"])
    assert "merged downwards" in json.loads(ran.stdout)["notes"][0]


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60, database=None)
@given(data=st.data())
def test_no_damage_to_a_table_is_a_crash(context, data):
    whole = data.draw(st.sampled_from(WHOLE))
    bent = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadTable):
        read(bytes(bent[: data.draw(st.integers(1, len(bent)))]), COLUMNS)

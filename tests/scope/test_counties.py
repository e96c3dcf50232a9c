"""Each county's rows could move to a schema of their own (decision 0046): of every county table it
is known whose a row is, and nothing that is stored couples the rows of two counties."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from sqlalchemy import Table, select, text

from gridserve.db import Base, Code, db
from gridserve.installation import ROOT
from tests.scope import world

TABLES = {table.name: table for table in Base.metadata.sorted_tables}
COUNTY = {name: t for name, t in TABLES.items() if t.info["placement"] == "county"}
DIGITS = 6  # of a county's code; longer codes begin with it
# A person's own rows: they go where the person's posts are.
OF_A_PERSON = {"absence", "kept_filter", "log_words", "photo", "photo_upload"}
# Of a visit or of a step: a check of the table says that it is one of the two.
OF_ONE_OF_TWO = {"attachment"}
# Rows that say nothing of any place: each schema begins its own. Decision 0046 says why of each.
OF_NOBODY = {"backlog_week", "event_seal", "event_waiting", "ground_mark"}


def codes(table: Table) -> list[str]:
    """Columns that hold codes of places; digests are codes too, of 64 letters."""
    return [c.name for c in table.columns if isinstance(c.type, Code) and c.type.length <= 15]


def parents(table: Table) -> list[Any]:
    """Foreign keys to other county tables."""
    return [
        key for key in table.foreign_key_constraints
        if key.referred_table.name in COUNTY.keys() - OF_NOBODY
    ]  # fmt: skip


def test_of_every_county_table_it_is_known_whose_a_row_is():
    known = {name for name, table in COUNTY.items() if codes(table)} | OF_A_PERSON
    while True:
        more = {
            name
            for name, table in COUNTY.items()
            if name not in known
            and any(
                key.referred_table.name in known and not any(c.nullable for c in key.columns)
                for key in parents(table)
            )
        }
        if not more:
            break
        known |= more
    assert COUNTY.keys() - known == OF_NOBODY | OF_ONE_OF_TWO
    for name in OF_ONE_OF_TWO:
        assert {key.referred_table.name for key in parents(COUNTY[name])} <= known
    for name in OF_A_PERSON:  # always somebody's
        accounts = [c for c in TABLES[name].columns if c.references(TABLES["account"].c.id)]
        assert any(not column.nullable for column in accounts), name


def test_the_decision_names_every_table():
    words = (ROOT / "docs/decisions/0046-ready-for-a-schema-each.md").read_text()
    lists = re.findall(r"^\*\*(Reference|County)\*\*: ([^.]+)\.", words, re.MULTILINE)
    named = {kind: set(re.findall(r"`(\w+)`", listed)) for kind, listed in lists}
    assert named == {"Reference": TABLES.keys() - COUNTY.keys(), "County": set(COUNTY)}


def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        name: [dict(row._mapping) for row in db.session.execute(select(*table.columns))]
        for name, table in COUNTY.items()
    }


def counties(found: dict[str, list[dict[str, Any]]]) -> dict[str, dict[int, set[str]]]:
    """For each row, by table and position, the counties that its own columns and rows name."""
    of_people: dict[Any, set[str]] = defaultdict(set)
    posts = text("SELECT user_id, jurisdiction_code FROM post WHERE length(jurisdiction_code) > 5")
    for person, code in db.session.execute(posts):
        of_people[person].add(code[:DIGITS])
    known: dict[str, dict[int, set[str]]] = {name: {} for name in COUNTY}
    for name, table in COUNTY.items():
        for number, row in enumerate(found[name]):
            said = {row[c][:DIGITS] for c in codes(table) if row[c] and len(row[c]) >= DIGITS}
            if name in OF_A_PERSON:
                for column in table.columns:
                    if column.references(TABLES["account"].c.id) and row[column.name]:
                        said |= of_people[row[column.name]]
            known[name][number] = said
    changed = True
    while changed:
        changed = False
        for name, table in COUNTY.items():
            for key in parents(table):
                target = key.referred_table.name
                there = by_key(found[target], key)
                for number, row in enumerate(found[name]):
                    other = there.get(tuple(row[c.name] for c in key.columns))
                    if other is not None and not known[target][other] <= known[name][number]:
                        known[name][number] |= known[target][other]
                        changed = True
    return known


def by_key(found: list[dict[str, Any]], key: Any) -> dict[tuple[Any, ...], int]:
    names = [element.column.name for element in key.elements]
    return {tuple(row[name] for name in names): number for number, row in enumerate(found)}


def test_no_stored_row_couples_two_counties(make, as_user):
    world.categories(make)
    places = [
        world.build(make, as_user, village, mark)
        for village, mark in (("530626101201", "markA1x"), ("530627103203", "markB1x"))
    ]
    found = rows()
    known = counties(found)
    coupled = [
        (name, found[name][number], said)
        for name, numbers in known.items()
        for number, said in numbers.items()
        if len(said) > 1
    ]
    assert coupled == []
    full = {name for name in COUNTY if found[name]}
    assert len(full) >= 35, COUNTY.keys() - full  # there was something to look at
    both = {place.county for place in places}
    for name in ("visit", "step", "issue", "household", "cell", "notice", "delivery"):
        assert set().union(*known[name].values()) == both, name
    # The look itself sees: a visit of one county's household in the other's cell.
    here, there = (place["household"] for place in places)
    cell = db.session.scalar(text("SELECT cell_id FROM household WHERE id = :id"), {"id": there})
    db.session.execute(
        text("UPDATE visit SET cell_id = :cell WHERE household_id = :id"),
        {"cell": cell, "id": here},
    )
    assert any(len(said) > 1 for said in counties(rows())["visit"].values())

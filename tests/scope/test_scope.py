"""Nothing of another place: every endpoint, list, tile, export, page and kind of document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import true

from gridserve.db import db
from gridserve.documents import work
from gridserve.permissions import Permission, Role, may
from tests.factories import COUNTY, VILLAGE, Make
from tests.scope import fills, world
from tests.scope.walk import Walk, Walker

# A criterion that is taken away, and an endpoint that tells by it.
REMOVED = [
    ("visits.permissions.in_scope", "visits_api.list_households"),
    ("visits.issues.permissions.in_scope", "issues.listing"),
    ("grids.permissions.within", "grids_api.list_teams"),
    ("gridserve.documents.operations.within", "documents.file"),
    ("gridserve.audit.within", "audit.trail"),
    ("grids.accounts.within", "accounts.listing"),
]


@pytest.fixture
def township(make: Make, as_user: Callable[..., Any]) -> list[Walker]:
    """Everybody of a township; a neighbour of the same county to look into, and another county."""
    world.categories(make)
    near = world.build(make, as_user, "530626102202", "markA2x")
    far = world.build(make, as_user, "530627103203", "markB1x")
    far.traces.add(far.county)
    own = world.build(make, as_user, VILLAGE, "markA1x")
    return [
        Walker(f"township's {role}", own.people[role], as_user(own.people[role]), own, [near, far])
        for role in Role
    ]


@pytest.fixture
def county(make: Make, as_user: Callable[..., Any]) -> list[Walker]:
    """Everybody of a county, and another county to look into."""
    world.categories(make)
    far = world.build(make, as_user, "530627103203", "markB1x")
    far.traces.add(far.county)
    own = world.build(make, as_user, VILLAGE, "markA1x")
    people = [(role, make.user(role, COUNTY, name=f"县{role}")) for role in Role]
    return [
        Walker(f"county's {role}", user, as_user(user), own, [far], lives=False)
        for role, user in people
    ]


def test_a_township_finds_nothing_of_its_neighbour_nor_of_another_county(
    context: Any, township: list[Walker], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = db.session.connection()
    walk = Walk(context, connection).all(township)
    _nothing(context, walk, township)
    # The walk proves something only where it does find and change what is one's own.
    missed = walk.tried - walk.taken - fills.UNTAKEN
    assert not missed, "\n".join(walk.why[each] for each in sorted(missed))
    pages = {rule.endpoint for rule in context.url_map.iter_rules() if "GET" in rule.methods}
    assert pages - walk.seen - fills.NOWHERE == fills.SILENT - walk.seen
    for name, endpoint in REMOVED:
        with monkeypatch.context() as taken_away:
            taken_away.setattr(name, lambda *_args, **_kwargs: true())
            assert Walk(context, connection).all(township, {endpoint}).leaks, name
    with monkeypatch.context() as forgotten:
        forgotten.delitem(fills.BODIES, "visits_api.record_visit")
        assert Walk(context, connection).all(township, {"visits_api.record_visit"}).unknown


def test_a_county_finds_nothing_of_another(context: Any, county: list[Walker]) -> None:
    _nothing(context, Walk(context, db.session.connection()).all(county), county)


def _nothing(context: Any, walk: Walk, walkers: list[Walker]) -> None:
    assert not walk.unknown, "say in tests/scope/fills.py how it is called about a place"
    assert not walk.leaks, "\n".join(walk.leaks[:20])
    _documents(context, walkers)


def _documents(context: Any, walkers: list[Walker]) -> None:
    """Every kind of document, for everybody who may have it: refused of elsewhere, and with nothing
    of elsewhere in it."""
    for key, kind in context.extensions["gridserve.documents"].items():
        for walker in walkers:
            if not (may(walker.user, Permission.DOCUMENTS) and may(walker.user, kind.permission)):
                continue
            form = next((each for each in kind.formats if each in ("csv", "xlsx")), "pdf")
            said = {"kind": key, "format": form}
            there = fills.arguments(key) | {"jurisdiction": walker.aim.township}
            asked = said | {"id": world.new(), "arguments": there}
            answer = walker.client.post("/api/v1/documents", json=asked)
            assert answer.status_code in (403, 404), (walker.name, key, answer.json)
            here = fills.arguments(key) | {"jurisdiction": walker.own.township}
            asked = said | {"id": world.new(), "arguments": here}
            world.sent(walker.client.post("/api/v1/documents", json=asked))
            work.work(asked["id"])
            file = walker.client.get(f"/documents/{asked['id']}/file")
            assert file.status_code == 200, (walker.name, key, file.get_data(as_text=True)[:500])
            text = world.readable(file.data)
            assert walker.own.mark in text, (walker.name, key)
            assert not world.found_in(text, walker.forbidden, ""), (walker.name, key)

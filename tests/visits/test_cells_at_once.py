"""Two clerks change the same village at once: one wins, the other is told; never an overlap."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import permutations
from typing import Any

import pytest
import shapely
from geoalchemy2.shape import to_shape
from shapely import box
from sqlalchemy import select, text

from grids import inheritance, life, pieces
from grids.models import Assignment, Cell, Jurisdiction
from grids.operations import adopt_division
from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST, Make
from visits.life import moving, returning

GROUND = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP)
LOST = text("""
    SELECT count(*) FROM household AS h LEFT JOIN cell AS c ON c.id = h.cell_id
    WHERE c.id IS NULL OR c.to_date IS NOT NULL OR NOT ST_Covers(c.polygon, h.point)
""")


def upright(x: float) -> dict[str, Any]:
    lon = WEST + x * STEP
    return {"type": "LineString", "coordinates": [[lon, SOUTH - 1], [lon, SOUTH + 1]]}


def code(serial: int) -> str:
    return f"{VILLAGE}{serial:03}"


# What two clerks send at once, and whether both can have their way.
PAIRS = {
    "the same split": (("split", {"cell": code(1), "line": upright(0.4)}),
                       ("split", {"cell": code(1), "line": upright(0.6)}), False),
    "split and merge": (("split", {"cell": code(2), "line": upright(1.5)}),
                        ("merge", {"cells": [code(1), code(2)]}), False),
    "merges that share a cell": (("merge", {"cells": [code(1), code(2)]}),
                                 ("merge", {"cells": [code(2), code(3)]}), False),
    "redraw and split": (("redraw", {"cells": [code(1), code(2)], "line": upright(0.8)}),
                         ("split", {"cell": code(1), "line": upright(0.5)}), False),
    "neighbours": (("split", {"cell": code(1), "line": upright(0.5)}),
                   ("split", {"cell": code(3), "line": upright(2.5)}), True),
}  # fmt: skip
# Where the first clerk is held up while the second one goes on: before anything is locked, with
# the village locked, with the old cells ended, with the new ones stored, with everything moved.
PLACES = {
    "at the start": (life, "lock_village"),
    "after the lock": (life, "locked_cells"),
    "cells ended": (pieces, "store"),
    "cells stored": (inheritance, "pass_on"),
    "before the issues": (moving, "issues"),
}


@contextmanager
def held_up(patch: pytest.MonkeyPatch, where: tuple[Any, str]) -> Iterator[threading.Event]:
    """Let the first thread that comes by wait there until the other has had time to come too."""
    module, name = where
    real, first, arrived = getattr(module, name), threading.Lock(), threading.Event()

    def waiting(*args: Any, **kwargs: Any) -> Any:
        if first.acquire(blocking=False):
            arrived.set()
            time.sleep(0.2)
        return real(*args, **kwargs)

    with patch.context() as patched:
        patched.setattr(module, name, waiting)
        yield arrived


def settled(make: Make) -> list[str]:
    """A divided village with households and teams; the tokens of two clerks."""
    village = db.session.get_one(Jurisdiction, make.jurisdictions(VILLAGE))
    make.boundary(VILLAGE, GROUND)
    thirds = [box(WEST + n * STEP, SOUTH, WEST + (n + 1) * STEP, SOUTH + STEP) for n in range(3)]
    cells = adopt_division(village, thirds, from_date=workdays.today(), by=None)
    db.session.commit()
    for n in range(12):
        point = f"SRID=4326;POINT({WEST + (n + 0.3) / 4 * STEP} {SOUTH + STEP / 2})"
        make.household(cells[n // 4], point=point, point_source="wgs84")
    for cell in cells:
        make.cadre([cell])
    tokens = [make.token(make.user(Role.ADMINISTRATOR, COUNTY)) for _n in range(2)]
    db.session.remove()
    return tokens


@pytest.mark.parametrize("pair", PAIRS)
def test_of_two_clerks_at_once_one_wins_and_the_other_is_told(committed, monkeypatch, pair):
    tokens = settled(Make())
    *asked, both = PAIRS[pair]
    undone: list[str] = []

    def send(job: tuple[str, str, dict[str, Any]]) -> Any:
        token, what, body = job
        return committed.test_client().post(
            f"/api/v1/cells/{what}", json={"id": str(uuid.uuid4()), **body},
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    for place in PLACES:
        for one, other in permutations(zip(tokens, *zip(*asked, strict=True), strict=True)):
            with held_up(monkeypatch, PLACES[place]) as arrived, ThreadPoolExecutor(2) as pool:
                first = pool.submit(send, one)
                assert arrived.wait(10)
                answers = [first, pool.submit(send, other)]
                answers = [answer.result(30) for answer in answers]
            told = sorted((a.status_code, a.json.get("code")) for a in answers)
            if both:
                assert [status for status, _code in told] == [201, 201], place
            else:
                assert told == [(201, None), (409, "cell.ended")], place
                loser = next(a.json for a in answers if a.status_code == 409)
                assert VILLAGE in loser["detail"]  # it says which cell
            shapes = [to_shape(p) for p in db.session.scalars(
                select(Cell.polygon).where(Cell.to_date.is_(None)))]  # fmt: skip
            assert shapely.union_all(shapes).symmetric_difference(GROUND).area < 1e-12
            assert sum(shape.area for shape in shapes) == pytest.approx(GROUND.area, rel=1e-9)
            assert db.session.scalar(LOST) == 0
            db.session.remove()
            for answer in answers:  # as it was, for the next interleaving
                if answer.status_code == 201:
                    back = send((tokens[0], "undo", {"change": answer.json["id"]}))
                    assert back.status_code == 201, back.json
                    undone.append(back.json["id"])
    assert len(undone) == len(PLACES) * 2 * (2 if both else 1)


def test_two_clerks_take_the_same_change_back_at_once(committed, monkeypatch):
    tokens = settled(Make())

    def send(token: str, what: str, body: dict[str, Any]) -> Any:
        return committed.test_client().post(
            f"/api/v1/cells/{what}", json={"id": str(uuid.uuid4()), **body},
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    done = send(tokens[0], "split", {"cell": code(1), "line": upright(0.5)}).json
    meet = threading.Barrier(2)

    def undo(token: str) -> Any:
        meet.wait(10)
        return send(token, "undo", {"change": done["id"]})

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(undo, tokens))
    assert sorted((a.status_code, a.json.get("code")) for a in answers) == [
        (201, None), (409, "change.undone")
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["lead", "end"])
def test_a_team_of_a_cell_that_is_just_taken_back_is_told_so(committed, monkeypatch, what):
    tokens = settled(Make())

    def send(token: str, path: str, body: dict[str, Any]) -> Any:
        head = {"Authorization": f"Bearer {token}"}
        return committed.test_client().post(f"/api/v1/{path}", json=body, headers=head)

    split = {"id": str(uuid.uuid4()), "cell": code(1), "line": upright(0.5)}
    done = send(tokens[0], "cells/split", split).json
    cell = select(Cell.id).where(Cell.code == done["cells"][0]["code"])
    held = db.session.scalars(select(Assignment).where(Assignment.cell_id.in_(cell))).one()
    path = f"teams/{held.team_id}/cells/{held.id}/{what}"
    db.session.remove()
    back = {"id": str(uuid.uuid4()), "change": done["id"]}
    with held_up(monkeypatch, (returning, "issues")) as arrived, ThreadPoolExecutor(2) as pool:
        undone = pool.submit(send, tokens[0], "cells/undo", back)
        assert arrived.wait(10)
        answer = send(tokens[1], path, {})
        assert undone.result(30).status_code == 201
    assert (answer.status_code, answer.json["code"]) == (404, "assignment.not_found")

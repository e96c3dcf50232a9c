"""Drafts of a division over the API: asked for, worked out, adjusted, adopted, dropped."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import shapely
from geoalchemy2.shape import from_shape, to_shape
from shapely import Point, box
from shapely.geometry import shape
from sqlalchemy import select, update

from grids.models import Cell, Jurisdiction
from gridserve import workdays
from gridserve.db import SRID, db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST, Make
from visits.division import computing
from visits.division.models import Draft, State
from visits.models import Household

OUTLINE = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + 2 * STEP)


@pytest.fixture
def village(make: Make) -> str:
    """A village of 60 households in six groups of a place each."""
    make.boundary(VILLAGE, OUTLINE)
    for n in range(60):
        group = n // 10
        place = Point(WEST + STEP * (0.3 + 1.2 * (group % 3) + 0.01 * (n % 10)),
                      SOUTH + STEP * (0.5 + group // 3))  # fmt: skip
        make.household(None, group_name=f"第{group + 1}组", point=from_shape(place, srid=SRID),
                       point_source="wgs84")  # fmt: skip
    return VILLAGE


@pytest.fixture
def admin(make, as_user):
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def ask(client, status=202, **said):
    said = {"id": str(uuid.uuid4()), "village": VILLAGE, "smallest": 15, "largest": 25} | said
    answer = client.post("/api/v1/divisions", json=said)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def post(client, draft, what, status=200, **said):
    path = f"/api/v1/divisions/{draft['id']}/{what}"
    answer = client.post(path, json={"version": draft["version"], **said})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def ready(client, **said):
    asked = ask(client, **said)
    computing.compute(asked["id"])
    return client.get(f"/api/v1/divisions/{asked['id']}").json


def outlines(draft):
    return [shape(feature["geometry"]) for feature in draft["cells"]["features"]]


def test_a_draft_is_asked_for_and_worked_out(admin, village):
    id_ = str(uuid.uuid4())
    asked = ask(admin, id=id_)
    assert (asked["status"], asked["progress"], asked["figures"]) == ("computing", 0, None)
    assert asked["cells"]["features"] == []
    assert ask(admin, id=id_) == asked
    assert ask(admin, id=id_, smallest=14, status=409)["code"] == "request.id_taken"
    computing.compute(id_)
    computing.compute(id_)  # a job may come twice
    draft = admin.get(f"/api/v1/divisions/{id_}").json
    assert (draft["status"], draft["progress"], draft["failure"]) == ("ready", 100, None)
    figures = draft["figures"]
    assert (figures["cells"], figures["households"], figures["outside"]) == (3, 60, 0)
    assert (figures["groups"], figures["groups_cut"]) == (6, [])
    assert figures["largest_to_smallest"] == 1
    cells = [feature["properties"] for feature in draft["cells"]["features"]]
    assert [c["serial"] for c in cells] == [1, 2, 3]
    assert [c["households"] for c in cells] == [20, 20, 20]
    assert all(len(c["groups"]) == 2 and not c["groups"][0]["cut"] for c in cells)
    assert {c["properties"]["group"] for c in draft["clusters"]["features"]} == {
        f"第{n}组" for n in range(1, 7)
    }
    listed = admin.get(f"/api/v1/divisions?village={VILLAGE}").json["items"]
    assert [(d["id"], d["figures"]["cells"]) for d in listed] == [(id_, 3)]
    assert "cells" not in listed[0]


def test_no_single_household_can_be_told_from_the_clusters(make, admin, village):
    point = {"point": from_shape(Point(WEST + STEP, SOUTH + STEP), srid=SRID)}
    make.household(None, group_name="独户", point_source="wgs84", **point)
    draft = ready(admin)
    assert all(c["properties"]["households"] >= 5 for c in draft["clusters"]["features"])
    assert len(draft["clusters"]["features"]) == 6


def test_a_draft_is_adjusted_and_the_adjustment_taken_back(admin, village):
    draft = ready(admin)
    line = {
        "type": "LineString",
        "coordinates": [[WEST - STEP, SOUTH + 0.9 * STEP], [WEST + 4 * STEP, SOUTH + 0.9 * STEP]],
    }
    cut = post(admin, draft, "adjust", kind="split", cells=[2], line=line)
    assert cut["version"] == draft["version"] + 1
    assert (cut["figures"]["cells"], cut["adjustments"]) == (4, 1)
    assert [f["properties"]["serial"] for f in cut["cells"]["features"]] == [1, 2, 3, 4]
    assert cut["figures"]["households"] == 60
    stored = db.session.get_one(State, (uuid.UUID(draft["id"]), 1))
    assert shapely.coverage_is_valid([shape(cell["polygon"]) for cell in stored.cells])
    assert post(admin, draft, "undo", status=409)["code"] == "division.changed"
    assert post(admin, draft, "adjust", kind="merge", cells=[1, 2], status=409)
    pair = [2, 3]
    joined = post(admin, cut, "adjust", kind="merge", cells=pair)
    assert (joined["figures"]["cells"], joined["adjustments"]) == (3, 2)
    back = post(admin, post(admin, joined, "undo"), "undo")
    assert (back["cells"], back["adjustments"]) == (draft["cells"], 0)
    assert post(admin, back, "undo", status=409)["code"] == "request.conflict"
    redrawn = post(admin, back, "adjust", kind="redraw", cells=[1, 2], line={
        "type": "LineString",
        "coordinates": [[WEST + 0.9 * STEP, SOUTH - STEP], [WEST + 0.9 * STEP, SOUTH + 3 * STEP]],
    })  # fmt: skip
    assert redrawn["figures"]["cells"] == 3
    assert redrawn["cells"] != back["cells"]
    for wrong, pointer in (
        ({"kind": "split", "cells": [1]}, "/line"),
        ({"kind": "split", "cells": [1, 2], "line": line}, "/cells"),
        ({"kind": "merge", "cells": [9, 1]}, "/cells"),
        ({"kind": "merge", "cells": [1, 3]}, "/cells"),
    ):
        assert pointer in post(admin, redrawn, "adjust", status=422, **wrong)["errors"]


def test_an_adopted_draft_is_the_villages_cells(admin, village):
    draft = ready(admin)
    on = workdays.today() - timedelta(days=3)
    adopted = post(admin, draft, "adopt", on=on.isoformat())
    assert (adopted["status"], adopted["adopted_on"]) == ("adopted", on.isoformat())
    assert adopted["figures"]["assigned"] == 60
    codes = [f["properties"]["code"] for f in adopted["cells"]["features"]]
    cells = list(db.session.scalars(select(Cell).order_by(Cell.code)))
    assert codes == [cell.code for cell in cells] == [f"{VILLAGE}00{n}" for n in (1, 2, 3)]
    state = db.session.get_one(State, (uuid.UUID(draft["id"]), 0))
    # To the bit as proposed: the cells form a coverage in the database too.
    stored = [to_shape(cell.polygon) for cell in cells]
    assert [s.equals(shape(c["polygon"])) for s, c in zip(stored, state.cells, strict=True)]
    assert shapely.coverage_is_valid(stored)
    homes = db.session.scalars(select(Household.cell_id)).all()
    assert None not in homes
    assert post(admin, draft, "adopt", on=on.isoformat()) == adopted
    refused = post(admin, adopted, "adjust", kind="merge", cells=[1, 2], status=409)
    assert refused["code"] == "division.not_ready"
    assert admin.delete(f"/api/v1/divisions/{draft['id']}").status_code == 409
    done = db.session.scalars(
        select(Event.action).where(Event.subject_id == uuid.UUID(draft["id"]))
    ).all()
    assert sorted(done) == ["division.adopted", "division.asked", "division.computed"]
    other = ready(admin)
    assert "基础网格" in post(admin, other, "adopt", status=409)["detail"]
    early = (workdays.today() - timedelta(days=40)).isoformat()
    assert "/on" in post(admin, other, "adopt", on=early, status=422)["errors"]


def test_another_boundary_makes_a_draft_useless(make, admin, village):
    draft = ready(admin)
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + 3 * STEP))
    for what, said in (("adopt", {}), ("adjust", {"kind": "merge", "cells": [1, 2]})):
        refused = post(admin, draft, what, status=409, **said)
        assert refused["code"] == "division.ground_changed"


def test_a_dropped_draft_is_not_worked_out(admin, village):
    asked = ask(admin)
    assert admin.delete(f"/api/v1/divisions/{asked['id']}").status_code == 204
    computing.compute(asked["id"])
    assert admin.get(f"/api/v1/divisions/{asked['id']}").json["status"] == "dropped"
    assert admin.delete(f"/api/v1/divisions/{asked['id']}").status_code == 204


def test_a_job_that_died_is_found_and_given_up_after_some_times(admin, village):
    asked = ask(admin)
    id_ = uuid.UUID(asked["id"])
    assert computing.sweep() == 0  # it may be waiting still
    for attempts in range(1, computing.ATTEMPTS + 1):
        assert computing._claim(id_)  # and then the worker dies
        computing.compute(asked["id"])  # another one leaves it alone while it may live
        long_ago = now() - 2 * computing.LEASE
        db.session.execute(update(Draft).values(claimed_at=long_ago))
        assert computing.sweep() == 1
        assert db.session.get_one(Draft, id_, populate_existing=True).attempts == attempts
    draft = admin.get(f"/api/v1/divisions/{asked['id']}").json
    assert (draft["status"], draft["failure"]["code"]) == ("failed", "division.interrupted")
    assert computing.sweep() == 0


def test_what_breaks_the_computation_fails_the_draft(admin, village, make):
    asked = ask(admin)
    db.session.execute(update(Jurisdiction).values(boundary=None))
    computing.compute(asked["id"])
    draft = admin.get(f"/api/v1/divisions/{asked['id']}").json
    assert (draft["status"], draft["failure"]["code"]) == ("failed", "division.no_boundary")
    assert post(admin, draft, "adopt", status=409)["code"] == "division.not_ready"


def test_only_those_who_keep_the_village_divide_it(make, admin, village, as_user):
    draft = ready(admin)
    make.jurisdictions("530627101201")
    elsewhere = as_user(make.user(Role.ADMINISTRATOR, "530627"))
    path = f"/api/v1/divisions/{draft['id']}"
    assert elsewhere.get(path).status_code == 404
    assert elsewhere.delete(path).status_code == 404
    assert elsewhere.get("/api/v1/divisions").json["items"] == []
    assert ask(elsewhere, status=403)
    leader = as_user(make.user(Role.LEADER, COUNTY))
    assert leader.get(path).status_code == 403
    assert ask(leader, status=403)


def test_what_cannot_be_divided_is_refused_at_once(make, admin):
    make.jurisdictions(VILLAGE)
    assert ask(admin, status=422)["code"] == "division.no_boundary"
    assert ask(admin, village="530626101999", status=404)["code"] == "division.no_village"
    make.boundary(VILLAGE, OUTLINE)
    assert "/smallest" in ask(admin, smallest=30, largest=20, status=422)["errors"]
    lake = shapely.geometry.mapping(OUTLINE)
    assert "/lines" in ask(admin, lines=lake, status=422)["errors"]
    assert db.session.scalar(select(Draft.id)) is None


@pytest.fixture
def township(make: Make) -> list[str]:
    """Three villages side by side in a township's boundary; the last one has its own."""
    codes = [VILLAGE, "530626101202", "530626101203"]
    for n, code in enumerate(codes):
        make.jurisdictions(code)
        for i in range(30):
            place = Point(WEST + STEP * (n + 0.1 + 0.8 * (i % 6) / 5),
                          SOUTH + STEP * (0.2 + 1.6 * (i // 6) / 4))  # fmt: skip
            make.household(None, village_code=code, point=from_shape(place, srid=SRID),
                           point_source="wgs84")  # fmt: skip
    make.boundary(VILLAGE[:9], OUTLINE)
    make.boundary(codes[2], box(WEST + 2 * STEP, SOUTH, WEST + 3 * STEP, SOUTH + 2 * STEP))
    return codes


def test_without_boundaries_villages_share_the_township_by_their_households(admin, township):
    draft = ready(admin, smallest=10, largest=20)
    assert (draft["status"], draft["derived"], draft["figures"]["cells"]) == ("ready", True, 2)
    half = box(WEST, SOUTH, WEST + STEP, SOUTH + 2 * STEP)
    found = shape(draft["boundary"])
    assert found.symmetric_difference(half).area < 1e-6 * half.area
    assert db.session.get_one(Jurisdiction, VILLAGE).boundary is None
    neighbour = ready(admin, village=township[1], smallest=10, largest=20)
    post(admin, draft, "adopt")
    stored = to_shape(db.session.get_one(Jurisdiction, VILLAGE).boundary)
    assert stored.symmetric_difference(found).area < 1e-4 * half.area
    done = select(Event.action).where(Event.action == "jurisdiction.boundary_derived")
    assert len(db.session.scalars(done).all()) == 1
    # The neighbour's was worked out before, and fits all the same.
    post(admin, neighbour, "adopt")
    both = to_shape(db.session.get_one(Jurisdiction, township[1]).boundary)
    assert both.intersection(stored).area < 1e-9


def test_a_village_that_nothing_places_in_its_township_is_refused(make, admin, township):
    db.session.execute(
        update(Household)
        .where(Household.village_code == VILLAGE)
        .values(point=None, point_source=None)
    )
    draft = ready(admin)
    assert (draft["status"], draft["failure"]["code"]) == ("failed", "division.no_territory")


def test_ground_that_another_village_took_meanwhile_is_not_taken_twice(make, admin, township):
    draft = ready(admin, smallest=10, largest=20)
    make.boundary(township[1], box(WEST + STEP / 2, SOUTH, WEST + 2 * STEP, SOUTH + 2 * STEP))
    assert post(admin, draft, "adopt", status=409)["code"] == "division.ground_changed"

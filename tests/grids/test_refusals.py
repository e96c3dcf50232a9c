"""What the database refuses reaches the caller with a code and words of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from shapely import box
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from grids.models import Jurisdiction
from grids.operations import adopt_division
from gridserve import workdays
from gridserve.db import db
from tests.factories import SOUTH, STEP, VILLAGE, WEST


def answer(app, error):
    """What the application answers to a request that ends so."""
    with app.test_request_context("/api/v1/cells", method="POST"):
        return app.make_response(app.handle_user_exception(error))


def test_an_overlap_and_ground_outside_are_told_by_their_codes(context, make):
    make.boundary(make.jurisdictions(VILLAGE), box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP))
    one = make.cell(1)
    db.session.commit()
    for x, code, told in (
        (0.5, "cell.overlaps", (one.code, f"{VILLAGE}009")),
        (2.5, "cell.outside", (f"{VILLAGE}009",)),
    ):
        west = WEST + x * STEP
        with pytest.raises(IntegrityError) as refused:
            make.cell(9, polygon=box(west, SOUTH, west + STEP, SOUTH + STEP))
        said = answer(context, refused.value)
        assert (said.status_code, said.json["code"]) == (409, code)
        assert all(each in said.json["detail"] for each in told)


def test_a_gap_is_told_by_its_code_at_the_commit(context, make):
    village = db.session.get_one(Jurisdiction, make.jurisdictions(VILLAGE))
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP))
    halves = [box(WEST + n * STEP, SOUTH, WEST + (n + 1) * STEP, SOUTH + STEP) for n in (0, 1)]
    day = workdays.today()
    cells = adopt_division(village, halves, from_date=day - timedelta(days=9), by=None)
    db.session.flush()
    cells[1].to_date = day
    db.session.flush()
    with pytest.raises(IntegrityError) as refused:
        db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    said = answer(context, refused.value)
    assert (said.status_code, said.json["code"]) == (409, "cell.leaves_gap")
    assert VILLAGE in said.json["detail"]
    assert day.isoformat() in said.json["detail"]

"""What is read fast is read just as the schema reads it, whatever is sent."""

from __future__ import annotations

from datetime import UTC

import marshmallow as ma
from geoalchemy2 import WKTElement
from hypothesis import example, given
from hypothesis import strategies as st

from grids.coordinates import System
from gridserve.http import Schema
from visits import plain
from visits.models import Outcome, Purpose, Visit
from visits.operations import digest
from visits.schemas import VisitIn, VisitOut

SCHEMA = VisitIn()
UUIDS = st.uuids().map(str)
TIMES = st.one_of(
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda t: t.isoformat()),
    st.sampled_from(
        [
            "2026-11-23T09:30:00+08:00", "2026-11-23T09:30:00Z", "2026-11-23T09:30:00.1234567Z",
            "2026-11-23T09:30Z", "2026-11-23 09:30:00Z", "2026-11-23t09:30:00z",
            "2026-02-30T09:30:00Z", "2000-01-01T00:00:00+14:00", "2026-11-23T09:30:00+08",
            "2026-11-23T09:30:00Z\n", "2026-11-23T24:00:00Z", "2026-11-23T09:30:60Z",
        ]
    ),
)  # fmt: skip
NUMBERS = st.one_of(st.floats(), st.integers(-200, 200), st.integers(), st.booleans(), st.just("1"))
TEXTS = st.one_of(st.text(), st.text("老人 \u200b\u202e\x00\ud800\n\t"), st.just("x" * 4001))
POINTS = st.fixed_dictionaries(
    {"lon": NUMBERS, "lat": NUMBERS},
    optional={"crs": st.sampled_from(["wgs84", "gcj02", "bd09", "cgcs2000", "mars"])},
)
SHAS = st.text("0123456789abcdef", min_size=64, max_size=64)
TOLD = st.fixed_dictionaries({"notice": UUIDS}, optional={"question": TEXTS | st.none()})
ANSWERS = st.fixed_dictionaries({"question": UUIDS, "value": TEXTS})
ANYTHING = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


def mostly(right):
    return st.one_of(right, right, right, right, ANYTHING)


VISITS = st.fixed_dictionaries(
    {
        "id": mostly(UUIDS),
        "household_id": mostly(UUIDS),
        "outcome": mostly(st.sampled_from(["met", "refused", "asleep"])),
        "started_at": mostly(TIMES),
    },
    optional={
        "purpose": mostly(st.sampled_from(["regular", "notice", "tea"])),
        "ended_at": mostly(TIMES),
        "typed_at": mostly(TIMES),
        "notes": mostly(TEXTS),
        "point": mostly(POINTS),
        "accuracy_m": mostly(NUMBERS),
        "photos": mostly(st.lists(st.one_of(SHAS, st.text(max_size=3)), max_size=10)),
        "told": mostly(st.lists(TOLD, max_size=3)),
        "answers": mostly(st.lists(ANSWERS, max_size=3)),
        "colour": st.just("red"),
    },
)


@given(VISITS)
@example(
    {
        "id": "3f0c6d0e-9c35-4d3e-8a6e-6f3d7a2b1c00",
        "household_id": "3f0c6d0e-9c35-4d3e-8a6e-6f3d7a2b1c01",
        "outcome": "met",
        "started_at": "2026-11-23T09:30:00+08:00",
        "notes": " 老人\u200b身体好 ",
        "point": {"lon": 103.95, "lat": 28},
        "accuracy_m": 5,
    }
)
def test_the_fast_reader_agrees_with_the_schema(data):
    fast = plain.visit(data)
    if fast is None:
        return
    try:
        slow = Schema.load(SCHEMA, data)
    except ma.ValidationError as error:
        raise AssertionError(f"read, but the schema says {error.messages}") from error
    assert fast == slow
    assert digest(fast) == digest(slow)  # or a repeat would be taken for something else


MOMENTS = st.datetimes(timezones=st.just(UTC))
STORED = st.builds(
    Visit,
    id=st.uuids(), household_id=st.uuids(), visitor_id=st.uuids(),
    for_id=st.none() | st.uuids(), team_id=st.none() | st.uuids(), in_scope=st.booleans(),
    purpose=st.sampled_from(Purpose), outcome=st.sampled_from(Outcome),
    started_at=MOMENTS, ended_at=st.none() | MOMENTS, typed_at=st.none() | MOMENTS,
    received_at=MOMENTS, notes=st.text(), accuracy_m=st.none() | st.floats(0, 1000),
    point=st.none() | st.just(WKTElement("POINT(103.95512345678 28.6)", srid=4326)),
    point_source=st.sampled_from(System),
)  # fmt: skip


@given(STORED)
def test_the_fast_writer_agrees_with_the_schema(visit):
    fast = VisitOut().dump(visit)
    assert list(fast.items()) == list(Schema.dump(VisitOut(), visit).items())


def test_what_phones_send_is_read_fast(app):
    said = {
        "id": "3f0c6d0e-9c35-4d3e-8a6e-6f3d7a2b1c00",
        "household_id": "3f0c6d0e-9c35-4d3e-8a6e-6f3d7a2b1c01",
        "purpose": "regular",
        "outcome": "met",
        "started_at": "2026-11-23T01:30:00.123Z",  # as a browser writes it
        "ended_at": None,
        "typed_at": "2026-11-23T09:30:00+08:00",
        "notes": "家中一切正常",
        "point": {"lon": 103.955, "lat": 28.605, "crs": "gcj02"},
        "accuracy_m": 12,
    }
    assert plain.visit(said) == Schema.load(SCHEMA, said)

"""What is read fast is read just as the schema reads it, whatever is sent."""

from __future__ import annotations

import marshmallow as ma
from hypothesis import example, given
from hypothesis import strategies as st

from gridserve.http import Schema
from visits import plain
from visits.operations import digest
from visits.schemas import VisitIn

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

"""The picture of a lineage: no box hides another, and time goes to the right."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from visits.life.picture import HIGH, WIDE, Link, lay_out

FIRST = date(2026, 1, 1)


@st.composite
def families(draw):
    """Codes, oldest first, and links from each change's old cells to its new ones."""
    valid, codes, links = ["000"], ["000"], []
    for n in range(draw(st.integers(0, 8))):
        old = draw(st.lists(st.sampled_from(valid), min_size=1, max_size=3, unique=True))
        new = [f"{len(codes) + k:03}" for k in range(draw(st.integers(1, 4)))]
        undone = draw(st.booleans())
        on = FIRST + timedelta(days=n)
        links += [Link(a, b, str(n), "split", on, undone) for a in old for b in new]
        codes += new
        if not undone:
            valid = [code for code in valid if code not in old] + new
    return codes, links


@given(families())
def test_boxes_stand_apart_and_children_to_the_right(family):
    codes, links = family
    picture = lay_out(codes, links)
    boxes = {box.code: box for box in picture.boxes}
    assert sorted(boxes) == sorted(codes)
    for link in links:
        assert boxes[link.parent].x + WIDE < boxes[link.child].x
    placed = sorted((box.x, box.y) for box in picture.boxes)
    for (x1, y1), (x2, y2) in pairwise(placed):
        assert x1 != x2 or y1 + HIGH < y2
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - WIDE
        assert 0 <= box.y <= picture.height - HIGH
    assert len(picture.signs) == len({link.change for link in links})

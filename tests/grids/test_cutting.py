"""Cutting, joining and redrawing: pieces tile what they came from."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, box

from grids.cutting import cut, join, read_line, redraw
from grids.fit import overlap
from grids.geometry import BadGeometry, square_metres

WEST, SOUTH, SIDE = 103.95, 28.6, 0.01
MIDDLE = (WEST + SIDE / 2, SOUTH + SIDE / 2)
SQUARE = box(WEST, SOUTH, WEST + SIDE, SOUTH + SIDE)


@st.composite
def areas(draw) -> Polygon:
    """A star-shaped area around the middle, with or without a hole."""
    count = draw(st.integers(3, 12))
    reach = [draw(st.floats(0.4, 1.0)) * SIDE / 2 for _ in range(count)]
    turns = [2 * math.pi * n / count for n in range(count)]
    return Polygon(
        [
            (MIDDLE[0] + r * math.cos(t), MIDDLE[1] + r * math.sin(t))
            for r, t in zip(reach, turns, strict=True)
        ]
    )


@st.composite
def lines(draw) -> LineString:
    """A line through near the middle, with a bend there, from beyond to beyond."""
    turn, bend = draw(st.floats(0, 2 * math.pi)), draw(st.floats(-1.0, 1.0))
    x, y = (m + draw(st.floats(-0.05, 0.05)) * SIDE for m in MIDDLE)
    ends = [(x + SIDE * math.cos(t), y + SIDE * math.sin(t)) for t in (turn, turn + math.pi + bend)]
    return LineString([ends[0], (x, y), ends[1]])


def same(one, other) -> bool:
    return square_metres(shapely.symmetric_difference(one, other)) < 0.01


@settings(max_examples=150, deadline=None)
@given(area=areas(), line=lines())
def test_pieces_tile_the_area_and_joined_again_are_the_area(area, line):
    try:
        pieces = cut(area, line)
    except BadGeometry:
        return
    assert len(pieces) >= 2
    assert sum(p.area for p in pieces) == pytest.approx(area.area, rel=1e-9)
    for n, piece in enumerate(pieces):
        assert piece.is_valid
        assert all(overlap(piece, other) == 0 for other in pieces[:n])
    corners = [set(map(tuple, shapely.get_coordinates(p))) for p in pieces]
    if len(pieces) == 2:
        shared = shapely.intersection(pieces[0].boundary, pieces[1].boundary)
        assert set(map(tuple, shapely.get_coordinates(shared))) <= corners[0] & corners[1]
    assert same(join(pieces), area)


@settings(max_examples=100, deadline=None)
@given(first=lines(), second=lines())
def test_a_redrawn_pair_tiles_the_same_and_each_keeps_to_its_side(first, second):
    try:
        one, other = cut(SQUARE, first)
        pieces = redraw(one, other, second)
    except (BadGeometry, ValueError):
        return
    assert same(join(pieces), SQUARE)
    assert overlap(pieces[0], pieces[1]) == 0
    kept = overlap(pieces[0], one) + overlap(pieces[1], other)
    assert kept >= overlap(pieces[0], other) + overlap(pieces[1], one)


def through(x: float) -> LineString:
    return LineString([(WEST + x * SIDE, SOUTH - 0.001), (WEST + x * SIDE, SOUTH + SIDE + 0.001)])


def test_pieces_come_from_west_to_east():
    assert [round(p.bounds[0], 6) for p in cut(SQUARE, through(0.3))] == [103.95, 103.953]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (through(3), "edge to edge"),
        (LineString([MIDDLE, (WEST + 2 * SIDE, SOUTH)]), "edge to edge"),
        (through(0.00005), "narrower than a metre"),
        (
            LineString(
                [(WEST + SIDE * n / 60, SOUTH - 0.001 + n % 2 * (SIDE + 0.002)) for n in range(61)]
            ),
            "pieces",
        ),
    ],
)
def test_a_line_that_cuts_nothing_useful_is_refused(line, words):
    with pytest.raises(BadGeometry, match=words):
        cut(SQUARE, line)


def test_only_neighbours_are_joined_and_a_hair_between_them_is_closed():
    hair = 3e-6  # 0.3 m
    east = box(WEST + SIDE + hair, SOUTH, WEST + 2 * SIDE, SOUTH + SIDE)
    assert join([SQUARE, east]).geom_type == "Polygon"
    corner = box(WEST + SIDE, SOUTH + SIDE, WEST + 2 * SIDE, SOUTH + 2 * SIDE)
    for far in (corner, box(105, 28, 105.1, 28.1)):
        with pytest.raises(BadGeometry, match="not neighbours"):
            join([SQUARE, far])


def test_the_edge_that_is_there_is_no_change():
    one, other = cut(SQUARE, through(0.5))
    with pytest.raises(BadGeometry, match="another one"):
        redraw(one, other, through(0.5))
    corner = (WEST + SIDE * 0.7, SOUTH + 0.005)
    twice = [(WEST - 0.001, corner[1]), (WEST + 2 * SIDE, corner[1]), (corner[0], SOUTH - 0.001)]
    with pytest.raises(BadGeometry, match="make two"):
        redraw(one, other, LineString(twice))


@pytest.mark.parametrize(
    "said",
    [
        None, 3, [], {"type": "Point"}, {"type": "LineString"},
        {"type": "LineString", "coordinates": [[1, 2]]},
        {"type": "LineString", "coordinates": [[104, 28], [104, 28]]},
        {"type": "LineString", "coordinates": [[104, 28], [104]]},
        {"type": "LineString", "coordinates": [["a", 28], [104, 28]]},
        {"type": "LineString", "coordinates": [[float("nan"), 28], [104, 28]]},
        {"type": "LineString", "coordinates": [[28, 104], [29, 104]]},
        {"type": "LineString", "coordinates": [[10**400, 104], [29, 104]]},
        {"type": "LineString", "coordinates": [[{}, 104], [29, 104]]},
    ],
)  # fmt: skip
def test_what_is_no_line_is_refused(said):
    with pytest.raises(BadGeometry):
        read_line(said)

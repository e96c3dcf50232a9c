"""Where the boxes and links of a lineage stand in its picture. Pure: pixels of an SVG."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

WIDE, HIGH = 190, 74  # of a box
ACROSS, DOWN = 104, 18  # between two boxes: room for the words of a change, and for air
EDGE = 8


@dataclass(frozen=True)
class Link:
    """`child` came from `parent` by the change of this id."""

    parent: str
    child: str
    change: str
    words: str  # the kind of the change
    on: date
    undone: bool = False


@dataclass(frozen=True)
class Box:
    """A cell in the picture, by code; `x`, `y` are its upper left corner."""

    code: str
    x: int
    y: int


@dataclass(frozen=True)
class Stroke:
    """A link in the picture: an SVG path."""

    path: str
    undone: bool


@dataclass(frozen=True)
class Sign:
    """The words of one change, at the middle of its links."""

    x: int
    y: int
    words: str
    on: date
    undone: bool


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    boxes: list[Box]
    strokes: list[Stroke]
    signs: list[Sign]


def lay_out(codes: Sequence[str], links: Sequence[Link]) -> Picture:
    """Generations from left to right; in each the cells stand beside those that they came from.

    `codes` come oldest first, so that parents stand before their children.
    """
    columns = _columns(codes, links)
    tallest = max(map(len, columns.values()), default=1)
    height = 2 * EDGE + tallest * (HIGH + DOWN) - DOWN
    boxes = {}
    for generation, column in sorted(columns.items()):
        taken = len(column) * (HIGH + DOWN) - DOWN
        top = (height - taken) // 2
        for row, code in enumerate(column):
            x = EDGE + generation * (WIDE + ACROSS)
            boxes[code] = Box(code, x, top + row * (HIGH + DOWN))
    width = 2 * EDGE + len(columns) * (WIDE + ACROSS) - ACROSS
    strokes = [Stroke(_path(boxes[a.parent], boxes[a.child]), a.undone) for a in links]
    return Picture(width, height, list(boxes.values()), strokes, _signs(boxes, links))


def _columns(codes: Sequence[str], links: Iterable[Link]) -> dict[int, list[str]]:
    """Generation → codes from top to bottom."""
    parents: Mapping[str, list[str]] = defaultdict(list)
    for link in links:
        parents[link.child].append(link.parent)
    generation: dict[str, int] = {}
    for code in codes:
        generation[code] = 1 + max((generation.get(p, 0) for p in parents[code]), default=-1)
    columns: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        columns[generation[code]].append(code)
    place: dict[str, float] = {}
    for column in (columns[n] for n in sorted(columns)):
        # beside the middle of the parents, so that few links cross
        middle = {
            c: sum(place.get(p, 0) for p in parents[c]) / max(len(parents[c]), 1) for c in column
        }
        column.sort(key=lambda code: (middle[code], code))
        place |= {code: row / len(column) for row, code in enumerate(column)}
    return dict(columns)


def _path(parent: Box, child: Box) -> str:
    x1, y1 = parent.x + WIDE, parent.y + HIGH // 2
    x2, y2 = child.x, child.y + HIGH // 2
    bend = min(ACROSS // 2, (x2 - x1) // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _signs(boxes: Mapping[str, Box], links: Sequence[Link]) -> list[Sign]:
    """One for each change, halfway between its old and its new cells."""
    changes: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        changes[link.change].append(link)
    signs = []
    for found in changes.values():
        first = min(boxes[link.child].x for link in found)
        ends = [boxes[code].y for link in found for code in (link.parent, link.child)]
        y = (min(ends) + max(ends)) // 2 + HIGH // 2
        link = found[0]
        signs.append(Sign(first - ACROSS // 2, y, link.words, link.on, link.undone))
    return signs

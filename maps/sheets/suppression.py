"""Which figures of a published table are kept back so that no small group shows; pure.

Small counts go first. What is left must not give them away by a difference: so further figures go,
until no kept-back one follows from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SMALL = 5  # groups of fewer are kept back; none at all is no group


@dataclass(frozen=True)
class Line:
    """A figure that is the sum of others, all by name."""

    total: str
    parts: Sequence[str]


def kept_back(
    values: Mapping[str, int], lines: Sequence[Line], small: int = SMALL
) -> frozenset[str]:
    """The names of the figures that are not published.

    A line is unsafe when one of its figures alone is kept back, or several that together are small;
    then its smallest published part goes too, else its total. In the end no kept-back figure is
    the only solution of what all lines say together.
    """
    hidden = {name for name, value in values.items() if 0 < value < small}
    while True:
        unsafe = (_unsafe(values, line, hidden, small) for line in lines)
        more = next(filter(None, unsafe), "") or _given_away(values, lines, hidden)
        if not more:
            return frozenset(hidden)
        hidden.add(more)


def _unsafe(values: Mapping[str, int], line: Line, hidden: set[str], small: int) -> str:
    """A further figure of the line that has to go, or ""."""
    parts = [name for name in line.parts if name in hidden]
    if line.total in hidden:
        return "" if parts else _next(values, line, hidden)
    if parts and (len(parts) == 1 or sum(values[name] for name in parts) < small):
        return _next(values, line, hidden)
    return ""


def _next(values: Mapping[str, int], line: Line, hidden: set[str]) -> str:
    """The smallest published part that is not nothing, else the total, else ""."""
    shown = [name for name in line.parts if name not in hidden and values[name]]
    if shown:
        return min(shown, key=lambda name: (values[name], name))
    return line.total if line.total not in hidden and values[line.total] else ""


def _given_away(values: Mapping[str, int], lines: Sequence[Line], hidden: set[str]) -> str:
    """A figure that has to go because all lines together have one solution for a kept-back one."""
    names = sorted(hidden)
    if not names:
        return ""
    place = {name: n for n, name in enumerate(names)}
    matrix = np.zeros((len(lines), len(names)))
    for row, line in enumerate(lines):
        for name in line.parts:
            if name in place:
                matrix[row, place[name]] += 1
        if line.total in place:
            matrix[row, place[line.total]] -= 1
    _u, found, free = np.linalg.svd(matrix)
    free = free[int((found > 1e-9).sum()) :]  # what may vary without any line noticing
    for name in names:
        if not len(free) or np.abs(free[:, place[name]]).max() < 1e-9:
            for line in lines:
                if name == line.total or name in line.parts:
                    more = _next(values, line, hidden)
                    if more:
                        return more
    return ""

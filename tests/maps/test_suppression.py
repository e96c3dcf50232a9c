"""What a published table keeps back cannot be worked out from what it shows."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from maps.sheets.intervals import Share, Verdict, verdict
from maps.sheets.suppression import SMALL, Line, kept_back


def grid(cells: list[list[int]]) -> tuple[dict[str, int], list[Line]]:
    """A table with sums of its rows and columns and of all."""
    rows, columns = len(cells), len(cells[0])
    values = {f"{r}{c}": cells[r][c] for r in range(rows) for c in range(columns)}
    lines = []
    for r in range(rows):
        lines.append(Line(f"{r}+", [f"{r}{c}" for c in range(columns)]))
    for c in range(columns):
        lines.append(Line(f"+{c}", [f"{r}{c}" for r in range(rows)]))
    for line in lines:
        values[line.total] = sum(values[name] for name in line.parts)
    lines.append(Line("++", [f"{r}+" for r in range(rows)]))
    lines.append(Line("++", [f"+{c}" for c in range(columns)]))
    values["++"] = sum(map(sum, cells))
    return values, lines


def possible(values: dict[str, int], hidden: frozenset[str], rows: int, most: int):
    """Tables of two columns that say the same as what is shown: tried one by one."""

    def fits(name: str, value: int) -> bool:
        return name in hidden or values[name] == value

    lines = [
        [
            (a, b)
            for a, b in itertools.product(range(most + 1), repeat=2)
            if fits(f"{r}0", a) and fits(f"{r}1", b) and fits(f"{r}+", a + b)
        ]
        for r in range(rows)
    ]
    for table in itertools.product(*lines):
        sums, _lines = grid([list(line) for line in table])
        if all(fits(name, value) for name, value in sums.items()):
            yield sums


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=1, max_size=3))
def test_no_small_count_can_be_worked_out(cells):
    values, lines = grid(cells)
    hidden = kept_back(values, lines)
    open_ = {name: {value} for name, value in values.items() if 0 < value < SMALL}
    assert open_.keys() <= hidden
    for table in possible(values, hidden, len(cells), 12):
        for name in [name for name, value in open_.items() if table[name] not in value]:
            del open_[name]  # another table that looks the same has another number here
        if not open_:
            return
    assert not open_, (cells, sorted(hidden))


def test_large_figures_are_published_and_one_small_one_takes_a_neighbour_along():
    values, lines = grid([[20, 30], [40, 50]])
    assert kept_back(values, lines) == frozenset()
    plain = {"all": 60, "a": 3, "b": 7, "c": 50}
    assert kept_back(plain, [Line("all", ["a", "b", "c"])]) == {"a", "b"}
    # The same total stands in two divisions: neither tells what the other hides.
    both = plain | {"x": 4, "y": 56}
    lines = [Line("all", ["a", "b", "c"]), Line("all", ["x", "y"])]
    assert kept_back(both, lines) == {"a", "b", "x", "y"}


def test_a_share_is_compared_only_where_chance_alone_would_not_do():
    low, high = Share(81, 263).interval
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)  # Newcombe 1998, table I
    assert Share(0, 20).interval[0] == 0
    assert round(Share(0, 20).interval[1], 4) == 0.1611
    whole = Share(600, 1000)
    assert verdict(Share(9, 9), whole) == Verdict.TOO_FEW
    assert verdict(Share(8, 12), whole) == Verdict.ALIKE
    assert verdict(Share(95, 100), whole) == Verdict.ABOVE
    assert verdict(Share(20, 100), whole) == Verdict.BELOW
    assert verdict(Share(0, 0), whole) == Verdict.TOO_FEW

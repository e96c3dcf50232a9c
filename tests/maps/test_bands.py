"""Classes and bands: where they begin and end, and whether their colours can be told apart."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maps.bands import (
    AGE_BANDS,
    HEAT_CAP,
    NO_DATA,
    SHARE_CLASSES,
    age_band,
    count_by_band,
    heat,
    percent,
    share_class,
)
from visits.issues.clock import Light


@pytest.mark.parametrize(
    ("met", "households", "key"),
    [
        (0, 0, "no-data"),
        (0, 7, "s0"),
        (199, 1000, "s0"),
        (1, 5, "s20"),
        (3, 10, "s20"),
        (2, 5, "s40"),
        (3, 5, "s60"),
        (799, 1000, "s60"),
        (4, 5, "s80"),
        (7, 7, "s80"),
    ],
)
def test_a_share_belongs_to_the_class_that_begins_with_it(met, households, key):
    assert share_class(met, households).key == key


@pytest.mark.parametrize(("met", "households"), [(1, 0), (-1, 5), (6, 5)])
def test_figures_that_are_no_share_are_refused(met, households):
    with pytest.raises(ValueError, match="not a share"):
        share_class(met, households)


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_class_and_is_whole_only_when_it_is(figures):
    met, households = figures
    cls = share_class(met, households)
    assert cls.low * households <= 100 * met
    assert 100 * met < cls.high * households or (cls is SHARE_CLASSES[-1] and met == households)
    assert (percent(met, households) == "100 %") == (met == households)
    assert (percent(met, households) == "0 %") == (met == 0)


def test_percent_never_rounds_into_all_or_nothing():
    assert percent(99_999, 100_000) == "99.9 %"
    assert percent(1, 100_000) == "0.1 %"
    assert percent(1, 3) == "33.3 %"
    assert percent(0, 0) == "–"


@pytest.mark.parametrize(
    ("weight", "key"),
    [
        (0, "green"),
        (0.7999, "green"),
        (0.8, "amber"),
        (1.0, "amber"),
        (1.0001, "red"),
        (2.0, "red"),
        (2.0001, "deep_red"),
        (float("inf"), "deep_red"),
    ],
)
def test_the_bands_of_age(weight, key):
    assert age_band(weight).key == key


@pytest.mark.parametrize("weight", [-0.1, float("nan")])
def test_an_age_that_cannot_be_is_refused(weight):
    with pytest.raises(ValueError, match="limits cannot be"):
        age_band(weight)


def test_counts_name_every_band():
    counts = count_by_band([0.1, 0.9, 0.95, 3])
    assert counts == {"green": 1, "amber": 2, "red": 0, "deep_red": 1}


def test_one_forgotten_case_does_not_outshine_the_others():
    assert heat(0.5) == 0.5
    assert heat(40) == heat(float("inf")) == HEAT_CAP


# --- colours: sRGB to linear light (IEC 61966-2-1), contrast of WCAG 2, CIELAB under D65, and the
# matrices of Machado, Oliveira and Fernandes (2009) at full severity for the three colour defects
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour):
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(light):
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    scaled = np.array(to_xyz) @ np.clip(light, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("row", [*SHARE_CLASSES, NO_DATA, *AGE_BANDS], ids=lambda row: row.key)
def test_words_on_a_colour_are_readable(row):
    assert contrast(row.colour, row.ink) >= 4.5


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("rows", [SHARE_CLASSES, AGE_BANDS], ids=["shares", "bands"])
def test_no_two_colours_look_alike_to_anybody(rows, sight):
    seen = [lab(SIGHT[sight] @ linear(row.colour)) for row in rows]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15


@pytest.mark.parametrize("sight", SIGHT)
def test_a_higher_share_is_darker_to_everybody(sight):
    lightness = [lab(SIGHT[sight] @ linear(cls.colour))[0] for cls in SHARE_CLASSES]
    assert all(upper - lower > 8 for upper, lower in pairwise(lightness))


def test_a_light_has_one_colour_on_maps_and_in_tables():
    sheet = Path(__file__).parents[2] / "gridserve" / "static" / "css" / "parts.css"
    found = dict(re.findall(r"\.light-(\w+) \{ --swatch: (#\w+); \}", sheet.read_text()))
    assert found == {band.key.value: band.colour for band in AGE_BANDS}
    assert list(found) == [light.value for light in Light]

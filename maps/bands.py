"""Classes of the two maps: shares of coverage and bands of age; pure, without geometry or Flask.

Labels are message ids in English, without per cent signs, which templates would take for
placeholders; whoever shows them translates them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gridserve.later import N_
from visits.issues.clock import Light, light


@dataclass(frozen=True)
class ShareClass:
    """A class of the choropleth: `low` ≤ share in per cent < `high`, the last one with 100."""

    key: str
    label: str
    low: int
    high: int
    colour: str  # fill, sRGB hex
    ink: str  # text that stays readable on the fill


@dataclass(frozen=True)
class AgeBand:
    """How a light is drawn. Where it begins is in visits/issues/clock.py, its name in labels.py."""

    key: Light
    range: str
    colour: str  # the same as in static/css/parts.css
    ink: str
    radius: int  # of its markers in CSS pixels: bands differ in size too, not by colour alone


DARK, LIGHT = "#16202a", "#ffffff"

NO_DATA = ShareClass("no-data", N_("No data (no households)"), 0, 0, "#ffffff", DARK)

# From pale to dark with even steps of lightness and a hue from yellow to blue: the order survives
# colour blindness, sunlight and a black-and-white printer (tests/maps/test_bands.py measures it).
SHARE_CLASSES = (
    ShareClass("s0", "0–20 %", 0, 20, "#fbe9a0", DARK),
    ShareClass("s20", "20–40 %", 20, 40, "#a9d29b", DARK),
    ShareClass("s40", "40–60 %", 40, 60, "#4fa9a6", DARK),
    ShareClass("s60", "60–80 %", 60, 80, "#22708f", LIGHT),
    ShareClass("s80", "80–100 %", 80, 100, "#1b3a66", LIGHT),
)

# Of a change between two periods, in points: brown to green, told apart by the colour-blind too.
CHANGE_CLASSES = (
    ShareClass("c0", "≤ −10", -100, -10, "#8c510a", LIGHT),
    ShareClass("c1", "−10…−2", -10, -2, "#dfb96d", DARK),
    ShareClass("c2", "±2", -2, 2, "#f4f4ee", DARK),
    ShareClass("c3", "+2…+10", 2, 10, "#74c0b4", DARK),
    ShareClass("c4", "≥ +10", 10, 100, "#01655d", LIGHT),
)

AGE_BANDS = (
    AgeBand(Light.GREEN, N_("under four fifths of the limit"), "#2f9e83", DARK, 5),
    AgeBand(Light.AMBER, N_("from four fifths to the limit"), "#f0b429", DARK, 6),
    AgeBand(Light.RED, N_("over the limit, up to twice"), "#cf3a1d", LIGHT, 7),
    AgeBand(Light.DEEP_RED, N_("over twice the limit"), "#6d0f22", LIGHT, 9),
)
_BAND = {band.key: band for band in AGE_BANDS}

# A case three limits old is as hot as the heatmap gets: without a cap one forgotten case of last
# year would outshine a whole township of cases that are only just overdue.
HEAT_CAP = 3.0
# From a little heat to all of it, by the share of the warmest place.
HEAT_COLOURS = {"0.2": "#fdd49e", "0.45": "#fc8d59", "0.7": "#d7301f", "1": "#7f0000"}


def share_class(met: int, households: int) -> ShareClass:
    """The class of `met` ÷ `households`; no households is no data, never 0 % or 100 %.

    Raises ValueError where the numbers cannot be a share (negative, or more met than there are).
    """
    if not 0 <= met <= households:
        raise ValueError(f"{met} of {households} households is not a share: recount the figures")
    if households == 0:
        return NO_DATA
    # whole numbers, so that exactly 20 % never slips down a class through a rounding error
    return SHARE_CLASSES[min(met * len(SHARE_CLASSES) // households, len(SHARE_CLASSES) - 1)]


def change(now: tuple[int, int], before: tuple[int, int]) -> float | None:
    """By how many points a share (met, households) has changed; None where either has no data."""
    if not now[1] or not before[1]:
        return None
    return 100 * (now[0] / now[1] - before[0] / before[1])


def change_class(points: float | None) -> ShareClass:
    """The class of a change; what lies on an edge belongs to the class farther from no change."""
    if points is None:
        return NO_DATA
    falls, stays, rises = CHANGE_CLASSES[:2], CHANGE_CLASSES[2], CHANGE_CLASSES[3:]
    points = round(points, 6)
    for cls in falls:
        if points <= cls.high:
            return cls
    return next((cls for cls in reversed(rises) if points >= cls.low), stays)


def points(change: float | None) -> str:
    """A change in points with its sign."""
    return "–" if change is None else f"{change:+.1f}".replace("-", "−")


def percent(met: int, households: int) -> str:
    """The share in per cent with one decimal; "100 %" and "0 %" only where it is exactly that."""
    if share_class(met, households) is NO_DATA:
        return "–"
    if met in (0, households):
        return "100 %" if met else "0 %"
    tenths = min(max(round(met * 1000 / households), 1), 999)
    return f"{tenths / 10:.1f} %"


def age_band(weight: float) -> AgeBand:
    """How an age of `weight` time limits is drawn.

    Raises ValueError for a negative weight or NaN; infinity (a limit of nothing) is deep red.
    """
    if not weight >= 0:
        raise ValueError(f"An age of {weight} limits cannot be: age and limit must not be negative")
    return _BAND[light(weight)]


def heat(weight: float) -> float:
    """The weight of a case in the heatmap: age ÷ limit, capped at HEAT_CAP."""
    return min(weight, HEAT_CAP)


def count_by_band(weights: Iterable[float]) -> dict[str, int]:
    """How many of `weights` fall into each band, by key, every band present."""
    counts = {band.key.value: 0 for band in AGE_BANDS}
    for weight in weights:
        counts[age_band(weight).key] += 1
    return counts

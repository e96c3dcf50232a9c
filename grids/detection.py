"""Finds out in which coordinate system a file is, from how its areas fit what is stored.

Areas in WGS 84 degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from grids.coordinates import System
from grids.featurefile import Feature
from grids.fit import metres_outside
from grids.geometry import Area, Fault
from grids.projection import Frame
from grids.report import Question
from gridserve.later import N_

SAMPLE = 200  # features that are tried, spread over the file
MOST_PART = 0.8

Placed = tuple[Feature, Area]  # a feature, and the area within which it should lie


def better_frame(placed: Sequence[Placed], frame: Frame, stray_m: float) -> Frame | None:
    """Another frame in which the areas fit clearly better than in `frame`; None where none does.

    An area fits where it sticks out by at most `stray_m`. Clearly: several do not fit, or none
    does, and most of these would fit in the other frame, with the rest as before. One area alone
    that does not fit is a fault of its own.
    """
    sample = placed[:: max(1, len(placed) // SAMPLE)]
    fits = _fitting(sample, frame, stray_m)
    misfits = len(sample) - fits
    if not misfits or (misfits == 1 and fits):
        return None
    best, most = None, fits + MOST_PART * misfits
    for other in _others(frame):
        found = _fitting(sample, other, stray_m)
        if found >= most and found > fits:
            best, most = other, found + 1
    return best


def question(other: Frame | None, frame: Frame) -> Question | None:
    """What to ask where `other` fits better than `frame`."""
    if other is None:
        return None
    if other.swapped != frame.swapped:
        words = N_(
            "In this file latitude and longitude seem to be swapped: the other way round the areas "
            "would lie where they should. Say that they are swapped, or export the layer with the "
            "longitude first."
        )
        return Question("swapped", Fault(words), ("yes",))
    words = N_(
        "These areas do not lie where they should when read as %(said)s, but they fit as "
        "%(fits)s: say that coordinate system, or look up how the file was made."
    )
    values = {"said": frame.called, "fits": other.called}
    return Question("crs", Fault(words, values), (other.called,))


def _others(frame: Frame) -> list[Frame]:
    """The other frames worth a try, likeliest first."""
    offsets = [replace(frame, system=s) for s in (System.gcj02, System.bd09, System.wgs84)]
    # A system without offset is named once: CGCS2000 is WGS 84 here.
    plain = (System.wgs84, System.cgcs2000)
    found = [
        f for f in offsets
        if f.system is not frame.system and not (f.system in plain and frame.system in plain)
    ]  # fmt: skip
    return [*found, frame.swap(), *(f.swap() for f in found)]


def _fitting(placed: Sequence[Placed], frame: Frame, stray_m: float) -> int:
    """How many of the areas lie where they should in this frame."""
    count = 0
    for feature, around in placed:
        area = feature.loose(frame)
        if area is not None and not area.is_empty and area.intersects(around):
            count += metres_outside(area, around) <= stray_m
    return count

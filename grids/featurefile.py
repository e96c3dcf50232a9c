"""One feature of a map file: its properties under their usual names, and its outline in WGS 84."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import shapely
from shapely.errors import GEOSException
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from grids import repair
from grids.coordinates import BadPosition
from grids.geometry import MOST_VERTICES, Area, BadGeometry, Fault, checked_polygon
from grids.projection import Frame
from gridserve.later import N_

# What columns are called in the files of counties; compared without case, spaces and underscores.
ALIASES: dict[str, tuple[str, ...]] = {
    "code": ("code", "编码", "网格编码", "网格代码", "代码", "cellcode", "gridcode", "wgbm"),
    "village_code": ("villagecode", "village", "villageco", "村编码", "村代码", "村社区编码"),
    "name": ("name", "名称", "网格名称", "网格名", "cellname", "wgmc"),
    "kind": ("kind", "type", "类型", "网格类型", "wglx"),
    "to_date": ("todate", "截止日期", "失效日期"),
}  # fmt: skip
_KNOWN = {alias: key for key, aliases in ALIASES.items() for alias in aliases}
# A .dbf cuts headings off at ten bytes: three Chinese characters in UTF-8, five in GBK.
_CUT = {
    part: key
    for alias, key in _KNOWN.items()
    for part in (alias.encode()[:10].decode(errors="ignore"), alias[:5])
    if not alias.isascii() and len(part) > 2
}


def canonical(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties under the names that imports know; the first of two with one meaning wins."""
    found: dict[str, Any] = {}
    for heading, value in properties.items():
        plain = "".join(c for c in str(heading).lower() if c not in " _-\t\u3000\ufeff")
        key = _KNOWN.get(plain) or _CUT.get(plain)
        if key and found.get(key) in (None, ""):
            found[key] = value
    return found


class BadFeature(Exception):
    """A feature that cannot be used, with the reasons; `more` as `RowFault` has it."""

    def __init__(self, *faults: Fault, **more: Any) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults
        self.more = more


@dataclass(frozen=True)
class Outline:
    """A feature's area in WGS 84, and what was mended about it."""

    area: Any
    mended: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Feature:
    """One feature; the first of a file has number 1.

    `geometry` is a GeoJSON mapping or a shapely geometry, in the numbers of the file.
    """

    number: int
    properties: Mapping[str, Any]
    geometry: Any

    def text(self, key: str, most: int) -> str:
        """A property as trimmed text, "" where it is missing; raises `BadFeature`."""
        value = self.properties.get(key)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float):
            # Programs that make numbers of codes keep them to the last of 15 digits.
            value = int(value) if value.is_integer() else None if value != value else str(value)
        if isinstance(value, date):
            value = value.isoformat()[:10]
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._property(key, N_("property %(key)s is not a text"))
        found = str(value).strip()
        if len(found) > most:
            words = N_("property %(key)s has more than %(most)d characters")
            raise self._property(key, words, most=most)
        if any(ord(c) < 32 or c == "\ufffd" or "\ud800" <= c <= "\udfff" for c in found):
            words = N_("property %(key)s has a character that cannot be stored")
            raise self._property(key, words)
        return found

    def digits(self, key: str, *lengths: int) -> str:
        """A property as a code of one of these lengths, "" where missing; raises `BadFeature`."""
        code = self.text(key, 40)
        if code and not (code.isascii() and code.isdigit() and len(code) in lengths):
            words = N_("property %(key)s is “%(code)s”: give %(wanted)s digits")
            wanted = " / ".join(str(n) for n in lengths)
            raise self._property(key, words, kind="code", code=code, wanted=wanted)
        return code

    def _property(self, key: str, words: str, *, kind: str = "property", **values: Any) -> Any:
        return BadFeature(Fault(words, {"key": key, **values}), kind=kind, column=key)

    def outline(self, frame: Frame, *, several: bool = False, mend: bool = False) -> Outline:
        """The geometry as a valid area in WGS 84, from coordinates in `frame`.

        With `mend` what can be mended is. Raises `BadFeature`.
        """
        mended: list[Fault] = []
        drawn = None
        try:
            drawn = frame.to_wgs84(_finite(as_drawn(self.geometry)))
            if mend:
                drawn, changes = repair.polygonal(drawn, several=several)
                mended += changes
            return Outline(checked_polygon(drawn, several=several), tuple(mended))
        except BadGeometry as error:
            raise BadFeature(*error.faults, kind="outline", shape=drawn) from error
        except BadPosition as error:
            kind = "swapped" if "swapped" in error.msgid else "position"
            raise BadFeature(Fault(error.msgid, error.values), kind=kind) from error

    def loose(self, frame: Frame) -> Area | None:
        """The area as `frame` would have it, valid or not; None where it has none."""
        try:
            return shapely.make_valid(frame.to_wgs84(_finite(as_drawn(self.geometry))))
        except (BadFeature, BadGeometry, BadPosition, GEOSException):
            return None


def as_drawn(geometry: object) -> BaseGeometry:
    """A GeoJSON mapping or shapely geometry as shapely's; raises `BadGeometry`."""
    if geometry is None:
        words = N_("The feature has no geometry: draw its outline, or take the row out.")
        raise BadGeometry([Fault(words)])
    if isinstance(geometry, BaseGeometry):
        return geometry
    if not isinstance(geometry, Mapping):
        words = N_("The geometry is not a GeoJSON object: export the layer anew.")
        raise BadGeometry([Fault(words)])
    numbers = _count_numbers(geometry)
    if numbers > 3 * 2 * MOST_VERTICES:  # before building it; some carry a z
        words = N_(
            "The outline has %(vertices)d corners, at most %(most)d are taken: simplify it first."
        )
        raise BadGeometry([Fault(words, {"vertices": numbers // 2, "most": MOST_VERTICES})])
    try:
        with np.errstate(invalid="ignore"):  # a NaN is named later
            return shape(dict(geometry))
    except (
        ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
        GEOSException,
    ):  # fmt: skip
        words = N_(
            "The coordinates cannot be read: a polygon is a list of rings, a ring a list of at "
            "least four [longitude, latitude] pairs, the last one equal to the first."
        )
        raise BadGeometry([Fault(words)]) from None


def _count_numbers(geometry: object) -> int:
    """How many numbers a geometry holds, without recursion: its depth comes from outside."""
    total, waiting = 0, [geometry]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, Mapping):
            waiting.extend(item.values())
        elif not isinstance(item, str):
            total += 1
    return total


def _finite(geometry: BaseGeometry) -> BaseGeometry:
    """The geometry where all its corners are numbers; raises `BadGeometry`."""
    if np.isfinite(shapely.get_coordinates(geometry)).all():
        return geometry
    words = N_("A corner of the outline is not a number (NaN or infinite): draw it anew.")
    raise BadGeometry([Fault(words)])

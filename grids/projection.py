"""How the numbers of a map file become WGS 84: its projection undone, then the offset of the maps
that it was drawn on, and back again for files that go out.

Pure; longitude before latitude, degrees of WGS 84, everywhere outside of this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from grids.coordinates import BadPosition, System, check_position, from_wgs84, to_wgs84
from grids.geometry import Fault
from gridserve.later import N_

if TYPE_CHECKING:  # it loads PROJ, which only files in a projection need
    from pyproj import CRS, Transformer

G = TypeVar("G", bound=BaseGeometry)
_EPSG = re.compile(r"(?:epsg:)?([0-9]{4,6})", re.IGNORECASE)
_URN = re.compile(r"urn:ogc:def:crs:EPSG:[0-9.]*:([0-9]{4,6})", re.IGNORECASE)

# WGS 84, CGCS2000 and GRS 80 are this ellipsoid to a tenth of a millimetre, and lie less than a
# metre apart in China. The older frames have others: Beijing 1954 (6378245 m), Xian 1980 (6378140).
SEMI_MAJOR_M, INVERSE_FLATTENING = 6_378_137.0, 298.257


class UnknownSystem(ValueError):
    """A coordinate system that cannot be used; `fault` says why and how to mend it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True)
class Frame:
    """The coordinate system of a file: its projection (None: degrees), the offset of the maps that
    it was drawn on, and whether latitude (or the northing) comes first."""

    projection: CRS | None = None
    system: System = System.wgs84
    swapped: bool = False

    @property
    def called(self) -> str:
        """As the option --crs says it."""
        if self.projection is None or self.system in (System.gcj02, System.bd09):
            return self.system.value
        epsg = self.projection.to_epsg()
        return f"EPSG:{epsg}" if epsg else str(self.projection.name)

    def to_wgs84(self, geometry: G) -> G:
        """The geometry in WGS 84, z dropped; raises `BadPosition`."""

        def convert(pairs: Any) -> Any:
            if self.swapped:
                pairs = pairs[:, ::-1]
            if self.projection is not None:
                pairs = self._unprojected(pairs)
            return np.column_stack(to_wgs84(pairs[:, 0], pairs[:, 1], self.system))

        moved: G = shapely.transform(geometry, convert)
        return moved

    def from_wgs84(self, geometry: G) -> G:
        """The geometry as a file in this system has it; the other way round of `to_wgs84`."""

        def convert(pairs: Any) -> Any:
            pairs = np.column_stack(from_wgs84(pairs[:, 0], pairs[:, 1], self.system))
            if self.projection is None:
                return pairs
            transformer = _transformer(self.projection.to_wkt())
            flat = transformer.transform(pairs[:, 0], pairs[:, 1], direction="INVERSE")
            return np.column_stack(flat)

        moved: G = shapely.transform(geometry, convert)
        return moved

    def _unprojected(self, pairs: Any) -> Any:
        """Degrees of projected coordinates; raises `BadPosition` where they lie outside of it."""
        assert self.projection is not None
        transformer = _transformer(self.projection.to_wkt())
        degrees = np.column_stack(transformer.transform(pairs[:, 0], pairs[:, 1]))
        bad = ~np.isfinite(degrees).all(axis=1)
        if bad.any():
            x, y = (float(n) for n in pairs[int(np.argmax(bad))])
            words = N_("%(x)s, %(y)s is no place in the coordinate system %(system)s of the file.")
            raise BadPosition(words, x=x, y=y, system=self.called)
        check_position(degrees[:, 0], degrees[:, 1])
        return degrees

    def swap(self) -> Frame:
        """The same with the two numbers of each corner the other way round."""
        return replace(self, swapped=not self.swapped)


@lru_cache(maxsize=64)
def _transformer(wkt: str) -> Transformer:
    from pyproj import CRS, Transformer

    # To the degrees of its own frame: no shift between frames that PROJ might guess.
    crs = CRS.from_wkt(wkt)
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)


def frame(asked: str, stored: str | None) -> Frame | None:
    """The frame of a file: `asked` is what a person said ("" nothing), `stored` what the file says.

    None where neither says anything. `asked` is wgs84, cgcs2000, gcj02, bd09 or EPSG:n. The offset
    of gcj02 and bd09 comes on top of the file's own projection: such files always claim to be
    WGS 84. Raises `UnknownSystem`.
    """
    own = _usable(stored) if stored else None
    if not asked:
        return Frame(own) if stored else None
    found = _EPSG.fullmatch(asked.strip())
    if found:
        return Frame(_usable(f"EPSG:{found.group(1)}"))
    try:
        system = System(asked.strip().lower())
    except ValueError:
        words = N_(
            "Coordinate system “%(name)s” is not known: say wgs84, cgcs2000, gcj02, bd09 or the "
            "number of a projected one such as EPSG:4547."
        )
        raise UnknownSystem(Fault(words, {"name": asked[:40]})) from None
    if own is not None and system in (System.wgs84, System.cgcs2000):
        words = N_(
            "The file says that it is in %(name)s, not in degrees: leave the coordinate system "
            "out, it is read from the file."
        )
        raise UnknownSystem(Fault(words, {"name": Frame(own).called}))
    return Frame(own, system)


def _usable(text: str) -> CRS | None:
    """A projection of WGS 84 or CGCS2000, None for their degrees; raises `UnknownSystem`."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    numbered = _EPSG.fullmatch(text) or _URN.fullmatch(text)
    try:
        # Never as PROJ's own strings: those may name files of this machine.
        crs = CRS.from_epsg(int(numbered.group(1))) if numbered else CRS.from_wkt(text)
    except CRSError:
        words = N_(
            "The coordinate system “%(name)s” of the file is not known: export it in CGCS2000 "
            "(EPSG:4490) or WGS 84 (EPSG:4326), or say another one."
        )
        raise UnknownSystem(Fault(words, {"name": " ".join(text.split())[:60]})) from None
    while crs.is_bound or crs.is_compound:
        inner = crs.source_crs if crs.is_bound else crs.sub_crs_list[0]
        assert inner is not None
        crs = inner
    ground, ellipsoid = crs.geodetic_crs, crs.ellipsoid
    modern = (
        ground is not None
        and ellipsoid is not None
        and ellipsoid.semi_major_metre == SEMI_MAJOR_M
        and abs(ellipsoid.inverse_flattening - INVERSE_FLATTENING) < 0.001
        and (crs.prime_meridian is None or crs.prime_meridian.longitude == 0)
        and (crs.is_geographic or crs.is_projected)
    )
    if not modern:
        words = N_(
            "The file is in %(name)s, which needs the parameters of your survey office: have it "
            "converted to CGCS2000 (EPSG:4490 or one of its Gauss-Krüger zones)."
        )
        raise UnknownSystem(Fault(words, {"name": crs.name[:60]}))
    if crs.is_projected:
        return crs
    if crs.axis_info[0].unit_name.lower() != "degree":
        words = N_("The file is in %(name)s, not in degrees: export it in CGCS2000 or WGS 84.")
        raise UnknownSystem(Fault(words, {"name": crs.name[:60]}))
    return None


def name(number: str) -> str:
    """A projection as people know it, such as CGCS2000 / 3-degree Gauss-Kruger zone 35; "" for
    what has no number."""
    from pyproj import CRS

    found = _EPSG.fullmatch(number)
    return str(CRS.from_epsg(int(found.group(1))).name) if found else ""


def guesses(x: float, y: float) -> tuple[str, ...]:
    """Systems in which these numbers would be a place in China, best first; () where in none.

    A Gauss-Krüger easting of eight digits begins with the number of its zone.
    """
    if 73 <= x <= 136 and 3 <= y <= 54:
        return ("cgcs2000", "wgs84", "gcj02", "bd09")
    if not 300_000 <= y <= 6_000_000:
        return ()
    zone = int(x // 1_000_000)
    if 25 <= zone <= 45:
        return (f"EPSG:{4513 + zone - 25}",)
    if 13 <= zone <= 23:
        return (f"EPSG:{4491 + zone - 13}",)
    if 100_000 <= x < 1_000_000:
        return tuple(f"EPSG:{n}" for n in range(4534, 4555))
    return ("EPSG:3857",) if 8_000_000 <= x <= 16_000_000 else ()

"""Takes the one map layer out of a .zip, without trusting what the archive says of itself."""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from flask_babel import gettext as _

from grids.geometry import Fault
from grids.report import Asks, BadInput, Question
from grids.shapefile import PARTS
from gridserve.later import N_

MOST_MEMBERS = 1_000
MOST_UNPACKED = 256 * 1024 * 1024
COPIED = 1024 * 1024  # bytes at a time


@dataclass(frozen=True)
class Inside:
    """What an archive held, unpacked: `kind` is shp, gpkg or json."""

    kind: str
    place: Path


def unpack(path: Path, folder: Path, layer: str) -> Inside:
    """Unpack the map layer of the archive into `folder`, under names of our own.

    Raises `BadInput`, and `Asks` where there are several layers and `layer` names none.
    """
    damaged = _("%(file)s is a damaged .zip: copy it or zip the layer anew.", file=path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(path.name, archive)
            kind, found = _choose(path.name, members, layer)
            left = MOST_UNPACKED
            for suffix, member in found.items():
                with archive.open(member) as source, (folder / f"layer{suffix}").open("wb") as to:
                    left = _copy(path.name, source, to, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise BadInput(damaged) from error
    except RuntimeError as error:  # a password
        raise BadInput(
            _("%(file)s is locked with a password: zip it without.", file=path.name)
        ) from error
    return Inside(kind, folder / f"layer{'.geojson' if kind == 'json' else '.' + kind}")


def _members(name: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of the archive by their path, where all are harmless."""
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise BadInput(
            _(
                "%(file)s holds more than %(most)s files: zip one layer only.",
                file=name,
                most=MOST_MEMBERS,
            )
        )
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise _too_much(name)
    found = {}
    for entry in entries:
        called = _called(entry)
        path = PurePosixPath(called.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in called:
            raise BadInput(
                _(
                    "%(file)s holds a file outside of its folder (%(member)s): zip the layer anew.",
                    file=name,
                    member=called[:80],
                )
            )
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if not entry.is_dir() and not hidden:
            found[str(path)] = entry
    return found


def _called(entry: zipfile.ZipInfo) -> str:
    """The name; programs in China write it in GBK without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def _choose(
    name: str, members: dict[str, zipfile.ZipInfo], layer: str
) -> tuple[str, dict[str, zipfile.ZipInfo]]:
    """The kind and the files (by suffix) of the layer to be read."""
    kinds = {".shp": "shp", ".gpkg": "gpkg", ".geojson": "json", ".json": "json"}
    layers = {p: kinds[PurePosixPath(p).suffix.lower()] for p in members
              if PurePosixPath(p).suffix.lower() in kinds}  # fmt: skip
    if not layers:
        raise BadInput(
            _(
                "%(file)s holds no map layer: zip the .shp, .shx, .dbf and .prj of one Shapefile.",
                file=name,
            )
        )
    names: dict[str, list[str]] = defaultdict(list)
    for path in layers:
        names[PurePosixPath(path).stem].append(path)
    wanted = names.get(layer, []) if layer else list(layers)
    if layer and not wanted and list(layers.values()) == ["gpkg"]:
        wanted = list(layers)  # the name is that of a layer within
    if len(wanted) != 1:
        words = N_("%(file)s has several layers: say which one holds the areas.")
        if not wanted:
            words = N_("%(file)s has no layer of this name: say which one holds the areas.")
        raise Asks(Question("layer", Fault(words, {"file": name}), tuple(sorted(names)[:100])))
    main = wanted[0]
    if layers[main] != "shp":
        suffix = ".gpkg" if layers[main] == "gpkg" else ".geojson"
        return layers[main], {suffix: members[main]}
    beside = PurePosixPath(main).with_suffix("")
    parts = {}
    for path, entry in members.items():
        here = PurePosixPath(path)
        if (
            here.suffix.lower() in PARTS
            and str(here.with_suffix("")).lower() == str(beside).lower()
        ):
            parts[here.suffix.lower()] = entry
    return "shp", parts


def _copy(name: str, source: IO[bytes], to: IO[bytes], left: int) -> int:
    """Copy what is unpacked, counting it: the sizes in an archive can be lies."""
    while block := source.read(COPIED):
        left -= len(block)
        if left < 0:
            raise _too_much(name)
        to.write(block)
    return left


def _too_much(name: str) -> BadInput:
    return BadInput(
        _(
            "%(file)s holds more than %(most)s MB when unpacked: zip one layer only.",
            file=name,
            most=MOST_UNPACKED // 1_000_000,
        )
    )

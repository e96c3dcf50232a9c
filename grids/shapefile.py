"""What a Shapefile must be before GDAL reads it: all its parts, whole, in a known encoding."""

from __future__ import annotations

import codecs
import contextlib
import shutil
import struct
from pathlib import Path

from flask_babel import gettext as _

from grids.report import BadInput

MAGIC = b"\x00\x00\x27\x0a"  # the file code 9994
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
# The .dbf says its code page in one byte; 0x4D is GBK, 0x4F Big5. Others are seldom true in China.
_CODE_PAGES = {0x4D: "gb18030", 0x4F: "big5"}
# How .cpg files call what Python calls otherwise.
_NAMES = {"936": "gb18030", "ANSI 936": "gb18030", "CP936": "gb18030", "GBK": "gb18030",
          "GB2312": "gb18030", "65001": "utf-8", "ANSI 65001": "utf-8", "950": "big5"}  # fmt: skip


def gather(path: Path, folder: Path) -> None:
    """Copy the parts that lie beside an unzipped .shp to `folder` as layer.shp and so on."""
    for part in path.parent.iterdir():
        if part.stem == path.stem and part.suffix.lower() in PARTS and part.is_file():
            shutil.copyfile(part, folder / f"layer{part.suffix.lower()}")


def check(name: str, place: Path) -> None:
    """Raise `BadInput` where a part is missing or shorter than it says."""
    table = place.with_suffix(".dbf")
    if not table.exists():
        raise BadInput(
            _(
                "%(file)s has no .dbf: zip all parts of the Shapefile together (.shp, .shx, .dbf, "
                ".prj).",
                file=name,
            )
        )
    cut = False
    # Sizes as the headers say them: in 16-bit words, and records × length.
    for part in (place, place.with_suffix(".shx")):
        if not part.exists():  # GDAL makes the index anew
            continue
        header = part.read_bytes()[:100]
        cut |= len(header) < 100 or struct.unpack(">i", header[24:28])[0] * 2 > part.stat().st_size
    header = table.read_bytes()[:32]
    if len(header) < 32:
        cut = True
    else:
        records, start, length = struct.unpack("<IHH", header[4:12])
        cut |= start + records * length > table.stat().st_size + 1
    if cut:
        raise BadInput(_("A part of %(file)s is cut off: copy or export it anew.", file=name))


def encoding(name: str, place: Path) -> str:
    """In what the texts of the .dbf are written: as the .cpg says where that is true, else found.

    Raises `BadInput` where no encoding fits.
    """
    texts = _texts(place.with_suffix(".dbf"))
    for candidate in (*_said(place), "utf-8", "gb18030"):
        if _fits(texts, candidate):
            return candidate
    raise BadInput(
        _(
            "The texts of %(file)s are neither in UTF-8 nor in GBK: export the layer in UTF-8.",
            file=name,
        )
    )


def _said(place: Path) -> list[str]:
    said = []
    label = place.with_suffix(".cpg")
    if label.exists():
        called = label.read_bytes()[:40].decode("ascii", "ignore").strip().upper()
        found = _NAMES.get(called, called)
        with contextlib.suppress(LookupError):
            said.append(codecs.lookup(found).name)
    header = place.with_suffix(".dbf").read_bytes()[:32]
    if len(header) == 32 and header[29] in _CODE_PAGES:
        said.append(_CODE_PAGES[header[29]])
    # Latin labels are what programs write that do not know: Chinese is tried before them.
    return [name for name in said if name in ("utf-8", "gb18030", "gbk", "gb2312", "big5")]


def _texts(table: Path) -> list[bytes]:
    """The headings and character values of a .dbf as they are in the file."""
    data = table.read_bytes()
    records, start, length = struct.unpack("<IHH", data[4:12])
    texts, spans, offset = [], [], 1
    for field in range(32, start - 1, 32):
        described = data[field : field + 32]
        if len(described) < 32 or described[0] == 0x0D:
            break
        texts.append(described[:11].split(b"\0")[0])
        if described[11:12] == b"C":
            spans.append((offset, offset + described[16]))
        offset += described[16]
    for record in range(records):
        row = data[start + record * length : start + (record + 1) * length]
        texts.extend(row[west:east].rstrip(b" \0") for west, east in spans)
    return texts


def _fits(texts: list[bytes], candidate: str) -> bool:
    """Whether all texts can be read so; the last character may be cut off by the column's width."""
    try:
        for text in texts:
            codecs.getincrementaldecoder(candidate)("strict").decode(text, final=False)
    except (UnicodeError, LookupError):
        return False
    return True

"""Pictures for tests: whole ones as a phone makes them, and such as nobody should send."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zipfile
import zlib

from PIL import Image

GPS = 0x8825


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def jpeg(seed: int = 1, size: tuple[int, int] = (640, 480), *, turned: int = 1) -> bytes:
    """A photo with the place and the device in it, held as `turned` (EXIF orientation) says."""
    image = Image.new("RGB", size, random.Random(seed).randbytes(3).hex().join(["#", ""]))
    image.paste("white", (0, 0, size[0] // 4, size[1] // 4))  # the upper left corner
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SECRETPHONE", turned
    exif.get_ifd(GPS).update({1: "N", 2: (28.0, 36.0, 18.0), 3: "E", 4: (103.0, 57.0, 18.0)})
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"SECRETWORDS", icc_profile=b"SECRETPROFILE")
    return out.getvalue()


def signature() -> bytes:
    """Some ink on nothing, as drawn with a finger."""
    image = Image.new("RGBA", (300, 120), (0, 0, 0, 0))
    image.paste((20, 20, 80, 255), (20, 50, 260, 60))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def noise(seed: int, size: tuple[int, int] = (200, 150)) -> bytes:
    """A PNG that nothing packs smaller."""
    pixels = random.Random(seed).randbytes(size[0] * size[1] * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", size, pixels).save(out, "PNG")
    return out.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, *, extra: bytes = b"") -> bytes:
    """A PNG whose header claims these measures."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    row = zlib.compress(bytes(1 + 3 * min(width, 30_000)) * min(height, 40))
    return b"\x89PNG\r\n\x1a\n" + head + extra + _chunk(b"IDAT", row) + _chunk(b"IEND", b"")


def webp_of(width: int, height: int) -> bytes:
    """A WebP whose header claims these measures."""
    wide, high = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "WEBP")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + wide + high + out.getvalue()[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50_000_000))
    return out.getvalue()


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (4, 4)).save(out, "GIF")
    return out.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
SCRIPT = b"<script>alert(1)</script>"

# Name → bytes, and the status and code that they get.
REFUSED = {
    "script": (SCRIPT, 415, "photo.not_a_picture"),
    "svg": (SVG, 415, "photo.not_a_picture"),
    "zip bomb": (zipped(), 415, "photo.not_a_picture"),
    "gif": (gif(), 415, "photo.not_a_picture"),
    "gif that is a script": (b"GIF89a/*" + SCRIPT + b"*/=1;", 415, "photo.not_a_picture"),
    "executable": (b"\x7fELF" + bytes(500), 415, "photo.not_a_picture"),
    "pdf": (b"%PDF-1.4\n" + bytes(500), 415, "photo.not_a_picture"),
    "nothing": (b"", 415, "photo.not_a_picture"),
    "head of a jpeg": (b"\xff\xd8\xff\xe0" + bytes(200), 415, "photo.not_a_picture"),
    "truncated jpeg": (jpeg()[:-300], 415, "photo.not_a_picture"),
    "truncated png": (noise(1)[:-2000], 415, "photo.not_a_picture"),
    "script behind the head of a png": (
        b"\x89PNG\r\n\x1a\n" + SCRIPT, 415, "photo.not_a_picture",
    ),
    "png without pixels": (png_of(0, 10), 415, "photo.not_a_picture"),
    "png with text that unpacks to much": (
        png_of(4, 4, extra=_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(80_000_000)))),
        415, "photo.not_a_picture",
    ),
    "png of 900 million pixels": (png_of(30_000, 30_000), 413, "photo.too_many_pixels"),
    "png of 36 million pixels": (png_of(6_000, 6_000), 413, "photo.too_many_pixels"),
    "webp of 225 million pixels": (webp_of(15_000, 15_000), 413, "photo.too_many_pixels"),
    "webp of 10¹² pixels": (webp_of(1 << 20, 1 << 20), 413, "photo.too_many_pixels"),
    "3 MB": (bytes(3_000_000), 413, "request.too_large"),
}  # fmt: skip

"""A picture that was sent is made anew, so that nothing but the picture is kept.

Gone are place, device and time (EXIF), colour profiles, comments, further frames, and whatever else
stood in the file or behind it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from PIL import Image, ImageOps, JpegImagePlugin

from gridserve.errors import Problem
from visits.photos.models import PictureKind

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 24_000_000
LONGEST = 2560  # pixels of the longer side that are kept
THUMBNAIL = 320
QUALITY, THUMBNAIL_QUALITY = 80, 75
# A picture that is unpacked is large: so many at once in one process.
_room = threading.BoundedSemaphore(2)
Image.MAX_IMAGE_PIXELS = MOST_PIXELS


class NotAPicture(Problem):
    """Not a whole JPEG, PNG or WebP, whatever its name or header says."""

    status, code, title = 415, "photo.not_a_picture", _l("This is not a picture")


class TooManyPixels(Problem):
    """A small file that unpacks to a very large picture."""

    status, code, title = 413, "photo.too_many_pixels", _l("The picture is too large")


@dataclass(frozen=True)
class Picture:
    """A picture made here, and its measures in pixels."""

    data: bytes
    kind: PictureKind
    width: int
    height: int


def clean(data: bytes) -> Picture:
    """The picture in `data`, upright, at most LONGEST pixels long. Raises NotAPicture,
    TooManyPixels; the measures are looked at before anything is unpacked."""
    with _room:
        try:
            with Image.open(BytesIO(data), formats=FORMATS) as sent:
                if sent.width * sent.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                return _anew(sent)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
            most = MOST_PIXELS // 1_000_000
            words = _("It has more than %(most)s million pixels. Send a smaller one.", most=most)
            raise TooManyPixels(words) from bomb
        # Whatever a damaged or hostile file makes a decoder raise, it is the file's fault.
        except Exception as error:
            raise NotAPicture(_("Send a whole JPEG, PNG or WebP picture.")) from error


def thumbnail(data: bytes) -> bytes:
    """A small JPEG of a picture that `clean` made."""
    with _room, Image.open(BytesIO(data), formats=FORMATS) as image:
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        return _jpeg(image, quality=THUMBNAIL_QUALITY)


def _anew(sent: Image.Image) -> Picture:
    how = _as_sent(sent)
    sent.thumbnail((LONGEST, LONGEST))
    sent.load()
    image = _upright(sent)
    if sent.format == "PNG":
        data, kind = _png(image), PictureKind.PNG
    else:
        data, kind = _jpeg(image, **how), PictureKind.JPEG
    return Picture(data, kind, image.width, image.height)


def _as_sent(sent: Image.Image) -> dict[str, Any]:
    """How to pack a JPEG as it was packed, so that it neither grows nor loses."""
    tables = getattr(sent, "quantization", None)
    if not tables or sent.mode != "RGB" or set(tables) - {0, 1}:
        return {"quality": QUALITY}
    sampling = JpegImagePlugin.get_sampling(sent)
    return {"qtables": tables} | ({"subsampling": sampling} if sampling >= 0 else {})


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the note on how it was held is damaged: the picture is not
        return image


def _jpeg(image: Image.Image, **how: Any) -> bytes:
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    if image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    return _packed(image, "JPEG", optimize=True, **how)


def _png(image: Image.Image) -> bytes:
    if image.mode not in ("RGB", "L", "1"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return _packed(image, "PNG")


def _packed(image: Image.Image, kind: str, **how: Any) -> bytes:
    image.info = {}  # what would be written along: profiles, comments, transparency, EXIF
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()

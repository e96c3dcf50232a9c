"""How pictures are named in what comes in and goes out."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve.http import Schema, Text

MOST = 9  # pictures of one thing
SHA256 = r"^[0-9a-f]{64}$"


class Sha256(Text):
    """The SHA-256 of a picture as it is sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=64, validate=[ma.validate.Regexp(SHA256)], **kwargs)


class PhotosIn(ma.fields.List):
    """The pictures of something, by SHA-256; they may arrive after it."""

    def __init__(self) -> None:
        super().__init__(
            Sha256(),
            validate=ma.validate.Length(max=MOST),
            metadata={"description": "SHA-256 each, see PUT /photos/{sha256}; they may come later"},
        )


class PhotoOut(Schema):
    """A picture of something; until it has `arrived` there is nothing to show."""

    sha256 = ma.fields.String(required=True)
    arrived = ma.fields.Boolean(required=True)
    width = ma.fields.Integer(attribute="photo.width", dump_default=None, allow_none=True)
    height = ma.fields.Integer(attribute="photo.height", dump_default=None, allow_none=True)


class PhotosOut(ma.fields.Nested):
    """The pictures of a row that has `photos`, without a signature."""

    def __init__(self) -> None:
        super().__init__(PhotoOut, many=True, required=True)

    def get_value(self, obj: Any, attr: str, *args: Any, **kwargs: Any) -> Any:
        return [one for one in obj.photos if not one.signature]


class SignatureOut(ma.fields.Nested):
    """The resident's signature beneath a step that has `photos`, or null."""

    def __init__(self) -> None:
        super().__init__(PhotoOut, required=True, allow_none=True)

    def get_value(self, obj: Any, attr: str, *args: Any, **kwargs: Any) -> Any:
        return next((one for one in obj.photos if one.signature), None)


class StoredOut(Schema):
    """A picture that is here, whole."""

    sha256 = ma.fields.String(required=True)
    width = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True)


class PieceOut(Schema):
    """A picture of which so many bytes are here."""

    sha256 = ma.fields.String(required=True)
    offset = ma.fields.Integer(required=True)

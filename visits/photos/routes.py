"""Sending and getting pictures over the API."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, jsonify, request
from flask_babel import gettext as _
from marshmallow import fields, validate

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import BadRequest, NotFound, TooLarge
from gridserve.http import API, Blueprint, Schema, large, transaction
from gridserve.permissions import Permission
from gridserve.storage import BlobMissing, blobs
from visits.photos import operations
from visits.photos.models import Photo, PictureKind
from visits.photos.permissions import visible_photos
from visits.photos.schemas import SHA256, PieceOut, StoredOut

MOST_BYTES = 2 * 1024 * 1024
RANGE = re.compile(r"bytes ([0-9]{1,9})-([0-9]{1,9})/([0-9]{1,9})")
DAY = 24 * 60 * 60
# A picture is shown and never run: no script, no frame, nothing loaded.
SHOWN_ONLY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "required": True,
    "content": {f"image/{kind}": BINARY for kind in ("jpeg", "png", "webp")},
}
HEADER = {
    "in": "header",
    "name": "Content-Range",
    "schema": {"type": "string", "pattern": RANGE.pattern},
    "description": "of a piece: bytes FIRST-LAST/TOTAL",
}
OFFSET = {"Upload-Offset": {"schema": {"type": "integer"}, "description": "bytes that are here"}}
LOOKED = {
    "200": {"description": "It is here, whole."},
    "404": {"description": "It is not, or not whole.", "headers": OFFSET},
}
PACKED = {f"image/{kind}": BINARY for kind in PictureKind}
SHOWN = {"200": {"description": "The picture.", "content": PACKED}}

bp = Blueprint("photos_api", __name__, url_prefix=API, description="Pictures")


class PhotoUnknown(NotFound):
    code = "photo.not_found"


class BadRange(BadRequest):
    """The header Content-Range does not fit the body."""

    code = "photo.bad_range"


class SizeIn(Schema):
    """How large a picture is wanted."""

    size = fields.String(load_default="full", validate=validate.OneOf(["thumb", "full"]))


def _address(sha256: str) -> str:
    if not re.fullmatch(SHA256, sha256):
        raise PhotoUnknown(_("A picture's address is its SHA-256 in 64 small hexadecimal digits."))
    return sha256


# Before the one for GET, which would answer HEAD as well.
@bp.route("/photos/<string:sha256>", methods=["HEAD"])
@requires(Permission.ISSUE_READ)
@bp.doc(responses=LOOKED)
def look_for_photo(sha256: str) -> Response:
    """Whether the caller has sent this picture; where not, how much of it is here."""
    if operations.own(_address(sha256), current_user) is not None:
        return Response(status=200)
    here = operations.offset(sha256, current_user)
    return Response(status=404, headers={"Upload-Offset": str(here)})


@bp.put("/photos/<string:sha256>")
@requires(Permission.ISSUE_READ)
@transaction
@large(MOST_BYTES)
@bp.doc(parameters=[HEADER], requestBody=BODY)
@bp.response(201, StoredOut, description="Stored.")
@bp.alt_response(200, schema=StoredOut, description="It was here already.")
@bp.alt_response(202, schema=PieceOut, description="The piece is here.", headers=OFFSET)
def send_photo(sha256: str) -> Response:
    """Send a picture, whole or in pieces. Sending anything again is harmless.

    What is kept is made anew from it, upright and without place, device or time. A visit or an
    issue may name it before it arrives.
    """
    data, piece = request.get_data(), request.headers.get("Content-Range")
    first, total = (0, 0) if piece is None else _range(piece, len(data))
    try:
        found: operations.Found | int
        if piece is None:
            found = operations.store(_address(sha256), data, by=current_user)
        else:
            found = operations.add_piece(_address(sha256), data, first, total, by=current_user)
    except operations.NEVER:  # to become a picture: what came of it is not waited for
        db.session.rollback()
        operations.forget(sha256, by=current_user)
        db.session.commit()
        raise
    if isinstance(found, int):
        return _piece(sha256, found)
    photo, new = found
    response = jsonify(StoredOut().dump(photo))
    response.status_code = 201 if new else 200
    return response


def _range(text: str, size: int) -> tuple[int, int]:
    """Where the piece of `size` bytes begins, and how long the whole is."""
    said = RANGE.fullmatch(text.strip())
    if said is None:
        raise BadRange(_("Say Content-Range as: bytes FIRST-LAST/TOTAL"))
    first, last, total = map(int, said.groups())
    if last - first + 1 != size or last >= total:
        raise BadRange(_("Content-Range names other bytes than came."))
    if total > MOST_BYTES:
        raise TooLarge(_("At most %(most)s bytes.", most=MOST_BYTES))
    return first, total


def _piece(sha256: str, offset: int) -> Response:
    response = jsonify(PieceOut().dump({"sha256": sha256, "offset": offset}))
    response.status_code = 202
    response.headers["Upload-Offset"] = str(offset)
    return response


@bp.get("/photos/<string:sha256>")
@requires(Permission.ISSUE_READ)
@bp.arguments(SizeIn, location="query")
@bp.doc(responses=SHOWN)
def get_photo(args: dict[str, Any], sha256: str) -> Response:
    """A picture that the caller sent, or of a visit or issue that the caller may see.

    A thumbnail that is not made yet is answered with the whole picture.
    """
    wanted = visible_photos(current_user).where(Photo.sha256 == _address(sha256))
    photo = db.session.scalar(wanted.order_by(Photo.thumbnail_sha256).limit(1))
    if photo is None:
        raise PhotoUnknown(_("No such picture in your scope."))
    small = photo.thumbnail_sha256 if args["size"] == "thumb" else None
    kind = PictureKind.JPEG if small else photo.kind
    response = Response(mimetype=f"image/{kind}")
    response.set_etag(small or photo.stored_sha256)
    # The address stands for the contents, but a device that was revoked should not show them long.
    final = small is not None or args["size"] == "full"
    response.headers["Cache-Control"] = (
        f"private, max-age={DAY}, immutable" if final else "private, no-cache"
    )
    response.headers["Content-Security-Policy"] = SHOWN_ONLY
    response.headers["Content-Disposition"] = f'inline; filename="{sha256[:12]}.{kind}"'
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.vary.update(("Cookie", "Authorization"))  # whoever signs in next asks anew
    response.make_conditional(request)
    if response.status_code != 304:
        try:
            response.set_data(blobs().get(small or photo.stored_sha256))
        except BlobMissing as error:
            raise PhotoUnknown(_("The picture is damaged or gone from the store.")) from error
    return response

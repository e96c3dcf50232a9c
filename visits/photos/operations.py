"""Taking pictures in, whole or in pieces, and attaching them. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm.attributes import set_committed_value

from gridserve.db import db, now
from gridserve.errors import Conflict, Invalid
from gridserve.jobs import enqueue
from gridserve.people import User
from gridserve.storage import digest
from visits.models import Visit
from visits.photos import keeping, pictures, thumbnails
from visits.photos.models import Attachment, Photo, Upload

OPEN_UPLOADS = 20  # of one account; the one that was touched longest ago gives way


class WrongDigest(Invalid):
    """What came is not what its address says."""

    code = "photo.wrong_digest"


class WrongOffset(Conflict):
    """A piece that does not join on to what is here; `offset` says how much that is."""

    code = "photo.wrong_offset"

    def __init__(self, words: str, offset: int) -> None:
        super().__init__(words, offset=offset)
        self.headers["Upload-Offset"] = str(offset)


# Of what raised these, no further byte makes a picture.
NEVER = (WrongDigest, pictures.NotAPicture, pictures.TooManyPixels)
Found = tuple[Photo, bool]  # a picture, and whether it is new


def store(sha256: str, data: bytes, *, by: User) -> Found:
    """Keep a picture that came whole, once, however often it is sent; gives whether it is new.

    Raises WrongDigest, NotAPicture, TooManyPixels, StoreAway.
    """
    if digest(data) != sha256:
        raise WrongDigest(_("The SHA-256 of what arrived differs. Send it again from the start."))
    known = own(sha256, by)
    if known is not None:
        return known, False
    picture = pictures.clean(data)
    row = {
        "sha256": sha256,
        "uploader_id": by.id,
        "stored_sha256": keeping.put(picture.data),
        "kind": picture.kind,
        "size": len(picture.data),
        "width": picture.width,
        "height": picture.height,
        "received_at": now(),
    }
    new = db.session.scalar(
        insert(Photo).values(row).on_conflict_do_nothing().returning(Photo.sha256)
    )
    if new is not None:
        enqueue(thumbnails.make_missing, once=True)
    return db.session.get_one(Photo, (sha256, by.id)), new is not None


def own(sha256: str, user: User) -> Photo | None:
    """The picture as `user` sent it, if it is here."""
    return db.session.get(Photo, (sha256, user.id), populate_existing=True)


def add_piece(sha256: str, piece: bytes, start: int, total: int, *, by: User) -> Found | int:
    """Join a piece on to what came before; gives how many bytes are here, or, with the last one,
    what `store` gives.

    Bytes that are here already are passed over, so a piece may come twice. Raises WrongOffset where
    some before it are missing, and what `store` raises: then `forget` what is here.
    """
    part = _locked(sha256, total, by)
    known = own(sha256, by)  # its last piece may have come while this one waited for the lock
    if known is not None:
        db.session.delete(part)
        return known, False
    if part.total != total:
        part.total, part.data = total, b""
    have = len(part.data)
    if start > have:
        words = _("%(have)s bytes are here: go on from there.", have=have)
        raise WrongOffset(words, have)
    data = part.data + piece[have - start :]
    if len(data) < total:
        part.data, part.touched_at = data, now()
        return len(data)
    db.session.delete(part)
    return store(sha256, data, by=by)


def _locked(sha256: str, total: int, by: User) -> Upload:
    """The beginning that is here, or an empty one, locked."""
    wanted = select(Upload).where(Upload.account_id == by.id, Upload.sha256 == sha256)
    wanted = wanted.with_for_update().execution_options(populate_existing=True)
    part = db.session.scalar(wanted)
    if part is not None:
        return part
    others = select(Upload.sha256).where(Upload.account_id == by.id)
    oldest = others.order_by(Upload.touched_at.desc()).offset(OPEN_UPLOADS - 1)
    db.session.execute(delete(Upload).where(Upload.account_id == by.id, Upload.sha256.in_(oldest)))
    row = {"account_id": by.id, "sha256": sha256, "total": total, "data": b"", "touched_at": now()}
    db.session.execute(insert(Upload).values(row).on_conflict_do_nothing())
    return db.session.scalars(wanted).one()


def offset(sha256: str, user: User) -> int:
    """How many bytes of a picture that is not whole yet are here."""
    here = select(func.octet_length(Upload.data))
    here = here.where(Upload.account_id == user.id, Upload.sha256 == sha256)
    return db.session.scalar(here) or 0


def forget(sha256: str, *, by: User) -> None:
    """Drop the beginning of a picture that turned out not to be one."""
    db.session.execute(delete(Upload).where(Upload.account_id == by.id, Upload.sha256 == sha256))


def attach_to_visits(pairs: Sequence[tuple[Visit, dict[str, Any]]], by: User) -> None:
    """Attach what new visits name as `photos`, whether it has arrived or not."""
    rows = [
        {"id": uuid.uuid4(), "visit_id": visit.id, "sha256": sha256, "position": position,
         "sender_id": by.id}
        for visit, said in pairs
        for position, sha256 in enumerate(dict.fromkeys(said.get("photos") or ()))
    ]  # fmt: skip
    if not rows:
        return
    db.session.execute(insert(Attachment), rows)
    found: dict[uuid.UUID | None, list[Attachment]] = {}
    ids = {row["visit_id"] for row in rows}
    query = select(Attachment).where(Attachment.visit_id.in_(ids)).order_by(Attachment.position)
    for row in db.session.scalars(query):
        found.setdefault(row.visit_id, []).append(row)
    for visit, _said in pairs:
        set_committed_value(visit, "photos", found.get(visit.id, []))


def attach_to_step(step_id: uuid.UUID, said: dict[str, Any], by: User | None) -> None:
    """Attach what a new step names as `photos` and `signature`."""
    named = [(sha256, False) for sha256 in dict.fromkeys(said.get("photos") or ())]
    if said.get("signature"):
        named.append((said["signature"], True))
    if by is not None and named:
        rows = [
            {"id": uuid.uuid4(), "step_id": step_id, "sha256": sha256, "position": position,
             "sender_id": by.id, "signature": signature}
            for position, (sha256, signature) in enumerate(named)
        ]  # fmt: skip
        db.session.execute(insert(Attachment), rows)

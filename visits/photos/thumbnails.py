"""The job that makes small pictures of those that came in."""

from __future__ import annotations

import logging
import uuid

from sqlalchemy import select, update

from gridserve.db import db
from gridserve.storage import StoreAway, blobs
from visits.photos import keeping, pictures
from visits.photos.models import TRIES, Photo

AT_ONCE = 1000  # the sweep takes up the rest
log = logging.getLogger(__name__)


def make_missing() -> int:
    """Make the thumbnails that are missing; gives how many. May run twice, also at once."""
    missing = select(Photo.sha256, Photo.uploader_id).where(
        Photo.thumbnail_sha256.is_(None), Photo.thumbnail_tries < TRIES
    )
    keys = db.session.execute(missing.order_by(Photo.received_at).limit(AT_ONCE)).all()
    return sum(_make(sha256, uploader_id) for sha256, uploader_id in keys)


def _make(sha256: str, uploader_id: uuid.UUID) -> bool:
    """Make one, and commit it. The try is committed before it: a picture on which the job dies is
    left alone after some."""
    row = update(Photo).where(Photo.sha256 == sha256, Photo.uploader_id == uploader_id)
    stored = db.session.scalar(
        row.values(thumbnail_tries=Photo.thumbnail_tries + 1).returning(Photo.stored_sha256)
    )
    db.session.commit()
    if stored is None:
        return False  # it was forgotten meanwhile
    try:
        small = keeping.put(pictures.thumbnail(blobs().get(stored)))
    except StoreAway:  # not the picture's fault
        db.session.execute(row.values(thumbnail_tries=Photo.thumbnail_tries - 1))
        db.session.commit()
        raise
    except Exception:
        log.exception("no thumbnail of picture %s", sha256)
        db.session.rollback()
        return False
    db.session.execute(row.values(thumbnail_sha256=small))
    db.session.commit()
    return True

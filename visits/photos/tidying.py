"""The nightly job that forgets pictures that nothing needs, and beginnings of some that never
became whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from gridserve import events
from gridserve.db import db, now
from visits.photos import keeping
from visits.photos.models import Attachment, Photo, Upload

# Longer than a phone is without signal, or something refused waits for the desk.
UNATTACHED = timedelta(days=60)
UNFINISHED = timedelta(days=7)


def tidy() -> int:
    """Delete what is old and belongs to nothing; gives how many pictures that were."""
    db.session.execute(delete(Upload).where(Upload.touched_at < now() - UNFINISHED))
    db.session.commit()
    attached = select(Attachment.id).where(
        Attachment.sha256 == Photo.sha256, Attachment.sender_id == Photo.uploader_id
    )
    lonely = select(Photo.sha256, Photo.uploader_id).where(
        Photo.received_at < now() - UNATTACHED, ~attached.exists()
    )
    keys = db.session.execute(lonely).all()
    for sha256, uploader_id in keys:
        forget(sha256, uploader_id)
    if keys:
        events.record("photos.forgotten", None, by=None, data={"count": len(keys)})
    return len(keys)


def no_longer_kept(moment: datetime) -> bool:
    """Whether a picture of something that happened at `moment` is not on its way any more."""
    return moment < now() - UNATTACHED


def forget(sha256: str, uploader_id: object) -> None:
    """Delete one picture and what is kept of it, at once; a job that dies goes on tomorrow."""
    photo = db.session.get(Photo, (sha256, uploader_id), with_for_update=True)
    if photo is not None:
        kept = {photo.stored_sha256, photo.thumbnail_sha256 or photo.stored_sha256}
        db.session.delete(photo)
        db.session.flush()
        for blob in sorted(kept):
            keeping.remove_unused(blob)
    db.session.commit()

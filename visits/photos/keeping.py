"""The blobs behind pictures and thumbnails. Equal ones are kept once, for whoever needs them."""

from __future__ import annotations

from sqlalchemy import or_, select, text

from gridserve.db import db
from gridserve.storage import blobs, digest
from visits.photos.models import Photo


def put(data: bytes) -> str:
    """Keep a blob to which a row of this transaction will point; gives its SHA-256."""
    sha256 = digest(data)
    _lock(sha256)
    return blobs().put(data)


def remove_unused(sha256: str) -> None:
    """Remove a blob to which no picture points any more."""
    _lock(sha256)
    points = or_(Photo.stored_sha256 == sha256, Photo.thumbnail_sha256 == sha256)
    if not db.session.scalar(select(select(Photo.sha256).where(points).exists())):
        blobs().delete(sha256)


def _lock(sha256: str) -> None:
    """Nobody else puts or removes this blob until the transaction is over: otherwise one that is
    just being kept anew could be removed with the last row that pointed to it before."""
    key = int(sha256[:16], 16) - 2**63
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

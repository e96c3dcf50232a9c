"""The query code: with it and the number a resident sees how the own issue goes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid

from flask import current_app

DIGITS = 6


def new_code() -> str:
    """Six digits at random, easily told on the phone; few tries are allowed (visits/intake)."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def digest_of(issue_id: uuid.UUID, code: str) -> str:
    """The form in which a code is kept.

    Keyed with the installation's secret: six digits could be found from a plain digest. A new
    secret ends all codes.
    """
    key: str = current_app.extensions["gridserve"].secret_key
    said = f"query code {issue_id} {code}"
    return hmac.new(key.encode(), said.encode(), hashlib.sha256).hexdigest()


def fits(issue_id: uuid.UUID, kept: str | None, code: str) -> bool:
    """Whether `code` is the one that was given with the issue; as slow where there is none."""
    return hmac.compare_digest(kept or "", digest_of(issue_id, code)) and kept is not None

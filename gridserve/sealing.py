"""Secrets that have to be read again, such as the addresses of gateways: encrypted at rest."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from gridserve.config import Config


class SealBroken(Exception):
    """It was sealed with another key than GRIDSERVE_SECRET_KEY: it has to be entered anew."""


def _fernet() -> Fernet:
    config: Config = current_app.extensions["gridserve"]
    # A key of its own, so that what signs cookies does not encrypt.
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gridserve sealed text")
    return Fernet(base64.urlsafe_b64encode(derive.derive(config.secret_key.encode())))


def seal(text: str) -> str:
    """The encrypted form of `text`; two of the same differ."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """What was sealed; raises SealBroken."""
    try:
        return _fernet().decrypt(sealed.encode("ascii")).decode()
    except (InvalidToken, UnicodeEncodeError) as error:
        raise SealBroken from error

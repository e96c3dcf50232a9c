"""Keys that follow from those of the installation, and secrets that have to be read again, such as
the addresses of gateways: encrypted at rest."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from gridserve.config import Config


class SealBroken(Exception):
    """It was sealed with another key than GRIDSERVE_SECRET_KEY: it has to be entered anew."""


def _derived(key: str, purpose: bytes) -> bytes:
    """A key of its own for each purpose, 32 bytes: what signs cookies does not encrypt."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(key.encode())


def name_of(key: str) -> str:
    """What a key is called beside what was made with it; nothing of the key follows from it."""
    return hashlib.sha256(b"gridserve name of key" + key.encode()).hexdigest()[:16]


def trail_keys() -> dict[str, bytes]:
    """By their names the keys that seal the audit trail: the first is the present one."""
    config: Config = current_app.extensions["gridserve"]
    return {name_of(key): _derived(key, b"gridserve audit trail") for key in config.data_key}


def _fernet() -> Fernet:
    config: Config = current_app.extensions["gridserve"]
    key = _derived(config.secret_key, b"gridserve sealed text")
    return Fernet(base64.urlsafe_b64encode(key))


def seal(text: str) -> str:
    """The encrypted form of `text`; two of the same differ."""
    return _fernet().encrypt(text.encode()).decode("ascii")


def unseal(sealed: str) -> str:
    """What was sealed; raises SealBroken."""
    try:
        return _fernet().decrypt(sealed.encode("ascii")).decode()
    except (InvalidToken, UnicodeEncodeError) as error:
        raise SealBroken from error

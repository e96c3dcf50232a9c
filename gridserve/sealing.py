"""Keys that follow from those of the installation, and what is sealed with them.

What lies in the database and is not to be read there, such as telephone numbers, is sealed with the
keys of GRIDSERVE_DATA_KEY (gridserve/sealed.py makes columns of it). Secrets that have to be read
again, such as the addresses of gateways, are encrypted with that of GRIDSERVE_SECRET_KEY.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from gridserve.config import Config

AES, SM4 = 1, 2  # the first byte of what is sealed
CIPHERS = {"aes": AES, "sm4": SM4}  # as GRIDSERVE_DATA_CIPHER names them
NAME, NONCE, TAG = 4, 12, 16  # bytes
HEAD = 1 + NAME  # cipher and name of the key: what tells whether something is to be sealed anew
WHOLE, END = 8, 4  # bytes of the marks by which a number is found
MOBILE, ENDING = 11, 4  # digits of a number without its country, and of its end


class SealBroken(Exception):
    """It was sealed with another key, or has been changed since; the message says what is known."""


@dataclass(frozen=True)
class DataKey:
    """One key of GRIDSERVE_DATA_KEY, as it seals what lies in the database."""

    name: bytes  # of NAME bytes; nothing of the key follows from it
    aes: AESGCM
    sm4: algorithms.SM4
    marks: bytes
    digests: bytes

    def seal(self, data: bytes, head: bytes, cipher: int) -> bytes:
        """`data` encrypted: nonce, text and tag. `head` is not encrypted but cannot be changed."""
        nonce = os.urandom(NONCE)
        if cipher == AES:
            return nonce + self.aes.encrypt(nonce, data, head)
        encryptor = Cipher(self.sm4, modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(head)
        return nonce + encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def open(self, sealed: bytes, head: bytes, cipher: int) -> bytes:
        """What `seal` was given; raises SealBroken."""
        nonce, text = sealed[:NONCE], sealed[NONCE:]
        try:
            if cipher == AES:
                return self.aes.decrypt(nonce, text, head)
            opened = Cipher(self.sm4, modes.GCM(nonce, text[-TAG:])).decryptor()
            opened.authenticate_additional_data(head)
            return opened.update(text[:-TAG]) + opened.finalize()
        except (InvalidTag, ValueError) as error:
            raise SealBroken("it has been changed since it was sealed") from error

    def whole(self, number: str) -> bytes:
        """By which a telephone number is found: the same for the same digits, country aside."""
        return self._mark(digits(number)[-MOBILE:], b"whole", WHOLE)

    def end(self, number: str) -> bytes:
        """By which a number is found of which the last four digits are known."""
        return self._mark(digits(number)[-ENDING:], b"end", END)

    def _mark(self, said: str, what: bytes, size: int) -> bytes:
        return hashlib.blake2b(
            said.encode(), key=self.marks, person=what, digest_size=size
        ).digest()


def digits(number: str) -> str:
    """Only the digits of a telephone number."""
    return re.sub(r"[^0-9]", "", number)


def _derived(key: str, purpose: bytes, length: int = 32) -> bytes:
    """A key of its own for each purpose: what signs cookies does not encrypt."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key.encode())


def name_of(key: str) -> str:
    """What a key is called beside what was made with it; nothing of the key follows from it."""
    return hashlib.sha256(b"gridserve name of key" + key.encode()).hexdigest()[:16]


def trail_keys() -> dict[str, bytes]:
    """By their names the keys that seal the audit trail: the first is the present one."""
    config: Config = current_app.extensions["gridserve"]
    return {name_of(key): _derived(key, b"gridserve audit trail") for key in config.data_key}


@functools.lru_cache(maxsize=8)
def _data_keys(keys: tuple[str, ...]) -> dict[bytes, DataKey]:
    found = {}
    for key in keys:
        name = bytes.fromhex(name_of(key))[:NAME]
        found[name] = DataKey(
            name,
            AESGCM(_derived(key, b"gridserve data aes")),
            algorithms.SM4(_derived(key, b"gridserve data sm4", 16)),
            _derived(key, b"gridserve data marks"),
            _derived(key, b"gridserve data digests"),
        )
    return found


def data_keys() -> dict[bytes, DataKey]:
    """By their names the keys that seal what lies in the database: the first is the present one."""
    config: Config = current_app.extensions["gridserve"]
    return _data_keys(config.data_key)


def present() -> tuple[int, DataKey]:
    """Cipher and key with which is sealed now."""
    config: Config = current_app.extensions["gridserve"]
    return CIPHERS[config.data_cipher], next(iter(_data_keys(config.data_key).values()))


def keyed(digest: str) -> tuple[str, ...]:
    """A digest of what holds a telephone number, under each key, the present one first.

    Without a key numbers could be tried out until the digest fits: there are not many.
    """
    return tuple(
        hmac.digest(key.digests, digest.encode(), "sha256").hex() for key in data_keys().values()
    )


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
        raise SealBroken("another GRIDSERVE_SECRET_KEY: it has to be entered anew") from error

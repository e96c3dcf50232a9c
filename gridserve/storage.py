"""Blobs by the SHA-256 of what they hold: in a folder, or in a store that speaks S3.

What was put is there after a crash; putting it again, also by two at once, changes nothing.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from flask import current_app
from flask_babel import gettext as _

from gridserve.errors import Unavailable

if TYPE_CHECKING:
    from requests import Response

    from gridserve.config import Config

log = logging.getLogger(__name__)
TIMEOUTS = (3.05, 20.0)  # seconds to connect, and between two pieces of an answer


class StoreAway(Unavailable):
    """The folder or the store can be neither written nor read just now; `why`, for the log."""

    code = "storage.unavailable"

    def __init__(self, why: object) -> None:
        log.error("blobs: %s", why)
        self.why = str(why)
        words = _("Pictures cannot be stored or read just now. Nothing was lost; try again.")
        super().__init__(words)


class BlobMissing(Exception):
    """No such blob, or what lies there is not what was put."""


class Blobs(Protocol):
    """Where blobs lie. All raise StoreAway where it does not answer."""

    def put(self, data: bytes) -> str:
        """Store `data` so that it stays, and give its SHA-256 in hex."""

    def get(self, sha256: str) -> bytes:
        """The blob; raises BlobMissing."""

    def delete(self, sha256: str) -> None:
        """Remove the blob; one that is not there is no error."""


def digest(data: bytes) -> str:
    """The SHA-256 of `data` in hex: its address."""
    return hashlib.sha256(data).hexdigest()


def blobs() -> Blobs:
    """The store of this installation."""
    return open_store(current_app.extensions["gridserve"])


def open_store(config: Config) -> Blobs:
    """The store that `config` names; nothing is read or written yet."""
    return _opened(config.blobs, config.blobs_key, config.blobs_secret)


@functools.cache
def _opened(blobs: str, key: str, secret: str) -> Blobs:
    address = read_address(blobs)
    return Folder(address) if isinstance(address, Path) else Bucket(address, key, secret)


# A fork, as long jobs run in, must not speak on its parent's connections to a store.
os.register_at_fork(after_in_child=_opened.cache_clear)


def check(store: Blobs) -> None:
    """Write, read and remove a small blob. Raises StoreAway or BlobMissing."""
    name = store.put(b"gridserve " + os.urandom(8))
    try:
        store.get(name)
    finally:
        store.delete(name)


@dataclass(frozen=True)
class Address:
    """A place in an S3 store: `url` is the bucket's, `prefix` is empty or ends with a slash."""

    url: str
    prefix: str
    region: str


def read_address(text: str) -> Path | Address:
    """A folder, or `s3://bucket/prefix?endpoint=…&region=…&style=path|host`.

    `style=host` puts the bucket before the endpoint's host, as some stores demand. Raises
    ValueError, which says what is wrong.
    """
    if "://" not in text:
        if not text.strip():
            raise ValueError("empty")
        return Path(text).absolute()
    parts = urlsplit(text)
    asked = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("it must be a folder or s3://bucket/prefix?endpoint=…")
    if unknown := asked.keys() - {"endpoint", "region", "style"}:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    region = asked.get("region", "us-east-1")
    endpoint = urlsplit(asked.get("endpoint", f"https://s3.{region}.amazonaws.com"))
    if endpoint.scheme not in ("http", "https") or not endpoint.netloc:
        raise ValueError("the endpoint must be an address such as https://oss.example")
    if asked.get("style", "path") not in ("path", "host"):
        raise ValueError("style is path or host")
    base = endpoint.path.rstrip("/")
    if asked.get("style") == "host":
        url = f"{endpoint.scheme}://{parts.netloc}.{endpoint.netloc}{base}"
    else:
        url = f"{endpoint.scheme}://{endpoint.netloc}{base}/{parts.netloc}"
    prefix = parts.path.strip("/")
    return Address(url, f"{prefix}/" if prefix else "", region)


def _whole(data: bytes, sha256: str) -> bytes:
    """`data` where it is what its address says: a damaged disk must not speak for people."""
    if digest(data) != sha256:
        log.error("blob %s is damaged", sha256)
        raise BlobMissing(sha256)
    return data


class Folder:
    """Files under a folder, two levels deep, so that no folder grows too large to list."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, data: bytes) -> str:
        name = digest(data)
        path = self._path(name)
        try:
            made = not path.parent.exists()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft, file_name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            try:
                with open(draft, "wb") as file:  # noqa: PTH123 - the descriptor is open already
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(file_name).replace(path)
            except BaseException:
                Path(file_name).unlink(missing_ok=True)
                raise
            # The names are part of what has to be on the disk.
            for folder in (path.parent, path.parent.parent, self.root)[: 3 if made else 1]:
                sync(folder)
        except OSError as error:
            raise StoreAway(error) from error
        return name

    def get(self, sha256: str) -> bytes:
        try:
            return _whole(self._path(sha256).read_bytes(), sha256)
        except FileNotFoundError as error:
            raise BlobMissing(sha256) from error
        except OSError as error:
            raise StoreAway(error) from error

    def delete(self, sha256: str) -> None:
        try:
            self._path(sha256).unlink(missing_ok=True)
        except OSError as error:
            raise StoreAway(error) from error

    def _path(self, sha256: str) -> Path:
        return self.root / sha256[:2] / sha256[2:4] / sha256


def sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Bucket:
    """Objects in a bucket; each request carries a signature of version 4."""

    def __init__(self, address: Address, key: str, secret: str) -> None:
        self.address, self._key, self._secret = address, key, secret
        self._local = threading.local()  # requests' sessions are for one thread each

    def put(self, data: bytes) -> str:
        name = digest(data)
        self._ask("PUT", name, data=data)
        return name

    def get(self, sha256: str) -> bytes:
        answer = self._ask("GET", sha256)
        if answer.status_code == 404:
            raise BlobMissing(sha256)
        return _whole(answer.content, sha256)

    def delete(self, sha256: str) -> None:
        self._ask("DELETE", sha256)

    def _ask(self, method: str, name: str, **body: Any) -> Response:
        from requests import RequestException

        url = f"{self.address.url}/{self.address.prefix}{name}"
        try:
            answer = self._session().request(method, url, timeout=TIMEOUTS, **body)
        except RequestException as error:
            raise StoreAway(error) from error
        if not answer.ok and not (answer.status_code == 404 and method != "PUT"):
            raise StoreAway(f"{method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer

    def _session(self) -> Any:
        if not hasattr(self._local, "session"):
            # Loaded late: most installations have a folder.
            from requests import Session
            from requests.adapters import HTTPAdapter
            from requests_aws4auth import AWS4Auth
            from urllib3.util import Retry

            again = Retry(
                3,
                backoff_factor=0.2,
                status_forcelist=(500, 502, 503, 504),
                allowed_methods=("GET", "PUT", "DELETE"),
                raise_on_status=False,
            )
            session = Session()
            session.auth = AWS4Auth(self._key, self._secret, self.address.region, "s3")
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=again))
            self._local.session = session
        return self._local.session

"""Blobs in a folder and in a server that speaks S3."""

from __future__ import annotations

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gridserve import storage
from gridserve.config import Config, ConfigError
from gridserve.doctor import examine
from gridserve.installation import ROOT
from gridserve.storage import BlobMissing, StoreAway, digest, open_store, read_address

SERVER = ROOT / "node_modules" / "s3rver" / "bin" / "s3rver.js"
BUCKET = "pictures"


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """The address of an S3 server with an empty bucket."""
    folder = tmp_path_factory.mktemp("s3")
    command = [shutil.which("node"), SERVER, "-d", folder, "-a", "127.0.0.1", "-p", "0",
               "--configure-bucket", BUCKET]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            ports = (re.search(r"listening on .*:(\d+)$", line) for line in server.stdout)
            yield "http://127.0.0.1:" + next(filter(None, ports))[1]
        finally:
            server.terminate()


@pytest.fixture(params=["folder", "s3"])
def store(request, config, tmp_path):
    if request.param == "folder":
        return open_store(replace(config, blobs=str(tmp_path / "new" / "blobs")))
    return in_bucket(config, request.getfixturevalue("s3"))


def in_bucket(config: Config, endpoint: str, **changes: str) -> storage.Blobs:
    address = f"s3://{BUCKET}/county/one?endpoint={endpoint}"
    keys = {"blobs_key": "S3RVER", "blobs_secret": "S3RVER"}
    return open_store(replace(config, **{"blobs": address, **keys, **changes}))


def test_a_blob_is_put_got_and_removed(store):
    data = bytes(range(256)) * 1000
    with ThreadPoolExecutor(8) as pool:  # the same, by many at once
        assert set(pool.map(lambda _n: store.put(data), range(16))) == {digest(data)}
    assert store.get(digest(data)) == data
    store.delete(digest(data))
    store.delete(digest(data))
    with pytest.raises(BlobMissing):
        store.get(digest(data))
    storage.check(store)


def test_a_damaged_blob_is_not_shown_and_is_mended_by_putting_it_again(tmp_path, config):
    folder = tmp_path / "blobs"
    store = open_store(replace(config, blobs=str(folder)))
    name = store.put(b"a picture")
    (path,) = [p for p in folder.rglob("*") if p.is_file()]
    assert path.relative_to(folder).parts == (name[:2], name[2:4], name)
    path.write_bytes(b"a Picture")
    with pytest.raises(BlobMissing):
        store.get(name)
    store.put(b"a picture")
    assert store.get(name) == b"a picture"


def test_a_store_that_is_away_says_so(config, s3, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for away in (
        in_bucket(config, "http://127.0.0.1:9"),
        in_bucket(config, s3, blobs_key="unknown"),
        open_store(replace(config, blobs=str(tmp_path / "file"))),
    ):
        with pytest.raises(StoreAway):
            away.put(b"x")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://b?endpoint=https://oss.example/base", "https://oss.example/base/b"),
        ("s3://b/p?endpoint=https://oss.example&style=host", "https://b.oss.example"),
        ("s3://b?region=cn-north-1", "https://s3.cn-north-1.amazonaws.com/b"),
    ],
)
def test_addresses(text, url):
    assert read_address(text).url == url


@pytest.mark.parametrize(
    "changes",
    [
        {"blobs": "ftp://host/folder"},
        {"blobs": "s3://?endpoint=http://x"},
        {"blobs": "s3://b?endpoint=oss.example", "blobs_key": "k", "blobs_secret": "s"},
        {"blobs": "s3://b?endpont=http://x", "blobs_key": "k", "blobs_secret": "s"},
        {"blobs": "s3://b?endpoint=http://x"},  # no keys
        {"blobs": ""},
    ],
)
def test_a_wrong_address_is_refused_at_start(config, changes):
    with pytest.raises(ConfigError, match="GRIDSERVE_BLOBS"):
        replace(config, **changes)


def test_the_doctor_writes_and_reads(config, monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDSERVE_DATABASE_URL", config.database_url)
    monkeypatch.setenv("GRIDSERVE_REDIS_URL", config.redis_url)
    monkeypatch.setenv("GRIDSERVE_SECRET_KEY", config.secret_key)
    monkeypatch.setenv("GRIDSERVE_DATA_KEY", config.data_key[0])

    def found(blobs: Path | str) -> tuple[str, str]:
        monkeypatch.setenv("GRIDSERVE_BLOBS", str(blobs))
        (check,) = [c for c in examine(tmp_path) if c.name == "pictures"]
        return check.state, check.found

    assert found(tmp_path / "blobs") == ("ok", f"{tmp_path / 'blobs'} can be written and read")
    (tmp_path / "file").write_text("in the way")
    state, words = found(tmp_path / "file")
    assert state == "wrong"
    assert "Not a directory" in words

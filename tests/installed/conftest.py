"""One installation, which takes half a minute to make, for all whose days end with it whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installed import installed


@pytest.fixture(scope="package")
def installation() -> Iterator[tuple[Path, str]]:
    """The folder and the address of a small county that is served by `gridserve up`."""
    data = Path(tempfile.mkdtemp(prefix="gs-"))
    with installed(data) as url:
        yield data, url
    shutil.rmtree(data, ignore_errors=True)

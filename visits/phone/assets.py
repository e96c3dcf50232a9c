"""The files that make up the phone's pages, by what is in them.

The worker keeps each file under its checksum: an update fetches only what has changed, and a phone
never runs the old half of one version with the new half of another.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

STATIC = "/static/"
# Below the static folder; what the pages load, and nothing that they do not.
PATTERNS = (
    "phone/**/*.js",
    "phone/**/*.css",
    "phone/icons.svg",
    "phone/icons/192.png",
    "vendor/htm/*.js",
    "vendor/idb/*.js",
    "vendor/leaflet/leaflet.js",
    "vendor/leaflet/leaflet.css",
    "mark.svg",
)


def paths(folder: Path) -> list[Path]:
    """The files below the static folder `folder`, in one order everywhere."""
    return sorted(path for pattern in PATTERNS for path in folder.glob(pattern))


def checksum(content: bytes) -> str:
    """As browsers want it in `integrity`."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def checksums(folder: Path) -> dict[str, str]:
    """Address → checksum of each file."""
    return {
        STATIC + path.relative_to(folder).as_posix(): checksum(path.read_bytes())
        for path in paths(folder)
    }

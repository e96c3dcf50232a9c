"""Counties of three sizes that are kept between runs under var/bench, each with servers of its own.

One is made when it is first asked for, and anew when the generator has changed; new migrations are
brought in:

    kept.py [10k 100k 1m] [--anew]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import county
from county import Size
from flask import Flask
from sqlalchemy import text

from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db
from gridserve.installation import ROOT
from gridserve.local import Local
from gridserve.migrating import upgrade
from gridserve.up import at_head
from visits import figures

SIZES = {
    "10k": Size(10_000, 100, 100_000, 1_000),
    "100k": Size(100_000, 1_000, 1_000_000, 10_000),
    "1m": Size(),
}
FOLDER = ROOT / "var" / "bench"


@dataclass(frozen=True)
class Kept:
    """A county that is open: the application on it, and how long its parts took to make."""

    app: Flask
    size: Size
    took: dict[str, float]

    @property
    def side(self) -> int:
        """How many cells lie side by side."""
        return round(self.size.cells**0.5)


@contextmanager
def opened(name: str, size: Size | None = None, *, anew: bool = False) -> Iterator[Kept]:
    """The county of one of SIZES, or of `size` under another name, in an application context."""
    size, folder = size or SIZES[name], FOLDER / name
    stamp, wanted = folder / "made.json", _version(size)
    made = json.loads(stamp.read_text()) if stamp.exists() else {}
    if anew or made.get("version") != wanted:
        remove(folder)
        made = {}
    local = Local(folder, say=lambda _words: None)
    try:
        found = local.start()
        blobs = str(folder / "blobs")
        app = create_app(
            Config(found.database_url, found.redis_url, "bench" * 8, ("bench" * 8,), blobs)
        )
        with app.app_context():
            behind = not at_head(found.database_url)
            if behind:
                upgrade()
            if not made:
                print(f"Making the county {name} in {folder.relative_to(ROOT)}", flush=True)
                made = {"version": wanted, "took": county.build(size)}
                stamp.write_text(json.dumps(made))
            figures.turn_of_day()  # it may have been made on another day
            figures.refresh_marked()  # visits of a bench before this one
            db.session.commit()
            if behind:
                with db.engine.connect() as connection:
                    connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                        text("VACUUM ANALYZE")
                    )
            yield Kept(app, size, made["took"])
            db.session.remove()
            db.engine.dispose()
    finally:
        local.stop()


def remove(folder: Path) -> None:
    """Take a kept county away; nobody may have it open."""
    local = Local(folder)
    if local.made() and (base := local.places.base) != folder.absolute():
        shutil.rmtree(base)
    shutil.rmtree(folder, ignore_errors=True)


def _version(size: Size) -> str:
    made_by = Path(county.__file__).read_text(encoding="utf-8")
    return hashlib.sha256(repr((made_by, size)).encode()).hexdigest()[:16]


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("names", nargs="*", default=list(SIZES), metavar="SIZE")
    asked.add_argument("--anew", action="store_true", help="make them again")
    args = asked.parse_args()
    for name in args.names:
        with opened(name, anew=args.anew) as kept:
            print(f"{name}: made in {sum(kept.took.values()):.0f} s")


if __name__ == "__main__":
    main()

"""Copy what the pages load from node_modules and the folium wheel to gridserve/static/vendor.

The pages load nothing from outside the installation, so that they work on a closed network.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NODE = ROOT / "node_modules"
VENDOR = ROOT / "gridserve" / "static" / "vendor"

# folder under vendor/ → (source folder, patterns of files below it)
WANTED = {
    "leaflet": ("leaflet/dist", ["leaflet.js", "leaflet.css", "images/*.png"]),
    "bootstrap": ("bootstrap/dist", ["css/bootstrap.min.css", "js/bootstrap.bundle.min.js"]),
    "htm": ("htm/preact", ["standalone.module.js"]),
    "idb": ("idb/build", ["index.js"]),
    "swagger-ui": ("swagger-ui-dist", ["swagger-ui.css", "swagger-ui-bundle.js"]),
    # reads vector tiles; found by the import map of pages that draw them
    "vector-tile": ("@mapbox/vector-tile", ["index.js"]),
    "point-geometry": ("@mapbox/point-geometry", ["index.js"]),
    "pbf": ("pbf", ["index.js"]),
    # the player of the weeks; its style sheet would load a font from outside, ours is in map.css
    "timedimension": ("leaflet-timedimension/dist", ["leaflet.timedimension.min.js"]),
    "iso8601": ("iso8601-js-period", ["iso8601.js"]),
}
FOLIUM_FILES = ["leaflet_heat.min.js", "pa7_hm.min.js", "pa7_leaflet_hm.min.js"]


def folium_templates() -> Path:
    """The folder of the scripts inside the folium wheel, found without importing folium (0.5 s)."""
    spec = importlib.util.find_spec("folium")
    if spec is None or not spec.origin:
        sys.exit("folium is not installed in this Python. Run `make setup`.")
    return Path(spec.origin).parent / "templates"


def copy(source: Path, target: Path) -> bool:
    """Copy a file when it differs in size or time; True when it was copied."""
    have, want = target.stat() if target.exists() else None, source.stat()
    if have and (have.st_size, int(have.st_mtime)) == (want.st_size, int(want.st_mtime)):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
    return True


def main() -> None:
    jobs: list[tuple[Path, Path]] = []
    for name, (folder, patterns) in WANTED.items():
        for pattern in patterns:
            found = sorted((NODE / folder).glob(pattern))
            if not found:
                sys.exit(f"node_modules/{folder}/{pattern} is missing. Run `npm ci`.")
            jobs += [(path, VENDOR / name / path.relative_to(NODE / folder)) for path in found]
    templates = folium_templates()
    for file in FOLIUM_FILES:
        if not (templates / file).exists():
            sys.exit(f"{file} is not in the installed folium: another version? Run `make setup`.")
        jobs.append((templates / file, VENDOR / "folium" / file))
    copied = sum(copy(source, target) for source, target in jobs)
    kept = {target for _, target in jobs}
    for path in VENDOR.rglob("*"):
        if path.is_file() and path not in kept:
            path.unlink()
    print(f"Page assets: {len(jobs)} files in {VENDOR.relative_to(ROOT)}, {copied} copied anew")


if __name__ == "__main__":
    main()

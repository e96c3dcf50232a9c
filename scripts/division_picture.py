"""Make the picture in docs/division.md: an invented village of 10,000 households, divided."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import shapely
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))

from dividing import LARGE, village  # noqa: E402  (the village that is measured)

from grids.assessment import assess  # noqa: E402
from grids.division import divide  # noqa: E402
from grids.geometry import metres_per_degree  # noqa: E402
from visits.demo.settlement import settle  # noqa: E402

WIDTH, HEIGHT, MARGIN = 1366, 900, 40
# Light, and told apart by neighbours in print too; repeated.
COLOURS = ("#dcebf7", "#fdebd0", "#e2f0d9", "#f6e0ea", "#ece7f5", "#fff7cc", "#dff3f0")
STYLE = (
    "font-family:'Noto Sans CJK SC','Noto Sans SC',sans-serif;font-weight:600;"
    "paint-order:stroke;stroke:#fff;stroke-width:4px;text-anchor:middle"
)


def neighbours_differ(cells: list[shapely.Polygon]) -> list[str]:
    """A colour for each cell so that no two that touch have the same."""
    chosen: list[int] = []
    for i, cell in enumerate(cells):
        taken = {chosen[j] for j in range(i) if cells[j].touches(cell)}
        chosen.append(next(c for c in range(len(cells)) if c not in taken))
    return [COLOURS[c % len(COLOURS)] for c in chosen]


def picture() -> str:
    """The divided village as SVG, with a household as a dot and the size of each cell."""
    outline = village(0, 40.0)
    points, group = settle(outline, LARGE, np.random.default_rng(0))
    names = [str(number) for number in group.tolist()]
    cells = list(divide(outline, points, names).cells)
    found = assess(outline, cells, points, names)
    scale = metres_per_degree(28.6)
    west, south, east, north = np.array(outline.bounds) * np.tile(scale, 2)
    zoom = min((WIDTH - 2 * MARGIN) / (east - west), (HEIGHT - 2 * MARGIN) / (north - south))
    left, top = (WIDTH - zoom * (east - west)) / 2, (HEIGHT - zoom * (north - south)) / 2

    def place(pairs: np.ndarray) -> np.ndarray:
        flat = pairs * scale
        return np.column_stack(
            [left + zoom * (flat[:, 0] - west), top + zoom * (north - flat[:, 1])]
        )

    def path(ring: shapely.LinearRing) -> str:
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in place(np.array(ring.coords))) + "Z"

    shapes = "".join(
        f'<path d="{path(cell.exterior)}" fill="{colour}" stroke="#1f3a5f" stroke-width="2.4"/>'
        for cell, colour in zip(cells, neighbours_differ(cells), strict=True)
    )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.3"/>' for x, y in place(points))
    labels = ""
    for serial, (cell, households) in enumerate(zip(cells, found.households, strict=True), 1):
        spot = shapely.maximum_inscribed_circle(cell).coords[0]
        x, y = place(np.array([spot]))[0]
        labels += (
            f'<text x="{x:.0f}" y="{y:.0f}" font-size="20" fill="#12263f">{serial:03}</text>'
            f'<text x="{x:.0f}" y="{y + 19:.0f}" font-size="15" fill="#12263f">'
            f"{households:.0f}户</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'style="background:#fff">{shapes}<g fill="#5b6470" opacity="0.75">{dots}</g>'
        f'<g style="{STYLE}">{labels}</g></svg>'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images" / "division.png")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_content(f"<body style='margin:0'>{picture()}</body>")
        page.screenshot(path=args.to)
        browser.close()
    print(args.to)


if __name__ == "__main__":
    main()

"""How soon the map of all cells stands in a browser, beside the same map as Folium writes it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import folium
import ingest
from asking import HEADERS, forget, over_http
from county import BIG
from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from report import Table, met

from gridserve import workdays
from gridserve.installation import ROOT
from maps import coverage, places
from maps.bands import share_class
from visits.counting import window_start

ROUNDS = 5
SETTLED = 3  # seconds in which a window of Chromium makes pages of its own, such as its address bar
PAGE = "/maps/coverage?" + urlencode({"jurisdiction": BIG, "by": "cell", "days": 180})
VIEW = {"width": 1366, "height": 768}
# All tiles are there, and the map holds colours and not only the ground: then a frame was drawn.
TILED = """() => new Promise((done) => {
  const colours = new Set(COLOURS);
  const probe = document.createElement("canvas");
  probe.width = probe.height = 64;
  const pen = probe.getContext("2d", { willReadFrequently: true });
  const coloured = (tile) => {
    pen.clearRect(0, 0, 64, 64);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(tile, 0, 0, 64, 64);
    const { data } = pen.getImageData(0, 0, 64, 64);
    for (let n = 0; n < data.length; n += 4) {
      const [r, g, b] = data.slice(n, n + 3);
      const colour = [r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("");
      if (colours.has("#" + colour)) return true;
    }
    return false;
  };
  const look = () => {
    const tiles = [...document.querySelectorAll("canvas.leaflet-tile")];
    const came = performance.getEntriesByType("resource");
    const figures = came.some((e) => e.name.includes("/coverage/areas"));
    const there = tiles.length && tiles.every((t) => t.classList.contains("leaflet-tile-loaded"));
    if (figures && there && tiles.some(coloured)) {
      requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
    } else setTimeout(look, 5);
  };
  look();
})"""
DRAWN = """(cells) => new Promise((done) => {
  const look = () => {
    if (document.querySelectorAll("path.leaflet-interactive").length >= cells) {
      requestAnimationFrame(() => setTimeout(() => done(performance.now()), 0));
    } else setTimeout(look, 5);
  };
  look();
})"""


def paint(app: Flask, cells: int) -> Table:
    """Our page cold and warm, and Folium's; each in a browser that has nothing kept."""
    table = Table(
        "The map of all cells in a browser",
        f"Headless Chromium, {VIEW['width']} × {VIEW['height']}, browser without anything kept, "
        f"{SETTLED} s after its window opened, in which it makes pages of its own: "
        f"from the address to the picture with all {cells:,} cells in their colours. Cold: the "
        "server's cache is empty. Memory: heap of scripts after a collection, and what the page's "
        "process holds for itself above an empty page. Folium: the same shapes, figures and "
        "colours as its GeoJson layer, on a server of files.",
        ("page", "painted, median s", "slowest s", "goal s", "HTML kB zipped", "all kB",
         "heap MB", "process MB", "goal MB"),
    )  # fmt: skip
    html = _folium(app)
    with ingest.served(app), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium())
        get, empty = over_http(ingest.PORT), forget(app)
        size = len(get(PAGE)) / 1000
        ours, script = f"http://127.0.0.1:{ingest.PORT}{PAGE}", TILED.replace("COLOURS", _colours())
        _look(browser, ours, script, None)  # the server is warm: its code, not its cache
        for name, goal, before in (("ours, cold", 1.5, empty), ("ours, warm", 0.7, _nothing)):
            found = [_look(browser, ours, script, None, before) for _ in range(ROUNDS)]
            _add(table, name, found, goal, size)
        with _files(html) as address:
            found = [_look(browser, address, DRAWN, cells) for _ in range(ROUNDS - 2)]
        _add(table, "Folium", found, None, len(gzip.compress(html.encode(), 5)) / 1000)
        browser.close()
    return table


def _nothing() -> None:
    pass


def _add(table: Table, name: str, found: list[Any], goal: float | None, size: float) -> None:
    painted = sorted(each[0] / 1000 for each in found)
    median = painted[len(painted) // 2]
    kilobytes, heap, process = (max(each[n] for each in found) for n in (1, 2, 3))
    table.add(name, median, painted[-1], met(median, goal) if goal else "", size, kilobytes, heap,
              process, met(process, 60) if goal else "")  # fmt: skip


def _look(
    browser: Browser, address: str, script: str, given: Any, before: Callable[[], None] = _nothing
) -> tuple[float, float, float, float]:
    """ms until painted, kB that came, MB of heap, MB of the page's process above an empty one."""
    context = browser.new_context(viewport=VIEW, extra_http_headers=HEADERS)
    page = context.new_page()
    session = context.new_cdp_session(page)
    page.goto("about:blank")
    time.sleep(SETTLED)
    empty = _process(browser)
    session.send("Performance.enable")
    came = [0.0]
    session.send("Network.enable")
    session.on(
        "Network.loadingFinished", lambda e: came.__setitem__(0, came[0] + e["encodedDataLength"])
    )
    before()
    page.goto(address, wait_until="commit")
    painted = page.evaluate(script, given)
    time.sleep(0.5)
    session.send("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    process = _process(browser) - empty
    context.close()
    return painted, came[0] / 1000, metrics["JSHeapUsedSize"] / 1e6, process


def _process(browser: Browser) -> float:
    """MB that the processes of pages hold for themselves."""
    session = browser.new_browser_cdp_session()
    infos = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(_held(info["id"]) for info in infos if info["type"] == "renderer")


def _held(pid: int) -> float:
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Anonymous:\s+(\d+) kB", told, re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def _colours() -> str:
    from maps.bands import SHARE_CLASSES

    return json.dumps([cls.colour for cls in SHARE_CLASSES])


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def _folium(app: Flask) -> str:
    """The page that plain Folium writes, with the names of its libraries as files beside it."""
    today = workdays.today()
    place = places.Place(BIG, BIG)
    with app.app_context():
        found = coverage.coverage(place, "cell", window_start(today, 180), today, drawn=True)
    features = [
        {"type": "Feature", "geometry": row.area.shape.__geo_interface__,
         "properties": {"name": row.area.name, "share": f"{row.met} / {row.households}",
                        "colour": share_class(row.met, row.households).colour}}
        for row in found.rows if row.area.shape is not None
    ]  # fmt: skip
    map_ = folium.Map(tiles=None)
    folium.GeoJson(
        {"type": "FeatureCollection", "features": features},
        style_function=lambda f: {"fillColor": f["properties"]["colour"], "fillOpacity": 0.8,
                                  "weight": 0.5, "color": "#ffffff"},
        tooltip=folium.GeoJsonTooltip(["name", "share"]),
    ).add_to(map_)  # fmt: skip
    map_.fit_bounds(map_.get_bounds())
    html = map_.get_root().render()
    return re.sub(r'(src|href)="https://[^"]*/([^"/]+)"', r'\1="\2"', html)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """Say nothing of what is asked for."""


@contextmanager
def _files(html: str) -> Iterator[str]:
    """A server of the page and of Leaflet; what else Folium asks for is not needed to draw."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text(html, encoding="utf-8")
        for path in (ROOT / "node_modules" / "leaflet" / "dist").glob("leaflet.*"):
            shutil.copy(path, folder)
        handler = partial(Quiet, directory=folder)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()

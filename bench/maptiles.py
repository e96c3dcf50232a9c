"""Tiles of the county: cold and warm, beside the bare SQL and beside tipg, in one run."""

from __future__ import annotations

import itertools
import math
import random
from datetime import date, timedelta

import ingest
import tipgserver
from asking import at_the_server, forget, over_http, throughput, times
from county import SOUTH, WEST, WIDTH
from flask import Flask
from report import Table, Times, met
from sqlalchemy import TextClause, text

from gridserve.db import db

ZOOMS = (8, 9, 10, 11, 12, 13, 14)
ASKED = 40  # tiles of a zoom, fewer where there are fewer
NEVER_ASKED = 2_000  # days since the cells began, of which each makes a tile of its own
# The least that draws the same cells, in all their detail.
BARE_CELLS = text("""
    SELECT ST_AsMVT(t, 'cells', 4096, 'geom') FROM (
        SELECT code, name, ST_AsMVTGeom(ST_Transform(polygon, 3857), ST_TileEnvelope(:z, :x, :y),
            4096, 64, true) AS geom
        FROM cell WHERE polygon && ST_Transform(ST_TileEnvelope(:z, :x, :y), 4326)) AS t
""")
BARE_HOMES = text("""
    SELECT ST_AsMVT(t, 'households', 4096, 'geom') FROM (
        SELECT id::text, last_met_at::text, ST_AsMVTGeom(ST_Transform(point, 3857),
            ST_TileEnvelope(:z, :x, :y), 4096, 64, true) AS geom
        FROM household WHERE status = 'active'
            AND point && ST_Transform(ST_TileEnvelope(:z, :x, :y), 4326)) AS t
""")
BARE_ISSUES = text("""
    SELECT ST_AsMVT(t, 'issues', 4096, 'geom') FROM (
        SELECT i.id::text, i.number, ST_AsMVTGeom(ST_Transform(h.point, 3857),
            ST_TileEnvelope(:z, :x, :y), 4096, 64, true) AS geom
        FROM issue AS i JOIN household AS h ON h.id = i.household_id WHERE i.closed_at IS NULL
            AND h.point && ST_Transform(ST_TileEnvelope(:z, :x, :y), 4326)) AS t
""")
Place = tuple[int, int, int]


def places(zoom: int, side: int, count: int = ASKED) -> list[Place]:
    """Tiles over a county of `side` × `side` cells, the same ones each time."""
    west, north = _tile(zoom, WEST, SOUTH + side * WIDTH)
    east, south = _tile(zoom, WEST + side * WIDTH, SOUTH)
    found = [(zoom, x, y) for x in range(west, east + 1) for y in range(north, south + 1)]
    random.Random(1).shuffle(found)  # noqa: S311 - which ones, not a secret
    return found[:count]


def _tile(zoom: int, lon: float, lat: float) -> tuple[int, int]:
    y = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**zoom), int((1 - y) / 2 * 2**zoom)


def bare(query: TextClause, place: Place) -> bytes:
    """The tile of the bare SQL."""
    z, x, y = place
    drawn = db.session.scalar(query, {"z": z, "x": x, "y": y})
    db.session.rollback()
    return bytes(drawn or b"")


def layers(app: Flask, side: int) -> Table:
    """Each layer at the server, whole requests, beside the bare SQL."""
    table = Table(
        "Tiles at the server",
        "Whole requests in one process: who asks, what may be seen, the query, gzip, the cache "
        "in Redis. Cold: the cache is emptied before each. Bare SQL: `ST_AsMVT` of the same rows "
        "with whole geometry, not zipped, nobody asked who may see them. Sizes are of the largest "
        "tile, ours as sent. Goals: warm p95 ≤ 3 ms; cells cold p95 ≤ 1.2 × bare from z11 up, "
        "at z8 ≤ 60 ms and ≤ 120 kB; ageing ≤ 300 ms and ≤ 200 kB.",
        ("layer", "zoom", "warm p50 ms", "warm p95 ms", "cold p50 ms", "cold p95 ms",
         "bare p50 ms", "bare p95 ms", "cold ÷ bare p50", "p95", "kB", "bare kB"),
    )  # fmt: skip
    get, empty = at_the_server(app), forget(app)
    asked = [("cells", z, BARE_CELLS) for z in ZOOMS]
    asked += [("households", z, BARE_HOMES) for z in (14, 15)]
    asked += [("issues", z, BARE_ISSUES) for z in (12, 13, 14)]
    asked += [("aging", z, BARE_ISSUES) for z in (7, 8, 9, 10, 11, 12, 13)]
    for layer, zoom, query in asked:
        chosen = places(zoom, side)
        paths = [f"/tiles/{layer}/{z}/{x}/{y}.mvt" for z, x, y in chosen]
        ours = max(len(get(path)) for path in paths)
        whole = max(len(bare(query, place)) for place in chosen)
        cold, warm, limit = Times(), Times(), Times()
        # Turn about, so that whatever else the machine does meets all of them alike.
        for path, place in list(zip(paths, chosen, strict=True)) * max(1, 24 // len(chosen)):
            limit += times(lambda _path, p=place, q=query: bare(q, p), [path])
            cold += times(get, [path], before=empty)
            warm += times(get, [path] * 3)
        ratios = cold.p50 / limit.p50, cold.p95 / limit.p95
        table.add(layer, zoom, warm.p50, warm.p95, cold.p50, cold.p95, limit.p50, limit.p95,
                  *ratios, ours / 1000, whole / 1000)  # fmt: skip
    return table


def beside_tipg(app: Flask, side: int) -> Table | None:
    """Cells over HTTP from two workers each, ours cold and warm beside tipg."""
    if not tipgserver.install():
        print("tipg cannot be installed here: not compared")
        return None
    table = Table(
        "Tiles over HTTP beside tipg",
        f"{tipgserver.PINNED[0]} on the same table with the same columns, two workers each, one "
        "client and four. Ours asks who is there and what may be seen, each time. Cold: tiles of "
        "cells as of a day that nobody has asked before, so that none lies in the cache; tipg "
        "keeps none.",
        ("layer", "zoom", "ours cold p50 ms", "ours cold p95 ms", "warm p50 ms", "tipg p50 ms",
         "tipg p95 ms", "cold ÷ tipg p50", "ours cold/s", "ours warm/s", "tipg/s", "cold × tipg"),
    )  # fmt: skip
    url = app.extensions["gridserve"].database_url
    with ingest.served(app), tipgserver.served(url):
        ours, theirs = over_http(ingest.PORT), over_http(tipgserver.PORT)
        for zoom in ZOOMS:
            chosen = places(zoom, side)
            rounds = max(1, 16 // len(chosen))

            cold = iter(_cold(chosen))
            warm = [f"/tiles/cells/{z}/{x}/{y}.mvt" for z, x, y in chosen]
            tipg = [tipgserver.tile("cell", "polygon", "code,name", place) for place in chosen]
            for path in (*warm, *tipg):
                (ours if path in warm else theirs)(path)
            first = times(ours, itertools.islice(cold, len(chosen) * rounds))
            again = times(ours, warm * rounds)
            other = times(theirs, tipg * rounds)
            rates = [
                throughput(ingest.PORT, cold),
                throughput(ingest.PORT, itertools.cycle(warm)),
                throughput(tipgserver.PORT, itertools.cycle(tipg)),
            ]
            table.add("cells", zoom, first.p50, first.p95, again.p50, other.p50, other.p95,
                      first.p50 / other.p50, *rates, rates[0] / rates[2])  # fmt: skip
    return table


def _cold(chosen: list[Place]) -> list[str]:
    """Addresses of tiles as of a day that nobody has asked before."""
    found = itertools.islice(itertools.cycle(chosen), NEVER_ASKED)
    return [
        f"/tiles/cells/{z}/{x}/{y}.mvt?as_of={date(2020, 1, 2) + timedelta(days=n)}"
        for n, (z, x, y) in enumerate(found)
    ]


def aging_over_http(app: Flask, side: int) -> Table:
    """The heaviest tile of ageing, cold."""
    table = Table(
        "Ageing over HTTP",
        "All open issues of the county in a tile, counted by squares on the server; cold.",
        ("zoom", "p50 ms", "p95 ms", "goal ms", "kB", "goal kB"),
    )
    with ingest.served(app):
        get, empty = over_http(ingest.PORT), forget(app)
        for zoom in (7, 8, 9, 10):
            paths = [f"/tiles/aging/{z}/{x}/{y}.mvt" for z, x, y in places(zoom, side, 4)]
            found = times(get, paths * (16 // len(paths)), before=empty)
            largest = max(len(get(path)) for path in paths)
            table.add(zoom, found.p50, found.p95, met(found.p95, 300), largest / 1000,
                      met(largest / 1000, 200))  # fmt: skip
    return table

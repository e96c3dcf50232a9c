"""Tiles over HTTP: /tiles/{layer}/{z}/{x}/{y}.mvt, and the TileJSON that describes a layer."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import marshmallow as ma
from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from redis.exceptions import RedisError
from sqlalchemy import Select, func, select

from grids.models import GroundMark, Level
from grids.permissions import reach
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import Asked, db
from gridserve.errors import NotFound
from gridserve.http import Day, Schema, Text, page_args, with_etag
from gridserve.jobs import connect
from gridserve.people import User
from gridserve.permissions import Permission
from gridserve.replica import from_replica
from maps import tiles
from maps.narrowing import Narrowing
from maps.schemas import CODE
from maps.tiles import DEEPEST, Tile
from visits.issues.chain import Tier
from visits.issues.clock import Light
from visits.issues.schemas import HOLDER

bp = Blueprint("tiles", __name__, url_prefix="/tiles")

KEPT = 7 * 86_400  # seconds that a tile of unchanged ground lies in Redis
FRESH = 5  # seconds that one of cases or households does
MVT = "application/vnd.mapbox-vector-tile"


class TileIn(Schema):
    """What a layer can be asked for."""

    as_of = Day(metadata={"description": "cells as of this day"})
    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    category = Text(most=40, metadata={"description": "only issues of this category or below it"})
    tier = ma.fields.Enum(Tier, by_value=True)
    holder = Text(most=36, validate=[ma.validate.Regexp(HOLDER)])
    light = ma.fields.Enum(Light, by_value=True)


_ASKED = TileIn()  # once: to make it takes as long as to find a tile in the cache


@dataclass(frozen=True)
class Layer:
    """A layer: from which zoom it has something, who may read it, and how a tile is asked for."""

    permission: Permission
    minzoom: int
    fields: dict[str, str]
    drawn: Callable[[Tile, User, dict[str, Any]], bytes | None]
    of_ground: bool = False  # it changes with cells and boundaries only


def _areas(level: Level) -> Layer:
    return Layer(
        Permission.GROUND_READ, 3, {"name": "String"},
        lambda tile, user, _args: _run(tiles.areas(tile, user, level)), of_ground=True,
    )  # fmt: skip


def _run(query: Select[Any]) -> bytes | None:
    return db.session.scalar(query)


def _of(args: dict[str, Any]) -> tiles.Of:
    return tiles.Of(args.get("jurisdiction", ""), Narrowing.of(args), args.get("light"))


_COUNTS = dict.fromkeys(("n", "heat10", "green", "amber", "red", "deep_red"), "Number")
_COUNTS["cell"] = "String"
LAYERS = {
    "counties": _areas(Level.COUNTY),
    "townships": _areas(Level.TOWNSHIP),
    "villages": _areas(Level.VILLAGE),
    "cells": Layer(
        Permission.GROUND_READ, 5, {"name": "String", "dedicated": "Boolean"},
        lambda tile, user, args: tiles.cells(tile, user, args.get("as_of") or workdays.today()),
        of_ground=True,
    ),
    "households": Layer(
        Permission.HOUSEHOLD_READ, 11, {"household": "String", "days": "Number", "n": "Number"},
        lambda tile, user, _args: _run(tiles.households(tile, user, workdays.today())),
    ),
    "issues": Layer(
        Permission.ISSUE_READ, 5,
        {"issue": "String", "number": "String", "light": "String", **_COUNTS},
        lambda tile, user, args: _run(tiles.issues(tile, user, _of(args))),
    ),
    "aging": Layer(
        Permission.FIGURES_READ, 5, _COUNTS,
        lambda tile, user, args: _run(tiles.aging(tile, user, _of(args))),
    ),
}  # fmt: skip


def _serve(name: str, layer: Layer) -> None:
    """Give a layer its two addresses."""

    @requires(layer.permission)
    @from_replica
    def tile(z: int, x: int, y: int) -> ResponseReturnValue:
        square = Tile(z, x, y)
        if not square.exists:
            raise NotFound(
                _("No such tile: zoom 0 to %(n)s, x and y below 2 to the zoom.", n=DEEPEST)
            )
        args = page_args(_ASKED)
        body = b"" if z < layer.minzoom else _body(name, layer, square, args)
        response = Response(body, mimetype=MVT)
        if body:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Cache-Control"] = "private, no-cache"
        return with_etag(response)

    @requires(layer.permission)
    def about() -> ResponseReturnValue:
        return jsonify(_tilejson(name, layer))

    tile.__doc__ = f"A tile of the layer {name}, gzipped; empty where there is nothing."
    about.__doc__ = f"The TileJSON of the layer {name}."
    bp.get(f"/{name}/<int:z>/<int:x>/<int:y>.mvt", endpoint=name)(tile)
    bp.get(f"/{name}.json", endpoint=f"{name}_json")(about)


for _name, _layer in LAYERS.items():
    _serve(_name, _layer)


def _body(name: str, layer: Layer, tile: Tile, args: dict[str, Any]) -> bytes:
    """The gzipped tile, from Redis where it lies there and still holds."""
    for_whom = _prefixes(layer) if layer.of_ground else str(current_user.id)
    version = _version() if layer.of_ground else ""
    said = repr((name, tile, sorted(args.items()), for_whom, version, workdays.today()))
    key = "gridserve:tile:" + hashlib.sha256(said.encode()).hexdigest()[:32]
    redis = connect(current_app.extensions["gridserve"])
    with suppress(RedisError):  # it only saves time
        if (kept := redis.get(key)) is not None:
            return cast(bytes, kept)
    drawn = layer.drawn(tile, current_user, args) or b""
    body = gzip.compress(bytes(drawn), compresslevel=5)
    with suppress(RedisError):
        redis.set(key, body, ex=KEPT if layer.of_ground else FRESH)
    return body


def _prefixes(layer: Layer) -> str:
    return ",".join(sorted(reach(current_user, layer.permission)))


def _version() -> str:
    """What tells one state of the ground from the next, in one small query."""
    (state,) = _STATE()
    return str(tuple(state))


_STATE = Asked(lambda: select(func.count(), func.max(GroundMark.at)))


def _tilejson(name: str, layer: Layer) -> dict[str, Any]:
    template = request.host_url.rstrip("/") + url_for("tiles." + name, z=0, x=0, y=0).replace(
        "/0/0/0.mvt", "/{z}/{x}/{y}.mvt"
    )
    inside = {"id": _layer_name(name), "fields": layer.fields, "minzoom": layer.minzoom}
    described: dict[str, Any] = {
        "tilejson": "3.0.0", "name": name, "tiles": [template], "scheme": "xyz",
        "minzoom": layer.minzoom, "maxzoom": DEEPEST, "vector_layers": [inside],
    }  # fmt: skip
    found = tiles.bounds(current_user)
    return described | ({"bounds": found} if found else {})


def _layer_name(name: str) -> str:
    return "areas" if name in ("counties", "townships", "villages") else name

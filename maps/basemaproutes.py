"""The base map's tiles over HTTP, and what pages say of them to their maps."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from gridserve.auth import requires, visitor
from gridserve.config import Config
from gridserve.errors import NotFound
from gridserve.permissions import Permission
from maps import basemap
from maps.parts import tiles_address

bp = Blueprint("basemap", __name__)


def _config() -> Config:
    config: Config = current_app.extensions["gridserve"]
    return config


@bp.app_context_processor
def _said() -> dict[str, Any]:
    """`basemap` for pages with maps: static/js/map.js draws it. None where there is none."""
    config = _config()
    if not config.basemap or visitor() is None:
        return {"basemap": None}
    credit = [config.basemap_credit]
    if config.basemap_approval:
        credit.append(_("Approval number: %(number)s", number=config.basemap_approval))
    version = basemap.version(config.basemap, config.basemap_system)
    layers = [tiles_address("basemap.tile", layer=n, v=version) for n in range(len(config.basemap))]
    return {
        "basemap": {
            "layers": layers, "deepest": config.basemap_deepest,
            "credit": " · ".join(filter(None, credit)),
        }
    }  # fmt: skip


@bp.get("/basemap/<int:layer>/<int:z>/<int:x>/<int:y>.tile")
@requires(Permission.ACCOUNT)
def tile(layer: int, z: int, x: int, y: int) -> ResponseReturnValue:
    """A tile of the base map; no content where it has none or its host is in trouble.

    So maps stay usable on clean ground, and no browser reports an error for each tile.
    """
    config = _config()
    if layer >= len(config.basemap):
        raise NotFound(_("There is no such base map here."))
    if z > config.basemap_deepest or not all(n < 2**z for n in (x, y)):
        raise NotFound(
            _(
                "No such tile: zoom 0 to %(n)s, x and y below 2 to the zoom.",
                n=config.basemap_deepest,
            )
        )
    try:
        found = basemap.tile(config, layer, z, x, y)
    except basemap.Unavailable:
        return _nothing("no-store")
    if found is None:
        return _nothing(f"private, max-age={basemap.NOTHING_KEPT}")
    response = Response(found, mimetype=basemap.type_of(found))
    response.headers["Cache-Control"] = f"private, max-age={basemap.KEPT}"
    return response


def _nothing(cached: str) -> Response:
    return Response(status=204, headers={"Cache-Control": cached})

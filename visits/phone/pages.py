"""What the server gives to the phone besides the API: the shell, its worker, who is signed in.

The pages themselves are static modules (gridserve/static/phone). The shell is the same for
everybody and says nothing about anybody, so that it may lie on the phone.
"""

from __future__ import annotations

import json
from pathlib import Path

from flask import Blueprint, Response, current_app, jsonify
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from gridserve import auth, headers, i18n
from gridserve.auth import current_user, public, requires
from gridserve.db import now
from gridserve.http import with_etag
from gridserve.permissions import Permission, may
from visits.phone import assets

bp = Blueprint("phone", __name__, url_prefix="/m", template_folder="../templates")

SHELL = "/m/"
WORKER = Path(__file__).parent.parent / "templates" / "phone" / "worker.js"


@bp.get("/")
@public
def shell() -> ResponseReturnValue:
    """The empty page into which the modules draw."""
    return _kept(_shell(), "text/html; charset=utf-8")


@bp.get("/sw.js")
@public
def worker() -> ResponseReturnValue:
    """The service worker with the list of what it keeps; another list is another worker."""
    sums = {SHELL: assets.checksum(_shell().encode()), **assets.checksums(_folder())}
    head = f"const SUMS = {json.dumps(sums, indent=0)};\n"
    return _kept(head + WORKER.read_text(), "text/javascript; charset=utf-8")


@bp.get("/manifest.webmanifest")
@public
def manifest() -> ResponseReturnValue:
    """What a phone shows of the pages where somebody puts them on the start screen."""
    icons = assets.STATIC + "phone/icons/"
    said = {
        "id": SHELL,
        "name": "网格走访",
        "short_name": "网格走访",
        "lang": "zh-CN",
        "start_url": SHELL,
        "scope": SHELL,
        "display": "standalone",
        "background_color": "#f5f3ec",
        "theme_color": "#17435f",
        "icons": [
            {"src": f"{icons}192.png", "sizes": "192x192", "type": "image/png"},
            {"src": f"{icons}512.png", "sizes": "512x512", "type": "image/png"},
            {
                "src": f"{icons}maskable.png",
                "sizes": "512x512",
                "type": "image/png",
                "purpose": "maskable",
            },
        ],
    }
    return _kept(json.dumps(said, ensure_ascii=False), "application/manifest+json")


@bp.get("/session")
@requires(Permission.ACCOUNT)
def session() -> ResponseReturnValue:
    """Who is signed in on this phone, until when, and the token that changes must carry."""
    sign_in, user = auth.current_sign_in(), current_user
    return jsonify(
        user={"id": user.id, "name": user.name, "login": user.login},
        sign_in=sign_in.id,
        expires_at=sign_in.expires_at.isoformat(),
        csrf=generate_csrf(),
        lang=i18n.choose(),
        may=sorted(permission for permission in Permission if may(user, permission)),
        now=now().isoformat(),
    )


def _folder() -> Path:
    return Path(str(current_app.static_folder))


def _shell() -> str:
    """The shell's text. Rendered without who asks: it is one and the same for everybody."""
    files = [path.relative_to(_folder()).as_posix() for path in assets.paths(_folder())]
    return current_app.jinja_env.get_template("phone/shell.html").render(
        styles=[f for f in files if f.startswith("phone/") and f.endswith(".css")],
        modules=[f for f in files if f.endswith(".js") and "/leaflet/" not in f],
    )


def _kept(text: str, mimetype: str) -> Response:
    """An answer that may be kept but is asked about each time; 304 where it is there already."""
    response = Response(text, content_type=mimetype)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = headers.policy(
        scripts="'self'", pictures="'self' data: blob:"
    )
    return with_etag(response)

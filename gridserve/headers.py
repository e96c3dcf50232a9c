"""What every answer carries: security headers, and a smaller body for a weak line."""

from __future__ import annotations

import gzip
import secrets
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, current_app, g, request

from gridserve.config import Config

ZIPPED = {
    "application/geo+json",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/problem+json",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
}
WORTH_ZIPPING = 1024  # bytes


def policy(*, scripts: str = "'self'", pictures: str = "'self' data:") -> str:
    """The content security policy: nothing from outside, frames only where the settings say so."""
    config: Config = current_app.extensions["gridserve"]
    frames = " ".join(("'self'", *config.embedded_by)) if config.embedded_by else "'none'"
    return (
        f"default-src 'self'; img-src {pictures}; style-src 'self' 'unsafe-inline'; "
        f"script-src {scripts}; object-src 'none'; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors {frames}"
    )


@lru_cache(maxsize=512)
def _zipped_file(path: Path, changed: int) -> bytes:
    """A static file made small once; `changed` is its time, so that a new one is not missed."""
    return gzip.compress(path.read_bytes(), compresslevel=9)


def _zip(response: Response) -> Response:
    """Small on a weak line: answers, pages and scripts are text that shrinks to a fraction.

    That lengths tell of secrets beside chosen words (BREACH) is met by SameSite cookies, or by
    partitioned ones: no other site can make a browser ask with its cookie.
    """
    if (
        response.mimetype not in ZIPPED
        or (response.content_length or 0) < WORTH_ZIPPING
        or "Content-Encoding" in response.headers
    ):
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") <= 0:
        return response
    if not response.direct_passthrough:
        response.set_data(gzip.compress(response.get_data(), compresslevel=5))
    elif request.endpoint == "static" and response.status_code == 200:  # and no part of a file
        path = Path(str(current_app.static_folder), (request.view_args or {})["filename"])
        small = _zipped_file(path, path.stat().st_mtime_ns)
        response.close()  # the open file
        response.direct_passthrough = False
        response.set_data(small)
    else:
        return response
    response.headers["Content-Encoding"] = "gzip"
    tag, _weak = response.get_etag()
    if tag:
        response.set_etag(tag, weak=True)  # the same thing, written otherwise
    return response


def _secure(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if request.endpoint == "static":
        return response  # no page: what follows would only make each file larger
    response.headers.setdefault(
        "Content-Security-Policy", policy(scripts=f"'self' 'nonce-{g.get('csp_nonce', '')}'")
    )
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store, private")
    return response


def init_app(app: Flask) -> None:
    """Set the headers of every answer; scripts run only from us or with this answer's nonce."""

    @app.before_request
    def _nonce() -> None:
        g.csp_nonce = secrets.token_urlsafe(16)

    @app.before_request
    def _size() -> None:
        view = app.view_functions.get(request.endpoint or "")
        most = getattr(view, "largest_body", None)
        if most is not None:
            request.max_content_length = most

    @app.context_processor
    def _context() -> dict[str, str]:
        return {"csp_nonce": g.get("csp_nonce", "")}

    app.after_request(_zip)
    app.after_request(_secure)

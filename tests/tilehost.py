"""A host of map tiles, real and small, that draws dark spots at given places or misbehaves."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

SIDE, WIDTH = 256, 4.0  # of a tile, and of a spot, in pixels
KEY = "secret-key-of-the-county"


def pixel(lon: float, lat: float, z: int) -> tuple[float, float]:
    """A place of Web Mercator in pixels of the zoom."""
    turn = math.asinh(math.tan(math.radians(lat)))
    return (lon + 180) / 360 * 2**z * SIDE, (1 - turn / math.pi) / 2 * 2**z * SIDE


class Host(ThreadingHTTPServer):
    daemon_threads = True
    mode = "ok"
    asked: list[str]
    spots: list[tuple[float, float]]

    @property
    def address(self) -> str:
        """What the settings would name."""
        return f"http://127.0.0.1:{self.server_port}/{{z}}/{{x}}/{{y}}?tk={{key}}"

    def drawn(self, z: int, x: int, y: int) -> bytes:
        down, across = np.mgrid[0:SIDE, 0:SIDE] + 0.5
        dark = np.zeros((SIDE, SIDE))
        for lon, lat in self.spots:
            east, south = pixel(lon, lat, z)
            far = (across - east + x * SIDE) ** 2 + (down - south + y * SIDE) ** 2
            dark += np.exp(-far / 2 / WIDTH**2)
        shades = (255 * (1 - np.clip(dark, 0, 1))).astype("uint8")
        out = BytesIO()
        Image.fromarray(shades).save(out, "PNG")
        return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind, body, mode = "image/png", b"", self.server.mode
        if mode == "slow":
            time.sleep(0.4)
        if mode == "hang":
            time.sleep(30)
            return
        if mode == "redirect":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/1/0/0")
            self.end_headers()
            return
        if mode in ("404", "500"):
            self.send_error(int(mode))
            return
        if mode == "html":
            kind, body = "text/html", b"<script>alert(1)</script>"
        elif mode == "disguised":
            body = b"<script>alert(1)</script>"
        elif mode == "svg":
            kind, body = "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
        elif mode == "huge":
            body = b"\x89PNG\r\n\x1a\n" + b"0" * 50_000_000
        else:
            body = self.server.drawn(*map(int, self.path.split("?")[0].strip("/").split("/")))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if mode == "trickle":
                for at in range(len(body)):
                    self.wfile.write(body[at : at + 1])
                    time.sleep(0.05)
            else:
                self.wfile.write(body)
        except OSError:
            pass  # whoever asked has heard enough

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def tile_host(*spots: tuple[float, float]) -> Iterator[Host]:
    """Such a host, serving."""
    host = Host(("127.0.0.1", 0), Handler)
    host.asked, host.spots = [], list(spots)
    thread = threading.Thread(target=host.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        thread.join()
        host.server_close()

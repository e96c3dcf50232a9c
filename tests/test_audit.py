"""Asking for known weaknesses: a list that names one fails, an explained one passes, and a list
that cannot be asked is said and fails nothing. npm asks a registry of ours."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gridserve.installation import ROOT

spec = importlib.util.spec_from_file_location("audit", ROOT / "scripts" / "audit.py")
assert spec
assert spec.loader
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

WEAKNESS = {"leaflet": [{
    "id": 1, "url": "https://github.com/advisories/GHSA-aaaa-bbbb-cccc", "title": "it leaks",
    "severity": "high", "vulnerable_versions": "<99", "cwe": [],
    "cvss": {"score": 7.1, "vectorString": None},
}]}  # fmt: skip


class Registry(BaseHTTPRequestHandler):
    """What npm asks for advisories."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = self.server.known  # type: ignore[attr-defined]
        self.send_response(200 if known is not None else 405)
        self.end_headers()
        self.wfile.write(json.dumps(known or {}).encode())

    def do_GET(self) -> None:
        """Which versions there are, to mend it with: only the one that is installed."""
        name = self.path.strip("/")
        one = {"name": name, "version": "1.9.4", "dist": {"tarball": "", "integrity": ""}}
        self.send_response(200)
        self.end_headers()
        said = {"name": name, "dist-tags": {"latest": "1.9.4"}, "versions": {"1.9.4": one}}
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    serving = Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.parametrize(
    ("known", "explained", "result", "said"),
    [
        (WEAKNESS, {}, False, "GHSA-aaaa-bbbb-cccc in leaflet"),
        (WEAKNESS, {"GHSA-aaaa-bbbb-cccc": "never so"}, True, "no known weakness"),
        ({}, {}, True, "no known weakness"),
        (None, {}, None, "NOT asked"),
    ],
)
def test_what_a_list_says_decides(registry, capsys, known, explained, result, said):
    registry.known = known
    assert audit.ask("npm packages", audit.pages, explained) is result
    assert said in capsys.readouterr().out

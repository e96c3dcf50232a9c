"""A real OpenID Connect provider on this machine, and a person who signs in there."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests

from gridserve.config import Config

SCRIPT = Path(__file__).parent / "oidcprovider.mjs"


@dataclass
class There:
    """A provider; it runs only inside `open`."""

    port: int

    @classmethod
    def on_free_port(cls) -> There:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return cls(free.getsockname()[1])

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def known_to(self, config: Config, **more: Any) -> Config:
        """The settings of an installation that signs people in by this provider."""
        known = {"oidc_issuer": self.issuer, "oidc_client_id": "gridserve"}
        return replace(config, **known, oidc_client_secret="told", **more)

    @contextmanager
    def open(self, callback: str) -> Iterator[None]:
        command = [shutil.which("node") or "node", str(SCRIPT), str(self.port), callback]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                assert any("listening" in line for line in server.stdout)
                yield
            finally:
                server.terminate()

    def bend(self, changes: dict[str, Any] | None) -> None:
        """Let the provider put these claims into its tokens."""
        requests.put(f"{self.issuer}/bent", json.dumps(changes), timeout=10).raise_for_status()

    def sign_in(self, address: str, person: str, callback: str) -> str:
        """Sign in as `person` where `address` leads, and give the address of the way back."""
        browser = requests.Session()
        form = browser.get(address, timeout=10)
        (there,) = re.findall(r'action="([^"]+)"', form.text)
        said = {"prompt": "login", "login": person, "password": "anything"}
        answer = browser.post(there, said, timeout=10, allow_redirects=False)
        while not answer.headers["Location"].startswith(callback):
            where = requests.compat.urljoin(answer.url, answer.headers["Location"])
            answer = browser.get(where, timeout=10, allow_redirects=False)
        return answer.headers["Location"]

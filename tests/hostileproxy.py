"""A line between phones and the server that does what lines in the mountains do.

Each connection carries one request. What happens to it is drawn from a seed once each kind has
fallen: it passes, breaks on the way there or back after some bytes, comes twice, comes late, or is
answered after the phone has given up.
"""

from __future__ import annotations

import contextlib
import random
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 64 * 1024
PATIENT = 30.0  # seconds that the line itself waits for either side


class Cut(Exception):
    """Here the line broke."""


class Line:
    """A proxy on a port of its own to `target`; `fates` are the shares of what goes wrong."""

    def __init__(self, target: int, fates: dict[str, float] | None = None, seed: int = 0) -> None:
        self.target, self.fates = target, fates or {}
        self.chance = random.Random(seed)
        self.first = list(reversed(self.fates))  # each falls once, so that no short run lacks one
        self.cut = False  # nothing comes through at all
        self.cut_after = 0  # so many more requests come through, and then nothing
        self.late = 3.0  # seconds of those that are late; more than the phones wait
        self.seen: Counter[str] = Counter()  # how often which fate fell
        self.requests: Counter[str] = Counter()  # "POST /path" → how often it reached the line
        self.carried = 0  # bytes of answers
        self._lock = threading.Lock()
        line = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, Cut):
                    line.carry(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def carry(self, phone: socket.socket) -> None:
        """One request there and its answer back, or what becomes of them."""
        if self.cut:
            return
        phone.settimeout(PATIENT)
        request = _read(phone)
        if self.cut or not request:
            return
        with self._lock:
            self.requests[request.split(b" HTTP/", 1)[0].split(b"?", 1)[0].decode("latin-1")] += 1
            names = [*self.fates, "passes"]
            shares = [*self.fates.values(), max(0.0, 1 - sum(self.fates.values()))]
            fate = self.first.pop() if self.first else self.chance.choices(names, shares)[0]
            where = self.chance.random()
            self.seen[fate] += 1
        if fate == "breaks_there":
            self._ask(request[: int(len(request) * where)], wait=False)
            return
        if fate == "slow":
            time.sleep(where * self.late / 4)
        if fate == "twice":
            again = threading.Thread(target=self._quietly, args=(request,), daemon=True)
            again.start()
        answer = self._ask(request)
        if fate == "late":
            time.sleep(self.late)
        if fate == "breaks_back":
            answer = answer[: int(len(answer) * where)]
        with self._lock:
            self.carried += len(answer)
            self.cut = self.cut or self.cut_after == 1
            self.cut_after = max(0, self.cut_after - 1)
        phone.sendall(answer)

    def _quietly(self, request: bytes) -> None:
        with contextlib.suppress(OSError):
            self._ask(request)

    def _ask(self, request: bytes, *, wait: bool = True) -> bytes:
        with socket.create_connection(("127.0.0.1", self.target), timeout=PATIENT) as server:
            server.sendall(request)
            if not wait:
                return b""
            parts = []
            while part := server.recv(MOST):
                parts.append(part)
            return b"".join(parts)

    @contextmanager
    def open(self) -> Iterator[Line]:
        """The line while it is there."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


def _read(phone: socket.socket) -> bytes:
    """One whole request, made to be the only one of its connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = phone.recv(MOST)
        if not part:
            return b""
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(b"connection:")]
    length = next(
        (int(x.split(b":")[1]) for x in lines if x.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        part = phone.recv(MOST)
        if not part:
            raise Cut
        body += part
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body

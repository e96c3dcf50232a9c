"""A gateway of its own process that takes messages, or misbehaves as a file beside it says.

python tests/fakegateway.py FOLDER [PORT]: writes its port to FOLDER/port, reads FOLDER/mode at each
connection (ok, hang, trickle, garbage, error, refusal) and appends each message that it took to
FOLDER/taken as a line of JSON. That it refuses connections is seen by killing it.
"""

from __future__ import annotations

import json
import socketserver
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])


def answer(status: str, body: str) -> bytes:
    content = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode() + content


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mode = (FOLDER / "mode").read_text()
        length, path = 0, self.rfile.readline().decode().split(" ")[1]
        while (line := self.rfile.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        said = json.loads(self.rfile.read(length))
        if mode == "hang":
            time.sleep(600)
        elif mode == "trickle":
            for byte in answer("200 OK", "{}" * 500):
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(1)
        elif mode == "garbage":
            self.wfile.write(b"\x00\xff\xfe not http \r\n" * 50)
        elif mode == "error":
            self.wfile.write(answer("503 Service Unavailable", "<html>down</html>"))
        elif mode == "refusal":
            self.wfile.write(answer("200 OK", '{"code": 310000}'))
        else:
            with (FOLDER / "taken").open("a") as taken:
                taken.write(json.dumps({"path": path, **said}) + "\n")
            self.wfile.write(answer("200 OK", '{"code": "accepted"}'))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Handler) as server:
        (FOLDER / "port").write_text(str(server.server_address[1]))
        server.serve_forever()

"""The gunicorn worker of `gridserve up`: a thread does not wait for ever on a slow sender."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Between two pieces of a request's body. Without a limit a few dozen senders who never finish would
# hold every thread. A proxy in front that reads requests whole makes this moot.
PATIENCE_SECONDS = 10.0


class Worker(ThreadWorker):
    """gunicorn's threaded worker with a limit on each read of a body."""

    def handle_request(self, req: Any, conn: Any) -> Any:
        conn.sock.settimeout(PATIENCE_SECONDS)
        return super().handle_request(req, conn)

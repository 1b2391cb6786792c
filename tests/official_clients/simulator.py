"""The simulators' process and a receiver of webhooks, for the tests of the official clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Any

import httpx

from tests.support.waiting import HANGS_AFTER_S

KEY = "simulator-id:simulator-secret"
FLUX, TRAINING, INSTANT = "fal-ai/flux/dev", "fal-ai/flux-lora-fast-training", "fal-ai/instant-character"
PROMPT = {"prompt": "x", "image_size": "square", "seed": 7}


@dataclass(frozen=True)
class LiveSimulator:
    """The running simulator, and its control API."""

    origin: str

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses that fal's hosts are replaced by."""
        places = {"fal.run": "run", "queue.fal.run": "queue", "rest.fal.ai": "rest", "v3.fal.media": "media"}
        return {host: f"{self.origin}/fal/{place}" for host, place in places.items()}

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the control API."""
        reply = httpx.request(method, f"{self.origin}/control{path}", json=body, trust_env=False)
        return reply.raise_for_status().json() if reply.content else None

    def arm(self, operation: str, kind: str, **fault: Any) -> None:
        """Have a call misbehave."""
        self.control("POST", "/faults", {"operation": operation, "kind": kind, **fault})

    def orders(self) -> list[dict[str, Any]]:
        """Return the orders that the simulator has taken to be paid."""
        return list(self.control("GET", "/ledger")["calls"])


@dataclass
class Receiver:
    """Takes what is posted to ``url``."""

    url: str
    deliveries: SimpleQueue[tuple[dict[str, str], bytes]] = field(default_factory=SimpleQueue)

    def next(self) -> tuple[dict[str, str], bytes]:
        """Headers, with names in lower case, and body of the next delivery."""
        return self.deliveries.get(timeout=HANGS_AFTER_S)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.deliveries.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?job=1")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()

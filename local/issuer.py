"""Issues the bearer token of a local run, with a key made at its start, and serves the public half (JWKS)."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from local.gate import is_here

AUDIENCE = "authenticated"
KEY_ID = "local"
JWKS_PATH = "/.well-known/jwks.json"
GOOD_FOR_S = 30 * 24 * 60 * 60
"""Longer than any run: one of the demo may take a week. The next one has another key."""


class Issuer:
    """Serves its public key on a loopback port until it is closed."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        document = json.dumps({"keys": [{**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}]}).encode()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _serving(document))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The ``iss`` of the tokens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def jwks_url(self) -> str:
        """The address of the public key."""
        return self.url + JWKS_PATH

    def token(self, subject: str = "local-developer") -> str:
        """A bearer token, good for this run."""
        now = int(time.time())
        claims = {"sub": subject, "iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + GOOD_FOR_S}
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": KEY_ID})

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _serving(document: bytes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == JWKS_PATH and is_here(self.headers.get("Host", ""))
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(document if found else b"{}")

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the functions' logs tell who asked."""

    return Handler

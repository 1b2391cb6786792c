"""GET /docs: a page to try the API on."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from character_identity.api.request import Request
from character_identity.api.response import Response
from character_identity.api.routes.documents import SHOW_DOCS
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services

PAGE = Path(__file__).with_name("page.html")


@endpoint(SHOW_DOCS)
def show_docs(services: Services, request: Request) -> Response:
    page = _page()
    headers = {
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": _policy(page),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, page, headers, content_type="text/html; charset=utf-8")


@cache
def _page() -> str:
    return PAGE.read_text(encoding="utf-8")


@cache
def _policy(page: str) -> str:
    """The page's own script and style, told by their hashes, and calls of this API; nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(page, 'script')}",
            f"style-src {_hash(page, 'style')}",
            "img-src data:",  # the empty icon, without which browsers ask for one
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hash(page: str, element: str) -> str:
    (content,) = re.findall(rf"<{element}>(.*?)</{element}>", page, flags=re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


lambda_handler = http_handler(show_docs)

"""GET /docs: a page to try the API on."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.api.resolver import rest_app

PAGE = Path(__file__).with_name("page.html")

logger = Logger()
app = rest_app()


@app.get("/docs")
def show_docs() -> Response[str]:
    page = _page()
    headers = {
        "Cache-Control": "public, max-age=300",
        "Content-Security-Policy": _policy(page),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(status_code=200, content_type="text/html; charset=utf-8", body=page, headers=headers)


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


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

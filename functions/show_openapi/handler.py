"""GET /openapi.json: what this API takes and answers, for machines."""

from functools import cache
from pathlib import Path

from character_identity.api.routes.documents import SHOW_OPENAPI
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler

DOCUMENT = Path(__file__).with_name("openapi.json")
"""Written by scripts/openapi.py before the function is packed."""


@endpoint(SHOW_OPENAPI)
def show_openapi(services: Services, request: Request) -> Response:
    return Response(200, _document(), {"Cache-Control": "public, max-age=300"})


@cache
def _document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


lambda_handler = http_handler(show_openapi)

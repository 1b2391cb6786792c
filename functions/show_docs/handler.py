"""GET /docs: a page to try the API on."""

from functools import cache
from pathlib import Path

from character_identity.api.routes.documents import SHOW_DOCS
from character_identity.config import MediaSettings, environment
from character_identity.domain.page_policy import page_policy
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler

FOLDER = Path(__file__).parent
SCRIPTS = ("gallery.js", "shared.js", "operations.js", "first.js", "start.js")
"""In their order; together they are the page's one script. The gallery is that of the TypeScript client."""


@endpoint(SHOW_DOCS)
def show_docs(services: Services, request: Request) -> Response:
    page = _page()
    media = MediaSettings.from_env(environment()).origin
    headers = {
        "Cache-Control": "public, max-age=300",
        # data: the empty icon, and chosen pictures before they are uploaded; beside them our bucket.
        "Content-Security-Policy": page_policy(page, images=f"data: {media}", calls=f"'self' {media}"),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(200, page, headers, content_type="text/html; charset=utf-8")


@cache
def _page() -> str:
    page = (FOLDER / "page.html").read_text(encoding="utf-8")
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    page = page.replace("<style></style>", f"<style>\n{style}</style>")
    return page.replace('<script type="module"></script>', f'<script type="module">\n{script}</script>')


lambda_handler = http_handler(show_docs)

"""What describes all routes; it is nobody's secret."""

from character_identity.api.route import Answer, Route

SHOW_OPENAPI = Route(
    method="GET",
    path="/openapi.json",
    function="show_openapi",
    tag="Documents",
    summary="Get this document",
    description="It may be kept for a while.",
    answers={
        200: Answer(description="OpenAPI 3.1", content="application/json", example={"openapi": "3.1.1"})
    },
    is_open=True,
)
SHOW_DOCS = Route(
    method="GET",
    path="/docs",
    function="show_docs",
    tag="Documents",
    summary="Get a page to try the API on",
    description="It loads nothing from elsewhere, and keeps the token nowhere.",
    answers={
        200: Answer(
            description="A page without scripts of others", content="text/html", example="<!doctype html>"
        )
    },
    is_open=True,
)

ROUTES = (SHOW_OPENAPI, SHOW_DOCS)

"""What describes all routes; it is nobody's secret."""

from character_identity.api.route import Answer, Route
from character_identity.api.schemas import ShowHealthResponse, ShowStartResponse

SHOW_START = Route(
    method="GET",
    path="/",
    function="show_start",
    tag="Documents",
    summary="See where to begin",
    description="It may be kept for a while.",
    answers={200: Answer(description="Where the documents are", content=ShowStartResponse)},
    is_open=True,
)
SHOW_HEALTH = Route(
    method="GET",
    path="/health",
    function="show_health",
    tag="Documents",
    summary="See whether the API answers",
    description="For monitors. It asks neither the table nor a provider: alarms watch those.",
    answers={200: Answer(description="It does", content=ShowHealthResponse)},
    is_open=True,
)
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

ROUTES = (SHOW_START, SHOW_HEALTH, SHOW_OPENAPI, SHOW_DOCS)

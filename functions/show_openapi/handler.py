"""GET /openapi.json: what this API takes and answers, for machines."""

import json
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.api.openapi.document import document
from character_identity.api.resolver import rest_app

logger = Logger()
app = rest_app()


@app.get("/openapi.json")
def show_openapi() -> Response[str]:
    return Response(
        status_code=200,
        content_type=content_types.APPLICATION_JSON,
        body=_text(),
        headers={"Cache-Control": "public, max-age=300"},
    )


@cache
def _text() -> str:
    return json.dumps(document())


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

"""GET /v1/usage: what the caller spent in a month, and what is left."""

import re
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_usage
from character_identity.api.resolver import answer, owner_of, rest_app
from character_identity.domain.errors import InvalidRequest

logger = Logger()
app = rest_app()

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@app.get("/v1/usage")
def get_usage() -> Response[str]:
    month = (app.current_event.query_string_parameters or {}).get("month")
    if month is not None and not MONTH.fullmatch(month):
        raise InvalidRequest("A month is written as in 2026-11.", code="invalid_month")
    return answer(present_usage(wiring.services().orders.budget(owner_of(app), month)))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

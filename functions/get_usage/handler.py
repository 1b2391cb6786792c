"""GET /v1/usage: what the caller spent in a month, and what is left."""

import re

from character_identity.api.presenters import present_usage
from character_identity.api.routes.generations import GET_USAGE, MONTH
from character_identity.domain.errors import InvalidRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(GET_USAGE)
def get_usage(services: Services, request: Request) -> Response:
    month = request.query("month")
    if month is not None and not re.fullmatch(MONTH, month):
        raise InvalidRequest("A month is written as in 2026-11, from 2020 to 2099.", code="invalid_month")
    return respond(request, present_usage(services.orders.budget(request.owner, month)))


lambda_handler = http_handler(get_usage)

"""POST /v1/identities/estimate: what creating an identity would cost; nothing is ordered."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_estimate
from character_identity.api.resolver import answer, owner_of, parse_body, rest_app
from character_identity.api.schemas import EstimateIdentityRequest

logger = Logger()
app = rest_app()


@app.post("/v1/identities/estimate")
def estimate_identity() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    request = parse_body(app, EstimateIdentityRequest)
    return answer(present_estimate(services.identities.quote(owner, request.provider)))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

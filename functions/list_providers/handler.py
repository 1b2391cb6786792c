"""GET /v1/providers: the providers with their limits and prices."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_provider
from character_identity.api.resolver import answer, rest_app
from character_identity.api.schemas import ListProvidersResponse

logger = Logger()
app = rest_app()


@app.get("/v1/providers")
def list_providers() -> Response[str]:
    providers = wiring.services().providers
    return answer(
        ListProvidersResponse(providers=[present_provider(providers[name]) for name in providers.names()])
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

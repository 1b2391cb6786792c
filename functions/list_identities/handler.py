"""GET /v1/identities: the caller's identities, newest first."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_identity
from character_identity.api.resolver import answer, owner_of, rest_app
from character_identity.api.schemas import ListIdentitiesResponse

logger = Logger()
app = rest_app()


@app.get("/v1/identities")
def list_identities() -> Response[str]:
    services = wiring.services()
    identities = services.identities.list(owner_of(app))
    return answer(
        ListIdentitiesResponse(
            identities=[present_identity(identity, services.bucket) for identity in identities]
        )
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

"""POST /v1/identities: register a character and, where the provider trains, start its training."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.http import answer, owner_of, parse_body, rest_app
from character_identity.presenters import present_identity
from character_identity.schemas import CreateIdentityRequest

logger = Logger()
app = rest_app()


@app.post("/v1/identities")
def create_identity() -> Response[str]:
    request = parse_body(app, CreateIdentityRequest)
    services = wiring.services()
    identity = services.identities.create(
        owner_of(app),
        request.name,
        request.provider,
        request.references,
        request.class_name,
        main=request.main_reference,
    )
    status = 201 if identity.status == "ready" else 202
    return answer(
        present_identity(identity, services.bucket), status, f"/v1/identities/{identity.identity_id}"
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

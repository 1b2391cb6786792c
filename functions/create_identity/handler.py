"""POST /v1/identities: register a character and, where the provider trains, start its training."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_identity
from character_identity.api.resolver import (
    answer,
    idempotency_key,
    owner_of,
    parse_body,
    request_digest_of,
    rest_app,
)
from character_identity.api.schemas import CreateIdentityRequest

logger = Logger()
app = rest_app()


@app.post("/v1/identities")
def create_identity() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    request = parse_body(app, CreateIdentityRequest)
    identity, replayed = services.idempotency.once(
        owner,
        idempotency_key(app),
        request_digest_of(app),
        find=lambda identity_id: services.identities.get(owner, identity_id),
        create=lambda identity_id: services.identities.create(
            owner,
            request.name,
            request.provider,
            request.references,
            request.class_name,
            main=request.main_reference,
            identity_id=identity_id,
        ),
    )
    # Not by its status: the same call gets the same answer when the training is over.
    status = 202 if services.providers[identity.provider].training else 201
    location = f"/v1/identities/{identity.identity_id}"
    return answer(present_identity(identity, services.bucket), status, location, replayed=replayed)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

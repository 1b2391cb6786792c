"""POST /v1/identities: register a character and, where the provider trains, start its training."""

from character_identity.api.presenters import present_identity
from character_identity.api.routes.identities import CREATE_IDENTITY
from character_identity.api.schemas import CreateIdentityRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(CREATE_IDENTITY)
def create_identity(services: Services, request: Request[CreateIdentityRequest]) -> Response:
    owner, body = request.owner, request.body
    identity, replayed = services.idempotency.once(
        owner,
        request.idempotency_key,
        request.digest,
        find=lambda identity_id: services.identities.get(owner, identity_id),
        create=lambda identity_id: services.identities.create(
            owner,
            body.name,
            body.provider,
            body.references,
            body.class_name,
            main=body.main_reference,
            identity_id=identity_id,
        ),
    )
    return respond(
        request,
        present_identity(identity, services.bucket),
        # Not by its status: the same call gets the same answer when the training is over.
        status=202 if services.providers[identity.provider].training else 201,
        location=f"/v1/identities/{identity.identity_id}",
        replayed=replayed,
    )


lambda_handler = http_handler(create_identity)

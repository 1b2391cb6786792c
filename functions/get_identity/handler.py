"""GET /v1/identities/{identity_id}: one identity, with the progress of its training."""

from character_identity.api.presenters import present_identity, present_place
from character_identity.api.routes.identities import GET_IDENTITY
from character_identity.domain.job import job_id_of
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond
from character_identity.services.long_poll import wait_until_settled


@endpoint(GET_IDENTITY)
def get_identity(services: Services, request: Request) -> Response:
    identity = wait_until_settled(
        lambda: services.identities.get(request.owner, request.path("identity_id")),
        request.granted_wait_s or 0,
        services.now,
        services.sleep,
    )
    queued = None
    if identity.phase == "submitting":
        job_id = job_id_of("training", identity.identity_id)
        queued = present_place(job_id, identity.provider, services.slot_table, services.now())
    return respond(request, present_identity(identity, services.bucket, queued))


lambda_handler = http_handler(get_identity)

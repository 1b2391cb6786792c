"""POST /webhooks/astria/{token}: a callback of Astria wakes the machine that waits."""

from character_identity.api.routes.callbacks import RECEIVE_ASTRIA_CALLBACK
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json
from character_identity.providers.callback_bodies import astria_job_id


@endpoint(RECEIVE_ASTRIA_CALLBACK)
def receive_astria_callback(services: Services, request: Request) -> Response:
    job_id, _, secret = request.path("token").partition(".")
    services.callbacks.receive("astria", job_id, secret, astria_job_id(request.raw_body))
    return respond_json({})


lambda_handler = http_handler(receive_astria_callback)

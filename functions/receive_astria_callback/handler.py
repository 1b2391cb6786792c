"""POST /webhooks/astria/{token}: a callback of Astria wakes the machine that waits."""

from character_identity.api.request import Request
from character_identity.api.response import Response, respond_json
from character_identity.api.routes.callbacks import RECEIVE_ASTRIA_CALLBACK
from character_identity.handlers.http import endpoint, http_handler
from character_identity.providers.callback_bodies import astria_job_id
from character_identity.wiring import Services


@endpoint(RECEIVE_ASTRIA_CALLBACK)
def receive_astria_callback(services: Services, request: Request) -> Response:
    job_id, _, secret = request.path("token").partition(".")
    services.callbacks.receive("astria", job_id, secret, astria_job_id(request.raw_body))
    return respond_json({})


lambda_handler = http_handler(receive_astria_callback)

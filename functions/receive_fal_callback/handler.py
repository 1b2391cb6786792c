"""POST /webhooks/fal: a job of fal's has ended, says whoever posts; if it is fal, the machine polls."""

from character_identity.api.routes.callbacks import RECEIVE_FAL_CALLBACK
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json
from character_identity.providers.callback_bodies import fal_job_id


@endpoint(RECEIVE_FAL_CALLBACK)
def receive_fal_callback(services: Services, request: Request) -> Response:
    body = request.raw_body
    services.fal_signatures.verify(request.headers, body)
    job_id, secret = request.query("job") or "", request.query("token") or ""
    services.callbacks.receive("fal", job_id, secret, fal_job_id(body))
    return respond_json({})


lambda_handler = http_handler(receive_fal_callback)

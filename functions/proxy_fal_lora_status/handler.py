"""GET /api/fal-lora-status-proxy: how far a LoRA training is, for the TypeScript client."""

from typing import Any

from character_identity.api.routes.compat import SHOW_LORA_STATUS
from character_identity.compat import responses
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(SHOW_LORA_STATUS)
def proxy_fal_lora_status(services: Services, request: Request) -> Response:
    def read() -> dict[str, Any]:
        identity_id, wait_s = request.required_query("request_id"), request.preferred_wait_s
        identity = services.compat.training(request.owner, identity_id, "fal-lora", wait_s)
        return responses.lora_status(identity, services.bucket)

    return respond_json(
        responses.status_or(read, unknown={"status": "failed"}, troubled={"status": "in_progress"})
    )


lambda_handler = http_handler(proxy_fal_lora_status)

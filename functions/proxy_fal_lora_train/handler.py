"""POST /api/fal-lora-training-proxy: start a LoRA training, for the TypeScript client."""

from character_identity.api.routes.compat import TRAIN_LORA
from character_identity.compat.requests import LoraTraining
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(TRAIN_LORA)
def proxy_fal_lora_train(services: Services, request: Request[LoraTraining]) -> Response:
    services.require_key("fal", "Fal.ai LoRA")
    identity = services.compat.train_lora(request.owner, request.body)
    return respond_json({"request_id": identity.identity_id, "status": "IN_QUEUE"})


lambda_handler = http_handler(proxy_fal_lora_train)

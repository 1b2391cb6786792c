"""POST /api/fal-lora-inference-proxy: pictures by a trained LoRA, for the TypeScript client."""

from character_identity.api.routes.compat import GENERATE_LORA
from character_identity.compat import responses
from character_identity.compat.requests import LoraGeneration
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(GENERATE_LORA)
def proxy_fal_lora_generate(services: Services, request: Request[LoraGeneration]) -> Response:
    services.require_key("fal", "Fal.ai LoRA")
    generation = services.compat.generate_lora(request.owner, request.body)
    return respond_json(responses.images(generation, services.bucket))


lambda_handler = http_handler(proxy_fal_lora_generate)

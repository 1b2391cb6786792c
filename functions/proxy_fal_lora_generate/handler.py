"""ANY /api/fal-lora-inference-proxy: pictures by a trained LoRA, for the first client."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.http import answer_old, owner_of, parse_body, proxy_app
from character_identity.proxies import answers
from character_identity.proxies.bodies import LoraDrawing

logger = Logger()
app = proxy_app("POST")


@app.post("/api/fal-lora-inference-proxy")
def draw() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    services.require_key("FAL_SECRET_NAME", "Fal.ai LoRA")
    generation = services.proxies.draw_lora(owner, parse_body(app, LoraDrawing))
    return answer_old(answers.pictures(generation, services.bucket))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)

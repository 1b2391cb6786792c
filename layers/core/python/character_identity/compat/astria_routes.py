"""The four Astria actions, for the functions of their own and for the dispatcher over them."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from character_identity import wiring
from character_identity.api.resolver import owner_of, parse, preferred_wait_s, status_or
from character_identity.compat import responses
from character_identity.compat.requests import CreatePrompt, CreateTune

MOCK_BRANCH = "branch 'fast' was left out: it is Astria's mock, which never draws the character."
FAILED = {"failed_at": "unknown"}
"""What the client takes for a failure: it looks whether there is a time, not which."""


def create_tune(app: APIGatewayHttpResolver, content: Any) -> dict[str, Any]:
    """Start a training."""
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    services.require_key("astria", "Astria")
    body = parse(CreateTune, content)
    identity = services.compat.train_tune(owner, body)
    return responses.tune(identity, [MOCK_BRANCH] if body.tune.branch == "fast" and not identity.mock else [])


def get_tune(app: APIGatewayHttpResolver, tune_id: str) -> dict[str, Any]:
    """How far a training is."""

    def read() -> dict[str, Any]:
        compat = wiring.services().compat
        return responses.tune(compat.training(owner_of(app), tune_id, "astria", preferred_wait_s(app)))

    return status_or(read, unknown={"id": tune_id, **FAILED}, troubled={"id": tune_id, "trained_at": None})


def create_prompt(app: APIGatewayHttpResolver, tune_id: str, content: Any) -> dict[str, Any]:
    """Order pictures."""
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    services.require_key("astria", "Astria")
    generation = services.compat.order_prompt(owner, tune_id, parse(CreatePrompt, content))
    return responses.prompt(generation, services.bucket)


def get_prompt(app: APIGatewayHttpResolver, tune_id: str, prompt_id: str) -> dict[str, Any]:
    """The pictures, once they are there."""

    def read() -> dict[str, Any]:
        services = wiring.services()
        generation = services.compat.prompt(owner_of(app), tune_id, prompt_id, preferred_wait_s(app))
        return responses.prompt(generation, services.bucket)

    unknown = {"id": prompt_id, "images": [], **FAILED}
    return status_or(read, unknown=unknown, troubled={"id": prompt_id, "images": []})

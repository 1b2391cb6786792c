"""The four Astria actions, for the functions of their own and for the dispatcher over them."""

from typing import Any

from character_identity.api.request import Request
from character_identity.compat import responses
from character_identity.compat.requests import CreatePrompt, CreateTune
from character_identity.wiring import Services

MOCK_BRANCH = "branch 'fast' was left out: it is Astria's mock, which never draws the character."
FAILED = {"failed_at": "unknown"}
"""What the client takes for a failure: it looks whether there is a time, not which."""


def create_tune(services: Services, owner: str, body: CreateTune) -> dict[str, Any]:
    """Start a training."""
    services.require_key("astria", "Astria")
    identity = services.compat.train_tune(owner, body)
    return responses.tune(identity, [MOCK_BRANCH] if body.tune.branch == "fast" and not identity.mock else [])


def get_tune(services: Services, request: Request[Any], tune_id: str) -> dict[str, Any]:
    """Return how far a training is."""

    def read() -> dict[str, Any]:
        identity = services.compat.training(request.owner, tune_id, "astria", request.preferred_wait_s)
        return responses.tune(identity)

    return responses.status_or(
        read, unknown={"id": tune_id, **FAILED}, troubled={"id": tune_id, "trained_at": None}
    )


def create_prompt(services: Services, owner: str, tune_id: str, body: CreatePrompt) -> dict[str, Any]:
    """Order pictures."""
    services.require_key("astria", "Astria")
    return responses.prompt(services.compat.order_prompt(owner, tune_id, body), services.bucket)


def get_prompt(services: Services, request: Request[Any], tune_id: str, prompt_id: str) -> dict[str, Any]:
    """The pictures, once they are there."""

    def read() -> dict[str, Any]:
        wait_s = request.preferred_wait_s
        generation = services.compat.prompt(request.owner, tune_id, prompt_id, wait_s)
        return responses.prompt(generation, services.bucket)

    unknown = {"id": prompt_id, "images": [], **FAILED}
    return responses.status_or(read, unknown=unknown, troubled={"id": prompt_id, "images": []})

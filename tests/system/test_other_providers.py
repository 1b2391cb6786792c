"""The four provider URLs decide where every call goes: nothing of a provider's own is left in."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from character_identity_client import ApiClient
from local.runtime import Options, running
from local.service import Service
from tests.support.waiting import HANGS_AFTER_S

pytestmark = pytest.mark.processes


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Another server that honours the contracts, with keys of its own; the runtime knows nothing of it."""
    words = ["--port", "0", "--training-seconds", "0.5", "--generation-seconds", "0.1"]
    server = Service(
        "local.simulators", *words, "--fal-key", "other:key", "--astria-key", "sd_other", logs=tmp_path
    )
    try:
        yield f"http://127.0.0.1:{server.announcement()['port']}"
    finally:
        server.stop()


def test_every_call_goes_where_the_urls_lead(
    elsewhere: str, people: dict[str, list[Path]], tmp_path: Path
) -> None:
    environment = {
        "FAL_QUEUE_URL": f"{elsewhere}/fal/queue",
        "FAL_REST_URL": f"{elsewhere}/fal/rest",
        "ASTRIA_API_URL": f"{elsewhere}/astria",
        "FAL_KEY": "other:key",
        "ASTRIA_API_KEY": "sd_other",
    }
    options = Options(environment=environment, logs=tmp_path)
    with running(options) as system, ApiClient(system.api_url, system.token) as api:
        assert system.provider_url is None
        orders = []
        for provider, count in (("fal-instant", 1), ("fal-lora", 5), ("astria", 4)):
            keys = api.upload_references(people["Eileen"][:count])
            orders.append(api.create_identity("Eileen", provider, keys, class_name="woman"))
        for identity in orders:
            api.wait_until_ready(identity.character_id, timeout_s=HANGS_AFTER_S)
            order = api.generate(identity.character_id, "Eileen smiles", seed=1)
            api.wait_until_generated(order.generation_id, timeout_s=HANGS_AFTER_S)
        calls = httpx.get(f"{elsewhere}/control/ledger").raise_for_status().json()["calls"]
    assert sorted(call["endpoint"] for call in calls) == [
        "fal-ai/flux-lora",
        "fal-ai/flux-lora-fast-training",
        "fal-ai/instant-character",
        "tunes",
        "tunes/1504944/prompts",
    ]

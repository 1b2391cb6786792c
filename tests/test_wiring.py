"""The services can be built from an environment, and building one loads what it needs and no more."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Barrier
from typing import Any

import httpx
import pytest

from character_identity.config import InvalidSettings
from character_identity.wiring import Services
from character_identity.wiring.deferred import deferred
from tests.support.waiting import HANGS_AFTER_S

ENVIRONMENT = {
    "TABLE_NAME": "state",
    "BUCKET_NAME": "media",
    "FAL_QUEUE_URL": "https://queue.test",
    "FAL_REST_URL": "https://rest.test",
    "FAL_PLATFORM_URL": "https://platform.test",
    "ASTRIA_API_URL": "https://astria.test",
    "REQUESTS_PER_MINUTE": "60",
    "READS_PER_MINUTE": "600",
}
PARTS = sorted(
    name
    for each in Services.__mro__
    for name, value in vars(each).items()
    if isinstance(value, cached_property)
)


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_built_once_from_settings(part: str) -> None:
    services = Services(ENVIRONMENT)
    assert getattr(services, part) is getattr(services, part)


def test_an_answer_of_aws_that_does_not_come_leaves_time_for_ours() -> None:
    asked: dict[str, Any] = {}

    class Asking(Services):
        def client(self, service: str, **options: Any) -> Any:
            asked[service] = options
            return None

    services = Asking(ENVIRONMENT)
    for part in ("table", "s3", "state_machines", "event_bus", "secrets", "analysis_function"):
        getattr(services, part)
    assert {*asked} == {"dynamodb", "s3", "stepfunctions", "events", "secretsmanager", "lambda"}
    for options in asked.values():
        retries = options.get("retries", {})
        attempts = 1 if retries.get("max_attempts") == 0 else retries.get("total_max_attempts", 2)
        for each in ("connect_timeout", "read_timeout"):
            assert attempts * options[each] <= 20, "API Gateway waits 29 s, whatever was paid by then"


@pytest.mark.parametrize("provider", ["fal-instant", "fal-lora", "astria"])
def test_every_provider_is_built_from_settings(provider: str) -> None:
    services = Services(ENVIRONMENT)
    for providers in (services.providers, services.short_timeout_providers):
        assert providers[provider].name == provider


@pytest.mark.parametrize("provider", ["fal-instant", "fal-lora", "astria"])
def test_a_provider_on_this_machine_is_a_stand_in(provider: str) -> None:
    here = {"FAL_QUEUE_URL": "http://127.0.0.1:9000/queue", "ASTRIA_API_URL": "http://localhost:9000/astria"}
    assert Services({**ENVIRONMENT, **here}).providers[provider].simulated
    assert not Services(ENVIRONMENT).providers[provider].simulated


def test_what_is_missing_is_told_when_it_is_needed() -> None:
    services = Services({"TABLE_NAME": "state"})
    with pytest.raises(InvalidSettings, match="BUCKET_NAME"):
        assert services.bucket
    with pytest.raises(InvalidSettings, match=r"FAL_QUEUE_URL.*FAL_PLATFORM_URL.*ASTRIA_API_URL"):
        assert services.providers["astria"]


def test_a_deferred_part_is_built_by_its_first_use_and_once() -> None:
    built = []

    def build() -> str:
        built.append("it")
        return "text"

    part = deferred(build)
    assert built == []
    assert (part.upper(), part.title(), built) == ("TEXT", "Text", ["it"])


def test_a_deferred_part_that_threads_ask_for_at_once_is_built_once() -> None:
    all_ask, built = Barrier(4), []

    def build() -> str:
        built.append("it")
        return "text"

    part = deferred(build)

    def ask(_: int) -> str:
        all_ask.wait(HANGS_AFTER_S)
        return part.upper()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["TEXT"] * 4
    assert built == ["it"]


def test_whoever_calls_strangers_introduces_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[httpx.Client] = []
    make = httpx.Client

    def recorded(**options: Any) -> httpx.Client:
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr(httpx, "Client", recorded)
    services = Services(ENVIRONMENT)
    assert all(services.providers[name] for name in services.providers.names())
    assert all(services.short_timeout_providers[name] for name in services.providers.names())
    assert all((services.safe_http, services.result_http, services.fal_signatures))
    assert len(made) >= 5
    assert {client.headers["User-Agent"] for client in made} == {"character-identity"}


@pytest.mark.processes
def test_services_load_no_library_before_they_use_it() -> None:
    code = f"""
import sys
from character_identity.wiring import Services
def loaded(*libraries):
    print(*sorted({{*libraries}} & set(sys.modules)))
services = Services({ENVIRONMENT})
services.training_workflow, services.generation_workflow, services.deliveries
loaded("httpx", "PIL")
services.identities, services.generations, services.compat, services.events, services.endpoints
services.sweep
loaded("boto3", "botocore.session", "httpx", "cryptography")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.splitlines() == ["", ""]

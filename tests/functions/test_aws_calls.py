"""How many calls to AWS each route makes, counted as they leave botocore, and written in docs/aws-calls.md.

``WRITE_PAGE=1 make test T=tests/functions/test_aws_calls.py`` writes the page.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.client import BaseClient

from character_identity import wiring
from character_identity.api.routes.table import ROUTES as ALL_ROUTES
from character_identity.domain.evaluation import Cell, CellOutcome
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.view import EncoderVersion
from tests.infra.test_permissions import FUNCTIONS
from tests.support import direct_calls
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_score,
    a_training_identity,
    an_evaluation,
    an_evaluation_job,
    an_identity,
    an_image,
    different_images,
    some_weights,
)
from tests.support.event_fakes import an_endpoint
from tests.support.handlers import Answer, Api
from tests.support.needed_rights import Right, lacks, needed, needed_by_links

PAGE = Path(__file__).parents[2] / "docs" / "aws-calls.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
LIMIT = 1_000_000_000
SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"references/i1/0001.jpg": 0.8})
INLINE = ["data:image/jpeg;base64," + base64.b64encode(image).decode() for image in different_images(8)]
PROMPT = {"prompt": "Sarah runs"}
KEYS: list[str] = []
FUNCTION_OF = {route.key: route.function for route in ALL_ROUTES}


class Route(NamedTuple):
    """One call of a route, about something of a name; ``arrange`` makes what it needs, uncounted."""

    key: str
    call: Callable[[Api, str], Answer]
    arrange: Callable[[Api, str], object] = lambda api, name: None


def ready(provider: str = "fal-lora") -> Callable[[Api, str], None]:
    """An identity that is ready, with a generation that is done and scored."""

    def arrange(api: Api, name: str) -> None:
        services = wiring.services()
        identity = an_identity(
            identity_id=name,
            owner="ann",
            provider=provider,
            provider_model_id="7",
            weights=some_weights(),
            settled_at=services.now(),  # a tune that may be gone by now is asked for
        )
        services.identity_table.add(identity, Event.of_identity(identity))
        add_generation(name, f"{name}-g")

    return arrange


def add_evaluation(evaluation_id: str, **changes: Any) -> None:
    """An evaluation whose two pictures are there, one of them scored."""
    evaluation = an_evaluation(evaluation_id=evaluation_id, phase="scores", **changes)
    money = "reserved" if evaluation.is_unsettled else "committed"
    job = an_evaluation_job(job_id=f"evaluation-{evaluation_id}", subject_id=evaluation_id, money=money)
    tables = wiring.services()
    tables.evaluation_table.add(evaluation, job, LIMIT, NO_LIMIT)
    cell = Cell(provider="fal-lora", scenario="beach", variation=1, images=1)
    tables.evaluation_table.put_cell(evaluation_id, CellOutcome(cell=cell, generation_id="g1", pictures=1))
    tables.shared_scores.put_shared_score(evaluation_id, "g1", 1, SCORE)


def add_generation(identity_id: str, generation_id: str) -> None:
    services = wiring.services()
    image = GeneratedImage(
        index=1, outcome="succeeded", key=f"generations/{identity_id}/{generation_id}/01.jpg"
    )
    generation = a_generation(
        identity_id=identity_id,
        generation_id=generation_id,
        status="succeeded",
        images=[image],
        settled_at=NOON,
    )
    services.generation_table.add(generation, a_generation_job(job_id=generation_id), LIMIT, NO_LIMIT)
    services.scores.put_score(identity_id, generation_id, 1, SCORE)


def drawn(api: Api, name: str) -> None:
    """As ``ready``, with the objects that it names."""
    ready()(api, name)
    references = wiring.services().identity_table.get(name).references
    for key in (*references, f"generations/{name}/{name}-g/01.jpg"):
        api.bucket.put_object(Key=key, Body=an_image())


def training(api: Api, name: str) -> None:
    """An identity whose training goes on."""
    identity = a_training_identity(identity_id=name)
    job = a_job(job_id=f"training-{name}", subject_id=name, identity_id=name)
    wiring.services().identity_table.add(identity, None, job, LIMIT, NO_LIMIT)


def hooked(api: Api, name: str) -> None:
    """As ``ready``, with a webhook."""
    ready()(api, name)
    wiring.services().endpoint_table.add(an_endpoint(endpoint_id=name), at_most=100)


def uploads(api: Api, name: str) -> None:
    """Pictures that ann uploaded, under ``KEYS``."""
    KEYS[:] = [api.uploaded(image) for image in different_images(5)]


def create_identity(provider: str, count: int) -> Callable[[Api, str], Answer]:
    def call(api: Api, name: str) -> Answer:
        body = {"name": "Sarah", "provider": provider, "references": KEYS[:count]}
        return api("create_identity", "POST", IDENTITIES, body, headers=key_of(name))

    return call


def key_of(name: str) -> dict[str, str]:
    return {"idempotency-key": name}


def event_id(name: str) -> str:
    return Event.of_identity(an_identity(identity_id=name, settled_at=NOON)).event_id


def get(function: str, path: str) -> Callable[[Api, str], Answer]:
    return lambda api, name: api(function, "GET", path.format(name))


def post(function: str, path: str, body: Any = None, **more: Any) -> Callable[[Api, str], Answer]:
    return lambda api, name: api(function, "POST", path.format(name), body, headers=key_of(name), **more)


IDENTITIES, GENERATIONS = "/v1/identities", "/v1/identities/{}/generations"
EVALUATIONS = "/v1/evaluations"
LISTED = ("IDENTITY#", "GENERATION#")
ROUTES = (
    Route("GET /v1/providers", get("list_providers", "/v1/providers")),
    Route(
        "POST /v1/references",
        post(
            "create_references",
            "/v1/references",
            {"files": [{"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 9}] * 5},
        ),
    ),
    Route(
        "POST /v1/references/check",
        lambda api, name: api(
            "check_references",
            "POST",
            "/v1/references/check",
            {"provider": "fal-lora", "references": KEYS},
        ),
        uploads,
    ),
    Route(
        "POST /v1/identities (fal-instant, 1 upload)",
        create_identity("fal-instant", 1),
        uploads,
    ),
    Route(
        "POST /v1/identities (fal-lora, 5 uploads)",
        create_identity("fal-lora", 5),
        uploads,
    ),
    Route(
        "POST /v1/identities/estimate",
        post("estimate_identity", f"{IDENTITIES}/estimate", {"provider": "fal-lora", "name": "Sarah"}),
    ),
    Route("GET /v1/identities", get("list_identities", IDENTITIES), ready()),
    Route("GET /v1/identities/{identity_id}", get("get_identity", f"{IDENTITIES}/{{}}"), ready()),
    Route(
        "POST /v1/identities/{identity_id}/cancel",
        post("cancel_identity", f"{IDENTITIES}/{{}}/cancel"),
        training,
    ),
    Route(
        "DELETE /v1/identities/{identity_id} (one generation)",
        lambda api, name: api("erase_identity", "DELETE", f"{IDENTITIES}/{name}"),
        ready("fal-instant"),
    ),
    Route(
        "PATCH /v1/identities/{identity_id}",
        lambda api, name: api("rename_identity", "PATCH", f"{IDENTITIES}/{name}", {"name": "Eve"}),
        ready(),
    ),
    Route(
        "POST /v1/identities/{identity_id}/generations",
        post("create_generation", GENERATIONS, PROMPT),
        ready(),
    ),
    Route(
        "POST /v1/identities/{identity_id}/generations/estimate",
        post("estimate_generation", f"{GENERATIONS}/estimate", PROMPT),
        ready(),
    ),
    Route("GET /v1/identities/{identity_id}/generations", get("list_generations", GENERATIONS), ready()),
    Route("GET /v1/generations/{generation_id}", get("get_generation", "/v1/generations/{}-g"), ready()),
    Route(
        "DELETE /v1/generations/{generation_id}",
        lambda api, name: api("erase_generation", "DELETE", f"/v1/generations/{name}-g"),
        ready("fal-instant"),
    ),
    Route(
        "POST /v1/scores (a generated picture; 5 references, which no score has kept)",
        lambda api, name: api(
            "compare_images",
            "POST",
            "/v1/scores",
            {"images": [{"generationId": f"{name}-g", "imageNumber": 1}], "characterId": name},
        ),
        drawn,
    ),
    Route(
        "POST /v1/evaluations (5 uploads)",
        lambda api, name: api(
            "create_evaluation",
            "POST",
            EVALUATIONS,
            {"name": "Sarah", "providers": ["fal-lora"], "references": KEYS[:5]},
        ),
        uploads,
    ),
    Route(
        "POST /v1/evaluations/estimate",
        lambda api, name: api(
            "estimate_evaluation", "POST", f"{EVALUATIONS}/estimate", {"name": "Sarah", "references": ["x"]}
        ),
    ),
    Route("GET /v1/evaluations", get("list_evaluations", EVALUATIONS)),
    Route(
        "GET /v1/evaluations/{evaluation_id} (two identities)",
        get("get_evaluation", f"{EVALUATIONS}/{{}}"),
        lambda api, name: add_evaluation(name),
    ),
    Route(
        "DELETE /v1/evaluations/{evaluation_id} (two identities)",
        lambda api, name: api("erase_evaluation", "DELETE", f"{EVALUATIONS}/{name}"),
        lambda api, name: add_evaluation(name, status="completed"),
    ),
    Route("GET /v1/usage", get("get_usage", "/v1/usage")),
    Route("GET /v1/webhooks", get("list_webhooks", "/v1/webhooks")),
    Route(
        "GET /v1/events/{event_id}",
        lambda api, name: api("get_event", "GET", f"/v1/events/{event_id(name)}"),
        ready(),
    ),
    Route(
        "POST /v1/events/{event_id}/replay (no webhook)",
        lambda api, name: api("replay_event", "POST", f"/v1/events/{event_id(name)}/replay"),
        ready(),
    ),
    Route(
        "PATCH /v1/webhooks/{endpoint_id}",
        lambda api, name: api("manage_webhook", "PATCH", f"/v1/webhooks/{name}", {"disabled": True}),
        hooked,
    ),
    Route(
        "POST /v1/webhooks/{endpoint_id}/test",
        post("manage_webhook", "/v1/webhooks/{}/test"),
        hooked,
    ),
    Route(
        "POST /v1/webhooks/{endpoint_id}/rotate-secret",
        post("manage_webhook", "/v1/webhooks/{}/rotate-secret"),
        hooked,
    ),
    Route(
        "GET /v1/webhooks/{endpoint_id}/deliveries",
        get("manage_webhook", "/v1/webhooks/{}/deliveries"),
        hooked,
    ),
    Route(
        "POST /api/fal-lora-training-proxy (5 pictures)",
        lambda api, name: api(
            "proxy_fal_lora_train",
            "POST",
            "/api/fal-lora-training-proxy",
            {"images_data_url": INLINE[:5], "trigger_word": name.upper()},
        ),
    ),
    Route(
        "GET /api/fal-lora-status-proxy",
        lambda api, name: api(
            "proxy_fal_lora_status", "GET", "/api/fal-lora-status-proxy", query={"request_id": name}
        ),
        ready(),
    ),
    Route(
        "POST /api/astria/tunes (8 pictures)",
        lambda api, name: api(
            "proxy_astria_create_tune",
            "POST",
            "/api/astria/tunes",
            {
                "tune": {
                    "title": f"Character: {name}",
                    "name": "woman",
                    "images": [{"url": image} for image in INLINE],
                }
            },
        ),
    ),
    Route(
        "GET /api/astria/tunes/{tune_id}",
        get("proxy_astria_get_tune", "/api/astria/tunes/{}"),
        ready("astria"),
    ),
    Route(
        "POST /api/astria/tunes/{tune_id}/prompts",
        lambda api, name: api(
            "proxy_astria_create_prompt",
            "POST",
            f"/api/astria/tunes/{name}/prompts",
            {"prompt": {"text": "Sarah runs", "num_images": 1}},
        ),
        ready("astria"),
    ),
    Route(
        "GET /api/astria/tunes/{tune_id}/prompts/{prompt_id}",
        lambda api, name: api("proxy_astria_get_prompt", "GET", f"/api/astria/tunes/{name}/prompts/{name}-g"),
        ready("astria"),
    ),
)


def copy_rows(times: int) -> None:
    """Write copies of the identity, its generation and its score, past the repositories: moto is slow."""
    client = boto3.client("dynamodb")
    rows = json.dumps(client.scan(TableName="state")["Items"])
    for number in range(times):
        copies = json.loads(
            rows.replace("i1-g", f"more-{number}").replace("IDENTITY#i1", f"IDENTITY#{number}")
        )
        puts = [{"PutRequest": {"Item": copy}} for copy in copies if copy["pk"]["S"].startswith(LISTED)]
        client.batch_write_item(RequestItems={"state": puts})


def forget_reads() -> None:
    """Let the sandbox count ten reads with the next one."""
    vars(wiring.services()).pop("rate_limits", None)


def stop_the_clock() -> None:
    """Let the turn of no minute come between two calls: reads are counted anew then, with a call more."""
    services = wiring.services()
    at = services.now()
    services.now = lambda: at


@pytest.fixture
def calls(api: Api) -> Counter[str]:
    """The calls that left, by service and operation."""
    return direct_calls.calls


@pytest.fixture(autouse=True)
def _keys(api: Api, shipped_encoder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = boto3.client("secretsmanager")
    for name in ("FAL", "ASTRIA"):
        secrets.create_secret(Name=name, SecretString="a key")
        monkeypatch.setenv(f"{name}_SECRET_NAME", name)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "1000")
    monkeypatch.setenv("MONTHLY_BUDGET_USD", "1000")
    monkeypatch.setenv("OPERATOR_BUDGET_USD", "1000000")
    stop_the_clock()


@pytest.fixture
def rights_taken(monkeypatch: pytest.MonkeyPatch) -> set[Right]:
    """The rights that calls took."""
    taken: set[Right] = set()
    call = BaseClient._make_api_call

    def note(client: BaseClient, operation: str, asked: Any) -> Any:
        taken.update(needed(client.meta.service_model.service_name, operation, asked))
        return call(client, operation, asked)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return taken


def test_the_page_says_what_each_route_calls_and_each_function_may(
    api: Api, calls: Counter[str], rights_taken: set[Right]
) -> None:
    lines = ["| route | calls | which |\n", "| --- | --- | --- |\n"]
    for number, route in enumerate(ROUTES):
        forget_reads()
        for name in (f"i{number}first", f"i{number}again"):
            route.arrange(api, name)
            calls.clear()
            rights_taken.clear()
            answer = route.call(api, name)
            assert answer.status < 300, route.key
        links = needed_by_links(json.dumps([answer.body, answer.headers]))
        function = FUNCTION_OF[route.key.partition(" (")[0]]
        assert lacks(FUNCTIONS[function], {*rights_taken, *links}) == set(), route.key
        which = ", ".join(call if count == 1 else f"{count} {call}" for call, count in sorted(calls.items()))
        lines.append(f"| `{route.key}` | {calls.total()} | {which or '-'} |\n")
    head, _, rest = PAGE.read_text().partition(BEGIN)
    page = f"{head}{BEGIN}\n{''.join(lines)}\n{END}{rest.partition(END)[2]}"
    if os.environ.get("WRITE_PAGE"):
        PAGE.write_text(page)
    assert page == PAGE.read_text()


@pytest.mark.parametrize(
    ("function", "path", "listed"),
    [
        ("list_generations", GENERATIONS.format("i1"), "generations"),
        ("list_identities", IDENTITIES, "identities"),
        ("proxy_astria_get_tune", "/api/astria/tunes/i1", None),
    ],
)
def test_a_list_of_a_hundred_costs_as_many_calls_as_a_list_of_one(
    api: Api, calls: Counter[str], function: str, path: str, listed: str | None
) -> None:
    ready("astria")(api, "i1")
    forget_reads()
    calls.clear()
    query = {} if listed is None else {"limit": "100"}
    api(function, "GET", path, query=query)
    of_one = calls.copy()
    copy_rows(99)
    forget_reads()
    calls.clear()
    answer = api(function, "GET", path, query=query)
    assert listed is None or len(answer.body[listed]) == 100
    assert listed != "generations" or all(each["clipSimilarity"] == 0.8 for each in answer.body[listed])
    assert calls == of_one


def test_a_providers_key_is_fetched_once_in_a_sandbox(calls: Counter[str]) -> None:
    services = wiring.services()
    calls.clear()
    services.require_key("fal", "fal")
    services.require_key("fal", "fal")
    assert services.keys["fal"]() == "a key"
    assert calls == {"secrets-manager GetSecretValue": 1}

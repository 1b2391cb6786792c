"""The clients against the API's handlers: each calls every operation of the document, with moto behind."""

import asyncio
import base64
import inspect
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.webhook import secret_of, signed_headers
from character_identity_client import ApiClient, ApiError, AsyncApiClient, EvaluationOrder
from tests.support.api_server import TOKEN, ApiServer, serving
from tests.support.browser import CHROMIUM, DRIVER, MISSING, browsing
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_training_identity,
    an_evaluation,
    an_evaluation_job,
    an_identity,
    different_images,
    some_weights,
)
from tests.support.handlers import Api
from tests.support.openapi import operations
from tests.typescript.client import entry, run

pytestmark = pytest.mark.processes

PICTURES = different_images(5)
HOOK = "http://127.0.0.1:9/hook"
SECRET = secret_of(b"a key of at least 24 bytes")
ID = "0123456789abcdef"
READY = an_identity(weights=some_weights(), settled_at=NOON)
EVENT = Event.of_identity(READY)
TUNE = {"title": "Character: Sarah", "name": "woman", "images": []}
OTHERS: dict[str, Any] = {
    "proxy_fal_instant": {"body": {"prompt": "x", "reference_images": ["x"], "image_size": "7:1"}},
    "proxy_fal_lora_train": {"body": {"images_data_url": ["x"]}},
    "proxy_fal_lora_status": {"query": {"request_id": "i1"}},
    "proxy_fal_lora_generate": {"body": {"prompt": "x", "lora_url": "https://media.test/lora"}},
    "proxy_astria_create_tune": {"body": {"tune": TUNE}},
    "proxy_astria_get_tune": {"path": {"tune_id": "i1"}},
    "proxy_astria_create_prompt": {"path": {"tune_id": "i0"}, "body": {"prompt": {"text": "x"}}},
    "proxy_astria_get_prompt": {"path": {"tune_id": "i1", "prompt_id": "g1"}},
    "proxy_astria": {"body": {"action": "create_tune", "payload": {"tune": TUNE}}},
    "proxy_astria_status": {"query": {"action": "get_tune", "tune_id": "i1"}},
    "receive_fal_callback": {"query": {"job": ID, "token": ID}, "body": {}},
    "receive_astria_callback": {"path": {"token": f"{ID}.{ID}"}, "body": {}},
    "show_start": {},
    "show_health": {},
    "show_openapi": {},
    "show_docs": {},
}
"""Operations without a method, called by their names."""


@pytest.fixture
def server(api: Api, shipped_encoder: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """The API with an identity i1 that is drawn, i2 and e9 that may be erased, and i3 in training."""
    for name in ("FAL", "ASTRIA"):
        boto3.client("secretsmanager").create_secret(Name=name, SecretString="a key")
        monkeypatch.setenv(f"{name}_SECRET_NAME", name)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")
    monkeypatch.setenv("LOCAL_MODE", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")  # moto plays AWS
    services, limit = wiring.services(), 1_000_000_000
    services.identity_table.add(READY, EVENT)
    services.identity_table.add(an_identity(identity_id="i2", settled_at=NOON))
    job = a_job(job_id="training-i3", subject_id="i3", identity_id="i3")
    services.identity_table.add(
        a_training_identity(identity_id="i3"), job=job, limit_microusd=limit, operator_limit_microusd=NO_LIMIT
    )
    image = GeneratedImage(index=1, outcome="succeeded", key="generations/i1/g1/01.jpg")
    drawn = a_generation(status="succeeded", images=[image], settled_at=NOON)
    services.generation_table.add(drawn, a_generation_job(), limit, NO_LIMIT)
    api.bucket.put_object(Key=image.key, Body=PICTURES[0])
    ended = an_evaluation(evaluation_id="e9", status="completed")
    paid = an_evaluation_job(job_id="evaluation-e9", subject_id="e9", money="committed")
    services.evaluation_table.add(ended, paid, limit, NO_LIMIT)
    with serving(api.bucket) as server:
        yield server


def test_the_typescript_client_calls_every_operation(server: ApiServer) -> None:
    outcome = run(
        "every-operation.mjs",
        apiUrl=server.url,
        token=TOKEN,
        pictures=[base64.b64encode(picture).decode() for picture in PICTURES],
        eventId=EVENT.event_id,
        hook=HOOK,
        others=OTHERS,
    )
    others, methods = outcome.pop("others"), outcome.pop("methods")
    assert outcome == EXPECTED
    assert others.keys() == OTHERS.keys()
    assert server.problems == []
    assert {each["operationId"] for each in operations().values()} == {*server.called}
    assert [name for name in own_operations() if camel(name) not in methods] == []


@pytest.mark.parametrize("client", [ApiClient, AsyncApiClient])
def test_the_python_clients_call_every_operation(server: ApiServer, client: Any) -> None:
    with AnyClient(client(server.url, TOKEN)) as api:
        outcome = every_operation(api)
        assert {*own_operations()} - {*server.called} == set(), "each has a method"
        routes = {operation["operationId"]: route.split(" ") for route, operation in operations().items()}
        for name, given in OTHERS.items():
            method, path = routes[name]
            place = path.format(**given.get("path", {}))
            with suppress(ApiError):
                api.call(method, place, body=given.get("body"), query=given.get("query"))
    assert outcome == EXPECTED
    assert server.problems == []
    assert {each["operationId"] for each in operations().values()} == {*server.called}


class AnyClient:
    """A client whose methods return, whichever they do: blocking, or after a loop has run them."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self._loop = asyncio.Runner()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.close()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            found = getattr(self._api, name)(*args, **options)
            if inspect.iscoroutine(found):
                return self._loop.run(found)
            if inspect.isasyncgen(found):
                return self._loop.run(_all(found))
            return found

        return call


async def _all(entries: Any) -> list[Any]:
    return [entry async for entry in entries]


def every_operation(api: Any) -> dict[str, Any]:
    """What a client finds, in the words of ``every-operation.mjs``."""
    outcome: dict[str, Any] = {"providers": [provider.name for provider in api.list_providers()]}
    keys = api.upload_references(PICTURES)
    outcome["usable"] = api.check_references(keys, provider="fal-lora").usable
    outcome["estimate"] = api.estimate_identity("fal-lora").estimate_usd
    ordered, again = (
        api.create_identity("Sarah", "fal-lora", keys, class_name="woman", idempotency_key="one")
        for _ in range(2)
    )
    outcome["orderedOnce"] = ordered.character_id == again.character_id
    with pytest.raises(ApiError) as caught:
        api.create_identity("Sarah", "fal-lora", keys[:1])
    outcome["refused"] = {
        "name": type(caught.value).__name__,
        "status": caught.value.status,
        "code": caught.value.code,
        "advice": caught.value.advice,
        "hasId": bool(caught.value.request_id),
    }
    assert caught.value.advice[0] in str(caught.value), "the reason is on the face of it"
    outcome["identities"] = sorted(each.character_id for each in api.list_identities(status="ready"))
    outcome["name"] = api.get_identity("i1").name
    outcome["renamed"] = api.rename_identity("i1", "Anna").name
    outcome["cancelled"] = api.cancel_identity("i3").status
    outcome["erased"] = api.erase_identity("i2").complete
    outcome["ordered"] = api.generate("i1", "Sarah runs").status
    outcome["affordable"] = api.estimate_generation("i1", "Sarah runs").affordable
    outcome["generations"] = [it.generation_id for it in api.list_generations("i1", status="succeeded")]
    image = api.wait_until_generated("g1", timeout_s=60).images[0]
    assert api.get_generation("g1").images[0].outcome == image.outcome
    outcome["picture"] = api.download(image.image_url) == PICTURES[0]
    outcome["spent"] = api.usage().limit_usd > 0
    evaluated = EvaluationOrder(identities={"fal-lora": "i1"}, variations=1)
    outcome["cells"] = api.estimate_evaluation(evaluated).cells
    outcome["forgotten"] = api.erase_evaluation("e9").complete
    evaluation_id = api.create_evaluation(evaluated).evaluation_id
    outcome["evaluated"] = api.get_evaluation(evaluation_id).status
    outcome["evaluations"] = [it.evaluation_id == evaluation_id for it in api.list_evaluations()]
    with pytest.raises(ApiError) as unready:
        api.evaluation_result(evaluation_id, "results.csv")
    outcome["unready"] = unready.value.code
    with pytest.raises(ApiError) as unended:
        api.erase_evaluation(evaluation_id)
    outcome["unended"] = unended.value.code
    outcome["givenUp"] = api.cancel_evaluation(evaluation_id).status
    outcome["compared"] = len(api.compare([("g1", 1)], references=keys[:2]).images)
    outcome["erasedOne"] = api.erase_generation("g1").generation_id
    made = api.create_webhook(HOOK)
    outcome["secret"] = made.secret.startswith("whsec_")
    outcome["webhooks"] = [webhook.endpoint_id == made.endpoint_id for webhook in api.list_webhooks()]
    outcome["chosen"] = api.update_webhook(made.endpoint_id, types=["IdentityReady"]).types
    outcome["tested"] = api.test_webhook(made.endpoint_id).type
    outcome["rotated"] = api.rotate_webhook_secret(made.endpoint_id).secret != made.secret
    outcome["posted"] = [*api.list_webhook_deliveries(made.endpoint_id, type="WebhookTest")]
    resent = api.replay_event(EVENT.event_id, endpoint_id=made.endpoint_id)
    outcome["sentAgain"] = [each.state for each in resent.deliveries]
    outcome["removed"] = api.delete_webhook(made.endpoint_id) is None
    outcome["event"] = api.get_event(EVENT.event_id).type
    outcome["replayed"] = api.replay_event(EVENT.event_id).event_id == EVENT.event_id
    return outcome


@pytest.mark.skipif(not (DRIVER and CHROMIUM), reason=MISSING)
def test_the_typescript_client_works_in_a_browser(server: ApiServer) -> None:
    """From a file that somebody chose to an order, and a webhook that is verified."""
    for module in entry().parent.glob("*.js"):
        server.pages[f"/client/{module.name}"] = ("text/javascript", module.read_bytes())
    server.pages["/page"] = (
        "text/html",
        b'<!doctype html><link rel="icon" href="data:,"><title>Page</title>',
    )
    body, now = json.dumps(EVENT.message), datetime.now(UTC)
    headers = signed_headers(SECRET, EVENT.event_id, now, body.encode())
    with browsing() as browser:
        browser.open(f"{server.url}/page")
        pictures = [base64.b64encode(picture).decode() for picture in PICTURES]
        outcome = browser.run(IN_A_BROWSER, server.url, TOKEN, pictures, SECRET, headers, body)
        assert browser.console() == []
    assert outcome == {"status": "training", "type": "IdentityReady", "listed": 4}
    assert server.problems == []


@pytest.mark.skipif(not (DRIVER and CHROMIUM), reason=MISSING)
def test_the_gallery_shows_the_pictures_of_a_character_to_everybody(server: ApiServer) -> None:
    for module in entry().parent.glob("*.js"):
        server.pages[f"/client/{module.name}"] = ("text/javascript", module.read_bytes())
    server.pages["/page"] = ("text/html", GALLERY_PAGE)
    with browsing() as browser:
        for dark, width in ((False, 1280), (True, 1280), (False, 360)):
            browser.emulate(dark=dark, width=width)
            browser.open(f"{server.url}/page")
            assert browser.run(SHOW_A_GALLERY, server.url, TOKEN) == {
                "status": "1 picture",
                "alt": "Sarah runs through a corridor",
                "seen": True,
                "chosen": True,
                "inside": True,
                "empty": "0 pictures",
                "refused": "There is no such identity.",
            }
            assert browser.accessibility() == []
        assert [line for line in browser.console() if "404" not in line] == []


def own_operations() -> list[str]:
    """The operations that our own callers have methods for."""
    return [each["operationId"] for key, each in operations().items() if " /v1/" in key]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


IN_A_BROWSER = """
const [apiUrl, token, pictures, secret, headers, body] = arguments;
return (async () => {
  const { CharacterIdentityClient, verifyWebhook } = await import("/client/index.js");
  const api = new CharacterIdentityClient({ apiUrl, token });
  const files = pictures.map(async (each, index) => {
    const picture = await fetch(`data:image/jpeg;base64,${each}`);
    return new File([await picture.blob()], `${index}.jpg`);
  });
  const references = await api.uploadReferences(await Promise.all(files));
  const { status } = await api.createIdentity({ name: "Sarah", provider: "fal-lora", references });
  let listed = 0;
  for await (const _ of api.listIdentities()) listed += 1;
  return { status, type: (await verifyWebhook(secret, headers, body)).type, listed };
})();
"""
GALLERY_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Gallery</title>
<meta name="color-scheme" content="light dark"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><main><h1>Sarah</h1><identity-gallery></identity-gallery>
<identity-gallery id="empty"></identity-gallery><identity-gallery id="refused"></identity-gallery></main>"""
SHOW_A_GALLERY = """
const [apiUrl, token] = arguments;
return (async () => {
  const { CharacterIdentityClient } = await import("/client/index.js");
  const { defineIdentityGallery } = await import("/client/gallery.js");
  defineIdentityGallery();
  const api = new CharacterIdentityClient({ apiUrl, token });
  const [gallery, empty, refused] = document.querySelectorAll("identity-gallery");
  const status = (it) => it.shadowRoot.querySelector("[role=status]").textContent;
  const settled = async (it) => {
    while (status(it).endsWith("\u2026")) await new Promise((go) => setTimeout(go, 10));
  };
  gallery.generations = api.listGenerations("i3");
  gallery.generations = api.listGenerations("i1");
  empty.generations = [];
  refused.generations = (async function* () { throw new Error("There is no such identity."); })();
  for (const each of [gallery, empty, refused]) await settled(each);
  const image = gallery.shadowRoot.querySelector("img");
  await image.decode();
  let chosen = null;
  gallery.addEventListener("choose", (event) => { event.preventDefault(); chosen = event.detail.imageUrl; });
  gallery.shadowRoot.querySelector("a").click();
  return {
    status: status(gallery), alt: image.alt, seen: image.naturalWidth > 0, chosen: chosen === image.src,
    inside: image.getBoundingClientRect().right <= innerWidth, empty: status(empty), refused: status(refused),
  };
})();
"""
EXPECTED: dict[str, Any] = {
    "providers": ["fal-instant", "fal-lora", "astria"],
    "usable": True,
    "estimate": 2.0,
    "orderedOnce": True,
    "refused": {
        "name": "ApiError",
        "status": 400,
        "code": "too_few_references",
        "advice": ["Add different pictures of the same character."],
        "hasId": True,
    },
    "identities": ["i1", "i2"],
    "name": "Sarah",
    "renamed": "Anna",
    "cancelled": "failed",
    "erased": True,
    "ordered": "queued",
    "affordable": True,
    "generations": ["g1"],
    "picture": True,
    "spent": True,
    "cells": 5,
    "forgotten": True,
    "evaluated": "running",
    "evaluations": [True],
    "unready": "evaluation_not_completed",
    "unended": "evaluation_running",
    "givenUp": "cancelling",
    "compared": 1,
    "erasedOne": "g1",
    "secret": True,
    "webhooks": [True],
    "chosen": ["IdentityReady"],
    "tested": "WebhookTest",
    "rotated": True,
    "posted": [],
    "sentAgain": ["pending"],
    "removed": True,
    "event": "IdentityReady",
    "replayed": True,
}

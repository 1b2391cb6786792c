"""Something of everything that an owner can have, made through the API of the running system."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from character_identity.domain.event import event_id_of
from character_identity_client import ApiClient
from tests.support.waiting import HANGS_AFTER_S, wait_until
from tests.system.conftest import ENOUGH, TRAINING_S, Running

LONG_S = 600.0
NOBODYS_ADDRESS = "http://127.0.0.1:9/hook"
ORDER_KEY = "the-first-order"


@dataclass(frozen=True)
class Owner:
    """The resources of one owner. ``ids`` are by the parameter that takes them; several where they differ.

    ``moving`` are those of them that go on changing by themselves.
    """

    name: str  # of all of its characters too
    token: str
    keys: tuple[str, ...]  # of uploads
    ids: Mapping[str, tuple[str, ...]]
    moving: tuple[str, ...] = ()

    @property
    def every_id(self) -> set[str]:
        return {each for ids in self.ids.values() for each in ids}

    @property
    def order(self) -> dict[str, Any]:
        """The body of the order that went with ORDER_KEY."""
        return {"name": self.name, "provider": "fal-instant", "references": [self.keys[0]]}


def an_owner_of_everything(running: Running, name: str) -> Owner:
    """With, among the rest, an identity that is in training to the end of the tests, and an erased one."""
    token = running.system.token_for(name)
    with ApiClient(running.system.api_url, token) as api, http_of(running, token) as http:
        keys = api.upload_references(running.people["Eileen"][:ENOUGH])
        lora = api.create_identity(name, "fal-lora", keys, class_name="woman").character_id
        tune = api.create_identity(name, "astria", keys, class_name="woman").character_id
        api.wait_until_ready(lora, timeout_s=HANGS_AFTER_S)
        api.wait_until_ready(tune, timeout_s=HANGS_AFTER_S)
        image = api.generate(lora, f"{name} smiles", seed=1).generation_id
        prompt = api.generate(tune, f"{name} smiles", seed=1).generation_id
        for generation_id in (image, prompt):
            api.wait_until_scored(generation_id, timeout_s=HANGS_AFTER_S)
        training, erased = _long_training(running, api, name, keys), _erased(http, api, name, keys)
        order = Owner(name=name, token=token, keys=tuple(keys), ids={}).order
        headers = {"Idempotency-Key": ORDER_KEY}
        ordered = http.post("/v1/identities", json=order, headers=headers).raise_for_status().json()
        evaluated = {"identities": {"fal-lora": lora}, "variations": 1}
        evaluation = http.post("/v1/evaluations", json=evaluated).raise_for_status().json()["evaluationId"]
        http.post(f"/v1/evaluations/{evaluation}/cancel").raise_for_status()
        wait_until(lambda: api.get_evaluation(evaluation).status == "cancelled", "the end of an evaluation")
        # Last: what happened until here is not delivered there, so that no attempt changes anything later.
        endpoint = http.post("/v1/webhooks", json={"url": NOBODYS_ADDRESS}).raise_for_status().json()
    return Owner(
        name=name,
        token=token,
        keys=tuple(keys),
        ids={
            "identity_id": (lora, training, erased, ordered["characterId"]),
            "generation_id": (image,),
            "endpoint_id": (endpoint["endpointId"],),
            "endpointId": (endpoint["endpointId"],),
            "evaluation_id": (evaluation,),
            "event_id": (event_id_of("IdentityReady", lora), event_id_of("GenerationCompleted", image)),
            "request_id": (lora,),
            "tune_id": (tune,),
            "prompt_id": (prompt,),
        },
        moving=(training, erased),
    )


def an_owner_of_a_tune(running: Running, name: str) -> Owner:
    """With what a route takes two of."""
    token = running.system.token_for(name)
    with ApiClient(running.system.api_url, token) as api, http_of(running, token) as http:
        keys = api.upload_references(running.people["Eileen"][:ENOUGH])
        tune = api.create_identity(name, "astria", keys, class_name="woman").character_id
        api.wait_until_ready(tune, timeout_s=HANGS_AFTER_S)
        prompt = api.generate(tune, f"{name} smiles", seed=1).generation_id
        api.wait_until_generated(prompt, timeout_s=HANGS_AFTER_S)
        endpoint = http.post("/v1/webhooks", json={"url": NOBODYS_ADDRESS}).raise_for_status().json()
    ids = {
        "tune_id": (tune,),
        "prompt_id": (prompt,),
        "event_id": (event_id_of("IdentityReady", tune),),
        "endpointId": (endpoint["endpointId"],),
    }
    return Owner(name=name, token=token, keys=tuple(keys), ids=ids)


def weights_url(running: Running, owner: Owner) -> str:
    """A link to the weights of an owner's first identity."""
    with ApiClient(running.system.api_url, owner.token) as api:
        return str(api.get_identity(owner.ids["identity_id"][0]).model_storage_url)


A_MINUTES_READS = {"pk", "sk", "expires_at", "reads"}
"""The row of a minute in which an owner only read, as this look does."""


def remains(running: Running, owner: Owner) -> dict[str, Any]:
    """All that is kept of an owner, as it is now; only the status of what goes on by itself, no reads."""
    texts_of_owner = {owner.name, *owner.every_id} - {*owner.moving}
    rows = {
        f"{item['pk']['S']} {item['sk']['S']}": {name: item[name] for name in item.keys() - {"reads"}}
        for page in running.aws("dynamodb").get_paginator("scan").paginate(TableName=running.system.table)
        for item in page["Items"]
        if item.keys() != A_MINUTES_READS
        if _mentions(text := json.dumps(item, default=str), texts_of_owner)
        and not _mentions(text, owner.moving)
    }
    objects = {
        each["Key"]: each["ETag"]
        for page in running.aws("s3").get_paginator("list_objects_v2").paginate(Bucket=running.system.bucket)
        for each in page.get("Contents", [])
        if each["Key"] in owner.keys or _mentions(each["Key"], texts_of_owner)
    }
    with http_of(running, owner.token) as http:
        answers = {each: http.get(f"/v1/identities/{each}").json() for each in owner.moving}
    statuses = {each: answer.get("status") or answer["code"] for each, answer in answers.items()}
    return {**rows, **objects, **statuses, "paid": running.paid(owner.name.upper().replace(" ", "_"))}


def http_of(running: Running, token: str) -> httpx.Client:
    """A client of the API that sends a token."""
    headers = {"Authorization": f"Bearer {token}"}
    url = running.system.api_url  # of plain HTTP, for which no authorities need be read
    return httpx.Client(base_url=url, headers=headers, timeout=HANGS_AFTER_S, verify=False)


def _long_training(running: Running, api: ApiClient, name: str, keys: list[str]) -> str:
    running.providers.post("/control/settings", json={"training_s": LONG_S}).raise_for_status()
    try:
        identity_id = api.create_identity(name, "fal-lora", keys).character_id
        wait_until(lambda: api.get_identity(identity_id).phase in {"queued", "training"}, "the order")
    finally:
        running.providers.post("/control/settings", json={"training_s": TRAINING_S}).raise_for_status()
    return identity_id


def _erased(http: httpx.Client, api: ApiClient, name: str, keys: list[str]) -> str:
    identity_id = api.create_identity(name, "fal-instant", keys[:1]).character_id
    http.delete(f"/v1/identities/{identity_id}").raise_for_status()
    return identity_id


def _mentions(text: str, texts_of_owner: Iterable[str]) -> bool:
    return any(each in text for each in texts_of_owner)

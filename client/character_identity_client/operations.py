"""The operations of the API, each as steps: what it takes, and what becomes of its answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from pydantic.alias_generators import to_camel

from character_identity_client.calls import (
    at,
    change,
    delete,
    get,
    order,
    pages,
    post,
    post_once,
    read,
    repeated,
)
from character_identity_client.effects import Entries, Send, Steps
from character_identity_client.models import (
    Attempt,
    Comparison,
    ErasureReceipt,
    Estimate,
    Event,
    Generation,
    GenerationSummary,
    Identity,
    IdentitySummary,
    NewWebhook,
    Provider,
    ReferenceCheck,
    Upload,
    Usage,
    Webhook,
)

StoredPicture = str | tuple[str, int]
"""An uploaded key, a link, or a generation's id and the number of its picture, from 1."""


class GenerationOptions(TypedDict, total=False):
    """How pictures are to be drawn; what is left out is left to the API."""

    negative_prompt: str | None
    width: int | None
    height: int | None
    aspect_ratio: str | None
    guidance_scale: float | None
    num_inference_steps: int | None
    seed: int | None
    num_images: int | None


def list_providers() -> Steps[list[Provider]]:
    """The providers, with the number of references each one takes, and their prices."""
    return get("/v1/providers", list[Provider], field="providers")


def create_references(files: Sequence[tuple[str, str, int]]) -> Steps[list[Upload]]:
    """Get a ticket for each file, told by name, type and bytes; ``upload_references`` uploads as well."""
    told = [{"name": name, "contentType": kind, "sizeBytes": size} for name, kind, size in files]
    return post("/v1/references", list[Upload], {"files": told}, field="uploads")


def check_references(references: Sequence[str], *, provider: str | None = None) -> Steps[ReferenceCheck]:
    """Check uploaded keys or links, also against the limits of a provider; free."""
    return post("/v1/references/check", ReferenceCheck, {"references": [*references], "provider": provider})


def create_identity(
    name: str,
    provider: str,
    references: Sequence[str],
    *,
    class_name: str | None = None,
    main_reference: str | None = None,
    idempotency_key: str | None = None,
) -> Steps[Identity]:
    """Create an identity from uploaded keys or links; it may still have to be trained."""
    body = {
        "name": name,
        "provider": provider,
        "references": [*references],
        "className": class_name,
        "mainReference": main_reference,
    }
    return order("/v1/identities", Identity, body, idempotency_key)


def estimate_identity(provider: str) -> Steps[Estimate]:
    """Return the cost of creating an identity; free."""
    return post("/v1/identities/estimate", Estimate, {"name": "Estimate", "provider": provider})


def list_identities(
    *, status: str | None = None, provider: str | None = None, since: datetime | None = None
) -> Entries[IdentitySummary]:
    """The identities, newest first, all or those that are so; pages are asked for as they are needed.

    ``since`` is an aware time: only what was created then or later.
    """
    return pages("/v1/identities", "identities", IdentitySummary, _filters(status, provider, since))


def get_identity(identity_id: str) -> Steps[Identity]:
    """An identity as it is now."""
    return get(at("identities", identity_id), Identity)


def cancel_identity(identity_id: str) -> Steps[Identity]:
    """Give a training up; an identity that is ready or failed stays as it is."""
    return post(at("identities", identity_id, "cancel"), Identity)


def rename_identity(identity_id: str, name: str) -> Steps[Identity]:
    """Have prompts name the character so from now on."""
    return change(at("identities", identity_id), Identity, {"name": name})


def erase_identity(identity_id: str) -> Steps[ErasureReceipt]:
    """Erase an identity and all that was made of it; the receipt says what remains."""
    return delete(at("identities", identity_id), ErasureReceipt)


def generate(
    identity_id: str,
    prompt: str,
    *,
    idempotency_key: str | None = None,
    **options: Unpack[GenerationOptions],
) -> Steps[Generation]:
    """Order pictures of an identity."""
    path = at("identities", identity_id, "generations")
    return order(path, Generation, _drawn(prompt, options), idempotency_key)


def estimate_generation(
    identity_id: str, prompt: str, **options: Unpack[GenerationOptions]
) -> Steps[Estimate]:
    """Return the cost of images of an identity; free."""
    path = at("identities", identity_id, "generations", "estimate")
    return post(path, Estimate, _drawn(prompt, options))


def list_generations(
    identity_id: str,
    *,
    status: str | None = None,
    provider: str | None = None,
    since: datetime | None = None,
) -> Entries[GenerationSummary]:
    """The generations of an identity, newest first; as ``list_identities``."""
    path = at("identities", identity_id, "generations")
    return pages(path, "generations", GenerationSummary, _filters(status, provider, since))


def get_generation(generation_id: str) -> Steps[Generation]:
    """A generation as it is now."""
    return get(at("generations", generation_id), Generation)


def erase_generation(generation_id: str) -> Steps[ErasureReceipt]:
    """Erase a generation with its pictures and scores; the receipt says what remains."""
    return delete(at("generations", generation_id), ErasureReceipt)


def usage(month: str | None = None) -> Steps[Usage]:
    """Return the budget of a month, as in ``2026-11``, by default of the present one."""
    return get("/v1/usage", Usage, month=month)


def compare(
    images: Sequence[StoredPicture],
    *,
    identity_id: str | None = None,
    references: Sequence[StoredPicture] | None = None,
    class_name: str | None = None,
) -> Steps[Comparison]:
    """Score pictures against an identity or against references; free, and nothing is stored."""
    body = {
        "images": _stored(images),
        "characterId": identity_id,
        "references": None if references is None else _stored(references),
        "className": class_name,
    }
    return post("/v1/scores", Comparison, body)


def create_webhook(url: str, *, types: Sequence[str] | None = None) -> Steps[NewWebhook]:
    """Have events, of all types or of some, posted to an https address; the secret is shown this once."""
    return post_once("/v1/webhooks", NewWebhook, {"url": url, "types": [*types] if types else None})


def update_webhook(
    endpoint_id: str, *, types: Sequence[str] | None = None, disabled: bool | None = None
) -> Steps[Webhook]:
    """Choose which types of events are posted there (an empty list: all), and whether any are."""
    body: dict[str, Any] = {} if types is None else {"types": [*types] or None}
    if disabled is not None:
        body["disabled"] = disabled
    return change(at("webhooks", endpoint_id), Webhook, body)


def test_webhook(endpoint_id: str) -> Steps[Event]:
    """Have a test event posted to an address; the event's deliveries say what came of it."""
    return post(at("webhooks", endpoint_id, "test"), Event)


def rotate_webhook_secret(endpoint_id: str) -> Steps[NewWebhook]:
    """Replace a secret; for a day what is posted is signed by the one before, too."""
    return post_once(at("webhooks", endpoint_id, "rotate-secret"), NewWebhook, {})


def list_webhook_deliveries(endpoint_id: str, *, type: str | None = None) -> Entries[Attempt]:
    """Return what was posted to an address in the last week, newest first."""
    return pages(at("webhooks", endpoint_id, "deliveries"), "deliveries", Attempt, {"type": type})


def list_webhooks() -> Entries[Webhook]:
    """The registered webhooks, newest first."""
    return pages("/v1/webhooks", "webhooks", Webhook, {})


def delete_webhook(endpoint_id: str) -> Steps[None]:
    """Post no more events to an address."""
    return delete(at("webhooks", endpoint_id), None)


def get_event(event_id: str) -> Steps[Event]:
    """An event, and how far telling it is."""
    return get(at("events", event_id), Event)


def replay_event(event_id: str, *, endpoint_id: str | None = None) -> Steps[Event]:
    """Have an event posted again, to all webhooks that want it or to one."""
    to_one = f"?endpointId={quote(endpoint_id, safe='')}" if endpoint_id else ""
    return post(f"{at('events', event_id, 'replay')}{to_one}", Event)


def call(
    method: str,
    path: str,
    *,
    body: Any = None,
    query: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Steps[Any]:
    """Call any route, such as one without a method here; what its JSON says, or else its text.

    ``path`` begins with ``/``, as in ``/v1/identities``. A POST is repeated only with a key.

    Raises:
        ValueError: it is no path.
    """
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is no path of the API: it begins with /.")
    headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
    request = Send(method=method, url=path, json=body, query=query or {}, headers=headers)
    answer = yield from repeated(request, may_repeat=method != "POST" or idempotency_key is not None)
    is_json = "json" in answer.headers.get("Content-Type", "")
    return read(Any, answer) if is_json else answer.text


def _filters(status: str | None, provider: str | None, since: datetime | None) -> dict[str, str | None]:
    return {"status": status, "provider": provider, "since": since.isoformat() if since else None}


def _drawn(prompt: str, options: GenerationOptions) -> dict[str, Any]:
    return {"prompt": prompt, **{to_camel(name): value for name, value in options.items()}}


def _stored(pictures: Sequence[StoredPicture]) -> list[str | dict[str, str | int]]:
    return [
        each if isinstance(each, str) else {"generationId": each[0], "imageNumber": each[1]}
        for each in pictures
    ]

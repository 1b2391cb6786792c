"""Whatever our API lets through, what reaches a provider keeps the provider's contract."""

import io
import re
import zipfile
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from character_identity.api.schemas import Name
from character_identity.domain.errors import ProviderRejected
from character_identity.domain.identity import Identity
from character_identity.domain.prose import prose
from character_identity.ports.providers import GenerationOrder, ReferenceImage, TrainingOrder
from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.fal.flux_lora import FluxLoraImages
from character_identity.providers.fal.instant_character import InstantImages
from tests.contracts.fault_injection import REQUEST, FaultyTransport, signed
from tests.contracts.strategies import identities, references, requests
from tests.corpora.texts import command_in
from tests.providers.contracts import astria_schema, input_schema
from tests.support.builders import an_identity

FORMS = {
    **{
        name: Draft202012Validator(input_schema(f"fal-ai/{name}"))
        for name in ("instant-character", "flux-lora", "flux-lora-fast-training")
    },
    **{name: Draft202012Validator(astria_schema(name)) for name in ("tune", "prompt")},
}
TRANSPORTS = {
    can_fetch_our_urls: FaultyTransport(can_fetch_our_urls=can_fetch_our_urls)
    for can_fetch_our_urls in (True, False)
}
WEIGHTS_LINK = signed("weights/i1/lora.safetensors")

bounded = settings(max_examples=100, derandomize=True, database=None, deadline=None)


def faulty_transport(can_fetch_our_urls: bool = True) -> FaultyTransport:
    """A transport on which nothing was sent yet; kept, since making one takes longer than using it."""
    TRANSPORTS[can_fetch_our_urls].sent.clear()
    return TRANSPORTS[can_fetch_our_urls]


def in_form(name: str, body: Any) -> None:
    FORMS[name].validate(body)


@bounded
@given(st.data())
def test_instant_character_is_asked_for_one_image(data: st.DataObject) -> None:
    identity = data.draw(identities("fal-instant"))
    request = data.draw(requests(identity.name, InstantImages.max_images))
    images = data.draw(references())
    url = (fal := faulty_transport()).instant.images.prepare(images)
    fal.instant.images.submit(GenerationOrder(identity, request, reference_url=url))
    assert [position for position, _ in fal.sent] == ["initiate", "upload", "submit"]
    body = fal.body("submit")
    in_form("instant-character", body)
    assert body["seed"] == request.seed
    assert not command_in(body["prompt"])
    assert body["prompt"] == request.prompt or prose(request.prompt).warnings
    assert body["image_url"] == "https://v3.fal.media/f"
    assert body.get("negative_prompt") == (prose(request.negative_prompt or "").text or None)


@bounded
@given(st.data())
def test_flux_lora_is_asked_with_weights_and_trigger_word(data: st.DataObject) -> None:
    identity = data.draw(identities("fal-lora"))
    request = data.draw(requests(identity.name, FluxLoraImages.max_images))
    order = GenerationOrder(identity, request, WEIGHTS_LINK)
    plan = (fal := faulty_transport()).lora.images.plan(identity, request)
    fal.lora.images.submit(order)
    body = fal.body("submit")
    in_form("flux-lora", body)
    assert identity.trigger_word and identity.trigger_word in body["prompt"]
    assert body["prompt"] == plan.prompt
    assert body["loras"] == [{"path": WEIGHTS_LINK, "scale": 1}]
    assert "negative_prompt" not in body
    assert bool(request.negative_prompt) == any("negativePrompt" in warning for warning in plan.warnings)


@bounded
@given(st.data())
def test_a_lora_is_trained_on_one_archive_with_its_trigger_word(data: st.DataObject) -> None:
    identity = data.draw(identities("fal-lora"))
    images, steps = data.draw(references()), data.draw(st.integers(1, 10_000))
    archive_url = (fal := faulty_transport()).lora.training.prepare(images)
    (uploaded,) = [request.content for position, request in fal.sent if position == "upload"]
    assert _unpacked(uploaded) == {image.name: image.read() for image in images}
    fal.lora.training.submit(a_training(identity, images, steps, archive_url))
    body = fal.body("submit")
    in_form("flux-lora-fast-training", body)
    assert body == {
        "images_data_url": "https://v3.fal.media/f",
        "data_archive_format": "zip",
        "trigger_word": identity.trigger_word,
        "steps": steps,
    }


@bounded
@given(st.data())
def test_a_tune_is_a_flux_lora_of_a_class_with_links(data: st.DataObject) -> None:
    identity = data.draw(identities("astria"))
    images = data.draw(references())
    (astria := faulty_transport()).astria.training.submit(a_training(identity, images, 1000))
    body = astria.body("create tune")
    in_form("tune", body)
    tune = body["tune"]
    assert (tune["name"], tune["base_tune_id"], tune["token"]) == (identity.class_name, 1504944, "ohwx")
    assert not command_in(tune["title"])
    assert tune["image_urls"] == [image.link() for image in images]
    assert all(link.isascii() and " " not in link for link in tune["image_urls"])
    assert identity.identity_id in tune["title"]
    assert "branch" not in tune


@bounded
@given(st.data())
def test_a_tune_by_upload_says_the_same(data: st.DataObject) -> None:
    identity = data.draw(identities("astria"))
    images = data.draw(references())
    order = a_training(identity, images, 1000)
    (astria := faulty_transport()).astria.training.submit(order)
    linked = astria.body("create tune")["tune"]
    (uploading := faulty_transport(can_fetch_our_urls=False)).astria.training.submit(order)
    ((_, request),) = uploading.sent
    parts = _parts(request.headers["Content-Type"], request.content)
    assert [value for name, value in parts if name == "tune[images][]"] == [p.read() for p in images]
    del linked["image_urls"]
    assert {name: value.decode() for name, value in parts if name != "tune[images][]"} == {
        f"tune[{name}]": str(value) for name, value in linked.items()
    }


@bounded
@given(st.data())
def test_a_prompt_calls_its_own_tune_and_no_other(data: st.DataObject) -> None:
    identity = data.draw(identities("astria"))
    request = data.draw(requests(identity.name, AstriaImages.max_images))
    order = GenerationOrder(identity, request)
    plan = (astria := faulty_transport()).astria.images.plan(identity, request)
    astria.astria.images.submit(order)
    ((_, sent),) = astria.sent
    body = astria.body("create prompt")
    in_form("prompt", body)
    prompt = body["prompt"]
    tag = f"<lora:{identity.provider_model_id}:1>"
    assert sent.url.path == "/tunes/1504944/prompts"
    assert prompt["text"].startswith(f"{tag} ")
    assert f"ohwx {identity.class_name}" in prompt["text"]
    assert prose(prompt["text"].removeprefix(tag)).warnings == []
    assert {*prose(request.prompt).warnings} <= {*plan.warnings}
    assert prompt.get("cfg_scale", 0) < 5
    assert "negative_prompt" not in prompt
    assert {"w", "h"} <= prompt.keys() or prompt["aspect_ratio"] == request.aspect_ratio


def test_a_tag_cannot_be_hidden_in_another() -> None:
    request = REQUEST.model_copy(update={"prompt": "<lo<lora:1:1>ra:2:1> < LoRA:3:1> <lora:4"})
    text = (
        faulty_transport()
        .astria.images.plan(an_identity(provider="astria", provider_model_id="7"), request)
        .body["text"]
    )
    assert re.findall(r"<[^<>]*>", text) == ["<lora:7:1>"]


@pytest.mark.parametrize(("name", "prompt"), [("Al", "ALWAYS by the sea"), ("Sarah", "two SARAHS at home")])
def test_the_trigger_word_stands_by_itself(name: str, prompt: str) -> None:
    identity = an_identity(name=name)
    plan = faulty_transport().lora.images.plan(identity, REQUEST.model_copy(update={"prompt": prompt}))
    assert identity.trigger_word in plan.prompt.replace(",", " ").split()


def test_no_name_leaves_the_trigger_word_empty() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python("\x1c")


@pytest.mark.parametrize("provider", ["lora", "astria"])
def test_nobody_is_generated_without_what_was_trained(provider: str) -> None:
    untrained = an_identity(weights=None, provider_model_id=None)
    order = GenerationOrder(untrained, REQUEST, WEIGHTS_LINK)
    with pytest.raises(ProviderRejected):
        getattr(quiet := faulty_transport(), provider).images.submit(order)
    assert quiet.sent == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("instant-character", {"prompt": "x", "image_url": "u", "image_size": "1:1"}),
        ("instant-character", {"prompt": "x", "image_url": "u", "reference_images": []}),
        ("flux-lora", {"prompt": "x", "negative_prompt": "y"}),
        ("flux-lora", {"prompt": "x", "loras": [{"path": "u", "weight": 1}]}),
        ("flux-lora-fast-training", {"images_data_url": ["u"]}),
        ("tune", {"tune": {"title": "t", "name": "a_b", "image_urls": ["u"]}}),
        ("tune", {"tune": {"title": "t", "name": "a", "image_urls": ["u"], "images": []}}),
        ("prompt", {"prompt": {"text": "x", "guidance_scale": 3}}),
    ],
)
def test_the_forms_are_closed(name: str, body: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        in_form(name, body)


def a_training(
    identity: Identity, images: list[ReferenceImage], steps: int, archive_url: str | None = None
) -> TrainingOrder:
    """The order as the training service writes it."""
    return TrainingOrder(
        title=f"{identity.name} [{identity.identity_id}]",
        class_name=identity.class_name,
        trigger_word=identity.trigger_word,
        references=images,
        steps=steps,
        archive_url=archive_url,
    )


def _unpacked(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        return {name: files.read(name) for name in files.namelist()}


def _parts(content_type: str, content: bytes) -> list[tuple[str, bytes]]:
    """Names and values of a multipart form."""
    boundary = content_type.partition("boundary=")[2].encode()
    chunks = [chunk.partition(b"\r\n\r\n") for chunk in content.split(b"--" + boundary)[1:-1]]
    return [
        (head.partition(b'name="')[2].partition(b'"')[0].decode(), value.removesuffix(b"\r\n"))
        for head, _, value in chunks
    ]

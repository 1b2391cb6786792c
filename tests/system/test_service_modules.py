"""The first front end's service modules, unmodified, against the running system; and ours in Python."""

import re
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from character_identity_client import CharacterGenerationParams, ProxySession, astria, configure, fal_lora
from character_identity_client.astria import create_astria_character_identity, generate_with_astria
from character_identity_client.fal_instant_character import (
    create_instant_character_identity,
    generate_with_instant_character,
)
from character_identity_client.fal_lora import create_flux_lora_character_identity, generate_with_flux_lora
from tests.system.conftest import TRAINING_S, Running
from tests.typescript.front_end import FrontEnd, bundled
from tests.typescript.shelf import shelf

pytestmark = pytest.mark.processes

INSTANT, TRAINING, LORA = "fal-ai/instant-character", "fal-ai/flux-lora-fast-training", "fal-ai/flux-lora"
TUNES, PROMPTS = "tunes", "tunes/1504944/prompts"
ORDERS = {"fal-instant": (None, INSTANT), "fal-lora": (TRAINING, LORA), "astria": (TUNES, PROMPTS)}
SENT = {"fal-instant": None, "fal-lora": fal_lora.FEWEST_REFERENCES, "astria": astria.FEWEST_REFERENCES}
"""References: all where the first is drawn from; each that a training takes costs computing."""
SHAPES = {"1:1": 1, "16:9": 16 / 9, "9:16": 9 / 16, "4:3": 4 / 3, "3:4": 3 / 4}
ENDLESS_S = 3600.0
SCENARIOS = (
    "Close-up portrait of Sarah, soft studio lighting, neutral expression",
    "Wide shot of Sarah standing in urban environment, natural daylight, golden hour",
    "Profile view of Sarah, side angle, cinematic film noir style, black and white",
    "Sarah in dark warehouse, low-key lighting, Rembrandt lighting",
    "Sarah running through corridor, motion blur, dynamic pose",
)

Call = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _unscored(running_system: Running) -> Iterator[None]:
    """The first front end knows of no scores."""
    with running_system.unscored():
        yield


@pytest.fixture(scope="module")
def bundle() -> Path:
    return bundled()


@pytest.fixture(scope="module")
def images_url(running_system: Running) -> Iterator[str]:
    """The front end's own server, with reference images on it."""
    with shelf(running_system.people["Eileen"][0].parent) as url:
        yield url


@pytest.fixture
def references(running_system: Running, images_url: str) -> list[str]:
    return [f"{images_url}/{path.name}" for path in running_system.people["Eileen"]]


@pytest.fixture
def front_end(running_system: Running, bundle: Path, request: pytest.FixtureRequest) -> FrontEnd:
    """A front end of a user who has nothing yet."""
    system = running_system.system
    return FrontEnd(bundle, system.api_url, system.token_for(request.node.name))


@pytest.fixture
def paid(running_system: Running) -> Callable[[str | None], list[Call]]:
    """The billable calls of an endpoint that this test made."""

    def calls() -> list[Call]:
        ledger = running_system.providers.get("/control/ledger").raise_for_status().json()
        found: list[Call] = ledger["calls"]
        return found

    before = len(calls())
    return lambda endpoint: [call for call in calls()[before:] if call["endpoint"] == endpoint]


@pytest.fixture
def endless_training(running_system: Running) -> Iterator[Callable[[], None]]:
    """Trainings take longer than any front end waits, until what this gives is called."""
    providers = running_system.providers
    providers.post("/control/settings", json={"training_s": ENDLESS_S}).raise_for_status()

    def finish() -> None:
        providers.post("/control/finish").raise_for_status()

    yield finish
    providers.post("/control/settings", json={"training_s": TRAINING_S}).raise_for_status()


def shape_of(url: str) -> float:
    """Width by height of the picture behind a link."""
    with Image.open(BytesIO(httpx.get(url).raise_for_status().content)) as image:
        image.load()
        return image.width / image.height


@pytest.mark.parametrize("provider", ORDERS)
def test_the_front_end_gets_its_images(
    running_system: Running,
    front_end: FrontEnd,
    references: list[str],
    paid: Callable[[str | None], list[Call]],
    provider: str,
) -> None:
    images = [
        {"prompt": prompt, "negativePrompt": "blurry", "aspectRatio": ratio, "seed": seed}
        for seed, (ratio, prompt) in enumerate(zip(SHAPES, SCENARIOS, strict=True), start=1)
    ]
    order = {
        "provider": provider,
        "name": "Sarah",
        "references": references[: SENT[provider]],
        "pictures": images,
    }
    outcome = front_end.run(order)

    assert outcome.get("failure") is None
    assert [result["aspectRatio"] for result in outcome["results"]] == list(SHAPES)
    assert all(numbers[-1] == 100 for numbers in outcome["progress"])
    shapes = [shape_of(result["imageUrl"]) for result in outcome["results"]]
    expected = [1] * 5 if provider == "astria" else list(SHAPES.values())  # Astria's is never given a shape
    assert shapes == pytest.approx(expected, rel=0.02)
    # The LoRA module cannot tell by the character's id.
    assert outcome["ready"] is (provider != "fal-lora")

    training, generating = ORDERS[provider]
    trainings, generations = paid(training), paid(generating)
    assert (len(trainings), len(generations)) == (0 if training is None else 1, 5)
    assert all(call["cost_usd"] > 0 for call in trainings + generations)  # a refused order costs nothing
    assert [call["input"]["seed"] for call in generations] == [1, 2, 3, 4, 5]
    assert running_system.providers.get("/control/settings").json()["strict"]
    for call in generations:
        assert shows_the_character(call, trainings)


def shows_the_character(generating: Call, trainings: list[Call]) -> bool:
    """Return True if an order calls the character by what the provider knows it by."""
    fields = generating["input"]
    if generating["endpoint"] == INSTANT:
        return "Sarah" in fields["prompt"] and bool(fields["image_url"])
    (training,) = trainings
    if generating["endpoint"] == LORA:
        trigger_word = training["input"]["trigger_word"]
        called = re.search(rf"\b{re.escape(trigger_word)}\b", fields["prompt"])
        return trigger_word.startswith("SARAH_") and called is not None and len(fields["loras"]) == 1
    phrase = f"ohwx {training['input']['name']}"
    return phrase in fields["text"] and f"<lora:{training['request_id']}:1>" in fields["text"]


def test_weights_that_the_front_end_copied_are_known_again(
    front_end: FrontEnd,
    references: list[str],
    paid: Callable[[str | None], list[Call]],
    tmp_path: Path,
) -> None:
    order = {
        "provider": "fal-lora",
        "name": "Sarah",
        "references": references[: SENT["fal-lora"]],
        "pictures": [{"prompt": SCENARIOS[0], "seed": 1}],
        "context": {"projectId": "project", "userId": "user"},
    }
    with shelf(tmp_path) as media_url:
        own = FrontEnd(front_end.bundle, front_end.api_url, front_end.token, media_url)
        outcome = own.run(order)
        assert outcome.get("failure") is None
        assert outcome["identity"]["modelStorageUrl"].startswith(media_url)
        assert len(list(tmp_path.glob("*.safetensors"))) == 1
    (ordered,) = paid(LORA)
    assert shows_the_character(ordered, paid(TRAINING))


@pytest.mark.parametrize(
    ("provider", "polls", "sentence"),
    [
        (
            "fal-lora",
            60,
            "Flux LoRA training failed: LoRA training timed out or returned no model URL.",
        ),
        ("astria", 120, "Astria fine-tuning failed: Astria training timed out."),
    ],
    ids=["fal-lora", "astria"],
)
def test_a_training_that_was_given_up_is_found_again_and_was_paid_once(
    front_end: FrontEnd,
    references: list[str],
    paid: Callable[[str | None], list[Call]],
    endless_training: Callable[[], None],
    provider: str,
    polls: int,
    sentence: str,
) -> None:
    order = {
        "provider": provider,
        "name": "Sarah",
        "references": references[: SENT[provider]],
        "pictures": [],
    }
    given_up = front_end.run(order | {"longestHold": 0})
    assert given_up["failure"] == sentence
    (progress,) = given_up["progress"]
    assert len([number for number in progress if 30 < number < 100]) == polls

    endless_training()
    found = front_end.run(order | {"pictures": [{"prompt": SCENARIOS[0]}]})
    assert found.get("failure") is None
    assert shape_of(found["results"][0]["imageUrl"]) == 1
    assert len(paid(ORDERS[provider][0])) == 1


@pytest.fixture
def python(running_system: Running, request: pytest.FixtureRequest) -> Iterator[None]:
    """The service modules in Python, for a user who has nothing yet."""
    system = running_system.system
    token = system.token_for(request.node.name)
    with ProxySession(system.api_url, token, sleep=lambda seconds: time.sleep(seconds / 1000)) as session:
        configure(session)
        yield
    configure(None)


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("provider", ORDERS)
def test_our_modules_in_python_get_their_images(
    references: list[str], paid: Callable[[str | None], list[Call]], provider: str
) -> None:
    create, generate = {
        "fal-instant": (create_instant_character_identity, generate_with_instant_character),
        "fal-lora": (create_flux_lora_character_identity, generate_with_flux_lora),
        "astria": (create_astria_character_identity, generate_with_astria),
    }[provider]
    identity = create("Sarah", references[: SENT[provider]])
    params = CharacterGenerationParams(
        character_id=identity.character_id, prompt=SCENARIOS[0], aspect_ratio="4:3"
    )
    result = generate(params, identity)
    assert shape_of(result.image_url) == pytest.approx(1 if provider == "astria" else 4 / 3, rel=0.02)
    training, generating = ORDERS[provider]
    (ordered,) = paid(generating)
    assert shows_the_character(ordered, paid(training))

"""The interfaces: the front end's JSON in, the same JSON out."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from character_identity_client import (
    AnalyzedCharacter,
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityConfig,
    CharacterIdentityResult,
)

IDENTITY: dict[str, Any] = {
    "characterId": "lora-char-1-a",
    "provider": "fal-lora",
    "modelUrl": "https://v3.fal.media/w.safetensors",
    "modelStorageUrl": "https://storage.test/w.safetensors",
    "referenceUrls": ["https://pictures.test/1.jpg"],
    "status": "ready",
    "metadata": {
        "trainingTime": 1200.0,
        "modelSize": 9e7,
        "cost": 2.0,
        "clipSimilarity": 0.9,
        "createdAt": "2026-01-02T03:04:05Z",
    },
}
GENERATION: dict[str, Any] = {
    "imageUrl": "https://pictures.test/g.jpg",
    "aspectRatio": "16:9",
    "clipSimilarity": 0.8,
    "metadata": {
        "promptUsed": "Sarah",
        "provider": "astria",
        "inferenceTime": 12.0,
        "cost": 0.1,
        "generatedAt": "2026-01-02T03:04:05Z",
    },
}
PARAMS: dict[str, Any] = {
    "characterId": "c",
    "prompt": "Sarah",
    "negativePrompt": "blurry",
    "width": 1024,
    "height": 768,
    "aspectRatio": "4:3",
    "guidanceScale": 3.5,
    "numInferenceSteps": 28,
    "seed": 7,
}
CHARACTER: dict[str, Any] = {
    "id": "1",
    "name": "Sarah",
    "description": "The lead",
    "imageUrl": "https://pictures.test/s.jpg",
    "generations": [{"id": "g", "url": "https://pictures.test/g.jpg"}],
    "refinedGenerationUrls": ["https://pictures.test/r.jpg"],
    "upscaledImageUrl": "https://pictures.test/u.jpg",
}
CONFIG: dict[str, Any] = {
    "apiKey": "very-secret",
    "provider": "astria",
    "modelId": "m",
    "customParams": {"steps": 1},
}


@pytest.mark.parametrize(
    ("interface", "body"),
    [
        (CharacterIdentityConfig, CONFIG),
        (CharacterIdentityResult, IDENTITY),
        (CharacterGenerationParams, PARAMS),
        (CharacterGenerationResult, GENERATION),
        (AnalyzedCharacter, CHARACTER),
        (AnalyzedCharacter, CHARACTER | {"characterIdentity": IDENTITY}),
        (AnalyzedCharacter, CHARACTER | {"voice": "alto"}),
    ],
)
def test_json_comes_back_as_it_was(interface: type[BaseModel], body: dict[str, Any]) -> None:
    read = interface.model_validate(body)
    assert json.loads(read.model_dump_json(by_alias=True, exclude_none=True)) == body


@pytest.mark.parametrize(
    ("interface", "body"),
    [
        (CharacterIdentityResult, IDENTITY | {"provider": "another"}),
        (CharacterIdentityResult, IDENTITY | {"status": "soon"}),
        (CharacterIdentityResult, IDENTITY | {"metadata": {}}),
        (CharacterGenerationParams, PARAMS | {"aspectRatio": "2:1"}),
        (AnalyzedCharacter, CHARACTER | {"characterIdentity": {}}),
    ],
)
def test_what_an_interface_does_not_allow_is_refused(
    interface: type[BaseModel], body: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        interface.model_validate(body)


def test_a_character_without_an_identity_is_complete() -> None:
    read = AnalyzedCharacter.model_validate({"id": "1", "name": "Sarah", "description": "", "imageUrl": None})
    assert read.character_identity is None


def test_a_key_is_not_shown() -> None:
    assert "very-secret" not in repr(CharacterIdentityConfig.model_validate(CONFIG))

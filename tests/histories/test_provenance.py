"""However a picture comes to be stored, its file says that a model made it, signed where there is a key."""

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from character_identity.aws.generation_table import GenerationTable
from character_identity.domain.generation import Generation
from character_identity.domain.identity import ProviderName
from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, MODELS
from character_identity.provenance import c2pa_signer
from character_identity.provenance.c2pa_signer import GENERATION
from scripts.signing_chain import self_made
from tests.support.builders import NOON
from tests.support.in_process.harness import SIGNING, Harness, harness
from tests.support.manifests import read

REFERENCES: dict[ProviderName, int] = {"fal-instant": 1, "fal-lora": 5, "astria": 4}


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as ready:
        ready.change(PROVENANCE_SECRET_NAME="provenance")
        yield ready


def _ordered(inside: Harness, provider: ProviderName = "fal-instant", fault: str = "") -> str:
    """The id of a generation; its order at the provider may have a fault."""
    references = inside.uploads(REFERENCES[provider])
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": references}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    inside.run()
    if fault:
        inside.simulator.arm("astria.create_prompt" if provider == "astria" else "fal.submit", fault)
    path, wanted = f"/v1/identities/{identity_id}/generations", {"prompt": "Sarah runs", "numImages": 2}
    return str(inside.call("create_generation", "POST", path, wanted).body["generationId"])


def _shown(inside: Harness, generation_id: str) -> dict[str, Any]:
    body: dict[str, Any] = inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body
    return body


def _kept(inside: Harness, generation_id: str) -> Generation:
    with inside.faulty_transport.unwatched():
        generation = inside.services("get_generation").generation_table.get(generation_id)
    assert isinstance(generation, Generation)
    return generation


def _stored(inside: Harness, generation_id: str) -> list[bytes]:
    """The pictures of a generation, each of which is what its row says."""
    found = []
    for image in _kept(inside, generation_id).images:
        with inside.faulty_transport.unwatched():
            content = boto3.client("s3").get_object(Bucket="media", Key=image.key)["Body"].read()
        assert hashlib.sha256(content).hexdigest() == image.sha256
        found.append(content)
    return found


def _check_signed(inside: Harness, generation_id: str, provider: ProviderName = "fal-instant") -> None:
    kept = _kept(inside, generation_id)
    contents = _stored(inside, generation_id)
    assert len(contents) == 2
    for image, content in zip(kept.images, contents, strict=True):
        manifest = read(content, image.content_type or "", SIGNING)
        assert manifest.state == "Trusted"
        assert manifest.assertion("c2pa.actions.v2")["actions"][0]["digitalSourceType"] == DIGITAL_SOURCE_TYPE
        assert manifest.assertion(GENERATION) == {
            "generationId": generation_id,
            "image": image.index,
            "provider": provider,
            "model": MODELS[provider],
            "simulated": True,
        }


@pytest.mark.parametrize("provider", REFERENCES)
def test_every_picture_of_every_provider_is_signed(inside: Harness, provider: ProviderName) -> None:
    generation_id = _ordered(inside, provider)
    inside.run()
    body = _shown(inside, generation_id)
    assert [(image["outcome"], image["aiGenerated"]) for image in body["images"]] == [("succeeded", True)] * 2
    identity = inside.call("get_identity", "GET", f"/v1/identities/{body['characterId']}").body
    assert all(each["simulated"] for each in (identity, body, *body["images"])), "a stand-in made them"
    _check_signed(inside, generation_id, provider)


@pytest.mark.parametrize("provider", REFERENCES)
def test_pictures_that_come_in_the_answer_itself_are_signed(inside: Harness, provider: ProviderName) -> None:
    generation_id = _ordered(inside, provider, fault="inline")
    inside.run()
    _check_signed(inside, generation_id, provider)


def test_pictures_that_were_parked_are_signed_when_they_are_fetched(inside: Harness) -> None:
    inside.change(MEDIA_HOSTS="elsewhere.test")
    generation_id = _ordered(inside)
    inside.let_pass(400)
    assert [image["outcome"] for image in _shown(inside, generation_id)["images"]] == ["parked"] * 2
    inside.change(MEDIA_HOSTS="media.localhost")
    inside.run()
    _check_signed(inside, generation_id)


def test_pictures_that_are_stored_twice_are_signed_and_in_the_row_both_times(
    inside: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stored them the first time died before it could write the row."""
    lost: list[Generation] = []

    def dies(self: GenerationTable, generation: Generation, fields: set[str]) -> bool:
        if "images" in fields and generation.images and not lost:
            lost.append(generation)
            raise ConnectionError("the table does not answer")
        return bool(save(self, generation, fields))

    save = GenerationTable.save
    monkeypatch.setattr(GenerationTable, "save", dies)
    generation_id = _ordered(inside)
    inside.run()
    assert [image.outcome for image in lost[0].images] == ["succeeded"] * 2
    _check_signed(inside, generation_id)


@pytest.mark.parametrize(
    ("secret", "alarms"),
    [
        ("not configured", 0),
        ("a password", 2),
        (self_made(NOON - timedelta(days=1000)), 2),
    ],
    ids=["none", "no key", "expired"],
)
def test_without_a_key_that_signs_pictures_are_stored_and_marked(
    inside: Harness, capsys: pytest.CaptureFixture[str], secret: str, alarms: int
) -> None:
    with inside.faulty_transport.unwatched():
        boto3.client("secretsmanager").put_secret_value(SecretId="provenance", SecretString=secret)
    generation_id = _ordered(inside)
    inside.run()
    assert _shown(inside, generation_id)["status"] == "succeeded"
    for content in _stored(inside, generation_id):
        assert DIGITAL_SOURCE_TYPE.encode() in content
        assert b"c2pa" not in content
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "UnsignedPictures" in line]
    assert len(lines) == alarms


@pytest.mark.parametrize("way", ["copied", "inline", "parked"])
def test_a_signer_that_fails_loses_no_picture_whatever_way_it_came(
    inside: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    def fails(*_: object) -> bytes:
        raise RuntimeError("the library has a bug")

    monkeypatch.setattr(c2pa_signer, "_signed", fails)
    if way == "parked":
        inside.change(MEDIA_HOSTS="elsewhere.test")
    generation_id = _ordered(inside, fault="inline" if way == "inline" else "")
    inside.let_pass(400)
    inside.change(MEDIA_HOSTS="media.localhost")
    inside.run()
    assert _shown(inside, generation_id)["status"] == "succeeded"
    assert [DIGITAL_SOURCE_TYPE.encode() in content for content in _stored(inside, generation_id)] == [
        True
    ] * 2
    counted = [line for line in capsys.readouterr().out.splitlines() if "UnsignedPictures" in line]
    assert len(counted) == 2, "for the alarm"


def test_a_key_that_is_put_in_later_signs_what_comes_then(inside: Harness) -> None:
    with inside.faulty_transport.unwatched():
        boto3.client("secretsmanager").put_secret_value(SecretId="provenance", SecretString="not configured")
    _ordered(inside)
    inside.run()
    with inside.faulty_transport.unwatched():
        boto3.client("secretsmanager").put_secret_value(SecretId="provenance", SecretString=SIGNING)
    generation_id = _ordered(inside)
    inside.run()
    _check_signed(inside, generation_id)

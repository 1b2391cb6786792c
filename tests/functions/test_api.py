"""The API's handlers: real events in, answers out, moto behind."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.models import StepFunctionBackend

from character_identity import wiring
from character_identity.domain.face import Box
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.identity import Identity
from character_identity.domain.near_copy import NearCopy
from character_identity.domain.score import Calibration, FaceIdentity, Likeness, NotScored
from character_identity.domain.view import EncoderVersion
from character_identity.observability import ORIGIN, keys_of
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_request,
    a_score,
    a_training_identity,
    an_identity,
    different_images,
    some_weights,
)
from tests.support.handlers import Api, run_task
from tests.support.memory_secrets import Secrets
from tests.support.memory_tables import Tables
from tests.support.refusal import Refusal


def identity_body(api: Api, count: int = 5, **changes: Any) -> dict[str, Any]:
    references = [api.uploaded(image) for image in different_images(count)]
    return {
        "name": "Sarah",
        "provider": "fal-lora",
        "references": references,
        "className": "woman",
        **changes,
    }


def accept_generation(**changes: Any) -> None:
    """Store an order for pictures of an identity that is ready."""
    generation = a_generation(**changes)
    services = wiring.services()
    services.identity_table.add(an_identity(identity_id=generation.identity_id))
    services.generation_table.add(generation, a_generation_job(), 10_000_000, NO_LIMIT)


def executions(name: str) -> list[str]:
    client = boto3.client("stepfunctions")
    arn = next(
        m["stateMachineArn"] for m in client.list_state_machines()["stateMachines"] if m["name"] == name
    )
    return [execution["name"] for execution in client.list_executions(stateMachineArn=arn)["executions"]]


def test_a_training_identity_is_accepted_and_started(api: Api) -> None:
    answer = api("create_identity", "POST", "/v1/identities", identity_body(api))
    assert answer.status == 202
    identity_id = answer.body["characterId"]
    assert answer.headers["Location"] == f"/v1/identities/{identity_id}"
    assert executions("TRAIN_IDENTITY") == [identity_id]
    assert (answer.body["status"], answer.body["phase"], answer.body["progress"]) == (
        "training",
        "preparing",
        0,
    )
    assert len(answer.body["referenceUrls"]) == 5
    # Pictures of one colour are neither sharp nor a face.
    assert {finding["severity"] for finding in answer.body["findings"]} == {"warning"}
    assert answer.body["metadata"] == {
        "trainingTime": None,
        "totalTime": None,
        "modelSize": None,
        "cost": None,
        "costImplausible": False,
        "clipSimilarity": None,
        "createdAt": answer.body["metadata"]["createdAt"],
    }
    shown = api("get_identity", "GET", f"/v1/identities/{identity_id}")
    assert shown.body["characterId"] == identity_id


def test_an_order_carries_the_id_of_its_request_along(api: Api) -> None:
    answer = api("create_identity", "POST", "/v1/identities", identity_body(api))
    job = wiring.services().ledger.get(f"training-{answer.body['characterId']}")
    assert job is not None
    assert job.correlation_id == answer.headers["X-Request-Id"] != ""
    client = boto3.client("stepfunctions")
    (machine,) = [
        each for each in client.list_state_machines()["stateMachines"] if each["name"] == "TRAIN_IDENTITY"
    ]
    (run,) = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    state = json.loads(client.describe_execution(executionArn=run["executionArn"])["input"])
    assert {name: state.get(name) for name in ORIGIN} == keys_of(job)


def test_an_instant_identity_is_ready_at_once(api: Api) -> None:
    answer = api("create_identity", "POST", "/v1/identities", identity_body(api, 1, provider="fal-instant"))
    assert (answer.status, answer.body["status"]) == (201, "ready")
    assert (answer.body["metadata"]["cost"], answer.body["metadata"]["trainingTime"]) == (0, 0)
    assert executions("TRAIN_IDENTITY") == []


@pytest.mark.parametrize(
    ("identity", "expires_at"),
    [
        (an_identity(provider="astria", provider_model_id="7", settled_at=NOON), "2026-12-22T12:00:00Z"),
        (a_training_identity(provider="astria", settled_at=None), None),
        (an_identity(provider="fal-lora", weights=some_weights(), settled_at=NOON), None),
        (an_identity(provider="fal-instant", settled_at=NOON), None),
    ],
)
def test_an_identity_says_when_its_provider_deletes_the_model(
    api: Api, identity: Identity, expires_at: str | None
) -> None:
    wiring.services().identity_table.add(identity)
    (listed,) = api("list_identities", "GET", "/v1/identities").body["identities"]
    for shown in (api("get_identity", "GET", "/v1/identities/i1").body, listed):
        assert shown["modelExpiresAt"] == expires_at


def test_an_owner_lists_their_own(api: Api) -> None:
    for identity_id, owner in (("i1", "ann"), ("i2", "bob")):
        wiring.services().identity_table.add(an_identity(identity_id=identity_id, owner=owner))
    answer = api("list_identities", "GET", "/v1/identities")
    assert [identity["characterId"] for identity in answer.body["identities"]] == ["i1"]


def test_a_trained_identity_shows_its_weights(api: Api) -> None:
    wiring.services().identity_table.add(an_identity(weights=some_weights(), cost_usd=2.0))
    body = api("get_identity", "GET", "/v1/identities/i1").body
    assert body["modelUrl"] == "https://v3.fal.media/lora.safetensors"
    assert "weights/i1/lora.safetensors" in body["modelStorageUrl"]
    assert (body["metadata"]["modelSize"], body["metadata"]["cost"]) == (100, 2.0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"provider": "dall-e"}, "unknown_provider"),
        ({"provider": "fal-instant"}, "too_many_references"),
        ({"references": []}, "too_few_references"),
        ({"references": ["uploads/someone/else.jpg"] * 5}, "unknown_reference"),
        ({"references": ["http://127.0.0.1/a.jpg"] * 5}, "forbidden_url"),
        ({"references": "a.jpg"}, "invalid_body"),
        ({"name": "  "}, "invalid_body"),
        ({"name": "Sa\0rah"}, "invalid_body"),
        ({"className": "woman_1"}, "invalid_body"),
        ({"surprise": 1}, "invalid_body"),
    ],
)
def test_a_bad_identity_is_refused_before_anything_is_started(api: Api, changes: Any, code: str) -> None:
    answer = api("create_identity", "POST", "/v1/identities", identity_body(api) | changes)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert executions("TRAIN_IDENTITY") == []


def test_an_unreadable_image_is_refused(api: Api) -> None:
    body = identity_body(api)
    body["references"][3] = api.uploaded(b"not a picture")
    answer = api("create_identity", "POST", "/v1/identities", body)
    assert (answer.status, answer.body["code"]) == (400, "unreadable_image")
    assert body["references"][3] in answer.body["message"]


@pytest.mark.parametrize("text", ["{", "", "nonsense"])
def test_what_is_not_json_is_refused(api: Api, text: str) -> None:
    answer = api("create_identity", "POST", "/v1/identities", text=text)
    assert (answer.status, answer.body["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("text", ["[]", "null", "7"])
def test_json_of_another_shape_is_refused(api: Api, text: str) -> None:
    answer = api("create_generation", "POST", "/v1/identities/i1/generations", text=text)
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("name", "method", "path", "body", "code"),
    [
        ("get_identity", "GET", "/v1/identities/nobodys", None, "unknown_identity"),
        ("get_identity", "GET", "/v1/identities/bobs", None, "unknown_identity"),
        ("get_generation", "GET", "/v1/generations/nobodys", None, "unknown_generation"),
        ("create_generation", "POST", "/v1/identities/bobs/generations", {"prompt": "p"}, "unknown_identity"),
    ],
)
def test_an_unknown_id_and_another_owners_answer_alike(
    api: Api, name: str, method: str, path: str, body: Any, code: str
) -> None:
    wiring.services().identity_table.add(an_identity(identity_id="bobs", owner="bob"))
    answer = api(name, method, path, body)
    assert (answer.status, answer.body["code"]) == (404, code)


def test_a_generation_is_accepted_and_started(api: Api) -> None:
    wiring.services().identity_table.add(an_identity())
    body = {"prompt": "Sarah runs", "aspectRatio": "16:9", "seed": 5, "negativePrompt": "blurry"}
    answer = api("create_generation", "POST", "/v1/identities/i1/generations", body)
    generation_id = answer.body["generationId"]
    assert (answer.status, answer.headers["Location"]) == (202, f"/v1/generations/{generation_id}")
    assert executions("GENERATE_IMAGES") == [generation_id]
    assert answer.body["metadata"]["promptUsed"] == "SARAH_I1 runs"
    assert answer.body["warnings"] == ["negativePrompt was left out: Flux does not take one."]
    stored = wiring.services().generation_table.get(generation_id)
    assert (stored.request.seed, stored.request.aspect_ratio) == (5, "16:9")


def test_a_character_is_called_anew_and_keeps_its_trigger_word(api: Api) -> None:
    wiring.services().identity_table.add(an_identity())
    for name in ("Eve", "Eve", "Anna"):
        answer = api("rename_identity", "PATCH", "/v1/identities/i1", {"name": f" {name} "})
        assert (answer.status, answer.body["name"], answer.body["className"]) == (200, name, "woman")
    assert api("list_identities", "GET", "/v1/identities").body["identities"][0]["name"] == "Anna"
    order = {"prompt": "Anna runs"}
    drawn = api("create_generation", "POST", "/v1/identities/i1/generations", order).body
    assert drawn["metadata"]["promptUsed"] == "SARAH_I1 runs"


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "Sa\0rah"}, {"name": "Eve", "provider": "astria"}]
)
def test_a_name_that_is_none_changes_nothing(api: Api, body: Any) -> None:
    wiring.services().identity_table.add(an_identity())
    answer = api("rename_identity", "PATCH", "/v1/identities/i1", body)
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")
    assert wiring.services().identity_table.get("i1") == an_identity()


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ({"aspectRatio": "16:9"}, {"width": None, "height": None, "aspectRatio": "16:9"}),
        ({"width": 640, "height": 512}, {"width": 640, "height": 512, "aspectRatio": "5:4"}),
    ],
)
def test_an_order_is_shown_as_it_was_typed_from_the_first_moment_on(
    api: Api, size: dict[str, Any], shown: dict[str, Any]
) -> None:
    wiring.services().identity_table.add(an_identity())
    order = {"prompt": "Sarah runs --video <lora:x:1>", **size}
    ordered = api("create_generation", "POST", "/v1/identities/i1/generations", order).body
    read = api("get_generation", "GET", f"/v1/generations/{ordered['generationId']}").body
    [listed] = api("list_generations", "GET", "/v1/identities/i1/generations").body["generations"]
    expected = {"prompt": order["prompt"], "createdAt": ordered["createdAt"], "simulated": False, **shown}
    for body in (ordered, read, listed):
        assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"prompt": "  "}, "invalid_body"),
        ({"prompt": None}, "invalid_body"),
        ({"prompt": "Sarah\0runs"}, "invalid_body"),
        ({"negativePrompt": "blur\x1b[0m"}, "invalid_body"),
        ({"aspectRatio": "2:1"}, "invalid_body"),
        ({"width": 512}, "invalid_body"),
        ({"width": 100, "height": 512}, "invalid_body"),
        ({"numImages": 0}, "invalid_body"),
        ({"numImages": 8}, "too_many_images"),
        ({"seed": -1}, "invalid_body"),
        ({"guidanceScale": "high"}, "invalid_body"),
    ],
)
def test_a_bad_generation_is_refused_before_anything_is_started(api: Api, changes: Any, code: str) -> None:
    wiring.services().identity_table.add(an_identity())
    answer = api("create_generation", "POST", "/v1/identities/i1/generations", {"prompt": "Sarah"} | changes)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert executions("GENERATE_IMAGES") == []


@pytest.mark.parametrize(
    ("backend", "refuses", "error", "headers"),
    [
        (StepFunctionBackend, "start_execution", JsonRESTError, {}),
        (Tables, "_get_item", Refusal, {"prefer": "wait=5"}),
    ],
)
def test_an_order_that_stands_is_told_though_aws_refuses_what_follows(
    api: Api,
    backend: type,
    refuses: str,
    error: Callable[[str, str], Exception],
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wiring.services().identity_table.add(an_identity())
    answer_of = Tables.answer
    refused = []

    def refuse(*_: Any, **__: Any) -> Any:
        refused.append(refuses)
        raise error("AccessDeniedException", "not now")

    def answered(tables: Tables, operation: str, request: Any) -> Any:
        answer = answer_of(tables, operation, request)
        if operation == "TransactWriteItems":
            monkeypatch.setattr(backend, refuses, refuse)
        return answer

    monkeypatch.setattr(Tables, "answer", answered)
    body = {"prompt": "Sarah runs"}
    answer = api("create_generation", "POST", "/v1/identities/i1/generations", body, headers=headers)
    assert (answer.status, answer.body["status"]) == (202, "queued")
    assert refused


def test_an_identity_in_training_does_not_draw_yet(api: Api) -> None:
    wiring.services().identity_table.add(a_training_identity())
    answer = api("create_generation", "POST", "/v1/identities/i1/generations", {"prompt": "Sarah"})
    assert (answer.status, answer.body["code"]) == (409, "identity_not_ready")


def test_a_succeeded_generation_carries_the_first_images_fields(api: Api) -> None:
    images = [
        GeneratedImage(index=1, outcome="filtered"),
        GeneratedImage(
            index=2, outcome="succeeded", key="generations/i1/g1/02.jpg", seed=7, width=8, height=8
        ),
    ]
    accept_generation(status="succeeded", images=images, cost_usd=0.07)
    version = EncoderVersion(encoder="clip-vit-b32", weights_sha256="0" * 64, preprocessing="v1")
    score = a_score(version, "0" * 64, {"a": 0.5, "b": 0.75})
    wiring.services().scores.put_score("i1", "g1", 2, score)
    body = api("get_generation", "GET", "/v1/generations/g1").body
    assert "generations/i1/g1/02.jpg" in body["imageUrl"]
    assert (body["aspectRatio"], body["clipSimilarity"]) == ("1:1", 0.625)
    assert [len(image["scores"]) for image in body["images"]] == [0, 1]
    assert body["images"][1]["scores"][0]["best"] == 0.75
    assert [image["outcome"] for image in body["images"]] == ["filtered", "succeeded"]
    assert body["metadata"]["cost"] == 0.07


def test_a_score_says_all_it_knows_and_a_picture_without_one_why(api: Api) -> None:
    images = [
        GeneratedImage(index=index, outcome="succeeded", key=f"generations/i1/g1/0{index}.jpg")
        for index in (1, 2, 3)
    ]
    accept_generation(status="succeeded", images=images)
    version = EncoderVersion("clip-vit-b32", "0" * 64, "v1")
    scores = wiring.services().scores
    full = a_score(
        version,
        "0" * 64,
        {"a": 0.5},
        centroid=0.625,
        calibration=Calibration(0.25, 0.75, 0.5),
        near_copy=NearCopy("a", 3, 0.875, True, "m1"),
    )
    scores.put_score("i1", "g1", 1, full)
    why = {"encoder": "clip-vit-b32", "code": "black_image", "reason": "The picture is black."}
    scores.put_score("i1", "g1", 2, NotScored(**why))

    scored, unscored, waiting = api("get_generation", "GET", "/v1/generations/g1").body["images"]

    [score] = scored["scores"]
    assert [score[name] for name in ("centroid", "floor", "ceiling", "calibrated")] == [
        0.625,
        0.25,
        0.75,
        0.5,
    ]
    copied = {"reference": "a", "differingBits": 3, "structure": 0.875, "mirrored": True, "measure": "m1"}
    assert (score["nearCopy"], scored["notScored"]) == (copied, None)
    assert (unscored["scores"], unscored["clipSimilarity"], unscored["notScored"]) == ([], None, why)
    assert (waiting["scores"], waiting["notScored"]) == ([], None)


def test_a_score_says_how_like_the_face_is_or_why_that_is_not_known(api: Api) -> None:
    images = [
        GeneratedImage(index=index, outcome="succeeded", key=f"generations/i1/g1/0{index}.jpg")
        for index in (1, 2, 3)
    ]
    accept_generation(status="succeeded", images=images)
    by = EncoderVersion("face-dlib-resnet-v1", "f" * 64, "v1")
    likeness = Likeness.over({"a": 0.96}, centroid=0.97, calibration=Calibration(0.82, 0.96, 1.0))
    compared = FaceIdentity(**by._asdict(), likeness=likeness, box=Box(0.25, 0.125, 0.5, 0.5), other_faces=1)
    without = FaceIdentity(**by._asdict(), no_face="profile")
    for index, face in ((1, compared), (2, without), (3, None)):
        score = a_score(
            EncoderVersion("clip-vit-b32", "0" * 64, "v1"), "0" * 64, {"a": 0.5}, face_identity=face
        )
        wiring.services().scores.put_score("i1", "g1", index, score)

    shown = api("get_generation", "GET", "/v1/generations/g1").body["images"]

    first, second, third = [image["scores"][0]["faceIdentity"] for image in shown]
    assert first == {
        "encoder": "face-dlib-resnet-v1",
        "weightsSha256": "f" * 64,
        "preprocessing": "v1",
        "mean": 0.96,
        "best": 0.96,
        "centroid": 0.97,
        "floor": 0.82,
        "ceiling": 0.96,
        "calibrated": 1.0,
        "perReference": [{"reference": "a", "similarity": 0.96}],
        "box": {"left": 0.25, "top": 0.125, "width": 0.5, "height": 0.5},
        "otherFaces": 1,
        "notScored": None,
    }
    assert (second["mean"], second["perReference"], second["notScored"]["code"]) == (None, [], "profile")
    assert second["notScored"]["encoder"] == "face-dlib-resnet-v1"
    assert third is None


@pytest.mark.parametrize(
    ("asked", "made", "ratio"),
    [
        ({"aspect_ratio": "16:9"}, (1344, 768), "16:9"),
        ({"width": 640, "height": 512}, (640, 512), "5:4"),
        ({"width": 640, "height": 512}, (640, 480), "4:3"),
        ({"width": 1024, "height": 576, "aspect_ratio": "1:1"}, (1024, 576), "16:9"),
        ({"width": 1000, "height": 1008}, (1000, 1008), "125:126"),
    ],
)
def test_the_aspect_ratio_is_that_of_what_was_made(
    api: Api, asked: dict[str, Any], made: tuple[int, int], ratio: str
) -> None:
    width, height = made
    image = GeneratedImage(
        index=1, outcome="succeeded", key="generations/i1/g1/01.jpg", width=width, height=height
    )
    accept_generation(status="succeeded", images=[image], request=a_request(**asked))
    assert api("get_generation", "GET", "/v1/generations/g1").body["aspectRatio"] == ratio


def test_upload_tickets_are_for_images_only(api: Api) -> None:
    file = {"name": "a.gif", "contentType": "image/gif", "sizeBytes": 10}
    answer = api("create_references", "POST", "/v1/references", {"files": [file]})
    assert (answer.status, answer.body["code"]) == (400, "unsupported_image_format")


@pytest.mark.parametrize(
    ("said", "proper"),
    [
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("Image/JPEG", "image/jpeg"),
        ("IMAGE/PNG", "image/png"),
        ("image/webp;charset=utf-8", "image/webp"),
        ("image/jpg ; name=a.jpg", "image/jpeg"),
    ],
)
def test_an_upload_ticket_has_the_proper_name_of_a_type(api: Api, said: str, proper: str) -> None:
    file = {"name": "a", "contentType": said, "sizeBytes": 10}
    [ticket] = api("create_references", "POST", "/v1/references", {"files": [file]}).body["uploads"]
    assert ticket["fields"]["Content-Type"] == proper


def test_the_providers_say_their_limits_and_prices(api: Api) -> None:
    providers = {p["name"]: p for p in api("list_providers", "GET", "/v1/providers").body["providers"]}
    assert {name: (p["minReferences"], p["maxReferences"]) for name, p in providers.items()} == {
        "fal-instant": (1, 3),
        "fal-lora": (5, 20),
        "astria": (4, 20),
    }
    assert providers["fal-lora"]["prices"]["training"]["readOn"] == "2026-11-22"
    assert providers["astria"]["prices"] == {}


@pytest.mark.parametrize("key", [None, "not configured", "a key"])
def test_a_provider_is_available_where_its_key_is(
    api: Api, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    secrets = boto3.client("secretsmanager")
    for name, text in (("FAL", "a key"), ("ASTRIA", key)):
        if text is not None:
            secrets.create_secret(Name=name, SecretString=text)
            monkeypatch.setenv(f"{name}_SECRET_NAME", name)
    providers = api("list_providers", "GET", "/v1/providers").body["providers"]
    assert {each["name"]: each["available"] for each in providers} == {
        "fal-instant": True,
        "fal-lora": True,
        "astria": key == "a key",
    }


def test_the_providers_are_listed_though_a_key_cannot_be_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answer = Secrets.answer

    def counted(secrets: Secrets, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        asked.append(request["SecretId"])
        return answer(secrets, operation, request)

    for name in ("FAL", "ASTRIA"):
        monkeypatch.setenv(f"{name}_SECRET_NAME", name)  # and Secrets Manager knows neither
    monkeypatch.setattr(Secrets, "answer", counted)
    listed = api("list_providers", "GET", "/v1/providers")
    assert listed.status == 200
    assert [each["available"] for each in listed.body["providers"]] == [False] * 3
    assert sorted(asked) == ["ASTRIA", "FAL"], "each is asked for once"


def test_a_bug_is_a_500_without_its_traceback(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    answer = api("get_identity", "GET", "/v1/identities/i1")
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert "no-such-table" not in str(answer.body)


def test_the_tasks_that_record_answer_the_machine(api: Api) -> None:
    accept_generation(status="running", identity_id="i2")
    wiring.services().identity_table.add(a_training_identity(), None, a_job(), 10_000_000, NO_LIMIT)
    error = {"Error": "ProviderRejected", "Cause": '{"errorMessage": "fal: refused"}'}
    expected = {"code": "provider_rejected", "message": "fal: refused"}
    training = run_task("record_training", {"job_id": "training-i1", "state": "preparing", "error": error})
    generating = run_task(
        "record_generation", {"job_id": "generation-g1", "state": "running", "error": error}
    )
    for state in (training, generating):
        assert (state["state"], state["error"]) == ("failed", expected)
    assert api("get_identity", "GET", "/v1/identities/i1").body["error"] == expected
    assert api("get_generation", "GET", "/v1/generations/g1").body["error"] == expected

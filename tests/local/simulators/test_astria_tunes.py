"""Astria's tunes: what is refused, what a tune shows and when, lists, money."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.simulators.contracts import contract
from tests.support.simulators import ASTRIA, Simulation, jpeg, portrait

URL = "https://files.test/1.jpg"
GOOD = {"title": "chr_1", "name": "woman", "base_tune_id": 1504944, "model_type": "lora", "image_urls": [URL]}


@pytest.fixture
def astria(simulator: Simulation) -> Simulation:
    """A simulator with one picture on the web."""
    simulator.publish(URL, jpeg(portrait()))
    return simulator


def refusal(simulator: Simulation, fields: object) -> dict[str, Any]:
    reply = simulator.astria("POST", "/tunes", json={"tune": fields})
    assert reply.status_code == 422, reply.text
    return dict(reply.json())


@pytest.mark.parametrize("authorization", [None, "Key sd_simulator", "Bearer sd_other", "sd_simulator"])
def test_a_wrong_key_is_refused(astria: Simulation, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    reply = astria.call("POST", f"{ASTRIA}/tunes", json={"tune": GOOD}, headers=headers)
    assert reply.status_code == 401
    assert astria.ledger() == []


def test_a_new_tune_waits_for_its_training(astria: Simulation) -> None:
    reply = astria.astria("POST", "/tunes", json={"tune": GOOD | {"callback": "https://app.test/hook"}})
    tune = reply.json()
    Draft202012Validator(contract("astria-tune")["$defs"]["Tune"]).validate(tune)
    [original] = tune.pop("orig_images")
    assert reply.status_code == 201
    assert tune == {
        "id": 788416,
        "title": "chr_1",
        "name": "woman",
        "is_api": True,
        "token": "ohwx",
        "branch": "flux1",
        "model_type": "lora",
        "base_tune_id": 1504944,
        "args": None,
        "steps": None,
        "face_crop": None,
        "training_face_correct": False,
        "callback": "https://app.test/hook",
        "eta": "2026-11-22T10:00:11.000Z",
        "started_training_at": None,
        "trained_at": None,
        "expires_at": None,
        "created_at": "2026-11-22T10:00:00.000Z",
        "updated_at": "2026-11-22T10:00:00.000Z",
        "ckpt_url": None,
        "ckpt_urls": [],
        "url": f"{ASTRIA}/tunes/788416.json",
    }
    assert astria.call("GET", original).content == jpeg(portrait())


def test_a_tune_starts_is_trained_and_expires(astria: Simulation) -> None:
    tune = astria.tune()
    path = f"/tunes/{tune['id']}"
    astria.clock.advance(1)
    started = astria.astria("GET", path).json()
    assert (started["started_training_at"], started["trained_at"]) == ("2026-11-22T10:00:01.000Z", None)
    astria.clock.advance(10)
    trained = astria.astria("GET", f"{path}.json").json()
    assert (trained["trained_at"], trained["expires_at"]) == (
        "2026-11-22T10:00:11.000Z",
        "2026-12-22T10:00:11.000Z",
    )
    assert trained["updated_at"] == trained["trained_at"]
    astria.clock.advance(30 * 24 * 3600)
    assert astria.astria("GET", path).status_code == 404
    assert astria.call("GET", tune["orig_images"][0]).status_code == 404


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"title": ""}, {"title": ["can't be blank"]}),
        ({"name": "jane_doe"}, {"name": ["only English letters, numbers and spaces allowed"]}),
        ({"image_urls": []}, {"images": ["must contain at least one image"]}),
        ({"base_tune_id": 7}, {"base_tune_id": ["is not a tune this simulator knows"]}),
        ({"branch": "flux2"}, {"branch": ["is not included in the list"]}),
        ({"steps": 0}, {"steps": ["must be greater than or equal to 1"]}),
        ({"steps": "many"}, {"steps": ["is invalid"]}),
        ({"prompts_attributes": [{"seed": 1}]}, {"prompts_attributes": ["is invalid"]}),
        (
            {"prompts_attributes": [{"text": "a woman", "negative_prompt": "blurry", "cfg_scale": 5}]},
            {
                "prompts.text": ["must include `ohwx woman`"],
                "prompts.negative_prompt": ["not supported on Flux"],
                "prompts.cfg_scale": ["must be less than 5"],
            },
        ),
        (
            {"image_urls": ["https://files.test/no.jpg"]},
            {"images": ["could not download https://files.test/no.jpg"]},
        ),
        (
            {"image_urls": ["https://files.test/é.jpg"]},
            {"images": ["could not download https://files.test/é.jpg"]},
        ),
    ],
)
def test_bad_fields_are_refused(
    astria: Simulation, fields: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    assert refusal(astria, GOOD | fields) == errors
    assert astria.astria("GET", "/tunes").json() == []
    assert astria.ledger() == []


def test_required_fields_are_missed(astria: Simulation) -> None:
    assert refusal(astria, {"image_urls": [URL]}) == {"title": ["can't be blank"], "name": ["can't be blank"]}


def test_image_objects_of_the_old_client_are_no_images(astria: Simulation) -> None:
    fields = {"title": "t", "name": "woman", "images": [{"url": URL}]}
    assert refusal(astria, fields) == {"images": ["must contain at least one image"]}


def test_an_image_must_be_one(astria: Simulation) -> None:
    astria.publish(URL, b"<html>")
    assert list(refusal(astria, GOOD)) == ["images"]


def test_unknown_fields_are_refused_only_when_strict(astria: Simulation) -> None:
    [message] = refusal(astria, GOOD | {"images_data_url": "x"})["images_data_url"]
    assert message.startswith("is not a known parameter")
    astria.change(strict=False)
    assert astria.tune(images_data_url="x")["id"] == 788416


def test_the_resource_name_is_needed(astria: Simulation) -> None:
    assert astria.astria("POST", "/tunes", json=GOOD).status_code == 400


@pytest.mark.parametrize(
    ("fields", "branch", "token"),
    [
        ({}, "flux1", "ohwx"),
        ({"base_tune_id": 690204}, "sd15", "sks"),
        ({"base_tune_id": None}, "sd15", "sks"),
        ({"base_tune_id": None, "branch": "sdxl1"}, "sdxl1", "ohwx"),
        ({"branch": "fast"}, "fast", "ohwx"),
        ({"token": "zwx"}, "flux1", "zwx"),
    ],
)
def test_branch_and_token_have_defaults(
    astria: Simulation, fields: dict[str, Any], branch: str, token: str
) -> None:
    tune = astria.tune(**fields)
    assert (tune["branch"], tune["token"]) == (branch, token)


def test_a_face_id_tune_is_trained_at_once(astria: Simulation) -> None:
    tune = astria.tune(model_type="faceid")
    assert tune["trained_at"] == tune["created_at"]


def test_images_can_come_as_files(astria: Simulation) -> None:
    fields = {
        "tune[title]": "chr_2",
        "tune[name]": "woman",
        "tune[base_tune_id]": "1504944",
        "tune[steps]": "300",
    }
    files = [("tune[images][]", (f"{number}.jpg", jpeg(portrait()), "image/jpeg")) for number in range(2)]
    reply = astria.astria("POST", "/tunes.json", data=fields, files=files)
    tune = reply.json()
    assert (reply.status_code, tune["base_tune_id"], tune["steps"]) == (201, 1504944, 300)
    assert [astria.call("GET", url).content for url in tune["orig_images"]] == [jpeg(portrait())] * 2
    assert "images" not in astria.ledger()[0]["input"]


def test_lists_are_newest_first_in_pages(astria: Simulation) -> None:
    ids = [astria.tune(title=f"chr_{number}")["id"] for number in range(4)]

    def listed(query: str) -> list[int]:
        return [tune["id"] for tune in astria.astria("GET", f"/tunes{query}").json()]

    assert listed("") == ids[::-1]
    assert listed("?limit=2") == [ids[3], ids[2]]
    assert listed(f"?limit=2&before_id={ids[2]}") == [ids[1], ids[0]]
    assert listed("?offset=3") == [ids[0]]
    assert listed("?title=chr_2") == [ids[2]]
    assert listed("?title=other") == []
    deep = astria.astria("GET", "/tunes?offset=201")
    assert deep.status_code == 400 and "before_id" in deep.json()["error"]


def test_a_deleted_tune_is_gone(astria: Simulation) -> None:
    path = f"/tunes/{astria.tune()['id']}"
    assert [astria.astria(method, path).status_code for method in ("DELETE", "GET", "DELETE")] == [
        200,
        404,
        404,
    ]
    assert astria.astria("GET", "/tunes").json() == []


def test_tunes_are_paid_from_the_balance(astria: Simulation) -> None:
    astria.change(astria_balance_mc=310_000)
    astria.tune(branch="fast")
    astria.tune()
    astria.tune()
    assert astria.astria("GET", "/users").json()["usd_balance_mc"] == 10_000
    assert [call["cost_usd"] for call in astria.ledger()] == [0, 1.5, 1.5]
    reply = astria.astria("POST", "/tunes", json={"tune": GOOD})
    assert reply.status_code == 402
    assert len(astria.astria("GET", "/tunes").json()) == 3


def test_with_a_tune_go_its_training_images(astria: Simulation) -> None:
    tune, other = astria.tune(), astria.tune()
    astria.astria("DELETE", f"/tunes/{tune['id']}")
    codes = [astria.call("GET", made["orig_images"][0]).status_code for made in (tune, other)]
    assert codes == [404, 200]
    assert len(astria.files("astria")) == 1

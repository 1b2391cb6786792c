import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.job import JobHandle
from character_identity.ports.providers import Found, GenerationOrder, ReferenceImage, TrainingOrder
from character_identity.providers.astria.adapter import Astria, error_detail
from character_identity.providers.astria.lists import MAX_PAGES, PAGE_SIZE
from tests.providers.contracts import assert_in_form, astria_schema
from tests.providers.test_fal_queue import StubKey
from tests.support.builders import NOON, a_request, an_identity
from tests.support.http import scripted_client

HANDLE = JobHandle(provider_job_id="788416")
IMAGES = [
    ReferenceImage(f"{n:04d}.jpg", partial(str, f"https://b.test/{n}.jpg"), lambda: b"jpeg")
    for n in range(1, 5)
]
ORDER = TrainingOrder("Sarah [i1]", "woman", "SARAH", IMAGES, steps=1000)
SARAH = an_identity(provider="astria", provider_model_id="788416")


class Stub:
    """Astria as seen by the adapter: records requests, answers what was prepared, the last of it for ever."""

    def __init__(self, *answers: httpx.Response | Exception, can_fetch_our_urls: bool = True) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)
        client = scripted_client(self._handle)
        self.adapter = Astria(client, StubKey("sd_key"), "https://astria.test/", can_fetch_our_urls)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def body(self) -> Any:
        return json.loads(self.requests[0].content)


def test_a_tune_is_a_flux_lora_of_a_class_word() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}))
    assert stub.adapter.training.submit(ORDER) == HANDLE
    assert_in_form(stub.body(), astria_schema("tune"))
    assert stub.requests[0].headers["Authorization"] == "Bearer sd_key"
    assert str(stub.requests[0].url) == "https://astria.test/tunes"
    assert stub.body()["tune"] == {
        "title": "Sarah [i1]",
        "name": "woman",
        "base_tune_id": 1504944,
        "model_type": "lora",
        "token": "ohwx",
        "preset": "flux-lora-portrait",
        "image_urls": [image.link() for image in IMAGES],
    }


def test_where_astria_cannot_reach_our_bucket_the_images_are_sent() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}), can_fetch_our_urls=False)
    stub.adapter.training.submit(ORDER)
    content = stub.requests[0].content
    assert content.count(b'name="tune[images][]"') == 4
    assert b'name="tune[base_tune_id]"\r\n\r\n1504944' in content
    assert b"image_urls" not in content


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.Response(429), ProviderUnavailable),
        (httpx.ReadTimeout("cut"), ProviderOutcomeUnknown),
        (httpx.Response(504, text="<html>"), ProviderOutcomeUnknown),
        (httpx.Response(201, json={}), ProviderOutcomeUnknown),
        (httpx.Response(422, json={"name": ["only English letters"]}), ProviderRejected),
        (httpx.Response(402, json={"error": "balance"}), ProviderRejected),
    ],
)
def test_what_a_failed_create_means(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        Stub(answer).adapter.training.submit(ORDER)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"trained_at": None, "started_training_at": None}), "queued"),
        (
            httpx.Response(200, json={"trained_at": None, "started_training_at": "2026-11-22T10:00:00Z"}),
            "running",
        ),
        (httpx.Response(200, json={"trained_at": "2026-11-22T10:00:00Z"}), "done"),
        (httpx.Response(404, json={"error": "not found"}), "missing"),
    ],
)
def test_training_status(answer: httpx.Response, state: str) -> None:
    assert Stub(answer).adapter.training.status(HANDLE, 1000).state == state


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(429), httpx.Response(500), httpx.Response(200, text="x"), httpx.Response(200, json=[])],
)
def test_an_odd_status_is_only_unavailable(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        Stub(answer).adapter.training.status(HANDLE, 1000)


def test_a_prompt_goes_to_the_base_model_with_lora_tag_token_and_class() -> None:
    stub = Stub(httpx.Response(201, json={"id": 45}))
    order = GenerationOrder(SARAH, a_request(aspect_ratio="9:16", num_images=4))
    assert stub.adapter.images.submit(order).provider_job_id == "45"
    assert_in_form(stub.body(), astria_schema("prompt"))
    assert stub.requests[0].url.path == "/tunes/1504944/prompts"
    assert stub.body()["prompt"] == {
        "text": "<lora:788416:1> ohwx woman runs through a corridor",
        "num_images": 4,
        "seed": 7,
        "aspect_ratio": "9:16",
    }


@pytest.mark.parametrize(
    ("changes", "prompt", "sent"),
    [
        ({"class_name": "BREAK"}, "Sarah runs", "ohwx person runs"),
        ({"name": "2B"}, "run \u20142B", "run \u2014 ohwx woman"),
    ],
)
def test_neither_class_nor_name_makes_a_command(changes: dict[str, str], prompt: str, sent: str) -> None:
    plan = Stub(httpx.Response(200)).adapter.images.plan(
        SARAH.model_copy(update=changes), a_request(prompt=prompt)
    )
    assert plan.body["text"] == f"<lora:788416:1> {sent}"


def test_what_astria_refuses_on_flux_is_not_sent_but_said() -> None:
    request = a_request(
        negative_prompt="blurry", guidance_scale=7.5, num_inference_steps=80, width=650, height=512
    )
    plan = Stub(httpx.Response(200)).adapter.images.plan(SARAH, request)
    assert "negative_prompt" not in plan.body
    assert (plan.body["cfg_scale"], plan.body["steps"], plan.body["w"], plan.body["h"]) == (4.9, 50, 648, 512)
    assert len(plan.warnings) == 3


@pytest.mark.parametrize("class_name", ["woman", "BREAK", "BREAK woman"])
def test_a_prompt_calls_the_character_what_its_tune_is_called(class_name: str) -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}))
    stub.adapter.training.submit(replace(ORDER, class_name=class_name))
    identity = SARAH.model_copy(update={"class_name": class_name})
    assert f"ohwx {stub.body()['tune']['name']} " in stub.adapter.images.plan(identity, a_request()).prompt


def test_images_come_with_the_seeds_that_astria_counts_up() -> None:
    body = {"images": ["https://s3.test/a", "https://s3.test/b"], "cost_mc": 9200, "user_error": None}
    answer = Stub(httpx.Response(200, json=body)).adapter.images.status(HANDLE, a_request())
    assert [(image.url, image.seed) for image in answer.images] == [
        ("https://s3.test/a", 7),
        ("https://s3.test/b", 8),
    ]
    assert answer.cost_usd == pytest.approx(0.092)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"images": [], "user_error": None}), "running"),
        (httpx.Response(200, json={"images": [], "started_training_at": None}), "queued"),
        (httpx.Response(200, json={"images": [], "started_training_at": "2026-11-22T10:20:01Z"}), "running"),
        (httpx.Response(200, json={"images": [], "user_error": "not allowed"}), "failed"),
        (httpx.Response(404, json={"error": "not found"}), "missing"),
    ],
)
def test_generation_status(answer: httpx.Response, state: str) -> None:
    assert Stub(answer).adapter.images.status(HANDLE, a_request()).state == state


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"text": ["must include `ohwx woman`"], "cfg_scale": ["a", "b"]},
            "text: must include `ohwx woman`; cfg_scale: a, b",
        ),
        (
            {"error": "Prompt is not using a fine-tuned model"},
            "error: Prompt is not using a fine-tuned model",
        ),
        ([], "no reason given"),
    ],
)
def test_astrias_reasons_are_one_line(body: Any, reason: str) -> None:
    assert error_detail(body) == reason


def test_the_mock_is_asked_only_when_the_operator_said_so_and_every_image_says_it() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}))
    stub.adapter.training.submit(replace(ORDER, mock=True))
    assert stub.body()["tune"]["branch"] == "fast"
    warnings = stub.adapter.images.plan(SARAH.model_copy(update={"mock": True}), a_request()).warnings
    assert warnings == ["Astria's mock was asked: the pictures do not show the character."]
    assert stub.adapter.images.plan(SARAH, a_request()).warnings == []


CALLBACK = "https://api.test/webhooks/astria/job.token"
TEXT = "<lora:788416:1> ohwx woman runs through a corridor"
GENERATION = GenerationOrder(SARAH, a_request())


@pytest.mark.parametrize("can_fetch_our_urls", [True, False])
def test_a_tune_says_whom_to_call_back(can_fetch_our_urls: bool) -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}), can_fetch_our_urls=can_fetch_our_urls)
    stub.adapter.training.submit(replace(ORDER, callback_url=CALLBACK))
    if can_fetch_our_urls:
        assert_in_form(stub.body(), astria_schema("tune"))
        assert stub.body()["tune"]["callback"] == CALLBACK
    else:
        assert b'name="tune[callback]"\r\n\r\n' + CALLBACK.encode() in stub.requests[0].content


def test_a_prompt_says_whom_to_call_back() -> None:
    stub = Stub(httpx.Response(201, json={"id": 45}))
    stub.adapter.images.submit(replace(GENERATION, callback_url=CALLBACK))
    assert_in_form(stub.body(), astria_schema("prompt"))
    assert stub.body()["prompt"]["callback"] == CALLBACK


class Account(Stub):
    """Astria with things in it, of which each list shows what ``before_id`` asks for, ``page`` at a time.

    An ``odd_filter`` shows no title that holds a bracket.
    """

    def __init__(self, *things: Any, page: int = PAGE_SIZE, odd_filter: bool = False) -> None:
        super().__init__(httpx.Response(500))
        self.things = things
        self.page = page
        self.odd_filter = odd_filter

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.odd_filter and "[" in request.url.params.get("title", ""):
            return httpx.Response(200, json=[])
        before_id = int(request.url.params.get("before_id", 10**9))
        older = [thing for thing in self.things if thing["id"] < before_id]
        return httpx.Response(200, json=older[: self.page])


def ids(found: Found) -> list[str]:
    """What the jobs that were found are called."""
    return [handle.provider_job_id for handle in found.certain]


def a_tune(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "title": ORDER.title, "callback": CALLBACK, **fields}


def a_prompt(number: int, minutes: float = 0, **fields: Any) -> dict[str, Any]:
    """Sarah's prompt, made so many minutes after noon."""
    created_at = (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return {"id": number, "text": TEXT, "seed": 7, "callback": CALLBACK, "created_at": created_at, **fields}


@pytest.mark.parametrize(
    ("tunes", "callback_url", "found"),
    [
        ([], None, []),
        ([a_tune(1)], None, ["1"]),
        ([a_tune(2), a_tune(1)], None, ["2"]),
        ([a_tune(2, title="Sarah [i1] again"), a_tune(1)], None, ["1"]),
        ([a_tune(1, title=ORDER.title.lower())], None, []),
        ([a_tune(1, title=f" {ORDER.title}\n")], None, ["1"]),
        ([a_tune(1, callback=None)], CALLBACK, ["1"]),
        ([a_tune(1, callback=f"{CALLBACK}/")], CALLBACK, ["1"]),
    ],
)
def test_a_training_is_found_by_its_title(
    tunes: list[Any], callback_url: str | None, found: list[str]
) -> None:
    account = Account(*tunes)
    assert ids(account.adapter.training.find(replace(ORDER, callback_url=callback_url), NOON)) == found
    first = account.requests[0].url
    assert (first.path, dict(first.params)) == ("/tunes", {"limit": "120", "title": "Sarah [i1]"})


@pytest.mark.parametrize(
    "odd",
    [
        a_tune(1, title=None),
        {"id": 1},
        a_tune(1, title=7),
        {**a_tune(1), "id": "x", "title": "other"},
        {**a_tune(1), "id": None, "title": "other"},
        "a word",
        None,
        [],
    ],
    ids=repr,
)
def test_from_a_list_that_is_not_understood_whole_nothing_is_concluded(odd: Any) -> None:
    stub = Stub(httpx.Response(200, json=[odd]), httpx.Response(200, json=[]))
    with pytest.raises(ProviderUnavailable, match="not understood"):
        stub.adapter.training.find(ORDER, NOON)


@pytest.mark.parametrize(
    "odd",
    [
        a_prompt(1, callback=None, seed=None, text=TEXT),
        a_prompt(1, callback=None, seed=7.0),
        a_prompt(1, callback="", seed={"value": 7}),
        a_prompt(1, callback=None, seed="7 "),
        a_prompt(1, callback=7, text=None),
        {"id": 1},
        {"id": "1x", **{}},
        "a word",
    ],
    ids=repr,
)
def test_nor_from_prompts(odd: Any) -> None:
    stub = Stub(httpx.Response(200, json=[odd]), httpx.Response(200, json=[]))
    with pytest.raises(ProviderUnavailable, match="not understood"):
        stub.adapter.images.find(replace(GENERATION, callback_url=CALLBACK), NOON)


def test_an_id_as_text_is_the_number() -> None:
    stub = Stub(httpx.Response(200, json=[a_tune(1) | {"id": "788416"}]))
    assert ids(stub.adapter.training.find(ORDER, NOON)) == ["788416"]


def test_what_the_filter_of_titles_does_not_show_is_found_all_the_same() -> None:
    account = Account(a_tune(2, title="other"), a_tune(1), odd_filter=True)
    assert ids(account.adapter.training.find(ORDER, NOON)) == ["1"]
    assert [request.url.params.get("title") for request in account.requests] == ["Sarah [i1]", None]


@pytest.mark.parametrize(
    ("prompts", "callback_url", "found"),
    [
        ([], None, []),
        ([a_prompt(1)], None, ["1"]),
        ([a_prompt(1)], CALLBACK, ["1"]),
        ([a_prompt(2), a_prompt(1)], None, ["2", "1"]),
        ([a_prompt(2, text=f"{TEXT}."), a_prompt(1, seed=8)], None, []),
        ([a_prompt(2, callback="https://elsewhere.test/"), a_prompt(1, text="other")], CALLBACK, ["1"]),
        ([a_prompt(1, callback=None)], CALLBACK, ["1"]),
        ([a_prompt(1, callback="")], CALLBACK, ["1"]),
        ([a_prompt(1, callback="", seed=8)], CALLBACK, []),
        ([a_prompt(1, callback="", seed="7")], CALLBACK, ["1"]),
        ([a_prompt(1, callback="", seed="8")], CALLBACK, []),
        ([a_prompt(1, callback=f"{CALLBACK}/", text="as it was rewritten")], CALLBACK, ["1"]),
        ([a_prompt(1, callback=CALLBACK.replace(".", "%2E"))], CALLBACK, ["1"]),
        ([a_prompt(1, callback=None, seed=8)], CALLBACK, []),
        ([a_prompt(1, text=f"{TEXT} ")], None, ["1"]),
        ([a_prompt(1, minutes=-0.9)], None, ["1"]),
        ([a_prompt(1, minutes=-1.1)], None, []),
        ([a_prompt(1, minutes=-1.1)], CALLBACK, []),
        ([a_prompt(1, created_at=None)], CALLBACK, ["1"]),
        ([a_prompt(1, created_at="2026-11-22T12:00:00")], CALLBACK, ["1"]),
    ],
)
def test_a_generation_is_found_by_its_callback_or_its_words(
    prompts: list[Any], callback_url: str | None, found: list[str]
) -> None:
    account = Account(*prompts)
    assert ids(account.adapter.images.find(replace(GENERATION, callback_url=callback_url), NOON)) == found
    assert account.requests[0].url.path == "/tunes/1504944/prompts"


def test_a_list_is_read_page_by_page_until_it_is_too_old() -> None:
    newer = [a_prompt(number, minutes=number, text="other") for number in range(9, 4, -1)]
    account = Account(*newer, a_prompt(4), a_prompt(3, minutes=-5), a_prompt(2), page=2)
    assert ids(account.adapter.images.find(GENERATION, NOON)) == ["4"]
    assert [request.url.params.get("before_id") for request in account.requests] == [None, "8", "6", "4"]
    account.requests.clear()
    assert not ids(account.adapter.images.find(replace(GENERATION, callback_url="https://x.test/"), NOON))
    assert [request.url.params.get("before_id") for request in account.requests] == [None, "8", "6", "4"]


def test_a_list_without_an_end_proves_nothing() -> None:
    others = [a_prompt(number, text="other") for number in range(100, 0, -1)]
    account = Account(*others, page=1)
    with pytest.raises(ProviderUnavailable):
        account.adapter.images.find(GENERATION, NOON)
    assert len(account.requests) == MAX_PAGES


def test_a_short_page_is_not_the_end_of_a_list() -> None:
    account = Account(a_tune(3, title="other"), a_tune(2, title="other"), a_tune(1), page=1)
    assert ids(account.adapter.training.find(ORDER, NOON)) == ["1"]


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200), httpx.Response(404, json={"error": "not found"}), httpx.Response(200, json={})],
)
def test_what_is_not_there_counts_as_erased(answer: httpx.Response) -> None:
    stub = Stub(answer)
    assert stub.adapter.training.erase(HANDLE)
    assert stub.adapter.images.erase(JobHandle(provider_job_id="45"))
    assert [(request.method, request.url.path) for request in stub.requests] == [
        ("DELETE", "/tunes/788416"),
        ("DELETE", "/tunes/1504944/prompts/45"),
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), ProviderUnavailable),
        (httpx.Response(429, headers={"Retry-After": "7"}), ProviderUnavailable),
        (httpx.Response(500), ProviderUnavailable),
        (httpx.Response(422, json={"base": ["is training"]}), ProviderRejected),
        (httpx.ReadTimeout("cut"), ProviderUnavailable),
    ],
)
def test_what_was_not_erased_is_reported(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        Stub(answer).adapter.training.erase(HANDLE)


@pytest.mark.parametrize("named", ["", "1/../../users", "7x", "\u0667", "-7", "1.0"])
def test_a_callback_cannot_name_a_path(named: str) -> None:
    with pytest.raises(InvalidRequest):
        Stub(httpx.Response(200)).adapter.images.job_handle(named)


def test_an_id_is_all_that_finds_a_job() -> None:
    assert Stub(httpx.Response(200)).adapter.training.job_handle("788416") == HANDLE


def test_what_astria_may_cost_is_assumed_and_never_estimated() -> None:
    adapter = Stub(httpx.Response(200)).adapter
    assert adapter.training.estimate(1000).expected_usd is None
    assert adapter.images.estimate(a_request()).expected_usd is None
    assert adapter.training.estimate(1000).ceiling_usd == 5.00
    assert adapter.images.estimate(a_request(num_images=8)).ceiling_usd == pytest.approx(1.60)


def test_images_without_links_keep_their_places_and_seeds() -> None:
    body = {"images": [None, "https://s3.test/b"], "user_error": None}
    images = Stub(httpx.Response(200, json=body)).adapter.images.status(HANDLE, a_request()).images
    assert [(image.url, image.seed) for image in images] == [(None, 7), ("https://s3.test/b", 8)]

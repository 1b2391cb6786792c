"""Every answer of Astria's that its contract lists, at every call: one of our errors, and a line to read."""

import json
from typing import Any, Literal

import httpx
import pytest

from tests.contracts.bodies import NOT_OBJECTS, unpackable
from tests.contracts.calls import (
    ASTRIA_CALLS,
    ASTRIA_ERASES,
    ASTRIA_FINDS,
    Call,
    Outcome,
    assert_fit_to_show,
    ended,
)
from tests.contracts.fault_injection import (
    ASTRIA_CALLBACK,
    ASTRIA_JOB,
    ASTRIA_KEY,
    GOOD,
    PAID,
    REQUEST,
    FaultyTransport,
    Position,
    signed,
)

Meaning = Literal["refused", "our account", "gone", "too many calls", "undecided"]
QUOTED = f"(given {signed('1.jpg')} and {ASTRIA_CALLBACK}\nwith Bearer {ASTRIA_KEY})"
PAGE = f"<html><body><h1>We're sorry</h1>{QUOTED}</body></html>"

# What it means where it may have bought something, and where it costs nothing.
ENDINGS: dict[Meaning, tuple[Outcome, Outcome]] = {
    "refused": ("rejected", "rejected"),
    "our account": ("rejected", "unavailable"),
    "gone": ("rejected", "rejected"),
    "too many calls": ("unavailable", "unavailable"),
    "undecided": ("unknown", "unavailable"),
}
GONE: dict[Position, Outcome] = {
    "get tune": "missing",
    "get prompt": "missing",
    "delete tune": "done",
    "delete prompt": "done",
}

# https://docs.astria.ai/docs/api/overview, https://github.com/myorpheus/myphoto, read 2026-11-22. The bodies
# of 400 to 404 and 429 are not documented, so each comes as a map, a sentence, a text, a page and nothing.
VALIDATIONS: list[tuple[dict[str, Any], str]] = [
    ({"images": ["must contain at least one image"]}, "images: must contain at least one image"),
    ({"name": ["only English letters, numbers and spaces allowed"]}, "name: only English letters"),
    ({"images": [f"could not download {QUOTED}"]}, "images: could not download"),
    (
        {
            "text": ["must include `ohwx woman`"],
            "negative_prompt": ["not supported on Flux"],
            "cfg_scale": ["must be less than 5"],
        },
        "text: must include `ohwx woman`; negative_prompt: not supported on Flux; cfg_scale: must be less",
    ),
    ({"error": "Prompt is not using a fine-tuned model"}, "Prompt is not using a fine-tuned model"),
    (
        {"error": "model_type=lora is not supported. Use a checkpoint instead"},
        "Use a checkpoint instead",
    ),
    ({"base": [{"odd": [None, 7]}], "text": None, "": 7}, "422"),
]
STATUSES: list[tuple[int, Meaning]] = [
    (302, "undecided"),
    (400, "refused"),
    (401, "our account"),
    (402, "our account"),
    (403, "our account"),
    (404, "gone"),
    (408, "undecided"),
    (409, "undecided"),
    (422, "refused"),
    (426, "refused"),
    (429, "too many calls"),
    (500, "undecided"),
    (502, "undecided"),
    (503, "undecided"),
    (504, "undecided"),
]
SHAPES: dict[str, dict[str, Any]] = {
    "map": {"json": {"base": [f"It was refused {QUOTED}"]}},
    "sentence": {"json": {"error": f"It was refused {QUOTED}"}},
    "text": {"json": f"It was refused {QUOTED}"},
    "page": {"html": PAGE},
    "nothing": {},
}

READING_CALLS = (*ASTRIA_CALLS, *ASTRIA_FINDS)
EVERY_CALL = (*READING_CALLS, *ASTRIA_ERASES)


def expected(call: Call, meaning: Meaning, shape: str = "map") -> Outcome:
    if meaning == "gone" and call.position in GONE:
        return GONE[call.position] if shape in {"map", "sentence"} else "unavailable"
    return ENDINGS[meaning][0 if call.position in PAID else 1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("status", "meaning"), STATUSES)
def test_an_error_becomes_ours(shape: str, status: int, meaning: Meaning) -> None:
    for call in EVERY_CALL:
        answer = httpx.Response(status, **SHAPES[shape])
        outcome, message = ended(call, FaultyTransport({call.position: answer}))
        assert outcome == expected(call, meaning, shape), call
        if outcome != "done":
            assert str(status) in message or meaning == "gone", call
            assert shape not in ("map", "sentence") or "It was refused" in message or outcome == "missing", (
                call
            )
            assert_fit_to_show(message)


@pytest.mark.parametrize(("body", "says"), VALIDATIONS)
def test_a_validation_is_reported_field_by_field(body: dict[str, Any], says: str) -> None:
    for call in EVERY_CALL:
        outcome, message = ended(call, FaultyTransport({call.position: httpx.Response(422, json=body)}))
        assert outcome == "rejected", call
        assert says in message, call
        assert_fit_to_show(message)


@pytest.mark.parametrize("body", [name for name in NOT_OBJECTS if name != "JSON []"])
def test_what_is_no_object_decides_nothing(body: str) -> None:
    for call in READING_CALLS:
        outcome, message = ended(call, FaultyTransport({call.position: NOT_OBJECTS[body]}))
        assert outcome == expected(call, "undecided"), call
        assert_fit_to_show(message)


@pytest.mark.parametrize(
    ("cut", "paid"),
    [
        (httpx.ConnectError("refused"), "unavailable"),
        (httpx.ConnectTimeout("slow"), "unavailable"),
        (httpx.ReadTimeout("cut"), "unknown"),
        (httpx.RemoteProtocolError("cut"), "unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_broken_connection_is_unknown_only_where_it_may_have_bought_something(
    cut: Exception, paid: Outcome
) -> None:
    for call in EVERY_CALL:
        outcome, message = ended(call, FaultyTransport({call.position: cut}))
        assert outcome == (paid if call.position in PAID else "unavailable"), call
        assert_fit_to_show(message)


def test_a_body_that_cannot_be_unpacked_decides_nothing() -> None:
    for call in EVERY_CALL:
        outcome, _ = ended(call, FaultyTransport({call.position: unpackable()}))
        assert outcome == expected(call, "undecided"), call


@pytest.mark.parametrize(
    "call", [call for call in ASTRIA_CALLS if call.position in PAID], ids=lambda c: c.name
)
@pytest.mark.parametrize("identifier", [None, "7884x", "", 7.5, True, [7], {}, -1], ids=repr)
def test_a_create_without_a_number_is_unknown(call: Call, identifier: Any) -> None:
    outcome, message = ended(
        call, FaultyTransport({call.position: httpx.Response(201, json={"id": identifier})})
    )
    assert outcome == "unknown"
    assert_fit_to_show(message)


@pytest.mark.parametrize(
    "tune",
    [
        {},
        {"id": 788416, "trained_at": None, "started_training_at": None},
        {"id": 788416, "trained_at": None, "started_training_at": "2026-11-22T10:00:00Z"},
        {
            "id": 788416,
            "status": "failed",
            "failed_at": "2026-11-22T10:00:00Z",
            "error": "what it never says",
        },
    ],
    ids=str,
)
def test_a_tune_goes_on_until_it_is_trained(tune: dict[str, Any]) -> None:
    assert ended(ASTRIA_CALLS[2], FaultyTransport({"get tune": httpx.Response(200, json=tune)})) == (
        "goes on",
        "",
    )


@pytest.mark.parametrize(
    "images",
    [None, [], {}, 7, "", {"href": "x"}, [{"url": 7}], [None, 7], [["https://s3.test/a"]], "https://\ud800"],
    ids=str,
)
def test_a_prompt_goes_on_until_it_has_links(images: Any) -> None:
    body = {"id": 45, "images": images, "user_error": None}
    answer = httpx.Response(200, text=json.dumps(body))
    assert ended(ASTRIA_CALLS[3], FaultyTransport({"get prompt": answer})) == ("goes on", "")


@pytest.mark.parametrize(
    "error", [f"Not allowed {QUOTED}", ["Not allowed"], {"base": "Not allowed"}], ids=str
)
def test_a_user_error_is_the_end_and_reported(error: Any) -> None:
    answer = httpx.Response(200, json={"id": 45, "images": [], "user_error": error})
    outcome, message = ended(ASTRIA_CALLS[3], FaultyTransport({"get prompt": answer}))
    assert outcome == "failed"
    assert "Not allowed" in message
    assert_fit_to_show(message)


def test_what_was_drawn_is_taken_though_the_prompt_tells_of_an_error_too() -> None:
    body = {"id": 45, "images": ["https://s3.test/a"], "user_error": "One picture was not allowed"}
    outcome = ended(ASTRIA_CALLS[3], FaultyTransport({"get prompt": httpx.Response(200, json=body)}))
    assert outcome == ("done", "")


@pytest.mark.parametrize(
    "images",
    [
        ["https://s3.test/a"],
        "https://s3.test/a",
        {"url": "https://s3.test/a"},
        [{"url": "https://s3.test/a", "id": 1}],
        [" https://s3.test/a\n"],
        ["//s3.test/a"],
    ],
    ids=str,
)
def test_images_are_addresses_or_objects_with_one(images: Any) -> None:
    answer = httpx.Response(200, json={"id": "45", "images": images, "cost_mc": "9200"})
    read = FaultyTransport({"get prompt": answer}).astria.images.status(ASTRIA_JOB, REQUEST)
    assert [(image.url, image.seed) for image in read.images] == [("https://s3.test/a", 7)]
    assert read.cost_usd == pytest.approx(0.092)


def test_more_images_than_can_be_ordered_are_left_out() -> None:
    answer = httpx.Response(200, json={"images": ["https://s3.test/a"] * 10_000})
    read = FaultyTransport({"get prompt": answer}).astria.images.status(ASTRIA_JOB, REQUEST)
    assert len(read.images) == 8


@pytest.mark.parametrize(
    ("started", "trained", "took_s"),
    [
        ("2026-11-22T10:20:01.000Z", "2026-11-22T10:20:19.500Z", 18.5),
        ("2026-11-22T10:20:01", "2026-11-22T11:20:01+01:00", 0),
        (None, "2026-11-22T10:20:19.000Z", None),
        ("2026-11-22T10:20:19Z", "2026-11-22T10:20:01Z", None),
        (17, "yes", None),
    ],
)
def test_what_a_job_took_is_what_astria_says(started: Any, trained: Any, took_s: float | None) -> None:
    body = {"images": ["https://s3.test/a"], "started_training_at": started, "trained_at": trained}
    read = FaultyTransport({"get prompt": httpx.Response(200, json=body)}).astria
    assert read.images.status(ASTRIA_JOB, REQUEST).took_s == took_s
    read = FaultyTransport({"get tune": httpx.Response(200, json=body)}).astria
    assert read.training.status(ASTRIA_JOB, 1000).took_s == took_s


@pytest.mark.parametrize("cost_mc", [None, "9200 mc", -1, [], {}, True, 1e300, float("nan")])
def test_odd_facts_beside_an_image_lose_no_image(cost_mc: Any) -> None:
    images = ["https://s3.test/a", None, "https://s3.test/c", "", {"url": "https://s3.test/e"}]
    answer = httpx.Response(200, text=json.dumps({"images": images, "cost_mc": cost_mc}))
    read = FaultyTransport({"get prompt": answer}).astria.images.status(ASTRIA_JOB, REQUEST)
    assert [(image.url, image.seed) for image in read.images] == [
        ("https://s3.test/a", 7),
        (None, 8),
        ("https://s3.test/c", 9),
        (None, 10),
        ("https://s3.test/e", 11),
    ]
    assert read.cost_usd is None


@pytest.mark.parametrize("call", ASTRIA_FINDS, ids=lambda call: call.position)
def test_an_empty_list_finds_nothing(call: Call) -> None:
    assert ended(call, FaultyTransport({call.position: httpx.Response(200, json=[])})) == ("not found", "")


@pytest.mark.parametrize("call", ASTRIA_FINDS, ids=lambda call: call.position)
@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"id": None}, {"id": "45"}, {"id": True}], ids=repr)
def test_odd_things_in_a_list_hide_nothing(call: Call, odd: Any) -> None:
    (thing,) = GOOD[call.position].json()
    assert ended(call, FaultyTransport({call.position: httpx.Response(200, json=[odd, thing])})) == (
        "accepted",
        "",
    )


@pytest.mark.parametrize("call", ASTRIA_ERASES, ids=lambda call: call.position)
@pytest.mark.parametrize("answer", [httpx.Response(200), httpx.Response(204), httpx.Response(200, html="x")])
def test_what_is_deleted_needs_no_answer_to_read(call: Call, answer: httpx.Response) -> None:
    assert ended(call, FaultyTransport({call.position: answer})) == ("done", "")

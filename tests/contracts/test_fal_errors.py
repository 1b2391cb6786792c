"""Every answer of fal's that its contract lists, at every call: one of our errors, and a line to read."""

import json
from typing import Any

import httpx
import pytest

from character_identity.domain import errors
from tests.contracts.bodies import NOT_OBJECTS, packed, unpackable
from tests.contracts.calls import FAL_CALLS, FAL_CANCEL, Call, Outcome, assert_fit_to_show, ended
from tests.contracts.fal_answers import FalAnswer, Meaning, fal_answers
from tests.contracts.fault_injection import (
    FAL_JOB,
    IMAGES,
    REQUEST,
    SIGNATURE,
    TRAINING,
    FaultyTransport,
    Position,
)

# What an answer means depends on whether money was at stake, and on whether it speaks for the job.
ENDINGS: dict[Meaning, dict[Position, Outcome]] = {
    "refused": {
        "submit": "rejected",
        "status": "rejected",
        "result": "failed",
        "initiate": "rejected",
        "cancel": "rejected",
    },
    # A job without a status may still have its result; only if that is gone too, it is missing.
    "gone": {
        "submit": "rejected",
        "status": "done",
        "result": "missing",
        "initiate": "rejected",
        "cancel": "done",
    },
    "our account": {
        "submit": "rejected",
        "status": "unavailable",
        "result": "unavailable",
        "initiate": "rejected",
        "cancel": "unavailable",
    },
    "too many calls": {
        "submit": "unavailable",
        "status": "unavailable",
        "result": "unavailable",
        "initiate": "unavailable",
        "cancel": "unavailable",
    },
    "ended badly": {
        "submit": "unknown",
        "status": "unavailable",
        "result": "failed",
        "initiate": "unavailable",
        "cancel": "unavailable",
    },
    "undecided": {
        "submit": "unknown",
        "status": "unavailable",
        "result": "unavailable",
        "initiate": "unavailable",
        "cancel": "unavailable",
    },
}
ENDINGS["cancelled"] = {**ENDINGS["ended badly"], "result": "cancelled"}
UNREADABLE = {**ENDINGS["undecided"], "upload": "unavailable"}

REQUESTS = "https://queue.test/fal-ai/flux-lora-fast-training/requests"

SUBMITS, STATUSES, RESULTS = (
    [call for call in FAL_CALLS if call.position == position] for position in ("submit", "status", "result")
)


@pytest.mark.parametrize("answer", list(fal_answers()), ids=lambda answer: answer.name)
def test_an_error_becomes_ours(answer: FalAnswer) -> None:
    for call in (*FAL_CALLS, FAL_CANCEL):
        outcome, message = ended(call, FaultyTransport({call.position: answer.response()}))
        assert outcome == ENDINGS[answer.meaning][call.position], call
        if outcome != "done":
            assert answer.says in message, call
            assert_fit_to_show(message)


@pytest.mark.parametrize("body", NOT_OBJECTS)
def test_what_is_no_object_decides_nothing(body: str) -> None:
    for call in FAL_CALLS:
        outcome, message = ended(call, FaultyTransport({call.position: NOT_OBJECTS[body]}))
        assert outcome == UNREADABLE[call.position], call
        assert_fit_to_show(message)


@pytest.mark.parametrize("status", [200, 422, 502])
def test_a_body_that_cannot_be_unpacked_decides_nothing(status: int) -> None:
    for call in FAL_CALLS:
        answer = unpackable()
        answer.status_code = status
        outcome, message = ended(call, FaultyTransport({call.position: answer}))
        assert outcome == UNREADABLE[call.position], call
        assert_fit_to_show(message)


def test_a_compressed_body_is_not_unpacked() -> None:
    with pytest.raises(errors.ProviderOutcomeUnknown):
        FaultyTransport({"submit": packed({"request_id": "r7"})}).lora.training.submit(TRAINING)


@pytest.mark.parametrize(
    ("cut", "paid"),
    [
        (httpx.ConnectError("refused"), "unavailable"),
        (httpx.ConnectTimeout("slow"), "unavailable"),
        (httpx.PoolTimeout("busy"), "unavailable"),
        (httpx.InvalidURL("no such port"), "unknown"),
        (httpx.WriteTimeout("cut"), "unknown"),
        (httpx.WriteError("cut"), "unknown"),
        (httpx.ReadTimeout("cut"), "unknown"),
        (httpx.ReadError("cut"), "unknown"),
        (httpx.RemoteProtocolError("cut"), "unknown"),
        (httpx.ProxyError("cut"), "unknown"),
        (httpx.DecodingError("cut"), "unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_a_broken_connection_is_unknown_only_where_it_may_have_bought_something(
    cut: Exception, paid: Outcome
) -> None:
    for call in (*FAL_CALLS, FAL_CANCEL):
        outcome, message = ended(call, FaultyTransport({call.position: cut}))
        assert outcome == (paid if call.position == "submit" else "unavailable"), call
        assert type(cut).__name__ in message, call
        assert_fit_to_show(message)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request_id": None},
        {"request_id": ""},
        {"request_id": 7},
        {"request_id": ["r1"]},
        {"id": "r1", "status": "IN_QUEUE"},
        {"detail": "welcome"},
    ],
    ids=str,
)
@pytest.mark.parametrize("call", SUBMITS, ids=lambda call: call.name)
def test_a_submit_without_a_request_id_is_unknown(call: Call, body: dict[str, Any]) -> None:
    outcome, message = ended(call, FaultyTransport({"submit": httpx.Response(200, json=body)}))
    assert outcome == "unknown"
    assert_fit_to_show(message)


@pytest.mark.parametrize(
    "url", ["https://[", "https://queue.test/\x00", "https://queue.test/\n", "//", 7, {}]
)
def test_odd_addresses_in_a_submit_lose_no_job(url: Any) -> None:
    answer = {"request_id": "r1", "status_url": url, "response_url": url}
    handle = FaultyTransport({"submit": httpx.Response(200, json=answer)}).lora.training.submit(TRAINING)
    assert handle.status_url == f"{REQUESTS}/r1/status"
    assert handle.result_url == f"{REQUESTS}/r1"


@pytest.mark.parametrize("call", STATUSES, ids=lambda call: call.name)
@pytest.mark.parametrize(
    "status",
    ["completed", "failed", "FAILED", "CANCELLED", "", None, 7, [], {}, True, f"x\n?sig={SIGNATURE}"],
    ids=repr,
)
def test_a_fourth_state_is_only_unavailable(call: Call, status: Any) -> None:
    outcome, message = ended(call, FaultyTransport({"status": httpx.Response(200, json={"status": status})}))
    assert outcome == "unavailable"
    assert_fit_to_show(message)


@pytest.mark.parametrize("call", STATUSES, ids=lambda call: call.name)
@pytest.mark.parametrize("body", [{"json": {"status": "NOT_FOUND"}}, {"html": "<html>"}, {}], ids=str)
def test_a_job_that_fal_does_not_know_is_missing(call: Call, body: dict[str, Any]) -> None:
    gone = httpx.Response(404, headers={"x-fal-request-id": "r1"}, **body)
    outcome, message = ended(call, FaultyTransport({"status": gone, "result": gone}))
    assert outcome == "missing"
    assert "does not know this job any more" in message
    assert_fit_to_show(message)


@pytest.mark.parametrize("call", STATUSES, ids=lambda call: call.name)
@pytest.mark.parametrize("position", ["status", "result"])
@pytest.mark.parametrize("body", [{"json": {"status": "NOT_FOUND"}}, {"html": "<html>"}, {}], ids=str)
def test_what_an_ingress_does_not_find_says_nothing(
    call: Call, position: Position, body: dict[str, Any]
) -> None:
    outcome, message = ended(call, FaultyTransport({position: httpx.Response(404, **body)}))
    assert outcome == "unavailable"
    assert_fit_to_show(message)


@pytest.mark.parametrize("status", [400, 405, 406, 413, 422, 431, 451])
@pytest.mark.parametrize("page", [{"html": "<html>"}, {}], ids=str)
def test_a_page_of_an_ingress_in_a_results_place_says_nothing(status: int, page: dict[str, Any]) -> None:
    for call in RESULTS:
        outcome, message = ended(call, FaultyTransport({"result": httpx.Response(status, **page)}))
        assert outcome == "unavailable", call
        assert_fit_to_show(message)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 451])
@pytest.mark.parametrize("page", [{"html": "<html>"}, {}], ids=str)
def test_a_page_of_an_ingress_in_an_answers_place_refuses_nothing(status: int, page: dict[str, Any]) -> None:
    for call in (*FAL_CALLS, FAL_CANCEL):
        outcome, message = ended(call, FaultyTransport({call.position: httpx.Response(status, **page)}))
        assert outcome == ("unknown" if call.position == "submit" else "unavailable"), call
        assert_fit_to_show(message)


@pytest.mark.parametrize("call", RESULTS, ids=lambda call: call.name)
def test_a_cancelled_job_says_so(call: Call) -> None:
    body = {"detail": "Request was cancelled by the client", "error_type": "client_cancelled"}
    outcome, message = ended(call, FaultyTransport({"result": httpx.Response(499, json=body)}))
    assert (outcome, message) == ("cancelled", "cancelled: Request was cancelled by the client")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(202, json={"status": "CANCELLATION_REQUESTED"}),
        httpx.Response(200, json={"success": True}),
        httpx.Response(200, json={"success": False}),
        httpx.Response(202),
        httpx.Response(400, json={"status": "ALREADY_COMPLETED"}),
        httpx.Response(404, json={"status": "NOT_FOUND"}, headers={"x-fal-request-id": "r1"}),
    ],
    ids=lambda answer: f"{answer.status_code} {answer.text}",
)
def test_a_cancel_is_asked_once_whatever_becomes_of_it(answer: httpx.Response) -> None:
    faulty_transport = FaultyTransport({"cancel": answer})
    assert ended(FAL_CANCEL, faulty_transport) == ("done", "")
    cancels = [str(request.url) for position, request in faulty_transport.sent if position == "cancel"]
    assert cancels == [FAL_JOB.cancel_url]


@pytest.mark.parametrize("status", [202, 400])
@pytest.mark.parametrize(
    ("result", "came"),
    [
        (httpx.Response(499, json={"detail": "Request was cancelled by the client"}), ["dropped", "dropped"]),
        (httpx.Response(400, json={"detail": "Request is still in progress"}), ["asked", "finished"]),
        (httpx.Response(200, json={"images": []}), ["asked", "finished"]),
        (httpx.Response(500, headers={"x-fal-request-id": "r1"}), ["asked", "finished"]),
    ],
    ids=["499", "in progress", "200", "500"],
)
def test_what_was_cancelled_in_time_is_told_by_its_result(
    status: int, result: httpx.Response, came: list[str]
) -> None:
    body = {"status": "CANCELLATION_REQUESTED" if status == 202 else "ALREADY_COMPLETED"}
    answers = FaultyTransport({"cancel": httpx.Response(status, json=body), "result": result})
    assert answers.lora.training.cancel(FAL_JOB) == came[status == 400]


@pytest.mark.parametrize(
    ("result", "came"),
    [
        (httpx.Response(404, json={"status": "NOT_FOUND"}, headers={"x-fal-request-id": "r1"}), "dropped"),
        (httpx.Response(499, json={"detail": "Request was cancelled by the client"}), "dropped"),
        (httpx.Response(400, json={"detail": "Request is still in progress"}), "asked"),
        (httpx.Response(200, json={"images": []}), "asked"),
    ],
    ids=["404", "499", "in progress", "200"],
)
def test_what_was_removed_from_the_queue_is_dropped_though_fal_does_not_know_it_any_more(
    result: httpx.Response, came: str
) -> None:
    answers = FaultyTransport({"cancel": httpx.Response(200, json={"status": "OK"}), "result": result})
    assert answers.lora.training.cancel(FAL_JOB) == came


@pytest.mark.parametrize("call", STATUSES, ids=lambda call: call.name)
@pytest.mark.parametrize("logs", [None, 7, "log", {}, [None, 7, "x", {}, {"message": None}, {"message": 7}]])
def test_odd_logs_hide_no_state(call: Call, logs: Any) -> None:
    answer = httpx.Response(202, json={"status": "IN_PROGRESS", "logs": logs})
    assert ended(call, FaultyTransport({"status": answer})) == ("goes on", "")


@pytest.mark.parametrize(
    ("said", "content_type"),
    [
        ("größer", "application/json; charset=iso-8859-1"),
        ("größer", "application/json"),  # and is none of UTF-8 either
        ("größer", "application/json; charset=nobody-knows"),
    ],
)
def test_letters_that_cannot_be_read_cost_no_answer(said: str, content_type: str) -> None:
    """A line of a log that was cut within a letter, or a text in the encoding of somebody's office."""
    headers = {"content-type": content_type}

    def written(body: dict[str, Any]) -> httpx.Response:
        return httpx.Response(
            200, content=json.dumps(body, ensure_ascii=False).encode("latin-1"), headers=headers
        )

    status = written({"status": "COMPLETED", "logs": [{"message": said}]})
    output = {"images": [{"url": "https://v3.fal.media/1"}], "diffusers_lora_file": {"url": "https://l"}}
    result = written({**output, "prompt": said})
    for call in RESULTS:
        assert ended(call, FaultyTransport({"status": status, "result": result}))[0] == "done", call
    refused = written({"detail": said})
    refused.status_code = 422
    _, message = ended(RESULTS[0], FaultyTransport({"result": refused}))
    assert message.startswith("gr") and message.endswith("er")
    assert ("ö" in message) == ("8859" in content_type)


@pytest.mark.parametrize("call", RESULTS, ids=lambda call: call.name)
def test_a_result_that_is_not_there_yet_goes_on(call: Call) -> None:
    early = httpx.Response(400, json={"detail": "Request is still in progress"})
    assert ended(call, FaultyTransport({"result": early})) == ("goes on", "")


@pytest.mark.parametrize("call", RESULTS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    "output",
    [
        {},
        {"status": "COMPLETED"},
        {"images": None, "diffusers_lora_file": None},
        {"images": 7, "diffusers_lora_file": 7},
        {"images": {}, "diffusers_lora_file": {}},
        {"images": "", "diffusers_lora_file": ""},
        {"images": [None, 7, "https://\ud800"], "diffusers_lora_file": []},
        {"images": ["https://" + "x" * 5000], "diffusers_lora_file": "https://" + "x" * 5000},
        {"images": [{"url": None}, {"url": 7}, {"url": ""}, {}], "diffusers_lora_file": {"url": 7}},
        {"lora_file": {"url": "https://v3.fal.media/l"}, "image": {"url": "https://v3.fal.media/1"}},
    ],
    ids=lambda output: str(output)[:80],
)
def test_a_result_with_nothing_in_it_has_failed(call: Call, output: dict[str, Any]) -> None:
    outcome, message = ended(call, FaultyTransport({"result": httpx.Response(200, text=json.dumps(output))}))
    assert outcome == "failed"
    assert_fit_to_show(message)


@pytest.mark.parametrize("call", RESULTS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    "output",
    [
        {"images": "https://v3.fal.media/1", "diffusers_lora_file": "https://v3.fal.media/l"},
        {"images": [None, 7, "https://v3.fal.media/1"], "diffusers_lora_file": {"url": "https://l"}},
    ],
    ids=str,
)
def test_a_file_is_an_address_or_an_object_with_one(call: Call, output: dict[str, Any]) -> None:
    assert ended(call, FaultyTransport({"result": httpx.Response(200, json=output)}))[0] == "done"


@pytest.mark.parametrize("flags", [None, 7, "x", {}, [], [None], ["yes"]])
@pytest.mark.parametrize("units", ["", "x", "nan", "inf", "-1", "1e999"])
def test_odd_facts_beside_an_image_lose_no_image(flags: Any, units: str) -> None:
    output = {"images": [{"url": "https://v3.fal.media/1"}], "seed": "x", "has_nsfw_concepts": flags}
    answer = httpx.Response(200, json=output, headers={"x-fal-billable-units": units})
    read = FaultyTransport({"result": answer}).lora.images.status(FAL_JOB, REQUEST)
    assert [(image.url, image.seed, image.filtered) for image in read.images] == [
        ("https://v3.fal.media/1", None, False)
    ]
    assert read.cost_usd is None


@pytest.mark.parametrize(
    ("flags", "filtered"),
    [
        ([False, False, True], [False, False, True]),
        ([True], [True, False, False]),
        (None, [False, False, False]),
        ([None, True, 1], [False, True, False]),
        ([True, True, True, True], [True, True, True]),
    ],
    ids=str,
)
def test_an_image_without_a_link_keeps_its_place(flags: Any, filtered: list[bool]) -> None:
    output = {"images": [{"url": "https://v3.fal.media/1"}, {"width": 7}, {"url": "https://v3.fal.media/3"}]}
    answer = httpx.Response(200, json={**output, "has_nsfw_concepts": flags})
    images = FaultyTransport({"result": answer}).lora.images.status(FAL_JOB, REQUEST).images
    assert [image.url for image in images] == ["https://v3.fal.media/1", None, "https://v3.fal.media/3"]
    assert [image.filtered for image in images] == filtered


UPLOADS = [
    Call(
        "send an archive", "upload", lambda faulty_transport: faulty_transport.lora.training.prepare(IMAGES)
    ),
    Call(
        "send a picture",
        "upload",
        lambda faulty_transport: faulty_transport.instant.images.prepare(IMAGES),
    ),
]


@pytest.mark.parametrize("call", UPLOADS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (307, "rejected"),
        (400, "rejected"),
        (403, "rejected"),
        (413, "rejected"),
        (408, "unavailable"),
        (429, "unavailable"),
        (500, "unavailable"),
        (502, "unavailable"),
        (503, "unavailable"),
        (504, "unavailable"),
    ],
)
def test_a_failed_upload_buys_nothing(call: Call, status: int, outcome: Outcome) -> None:
    faulty_transport = FaultyTransport({"upload": httpx.Response(status, text=f"<Error>{SIGNATURE}</Error>")})
    met, message = ended(call, faulty_transport)
    assert met == outcome
    assert str(status) in message
    assert_fit_to_show(message)
    assert [position for position, _ in faulty_transport.sent] == ["initiate", "upload"]


@pytest.mark.parametrize("call", UPLOADS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        [],
        "",
        "None",
        "/u",
        "https://",
        "https://[",
        "https://up.test:99999999/u",
        "https://up.test/\x00",
        "https://xn--/",
        f"http://up.test/u?sig={SIGNATURE}",
        f"https://private.test/u?sig={SIGNATURE}",
        "https://user:secret@up.test/u",
        "file:///etc/passwd",
    ],
    ids=repr,
)
def test_an_unusable_upload_address_is_fals_fault_not_the_callers(call: Call, url: Any) -> None:
    answer = {"upload_url": url, "file_url": "https://v3.fal.media/f"}
    outcome, message = ended(call, FaultyTransport({"initiate": httpx.Response(200, json=answer)}))
    assert outcome == "unavailable"
    assert message.startswith("fal: ")
    assert_fit_to_show(message)

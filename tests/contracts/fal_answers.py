"""Answers of fal's other than the one that was asked for, as its contract lists them.

https://fal.ai/docs/documentation/model-apis/errors and https://github.com/fal-ai/fal, read 2026-11-22. Every
reason quotes a signed link and our key back at us, which no message may pass on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from tests.contracts.fault_injection import FAL_KEY, signed

Meaning = Literal["refused", "gone", "our account", "too many calls", "ended badly", "cancelled", "undecided"]
QUOTED = f"(given {signed('a.jpg')}\nwith Key {FAL_KEY})"
INGRESS = f"<html><body><h1>Bad gateway</h1>{QUOTED}</body></html>"


@dataclass(frozen=True)
class FalAnswer:
    """An answer, what it means, and the words of its reason that a person has to read."""

    name: str
    status: int
    meaning: Meaning
    says: str
    content: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> httpx.Response:
        if isinstance(self.content, str):
            return httpx.Response(self.status, html=self.content, headers=self.headers)
        return httpx.Response(self.status, json=self.content, headers=self.headers)


MODEL_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "internal_server_error": (500, {}),
    "generation_timeout": (504, {}),
    "downstream_service_error": (400, {}),
    "downstream_service_unavailable": (500, {}),
    "content_policy_violation": (422, {}),
    "no_media_generated": (422, {}),
    "image_too_small": (422, {"min_height": 256, "min_width": 256}),
    "image_too_large": (422, {"max_height": 4096, "max_width": 4096}),
    "image_load_error": (422, {}),
    "file_download_error": (422, {}),
    "face_detection_error": (422, {}),
    "file_too_large": (422, {"max_size": 50_000_000}),
    "greater_than": (422, {"gt": 0}),
    "greater_than_equal": (422, {"ge": 1}),
    "less_than": (422, {"lt": 5}),
    "less_than_equal": (422, {"le": 20}),
    "multiple_of": (422, {"multiple_of": 8}),
    "sequence_too_short": (422, {"min_length": 1}),
    "sequence_too_long": (422, {"max_length": 20}),
    "one_of": (422, {"expected": ["square_hd"]}),
    "feature_not_supported": (422, {}),
    "invalid_archive": (422, {"supported_extensions": [".zip"]}),
    "archive_file_count_below_minimum": (422, {"min_count": 4, "provided_count": 1}),
    "archive_file_count_exceeds_maximum": (422, {"max_count": 100, "provided_count": 101}),
    "unsupported_image_format": (422, {"supported_formats": ["jpeg", "png"]}),
    "unsupported_audio_format": (422, {"supported_formats": ["mp3"]}),
    "unsupported_video_format": (422, {"supported_formats": ["mp4"]}),
}
"""``type`` of an item of ``detail``, with the status of the answer and the item's ``ctx``."""

REQUEST_ERRORS: dict[str, int] = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_disconnected": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
}
"""``error_type`` beside a ``detail`` that is a sentence, with the status of the answer."""

PYDANTIC_ITEMS: dict[str, dict[str, Any]] = {
    "pydantic 1": {"loc": ["body", "prompt"], "msg": "field required", "type": "value_error.missing"},
    "pydantic 2": {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": {}},
    "raised by the app": {"loc": ["body", "prompt"], "msg": "no prompt", "type": "value_error"},
}

SENTENCES: list[tuple[int, Meaning, str]] = [
    (400, "refused", "The request body is not JSON"),
    (401, "our account", "No user found for Key ID and Secret"),
    (401, "our account", "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."),
    (403, "our account", "User is locked. Reason: Exhausted balance."),
    (404, "gone", "Path /x not found"),
    (405, "refused", "Method Not Allowed"),
    (408, "undecided", "Request timeout"),
    (409, "undecided", "Conflict"),
    (413, "refused", "Payload too large"),
    (422, "refused", "Could not load image from url"),
    (429, "too many calls", "concurrent_requests_limit"),
    (503, "ended badly", "CUDA error: out of memory"),
]
"""``detail`` as a sentence and nothing else."""


def fal_answers() -> Iterator[FalAnswer]:
    """All of them."""
    for kind, (status, ctx) in MODEL_ERRORS.items():
        msg = f"It was {kind} {QUOTED}"
        item = {"loc": ["body", "image_url"], "msg": msg, "type": kind, "ctx": ctx, "input": signed("a.jpg")}
        yield _answer(kind, status, f"image_url: It was {kind}", {"detail": [item]})
    for kind, status in REQUEST_ERRORS.items():
        body = {"detail": f"It was {kind} {QUOTED}", "error_type": kind}
        yield _answer(kind, status, f"It was {kind}", body)
        yield _answer(f"{kind} without a sentence", status, kind, {"detail": "", "error_type": kind})
    for dialect, item in PYDANTIC_ITEMS.items():
        yield _answer(dialect, 422, f"prompt: {item['msg']}", {"detail": [item]})
    for status, meaning, sentence in SENTENCES:
        body = {"detail": f"{sentence} {QUOTED}"}
        yield FalAnswer(f"{status} {sentence[:20]}", status, meaning, sentence, body, _from_fal())
    yield FalAnswer("not found", 404, "gone", "NOT_FOUND", {"status": "NOT_FOUND"}, _from_fal())
    timeout = {"X-Fal-Request-Timeout-Type": "user", **_from_fal()}
    yield FalAnswer("our time limit", 504, "cancelled", "timed out", {"detail": "It timed out"}, timeout)
    yield FalAnswer("429 of an ingress", 429, "too many calls", "429", INGRESS)
    for status in (301, 307, 408, 502, 503, 504):
        yield FalAnswer(f"ingress {status}", status, "undecided", str(status), INGRESS)


def _answer(name: str, status: int, says: str, body: dict[str, Any]) -> FalAnswer:
    badly: Meaning = "cancelled" if status == 499 else "ended badly"
    meaning: Meaning = badly if status >= 499 else "refused"
    return FalAnswer(f"{status} {name}", status, meaning, says, body, _from_fal())


def _from_fal() -> dict[str, str]:
    return {"x-fal-request-id": "r1", "x-fal-billable-units": "0"}

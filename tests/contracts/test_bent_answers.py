"""Whatever a provider answers, at whatever read: an outcome or an error of ours, and never a second order."""

import json
import math
from random import Random
from typing import Any

import pytest

from character_identity.domain.budget import microusd
from character_identity.domain.errors import ProviderError
from character_identity.domain.job import JobHandle
from character_identity.ports.providers import GenerationStatus, JobStatus, TrainingStatus
from character_identity.providers.callback_bodies import astria_job_id, fal_job_id
from character_identity.services.jobs.submission import submit_once
from tests.contracts.bending import bent, response
from tests.contracts.calls import (
    ASTRIA_CALLS,
    ASTRIA_ERASES,
    ASTRIA_FINDS,
    FAL_CALLS,
    FAL_CANCEL,
    OUTCOMES,
    Call,
    assert_fit_to_show,
)
from tests.contracts.fault_injection import PAID, FaultyTransport
from tests.support.builders import a_generation, a_job
from tests.support.fakes import Clock, FakeLedger

WHOLE = 1_000
CALLS = [*FAL_CALLS, FAL_CANCEL, *ASTRIA_CALLS, *ASTRIA_FINDS, *ASTRIA_ERASES]
PAID_CALLS = [call for call in CALLS if call.position in PAID]
CALLBACKS = ({"request_id": "r1", "status": "OK"}, {"tune": {"id": 7}}, {"prompt": {"id": 7, "images": []}})
LARGEST_ROW_BYTES = 400 * 1024
RICH: dict[str, Any] = {
    "submit": {
        "status": "IN_QUEUE",
        "request_id": "r1",
        "status_url": "https://queue.test/s",
        "response_url": "https://queue.test/r",
        "cancel_url": "https://queue.test/c",
    },
    "status": {
        "status": "COMPLETED",
        "logs": [{"message": "step 500/1000", "timestamp": "2026-11-22T10:00:00Z"}],
        "metrics": {"inference_time": 2.5},
    },
    "result": {
        "images": [{"url": "https://v3.fal.media/1", "width": 1024}, {"url": "https://v3.fal.media/2"}],
        "timings": {"inference": 2.3},
        "seed": 7,
        "has_nsfw_concepts": [False, True],
        "diffusers_lora_file": {"url": "https://v3.fal.media/l", "file_size": 7},
    },
    "cancel": {"status": "CANCELLATION_REQUESTED"},
    "initiate": {"upload_url": "https://up.test/u", "file_url": "https://v3.fal.media/f"},
    "create tune": {"id": 788416, "title": "Sarah [i1]", "trained_at": None},
    "create prompt": {"id": 45, "images": [], "cost_mc": 4600},
    "get tune": {
        "id": 788416,
        "trained_at": "2026-11-22T10:10:00Z",
        "started_training_at": "2026-11-22T10:00:00Z",
    },
    "get prompt": {
        "id": 45,
        "images": ["https://s3.test/a", "https://s3.test/b"],
        "user_error": None,
        "cost_mc": 4600,
        "started_training_at": "2026-11-22T10:20:01Z",
        "trained_at": "2026-11-22T10:20:19Z",
    },
    "list tunes": [{"id": 788416, "title": "Sarah [i1]", "created_at": "2026-11-22T12:00:00Z"}],
    "list prompts": [
        {"id": 45, "text": "x", "seed": 7, "callback": None, "created_at": "2026-11-22T12:00:00Z"}
    ],
    "delete tune": {"id": 788416},
    "delete prompt": {"message": "Prompt successfully deleted"},
}
"""Answers with all that is read of them, by position."""


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.name}, {call.position}")
def test_a_bent_answer_is_an_outcome_or_an_error_of_ours(call: Call, examples: int) -> None:
    random, transport = Random(f"{call.name} {call.position}"), FaultyTransport()
    for _ in range(min(WHOLE, examples)):
        transport.answer_with({call.position: response(RICH[call.position], random)})
        try:
            answer = call.make(transport)
        except ProviderError as exc:
            assert exc.code in {"provider_rejected", "provider_unavailable", "provider_outcome_unknown"}
            assert_fit_to_show(exc.message)
            continue
        if isinstance(answer, JobStatus):
            _assert_can_be_kept(answer)
        elif isinstance(answer, JobHandle):
            assert len(answer.model_dump_json().encode()) < 20_000


@pytest.mark.parametrize("call", PAID_CALLS, ids=lambda call: f"{call.name}, {call.position}")
def test_however_an_order_is_answered_it_is_made_once(call: Call, examples: int) -> None:
    random, transport = Random(call.name), FaultyTransport()
    for _ in range(min(WHOLE, examples)):
        transport.answer_with({call.position: response(RICH[call.position], random)})
        ledger = FakeLedger(job := a_job())
        for _ in range(3):
            _attempt(ledger, job.job_id, call, transport)
        assert [at for at, _ in transport.sent].count(call.position) == 1


def test_a_bent_callback_names_a_job_or_nothing(examples: int) -> None:
    random = Random("callbacks")
    for good in CALLBACKS:
        for _ in range(min(WHOLE, examples)):
            body = json.dumps(bent(good, random)).encode()
            for named in (fal_job_id(body), astria_job_id(body)):
                assert named is None or (named.isascii() and 0 < len(named) <= 128)


def _attempt(ledger: FakeLedger, job_id: str, call: Call, transport: FaultyTransport) -> None:
    def submit() -> JobHandle:
        handle = call.make(transport)
        assert isinstance(handle, JobHandle)
        return handle

    try:
        submit_once(ledger, job_id, submit, Clock(), deadline_at=a_job().deadline_at)
    except ProviderError as exc:
        assert OUTCOMES[type(exc)] in {"unknown", "rejected"}


def _assert_can_be_kept(status: JobStatus) -> None:
    """What a status says can be counted, stored in a row, and shown."""
    if status.cost_usd is not None:
        assert 0 <= microusd(status.cost_usd) < 10**15
    if status.took_ms is not None:
        assert 0 <= status.took_ms < 10**12
    if status.reason is not None:
        assert_fit_to_show(status.reason)
    if isinstance(status, TrainingStatus):
        assert status.fraction is None or (math.isfinite(status.fraction) and 0 <= status.fraction <= 1)
        json.dumps(status.weights_url).encode()
    if isinstance(status, GenerationStatus):
        images = [image for image in status.images if not (image.url or "").startswith("data:")]
        row = a_generation(produced=images).model_dump_json()
        assert len(row.encode()) < LARGEST_ROW_BYTES
        assert all(image.seed is None or 0 <= image.seed < 2**64 for image in images)

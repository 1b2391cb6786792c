"""Both providers as our adapters see them: what was sent is kept, what is answered is the test's to say."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import httpx

from character_identity.domain.job import JobHandle
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.ports.providers import GenerationOrder, ReferenceImage, TrainingOrder
from character_identity.providers.astria.adapter import Astria
from character_identity.providers.fal.flux_lora import FalFluxLora
from character_identity.providers.fal.instant_character import FalInstantCharacter
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue
from tests.providers.test_fal_queue import StubKey
from tests.support.builders import a_request, an_identity, some_weights
from tests.support.http import scripted_client

Position = Literal[
    "submit",
    "status",
    "result",
    "cancel",
    "initiate",
    "upload",
    "list requests",
    "create tune",
    "create prompt",
    "get tune",
    "get prompt",
    "list tunes",
    "list prompts",
    "delete tune",
    "delete prompt",
]
PAID: frozenset[Position] = frozenset({"submit", "create tune", "create prompt"})

SIGNATURE = "planted-signature"
FAL_KEY = "planted-key-id:planted-key-secret"
ASTRIA_KEY = "sd_planted_key"
CALLBACK_TOKEN = "planted-token"
SECRETS = (SIGNATURE, "planted-key-secret", ASTRIA_KEY, CALLBACK_TOKEN)


def signed(path: str) -> str:
    """A link of ours whose query must not be shown to anybody."""
    return f"https://bucket.test/{path}?X-Amz-Credential=me&X-Amz-Signature={SIGNATURE}"


FAL_CALLBACK = f"https://api.test/webhooks/fal?job=training-i1&token={CALLBACK_TOKEN}"
ASTRIA_CALLBACK = f"https://api.test/webhooks/astria/training-i1.{CALLBACK_TOKEN}"
IMAGES = [
    ReferenceImage(f"{n:04d}.jpg", partial(signed, f"references/i1/{n:04d}.jpg"), lambda: b"jpeg")
    for n in range(1, 6)
]
REQUEST = a_request()
SARAH = an_identity(weights=some_weights(), provider_model_id="788416")
TRAINING = TrainingOrder(
    title="Sarah [i1]",
    class_name="woman",
    trigger_word="SARAH",
    references=IMAGES,
    steps=1000,
    archive_url=signed("references.zip"),
)
GENERATION = GenerationOrder(
    SARAH,
    REQUEST,
    weights_link=signed("weights/i1/lora.safetensors"),
    reference_url="https://v3.fal.media/f",
)
FAL_JOB = JobHandle(
    provider_job_id="r1",
    status_url="https://queue.test/fal-ai/flux-lora/requests/r1/status",
    result_url="https://queue.test/fal-ai/flux-lora/requests/r1",
    cancel_url="https://queue.test/fal-ai/flux-lora/requests/r1/cancel",
)
ASTRIA_JOB = JobHandle(provider_job_id="788416")

GOOD: dict[Position, httpx.Response] = {
    "submit": httpx.Response(200, json={"status": "IN_QUEUE", "request_id": "r1"}),
    "status": httpx.Response(200, json={"status": "COMPLETED"}),
    "result": httpx.Response(
        200, json={"images": [{"url": "https://v3.fal.media/1"}], "diffusers_lora_file": {"url": "https://l"}}
    ),
    "cancel": httpx.Response(202, json={"status": "CANCELLATION_REQUESTED"}),
    "initiate": httpx.Response(
        200, json={"upload_url": f"https://up.test/u?sig={SIGNATURE}", "file_url": "https://v3.fal.media/f"}
    ),
    "upload": httpx.Response(200),
    "list requests": httpx.Response(200, json={"items": [], "has_more": False, "next_cursor": None}),
    "create tune": httpx.Response(201, json={"id": 788416}),
    "create prompt": httpx.Response(201, json={"id": 45}),
    "get tune": httpx.Response(200, json={"id": 788416, "trained_at": "2026-11-22T10:00:00Z"}),
    "get prompt": httpx.Response(200, json={"id": 45, "images": ["https://s3.test/a"]}),
    "list tunes": httpx.Response(200, json=[{"id": 788416, "title": TRAINING.title}]),
    "list prompts": httpx.Response(
        200,
        json=[{"id": 45, "text": "<lora:788416:1> ohwx woman runs through a corridor", "seed": REQUEST.seed}],
    ),
    "delete tune": httpx.Response(200, json={"id": 788416}),
    "delete prompt": httpx.Response(200, json={"message": "Prompt successfully deleted"}),
}


class FaultyTransport:
    """The three adapters on a transport that answers well except where a fault is injected."""

    def __init__(
        self,
        answers: Mapping[Position, httpx.Response | Exception] | None = None,
        can_fetch_our_urls: bool = True,
    ) -> None:
        self.sent: list[tuple[Position, httpx.Request]] = []
        self.answer_with(answers or {})
        transport = httpx.MockTransport(self._answer)
        client = scripted_client(self._answer)
        media = SafeHttpClient(UrlGuard(resolve=resolve), transport)
        queue = FalQueue(client, StubKey(FAL_KEY), "https://queue.test", "https://rest.test", media)
        platform = FalPlatform(client, StubKey(FAL_KEY), StubKey(FAL_KEY), "https://platform.test")
        self.instant = FalInstantCharacter(queue, platform)
        self.lora = FalFluxLora(queue, platform, can_fetch_our_urls)
        self.astria = Astria(client, StubKey(ASTRIA_KEY), "https://astria.test", can_fetch_our_urls)

    def answer_with(self, answers: Mapping[Position, httpx.Response | Exception]) -> None:
        """Begin anew with other answers, which takes a tenth of the time of another transport."""
        self.sent.clear()
        self._answers = {**GOOD, **answers}

    def body(self, position: Position) -> Any:
        """The only JSON body that was sent there; what was sent before is forgotten."""
        (request,) = [request for at, request in self.sent if at == position]
        self.sent.clear()
        return json.loads(request.content)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        position = position_of(request)
        self.sent.append((position, request))
        answer = self._answers[position]
        if isinstance(answer, Exception):
            raise answer
        return answer


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """The addresses of this small web; ``private.test`` is not a public host."""
    if host not in {"up.test", "private.test"}:
        raise OSError("unknown")
    return ["10.0.0.7"] if host == "private.test" else ["93.184.216.34"]


AT_ASTRIA: dict[tuple[str, str], Position] = {
    ("POST", "tunes"): "create tune",
    ("POST", "prompts"): "create prompt",
    ("GET", "tunes"): "list tunes",
    ("GET", "prompts"): "list prompts",
    ("GET", "a tune"): "get tune",
    ("GET", "a prompt"): "get prompt",
    ("DELETE", "a tune"): "delete tune",
    ("DELETE", "a prompt"): "delete prompt",
}


def position_of(request: httpx.Request) -> Position:
    """Return the index of a request among the providers' calls."""
    method, host, path = request.method, request.headers["Host"], request.url.path
    if host == "astria.test":
        last = path.rpartition("/")[2]
        one = "a prompt" if "/prompts/" in path else "a tune"
        return AT_ASTRIA[method, last if last in ("tunes", "prompts") else one]
    if host in ("rest.test", "up.test"):
        return "initiate" if host == "rest.test" else "upload"
    if host == "platform.test":
        return "list requests"
    if method in ("POST", "PUT"):
        return "submit" if method == "POST" else "cancel"
    return "status" if path.endswith("/status") else "result"

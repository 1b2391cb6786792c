"""The API as the demo sees it, in memory, with failures to order."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from PIL import Image

BROKEN = {"encoder": "clip-vit-b32", "code": "black_image", "reason": "The picture is black."}
NO_FACE = {"encoder": "face-dlib-resnet-v1", "code": "no_face", "reason": "No face was found."}
LIMITS = {"fal-instant": (1, 3), "fal-lora": (5, 20), "astria": (4, 20)}


def image() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(file, "JPEG")
    return file.getvalue()


@dataclass
class FakeApi:
    """Trains at the second poll, generates at the first, scores at the second; for several threads."""

    refused: frozenset[str] = frozenset()  # providers that refuse the references
    untrainable: frozenset[str] = frozenset()  # providers whose training fails
    unreadable: str = ""  # the end of an uploaded picture's name
    findings: tuple[dict[str, Any], ...] = ()  # about the references of every identity
    broken: frozenset[str] = frozenset()  # providers for which the API itself breaks
    failing_seeds: frozenset[int] = frozenset()
    filtered_seeds: frozenset[int] = frozenset()
    lost_seeds: frozenset[int] = frozenset()  # pictures whose links are dead
    broken_seeds: frozenset[int] = frozenset()  # pictures that cannot be scored
    copying_seeds: frozenset[int] = frozenset()  # pictures that are a reference again
    faceless_seeds: frozenset[int] = frozenset()  # pictures without a face
    unscored_seeds: frozenset[int] = frozenset()  # pictures whose scores never come
    incomparable: bool = False  # nothing is scored within a request
    encoder: str = "clip-vit-b32"
    uploaded: dict[str, bytes] = field(default_factory=dict)
    identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    generations: dict[str, dict[str, Any]] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)  # their keys; who repeats one gets what it led to
    answers: dict[str, tuple[bytes, httpx.Response]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            return self._store(request)
        match request.method, request.url.path.split("/")[2:]:
            case "GET", ["providers"]:
                return httpx.Response(200, json={"providers": [_provider(name) for name in LIMITS]})
            case "POST", ["references"]:
                return self._tickets(json.loads(request.content)["files"])
            case "POST", ["identities"]:
                return self._once(request, lambda: self._create(json.loads(request.content)))
            case "GET", ["identities", identity_id]:
                return httpx.Response(200, json=self._identity(identity_id))
            case "POST", ["identities", identity_id, "generations"]:
                return self._once(request, lambda: self._generate(identity_id, json.loads(request.content)))
            case "POST", ["scores"]:
                return self._compare(json.loads(request.content))
            case "GET", ["generations", generation_id]:
                return httpx.Response(200, json=self._generation(generation_id))
        raise AssertionError(f"{request.method} {request.url} is no route")

    def _once(self, request: httpx.Request, take: Callable[[], httpx.Response]) -> httpx.Response:
        key = request.headers["Idempotency-Key"]
        if key not in self.answers:
            answer = take()
            if answer.is_error:
                return answer
            self.orders.append(key)
            self.answers[key] = (request.content, answer)
        content, answer = self.answers[key]
        assert content == request.content, f"{key} was the key of another order"
        return answer

    def _store(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.uploaded[request.url.path[1:]] = request.content
            return httpx.Response(204)
        seed = int(request.url.path.rpartition("/")[2])
        return httpx.Response(404) if seed in self.lost_seeds else httpx.Response(200, content=image())

    def _tickets(self, files: list[dict[str, Any]]) -> httpx.Response:
        keys = [f"uploads/{len(self.polls)}-{file['name']}" for file in files]
        self.polls[f"tickets {len(self.polls)}"] = 1
        uploads = [{"key": key, "url": f"https://bucket.test/{key}", "fields": {}} for key in keys]
        return httpx.Response(201, json={"uploads": uploads})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        provider = body["provider"]
        assert set(body["references"]) <= set(self.uploaded)
        if provider in self.refused:
            return _problem(400, "too_few_references", "At least 5 reference images are needed.")
        for key in body["references"]:
            if self.unreadable and key.endswith(self.unreadable):
                return _problem(400, "unreadable_image", f"{key}: This is no picture.")
        if provider in self.broken:
            return _problem(500, "internal_error", "Something broke.")
        self.identities[provider] = body
        return httpx.Response(202, json=self._identity(provider))

    def _identity(self, provider: str) -> dict[str, Any]:
        polls = self._poll(provider)
        ready = provider == "fal-instant" or polls > 2
        failed = ready and provider in self.untrainable
        body = self.identities[provider]
        return {
            "characterId": provider,
            "name": body["name"],
            "provider": provider,
            "status": "failed" if failed else "ready" if ready else "training",
            "progress": 100 if ready else 40,
            "referenceUrls": body["references"],
            "findings": list(self.findings),
            "metadata": {"trainingTime": 4000, "cost": 0 if provider == "fal-instant" else 2},
            "error": {"code": "provider_rejected", "message": "No face was found."} if failed else None,
        }

    def _generate(self, identity_id: str, body: dict[str, Any]) -> httpx.Response:
        if body["seed"] in self.failing_seeds:
            return _problem(503, "provider_unavailable", "The provider is down.")
        generation_id = f"{identity_id}.{body['seed']}"
        self.generations[generation_id] = body
        return httpx.Response(202, json=self._generation(generation_id))

    def _compare(self, body: dict[str, Any]) -> httpx.Response:
        if self.incomparable:
            return _problem(503, "provider_unavailable", "The scorer is down.")
        assert set(body["references"]) <= set(self.uploaded)
        seeds = [self.generations[each["generationId"]]["seed"] for each in body["images"]]
        assert all(each["imageNumber"] == 1 for each in body["images"])
        references = [
            {"reference": f"{n:02}", "similarity": 0.6 + n / 100} for n in range(len(body["references"]))
        ]
        images: list[dict[str, Any]] = [
            {"clipSimilarity": None, "scores": [], "notScored": BROKEN}
            if seed in self.broken_seeds
            else {"scores": [{**self._score(seed), "mean": 0.7, "perReference": references}]}
            for seed in seeds
        ]
        found = {"encoder": self.encoder, "weightsSha256": "ab", "standIn": False, "images": images}
        return httpx.Response(200, json=found)

    def _score(self, seed: int) -> dict[str, Any]:
        face: dict[str, Any] = {"encoder": "face-dlib-resnet-v1", "otherFaces": 0}
        face |= {"notScored": NO_FACE} if seed in self.faceless_seeds else {"mean": 0.96, "calibrated": 0.9}
        return {
            "encoder": self.encoder,
            "weightsSha256": "ab",
            "mean": 0.8,
            "best": 0.9,
            "calibrated": 0.5,
            "faceIdentity": face,
            "nearCopy": {"reference": "references/1.jpg"} if seed in self.copying_seeds else None,
        }

    def _generation(self, generation_id: str) -> dict[str, Any]:
        body = self.generations[generation_id]
        provider, seed = generation_id.split(".")[0], body["seed"]
        polls = self._poll(generation_id)
        filtered = seed in self.filtered_seeds
        scored = polls > 2 and not filtered and seed not in self.unscored_seeds | self.broken_seeds
        image = {
            "imageUrl": None if filtered else f"https://bucket.test/{seed}",
            "seed": seed,
            "outcome": "filtered" if filtered else "succeeded",
            "reason": "content policy" if filtered else None,
            "clipSimilarity": 0.8 if scored and self.encoder == "clip-vit-b32" else None,
            "scores": [self._score(seed)] if scored else [],
            "notScored": BROKEN if seed in self.broken_seeds else None,
        }
        waits = polls <= 1 or not (scored or filtered or image["notScored"])
        return {
            "generationId": generation_id,
            "characterId": provider,
            "status": "succeeded" if polls > 1 else "queued",
            "scoring": "pending" if waits else "complete" if scored else "notScored",
            "images": [image] if polls > 1 else [],
            "metadata": {"promptUsed": body["prompt"], "inferenceTime": 1500, "cost": 0.05},
        }

    def _poll(self, what: str) -> int:
        self.polls[what] = self.polls.get(what, 0) + 1
        return self.polls[what]


def _provider(name: str) -> dict[str, Any]:
    minimum, maximum = LIMITS[name]
    return {"name": name, "minReferences": minimum, "maxReferences": maximum}


def _problem(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message})

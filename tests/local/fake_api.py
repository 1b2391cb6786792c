"""The API as the demo sees it, in memory: it evaluates, a phase at each poll, with failures to order."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from PIL import Image

from character_evaluation.results import files_of
from character_evaluation.run import EvaluatedIdentity, EvaluationRow, EvaluationRun
from character_evaluation.scenarios import Scenario

RESULTS = {
    "resultsCsv": "results.csv",
    "gallery": "gallery.html",
    "report": "report.html",
    "reportMarkdown": "report.md",
    "summary": "summary.json",
    "manifest": "evaluation.json",
    "pictures": "pictures.json",
}
PHASES = ("planning", "identities", "pictures", "scores", "report")


def image() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "orange").save(file, "JPEG")
    return file.getvalue()


@dataclass
class FakeApi:
    """One evaluation, of which each poll finds the next phase; for several threads."""

    findings: tuple[dict[str, Any], ...] = ()  # about the references of every identity
    unreadable: str = ""  # the end of an uploaded picture's name
    untrainable: frozenset[str] = frozenset()  # providers whose training fails
    filtered: frozenset[str] = frozenset()  # pictures, as in fal-lora/close-up-1
    lost: frozenset[str] = frozenset()  # pictures whose links are dead
    unscored: frozenset[str] = frozenset()  # pictures that cannot be scored
    simulated: frozenset[str] = frozenset()
    encoder: str = "clip-vit-b32"
    ends_as: str = "completed"
    stuck: bool = False  # it stays where it is
    uploaded: dict[str, bytes] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)  # their keys; who repeats one gets what it led to
    order: dict[str, Any] = field(default_factory=dict)
    began: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    polls: int = 0
    downloads: list[str] = field(default_factory=list)
    cancelled: bool = False
    _files: dict[str, str] = field(default_factory=dict)  # rendered once
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            return self._store(request)
        match request.method, request.url.path.split("/")[2:]:
            case "POST", ["references"]:
                return self._tickets(json.loads(request.content)["files"])
            case "POST", ["evaluations", "estimate"]:
                return httpx.Response(200, json=self._estimate(json.loads(request.content)))
            case "POST", ["evaluations"]:
                return self._create(request)
            case "GET", ["evaluations", "e-1"]:
                self.polls += not self.stuck
                return httpx.Response(200, json=self._evaluation())
            case "POST", ["evaluations", "e-1", "cancel"]:
                self.cancelled = True
                return httpx.Response(200, json=self._evaluation())
            case "GET", ["evaluations", "e-1", file]:
                return self._result(file)
            case "GET", ["identities", provider]:
                if provider in self.untrainable:
                    return _problem(404, "unknown_identity", "There is no such identity.")
                return httpx.Response(200, json=self._identity(provider))
        raise AssertionError(f"{request.method} {request.url} is no route")

    def _store(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.uploaded[request.url.path[1:]] = request.content
            return httpx.Response(204)
        self.downloads.append(request.url.path[1:])
        gone = any(each in request.url.path for each in self.lost)
        return httpx.Response(404) if gone else httpx.Response(200, content=image())

    def _tickets(self, files: list[dict[str, Any]]) -> httpx.Response:
        keys = [f"uploads/{len(self.uploaded)}-{file['name']}" for file in files]
        uploads = [{"key": key, "url": f"https://bucket.test/{key}", "fields": {}} for key in keys]
        return httpx.Response(201, json={"uploads": uploads})

    def _estimate(self, order: dict[str, Any]) -> dict[str, Any]:
        images = len(order["scenarios"]) * order["variations"]
        by_provider = [
            {"provider": name, "images": images, "estimateUsd": 0.1 * images, "ceilingUsd": 0.2 * images}
            for name in order["providers"]
        ]
        total = images * len(by_provider)
        return {
            "cells": total,
            "images": total,
            "estimateUsd": 0.1 * total,
            "assumedUsd": 0,
            "ceilingUsd": 0.2 * total,
            "wouldExceed": None,
            "byProvider": by_provider,
        }

    def _create(self, request: httpx.Request) -> httpx.Response:
        key, order = request.headers["Idempotency-Key"], json.loads(request.content)
        if key in self.orders:
            assert order == self.order, f"{key} was the key of another order"
            return httpx.Response(202, json=self._evaluation())
        assert set(order["references"]) <= set(self.uploaded)
        for reference in order["references"]:
            if self.unreadable and reference.endswith(self.unreadable):
                return _problem(400, "unreadable_image", f"{reference}: This is no picture.")
        if order.get("maxCostUsd") == 0:
            return _problem(400, "max_cost_too_low", "It may cost more.")
        self.orders.append(key)
        self.order = order
        return httpx.Response(202, json=self._evaluation())

    def _evaluation(self) -> dict[str, Any]:
        providers = self.order["providers"]
        images = len(providers) * len(self.order["scenarios"]) * self.order["variations"]
        ended = self.polls > len(PHASES)
        place = min(self.polls, len(PHASES)) - 1 if self.polls else 0
        drawn = images if place > 2 else images // 2 if place == 2 else 0
        status = "cancelled" if self.cancelled else self.ends_as if ended else "running"
        counts = {"total": images, "done": drawn, "failed": 0}
        return {
            "evaluationId": "e-1",
            "name": self.order["name"],
            "status": status,
            "phase": PHASES[place],
            "progress": 100 if ended else place * 25,
            "maxCostUsd": 25.0,
            "costUsd": 0.05 * drawn,
            "counts": {
                "identities": {"total": len(providers), "done": len(providers) if place > 1 else 0},
                "cells": counts,
                "images": {**counts, "scored": drawn if place > 3 else 0},
            },
            "identities": {name: name for name in providers},
            "error": {"code": "too_late", "message": "It took too long."} if status == "failed" else None,
            "links": RESULTS if status in {"completed", "cancelled"} else None,
        }

    def _identity(self, provider: str) -> dict[str, Any]:
        return {
            "characterId": provider,
            "name": self.order["name"],
            "provider": provider,
            "status": "ready",
            "findings": list(self.findings),
        }

    def _result(self, file: str) -> httpx.Response:
        run = self._run()
        if file == "summary.json":
            return httpx.Response(200, json={})
        if file == "pictures.json":
            return httpx.Response(200, json=self._links(run))
        self._files = self._files or files_of(run)
        content = self._files[file]
        if file == "gallery.html":
            for path, link in self._links(run).items():
                content = content.replace(f'"{path}"', f'"{link}&amp;again=1"')
            return httpx.Response(303, headers={"Location": "https://pages.test/gallery"}, content=content)
        return httpx.Response(200, content=content.encode())

    def _links(self, run: EvaluationRun) -> dict[str, str]:
        paths = [*run.references, *(row.image for row in run.rows if row.image)]
        return {path: f"https://bucket.test/{path}?signature=s" for path in paths}

    def _run(self) -> EvaluationRun:
        scenarios = [
            Scenario(
                number=number,
                name=each["name"],
                title=each["title"],
                template=each["prompt"],
                expected_similarity=each["threshold"],
            )
            for number, each in enumerate(self.order["scenarios"], 1)
        ]
        return EvaluationRun(
            character=self.order["name"],
            started_at=self.began,
            references=[f"references/{number:02}.jpg" for number in range(len(self.order["references"]))],
            scenarios=scenarios,
            identities=[
                EvaluatedIdentity(
                    provider=name,
                    identity_id=name,
                    error="No face was found." if name in self.untrainable else None,
                    reference_count=5,
                    training_time_ms=4000,
                    training_cost_usd=2.0,
                )
                for name in self.order["providers"]
            ],
            rows=[
                self._row(name, scenario, variation)
                for name in self.order["providers"]
                for scenario in scenarios
                for variation in range(1, self.order["variations"] + 1)
            ],
            shared_references=8,
            variations=self.order["variations"],
            simulated=self.simulated,
            status="cancelled" if self.cancelled else "completed",
        )

    def _row(self, provider: str, scenario: Scenario, variation: int) -> EvaluationRow:
        which = f"{provider}/{scenario.name}-{variation}"
        what: dict[str, Any] = {
            "provider": provider,
            "scenario": scenario.name,
            "variation": variation,
            "prompt": scenario.prompt(self.order["name"]),
        }
        if self.cancelled and provider == self.order["providers"][-1]:
            return EvaluationRow(**what, outcome="cancelled", error="The evaluation ended before this.")
        if provider in self.untrainable:
            return EvaluationRow(**what, outcome="failed", error="No face was found.")
        if which in self.filtered:
            return EvaluationRow(**what, outcome="filtered", error="content policy", cost_usd=0.05)
        score: dict[str, Any] = (
            {} if which in self.unscored else {"encoder": self.encoder, "similarity_mean": 0.7}
        )
        return EvaluationRow(
            **what,
            **score,
            outcome="succeeded",
            generation_id=which,
            image=f"images/{which}.jpg",
            error=None if score else "The picture is black.",
            latency_ms=1500,
            cost_usd=0.05,
        )


def served(api: Callable[[httpx.Request], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """The API together with where it sends for what is too large for an answer."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "pages.test":
            assert "Authorization" not in request.headers, "a store gets no token"
            page = httpx.Request("GET", "https://api.test/v1/evaluations/e-1/gallery.html")
            return httpx.Response(200, content=api(page).content)
        return api(request)

    return answer


def _problem(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message})

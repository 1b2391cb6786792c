"""Scripted proxies with a clock that stands still, but for sleeping."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from character_identity_client import MediaService, ProxySession

Answer = dict[str, Any] | httpx.Response | Exception

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STATUS_TEXTS = (  # (an answer to an order, what the failure sentence says of it)
    (httpx.Response(502, json={"error": "No."}), 'Bad Gateway - {"error":"No."}'),
    (httpx.Response(504, text="<html>late</html>"), "Gateway Timeout - <html>late</html>"),
)


@dataclass(frozen=True)
class Call:
    """A request that reached a proxy; ``content`` is its body or its query."""

    method: str
    path: str
    content: dict[str, Any]


class Proxies:
    """Answers from scripts, one per path; the last answer of a script is given for ever."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.tokens: list[str | None] = []
        self.slept: list[float] = []
        self.now = START
        self._scripts: dict[str, list[Answer]] = {}

    def session(self, media_service: MediaService | None = None) -> ProxySession:
        """A session that speaks to these proxies."""
        return ProxySession(
            "https://api.test/prod",
            "a-token",
            media_service=media_service,
            transport=httpx.MockTransport(self._answer),
            now=lambda: self.now,
            sleep=self._sleep,
        )

    def script(self, request: str, answers: Answer | Sequence[Answer]) -> None:
        """Have a request such as ``GET /api/astria-proxy?get_prompt`` answered."""
        self._scripts[request] = list(answers) if isinstance(answers, Sequence) else [answers]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        call = _call(request)
        self.calls.append(call)
        self.tokens.append(request.headers.get("Authorization"))
        action = call.content.get("action")
        script = self._scripts[f"{call.method} {call.path}" + (f"?{action}" if action else "")]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(200, json=answer) if isinstance(answer, dict) else answer

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def _call(request: httpx.Request) -> Call:
    content = json.loads(request.content) if request.content else dict(request.url.params)
    path = request.url.path.removeprefix("/prod") if request.url.host == "api.test" else str(request.url)
    return Call(request.method, path, content)


def references(count: int) -> list[str]:
    """So many links to pictures."""
    return [f"https://pictures.test/{number}.jpg" for number in range(1, count + 1)]

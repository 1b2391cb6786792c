"""Everything that leaves a sandbox: calls to AWS and to the providers, counted, and cut where a test says."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import httpx
import pytest
from botocore.client import BaseClient

from tests.support.in_process.executions import Crash

Side = Literal["before", "after"]
ANSWER = "answer of"
Moment = Callable[[str, Side], None]


@dataclass
class FaultyTransport:
    """``calls`` are the calls made so far, in words; nothing is counted while it is ``quiet``.

    ``moment`` is called with every call before and after it is made, and before a function answers; it may
    raise what the caller shall see. ``sent_again`` are those whose first answers are lost: the client sends
    them again, and the caller sees the second answers.
    """

    calls: list[str] = field(default_factory=list)
    crash_at: int | None = None
    side: Side = "before"
    moment: Moment | None = None
    sent_again: Collection[str] = ()
    quiet: int = 0

    def through(self, what: str, call: Callable[[], Any]) -> Any:
        """Make a call, unless the sandbox dies before it; it may die right after it as well."""
        if self.quiet:
            return call()
        self.calls.append(what)
        dies = self.crash_at == len(self.calls)
        if dies or self.moment is not None:
            self._pass(what, "before", dies)
        answer = call()
        if what in self.sent_again:
            answer = call()
        if dies or self.moment is not None:
            self._pass(what, "after", dies)
        return answer

    def answers(self, function: str) -> None:
        """A function is about to answer; it may still die."""
        if self.moment is not None and not self.quiet:
            self.moment(f"{ANSWER} {function}", "before")

    def _pass(self, what: str, side: Side, dies: bool) -> None:
        if dies and self.side == side:
            raise Crash(f"{side} {what}")
        if self.moment is not None:
            self.moment(what, side)

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Make calls of what is around the sandboxes."""
        self.quiet += 1
        try:
            yield
        finally:
            self.quiet -= 1

    def watch_aws(self, patch: pytest.MonkeyPatch) -> None:
        """Count the calls of all boto3 clients."""
        make = BaseClient._make_api_call

        def made(client: Any, operation: str, parameters: Any) -> Any:
            service = client.meta.service_model.service_name
            return self.through(f"{service} {operation}", lambda: make(client, operation, parameters))

        patch.setattr(BaseClient, "_make_api_call", made)

    def watch_http(
        self, patch: pytest.MonkeyPatch, answer: Callable[[httpx.Request], httpx.Response]
    ) -> None:
        """Have ``answer`` answer all calls of clients that are made from now on, and count their calls."""
        faulty_transport = self

        class Transport(httpx.BaseTransport):
            def __init__(self, *_: Any, **__: Any) -> None:
                pass

            def handle_request(self, request: httpx.Request) -> httpx.Response:
                what = f"{request.method} {request.url.path}"
                response: httpx.Response = faulty_transport.through(what, lambda: answer(request))
                return response

        patch.setattr("character_identity.outbound.client.CheckedNetwork", Transport)


class Watched:
    """A port whose calls are I/O: the sandbox may die before or after each of them."""

    def __init__(self, port: Any, name: str, through: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._port = port
        self._name = name
        self._through = through

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found
        what = f"{self._name}.{name}"

        def call(*values: Any, **options: Any) -> Any:
            return self._through(what, partial(getattr(self._port, name), *values, **options))

        self.__dict__[name] = call  # or it is made anew for each call
        return call

"""However a paid call ends, it is made again only if the provider proved that it took nothing."""

from collections.abc import Iterator

import httpx
import pytest

from character_identity.domain.errors import ProviderError, ProviderNotConfigured
from character_identity.domain.job import JobHandle
from character_identity.services.jobs.submission import submit_once
from tests.contracts.bodies import NOT_OBJECTS
from tests.contracts.calls import ASTRIA_CALLS, FAL_CALLS, OUTCOMES, Call
from tests.contracts.fal_answers import INGRESS
from tests.contracts.fault_injection import PAID, SECRETS, FaultyTransport, Position
from tests.support.builders import DEADLINE, a_job
from tests.support.fakes import Clock, FakeLedger

Answer = httpx.Response | Exception
PAID_CALLS = [call for call in (*FAL_CALLS, *ASTRIA_CALLS) if call.position in PAID]
SAFE_TO_REPEAT = {"429", "ConnectError", "ConnectTimeout", "PoolTimeout"}
ANSWERS: dict[str, Answer] = {
    **{
        str(status): httpx.Response(status, text=INGRESS)
        for status in (*range(400, 432), 499, *range(500, 505))
    },
    **{
        f"with request id {status}": httpx.Response(status, headers={"x-fal-request-id": "r1"})
        for status in (500, 504)
    },
    **{f"200 {name}": body for name, body in NOT_OBJECTS.items()},
    "200 {}": httpx.Response(200, json={}),
    **{
        f"302 to {url}": httpx.Response(302, headers={"Location": url})
        for url in ("https://elsewhere.test/", "https://xn--/", "javascript:alert(1)", "https://[::1")
    },
    **{
        type(cut).__name__: cut
        for cut in (
            httpx.ConnectError("x"),
            httpx.ConnectTimeout("x"),
            httpx.PoolTimeout("x"),
            httpx.WriteTimeout("x"),
            httpx.ReadTimeout("x"),
            httpx.ReadError("x"),
            httpx.RemoteProtocolError("x"),
        )
    },
}


def attempts(call: Call, faulty_transport: FaultyTransport, times: int) -> Iterator[str]:
    """Return how each of several attempts at the same job ends."""
    ledger = FakeLedger(job := a_job())

    def submit() -> JobHandle:
        handle = call.make(faulty_transport)
        assert isinstance(handle, JobHandle)
        return handle

    for _ in range(times):
        try:
            submit_once(ledger, job.job_id, submit, Clock(), deadline_at=DEADLINE)
            yield "accepted"
        except ProviderError as exc:
            yield OUTCOMES[type(exc)]


def billable(faulty_transport: FaultyTransport) -> int:
    """Calls that cost money, if they were accepted."""
    positions: list[Position] = [position for position, _ in faulty_transport.sent]
    return sum(position in PAID for position in positions)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_job_is_ordered_again_only_if_nothing_was_taken(answer: str) -> None:
    for call in PAID_CALLS:
        faulty_transport = FaultyTransport({call.position: ANSWERS[answer]})
        first, second, third = attempts(call, faulty_transport, 3)
        assert first == second == third != "accepted", call
        assert (first == "unavailable") == (answer in SAFE_TO_REPEAT), call
        # A refused key is fetched again and tried once more: that call was refused too.
        orders = 3 if first == "unavailable" else 2 if answer == "401" else 1
        assert billable(faulty_transport) == orders, call


@pytest.mark.parametrize("call", PAID_CALLS, ids=lambda call: f"{call.name}, {call.position}")
def test_an_accepted_job_is_ordered_once(call: Call) -> None:
    faulty_transport = FaultyTransport()
    assert list(attempts(call, faulty_transport, 3)) == ["accepted"] * 3
    assert billable(faulty_transport) == 1


@pytest.mark.parametrize("call", PAID_CALLS, ids=lambda call: f"{call.name}, {call.position}")
def test_a_key_that_no_header_takes_is_not_quoted(call: Call) -> None:
    """The text of httpx's own error quotes the header."""
    refusal = httpx.LocalProtocolError(f"Illegal header value b'Key {SECRETS[1]}'")
    with pytest.raises(ProviderNotConfigured) as caught:
        call.make(FaultyTransport({call.position: refusal}))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert SECRETS[1] not in caught.value.message

"""Bills that cannot be right: counted, since they may be billed, shown as odd, and told to the operator."""

import json
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from character_identity.domain.budget import usd
from character_identity.domain.job import ProviderJob
from tests.support.in_process.harness import Harness, harness


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as ready:
        yield ready


PROMPT = {"prompt": "Sarah runs"}


def _drawn(inside: Harness) -> tuple[dict[str, object], ProviderJob]:
    """A generation at once, as it is answered, and its row of the ledger."""
    order = {"name": "Sarah", "provider": "fal-instant", "references": inside.uploads(1)}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    path = f"/v1/identities/{identity_id}/generations"
    generation_id = inside.call("create_generation", "POST", path, PROMPT).body["generationId"]
    inside.run()
    shown = inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body
    job = inside.services("get_generation").ledger.get(f"generation-{generation_id}")
    assert job is not None
    return shown["metadata"], job


def _counted(printed: str) -> list[str]:
    """The metrics that CloudWatch would read from what was printed."""
    told = [json.loads(line) for line in printed.splitlines() if "_aws" in line]
    metrics = [metric["Name"] for line in told for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    return [name for name in metrics if name == "ImplausibleBills"]


def test_a_bill_of_a_hundred_times_the_price_is_counted_shown_and_told_once(
    inside: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    inside.simulator.arm("fal.submit", "overbilled")
    metadata, job = _drawn(inside)
    assert job.estimate_microusd is not None
    assert job.cost_microusd == 100 * job.estimate_microusd
    assert (job.money, job.bill_is_implausible) == ("committed", True)
    assert (metadata["cost"], metadata["costImplausible"]) == (usd(job.cost_microusd), True)
    inside.sweep()
    assert _counted(capsys.readouterr().out) == ["ImplausibleBills"]


@pytest.mark.parametrize("takes_s", [0, 40], ids=["at once", "later"])
def test_a_training_that_was_cancelled_before_it_began_shows_what_the_account_does(
    inside: Harness, takes_s: float
) -> None:
    inside.simulator.change(fal_cancel_takes_s=takes_s)
    order = {"name": "Sarah", "provider": "fal-lora", "className": "woman", "references": inside.uploads(5)}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    path = f"/v1/identities/{identity_id}"
    inside.let_pass(1)
    assert inside.call("cancel_identity", "POST", f"{path}/cancel").body["metadata"]["cost"] > 0
    inside.run()
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    shown = inside.call("get_identity", "GET", path).body["metadata"]["cost"]
    assert (shown, usage["committedUsd"], len(inside.paid())) == (0, 0, 1)


@pytest.mark.parametrize("provider", ["fal-lora", "astria"])
@pytest.mark.parametrize("is_taken", [True, False], ids=["taken", "not taken"])
def test_a_training_that_was_cancelled_while_nobody_knew_of_it_is_looked_up(
    inside: Harness, provider: str, is_taken: bool
) -> None:
    lost = {"fal_webhook_copies": 0, "astria_callback_copies": 0}
    inside.simulator.change(queue_s=600, fal_lists_unfinished=True, **lost)
    operation = "fal.submit" if provider == "fal-lora" else "astria.create_tune"
    inside.simulator.arm(operation, "cut", accepted=is_taken)
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": inside.uploads(5)}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    inside.let_pass(1)
    inside.call("cancel_identity", "POST", f"/v1/identities/{identity_id}/cancel")
    inside.run()
    job = inside.services("get_usage").ledger.get(f"training-{identity_id}")
    assert job is not None
    is_stopped = provider == "fal-lora"
    expected = ("dropped" if is_stopped else "submitted") if is_taken else "accepted"
    assert (job.state, len(inside.paid())) == (expected, int(is_taken))
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    assert (usage["committedUsd"] > 0) == (is_taken and not is_stopped)
    shown = inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body
    assert (shown["status"], shown["error"]["code"]) == ("failed", "cancelled")


@pytest.mark.parametrize("takes_s", [0, 40], ids=["at once", "later"])
@pytest.mark.parametrize("provider", ["fal-lora", "fal-instant"])
def test_what_was_erased_before_it_began_costs_nothing(
    inside: Harness, provider: str, takes_s: float
) -> None:
    inside.simulator.change(fal_cancel_takes_s=takes_s, queue_s=60)
    references = inside.uploads(1 if provider == "fal-instant" else 5)
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": references}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    path = f"/v1/identities/{identity_id}"
    if provider == "fal-instant":
        inside.call("create_generation", "POST", f"{path}/generations", PROMPT)
    inside.let_pass(1)
    assert inside.call("erase_identity", "DELETE", path).status == 200
    inside.run()
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    assert (usage["committedUsd"], [order["cost_usd"] for order in inside.paid()]) == (0, [0])


@pytest.mark.parametrize("undo", [("erase_identity", "DELETE", ""), ("cancel_identity", "POST", "/cancel")])
def test_what_was_undone_while_fal_was_away_is_stopped_when_it_is_back(
    inside: Harness, monkeypatch: pytest.MonkeyPatch, undo: tuple[str, str, str]
) -> None:
    inside.simulator.change(queue_s=20, training_s=3000, fal_honours_cancel=True)
    order = {"name": "Sarah", "provider": "fal-lora", "className": "woman", "references": inside.uploads(5)}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    inside.let_pass(1)
    back_at = inside.now() + timedelta(minutes=40)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "127.0.0.1" and inside.now() < back_at:
            raise httpx.ConnectError("away", request=request)
        return inside._answer(request)

    inside.faulty_transport.watch_http(monkeypatch, answer)
    inside.change()
    function, method, path = undo
    assert inside.call(function, method, f"/v1/identities/{identity_id}{path}").status == 200
    inside.run()
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    assert (usage["committedUsd"], [order["cost_usd"] for order in inside.paid()]) == (0, [0])


def test_a_bill_as_expected_is_told_to_nobody(inside: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    metadata, job = _drawn(inside)
    assert (job.bill_is_implausible, metadata["costImplausible"]) == (False, False)
    assert _counted(capsys.readouterr().out) == []


def test_what_the_provider_took_is_told_apart_from_what_passed(inside: Harness) -> None:
    """The simulator works eight seconds on a picture, after five in its queue."""
    metadata, _ = _drawn(inside)
    total = metadata["totalTime"]
    assert metadata["inferenceTime"] == 8_000
    assert isinstance(total, int) and total >= 13_000


def test_what_astrias_mock_does_takes_nothing_of_a_budget(inside: Harness) -> None:
    inside.change(ASTRIA_MOCK="true")
    order = {"name": "Sarah", "provider": "astria", "className": "woman", "references": inside.uploads(4)}
    identity = inside.call("create_identity", "POST", "/v1/identities", order).body
    assert inside.call("get_usage", "GET", "/v1/usage").body["reservedUsd"] == 0
    inside.run()
    inside.call("create_generation", "POST", f"/v1/identities/{identity['characterId']}/generations", PROMPT)
    inside.run()
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    assert (usage["committedUsd"], [call["cost_usd"] for call in inside.paid()]) == (0, [0, 0])

"""Callbacks, look-ups, cancellation, erasure and lifetimes of jobs, at the simulators.

Our adapters against simulators that refuse every header and field that they do not know.
"""

from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderUnavailable
from character_identity.ports.providers import Found, Provider
from character_identity.providers.fal.flux_lora import FalFluxLora
from tests.contracts.fault_injection import ASTRIA_CALLBACK, FAL_CALLBACK
from tests.contracts.ours import PROMPT, Ours
from tests.support.builders import NOON, an_identity

SARAH = an_identity(provider="astria", provider_model_id="788416")


def lifetimes(ours: Ours, provider: str) -> dict[str, Any]:
    """Return when each file that the provider keeps goes, by the end of its name."""
    return {file["name"].rpartition("/")[2]: file["expires_at"] for file in ours.simulator.files(provider)}


def test_material_lives_for_two_deadlines_and_weights_for_a_week(ours: Ours) -> None:
    ours.order_training(ours.lora)
    ours.simulator.let_pass(0)
    assert lifetimes(ours, "fal") == {
        "references.zip": "2026-11-22T12:00:00.000Z",
        "pytorch_lora_weights.safetensors": "2026-11-29T10:00:00.000Z",
        "config.json": "2026-11-29T10:00:00.000Z",
    }


def test_weights_live_for_a_month_where_fal_generates_with_its_own(ours: Ours) -> None:
    ours.order_training(FalFluxLora(ours.lora.training._queue, ours.platform, can_fetch_our_urls=False))
    ours.simulator.let_pass(0)
    assert lifetimes(ours, "fal")["pytorch_lora_weights.safetensors"] == "2026-12-22T10:00:00.000Z"


def test_a_reference_lives_for_two_deadlines_and_images_for_a_week(ours: Ours) -> None:
    ours.instant.images.submit(ours.generation(an_identity()))
    ours.simulator.let_pass(0)
    assert lifetimes(ours, "fal") == {
        "1.jpg": "2026-11-22T10:30:00.000Z",
        "picture.jpg": "2026-11-29T10:00:00.000Z",
    }


def test_fal_calls_back(ours: Ours) -> None:
    training = ours.lora.training.submit(ours.training(ours.lora, FAL_CALLBACK))
    image = ours.instant.images.submit(ours.generation(an_identity(), FAL_CALLBACK))
    posts = ours.simulator.let_pass(11)
    assert {post["request_id"] for post in posts} == {training.provider_job_id, image.provider_job_id}
    assert {str(post.url) for post in ours.simulator.web.posts} == {FAL_CALLBACK}


def test_astria_calls_back(ours: Ours) -> None:
    ours.astria.training.submit(ours.training(ours.astria, ASTRIA_CALLBACK))
    ours.simulator.let_pass(11)
    prompt = ours.astria.images.submit(ours.generation(SARAH, ASTRIA_CALLBACK))
    ours.simulator.let_pass(3)
    assert {str(post.url) for post in ours.simulator.web.posts} == {ASTRIA_CALLBACK}
    assert len(ours.simulator.web.posts) == 2
    assert prompt.provider_job_id == "45042524"


def test_a_request_id_of_a_webhook_leads_to_the_job(ours: Ours) -> None:
    submitted = ours.lora.training.submit(ours.training(ours.lora))
    assert ours.lora.training.job_handle(submitted.provider_job_id) == submitted
    submitted = ours.instant.images.submit(ours.generation(an_identity()))
    assert ours.instant.images.job_handle(submitted.provider_job_id) == submitted


@pytest.mark.parametrize("callback_url", [None, ASTRIA_CALLBACK])
def test_a_tune_whose_answer_was_lost_is_found(ours: Ours, callback_url: str | None) -> None:
    ours.simulator.tune(title="Sarah [i2]", callback=callback_url)
    ours.simulator.tune(title="Sarah [i1] again", callback=callback_url)
    order = ours.training(ours.astria, callback_url)
    assert ours.astria.training.find(order, NOON) == Found()
    ours.simulator.arm("astria.create_tune", "reply", accepted=True, status=504)
    with pytest.raises(ProviderOutcomeUnknown):
        ours.astria.training.submit(order)
    (found,) = ours.astria.training.find(order, NOON).certain
    ours.simulator.clock.advance(11)
    assert ours.astria.training.status(found, 1000).state == "done"
    assert ours.simulator.ledger()[-1]["request_id"] == found.provider_job_id


@pytest.mark.parametrize("callback_url", [None, ASTRIA_CALLBACK])
def test_a_prompt_whose_answer_was_lost_is_found(ours: Ours, callback_url: str | None) -> None:
    identity = ours.trained(ours.astria)
    ours.generated(ours.astria, identity)
    ours.simulator.clock.advance(60)
    since, order = ours.simulator.clock.now(), ours.generation(identity, callback_url)
    assert ours.astria.images.find(order, since) == Found()
    ours.simulator.arm("astria.create_prompt", "reply", accepted=True, status=504)
    with pytest.raises(ProviderOutcomeUnknown):
        ours.astria.images.submit(order)
    ours.generated(ours.astria, identity, seed=8)
    (found,) = ours.astria.images.find(order, since).certain
    assert ours.simulator.ledger()[-2]["request_id"] == found.provider_job_id
    assert ours.astria.images.status(found, order.request).state == "done"
    assert ours.astria.images.find(order, ours.simulator.clock.now() + timedelta(minutes=2)) == Found()


def test_a_waiting_job_is_cancelled_and_says_so(ours: Ours) -> None:
    handle = ours.order_training(ours.lora)
    assert [ours.lora.training.cancel(handle) for _ in range(2)] == ["dropped", "dropped"]
    status = ours.lora.training.status(handle, 1000)
    assert (status.state, status.reason) == ("cancelled", "cancelled: Request was cancelled by the client")
    assert [call["cost_usd"] for call in ours.simulator.ledger()] == [0]


def test_a_waiting_job_that_fal_removes_was_not_begun(ours: Ours) -> None:
    ours.simulator.change(fal_cancel_removes=True)
    handle = ours.order_training(ours.lora)
    assert ours.lora.training.cancel(handle) == "dropped"
    assert ours.lora.training.status(handle, 1000).state == "missing"
    assert [call["cost_usd"] for call in ours.simulator.ledger()] == [0]


def test_a_waiting_job_may_show_only_later_that_it_was_cancelled(ours: Ours) -> None:
    ours.simulator.change(fal_cancel_takes_s=20)
    handle = ours.order_training(ours.lora)
    assert ours.lora.training.cancel(handle) == "asked"
    ours.simulator.clock.advance(19)
    assert ours.lora.training.cancel(handle) == "asked"
    ours.simulator.clock.advance(1)
    assert ours.lora.training.cancel(handle) == "dropped"
    assert [call["cost_usd"] for call in ours.simulator.ledger()] == [0]


def test_a_running_job_may_go_on_when_cancelled(ours: Ours) -> None:
    handle = ours.order_training(ours.lora)
    ours.simulator.clock.advance(5)
    assert ours.lora.training.cancel(handle) == "asked"
    ours.simulator.clock.advance(6)
    assert ours.lora.training.status(handle, 1000).state == "done"
    ours.simulator.clock.advance(3600)
    assert ours.lora.training.cancel(handle) == "impossible", "fal has forgotten it"


def test_astria_cannot_be_asked_to_cancel(ours: Ours) -> None:
    assert ours.astria.training.cancel(ours.order_training(ours.astria)) == "impossible"


def test_what_is_erased_at_astria_is_gone(ours: Ours) -> None:
    handle = ours.order_training(ours.astria)
    ours.simulator.clock.advance(11)
    prompt = ours.astria.images.submit(ours.generation(SARAH))
    ours.simulator.let_pass(3)
    assert len(ours.simulator.files("astria")) == 6
    for _ in range(2):
        assert ours.astria.images.erase(prompt)
        assert ours.astria.training.erase(handle)
    assert ours.simulator.files("astria") == []
    assert ours.astria.keeps is None
    assert ours.astria.training.status(handle, 1000).state == "missing"


def test_without_an_admin_key_nothing_is_erased_at_fal_and_it_says_what_it_keeps(ours: Ours) -> None:
    handle = ours.order_training(ours.lora)
    ours.forget_admin_key()
    assert not ours.lora.training.erase(handle) and not ours.lora.images.erase(handle)
    assert "references 120 minutes, images 7 days, weights 7 days" in ours.lora.keeps
    assert "references 30 minutes, images 7 days." in ours.instant.keeps
    elsewhere = FalFluxLora(ours.lora.training._queue, ours.platform, can_fetch_our_urls=False)
    assert "weights 30 days" in elsewhere.keeps


def test_with_an_admin_key_only_what_was_sent_is_kept(ours: Ours) -> None:
    assert ours.lora.keeps.endswith("those it was told to keep 120 minutes.")
    assert ours.instant.keeps.endswith("those it was told to keep 30 minutes.")


def test_a_job_that_fal_forgot_is_missing(ours: Ours) -> None:
    ours.simulator.arm("fal.submit", "forgotten")
    status = ours.lora.training.status(ours.order_training(ours.lora), 1000)
    assert status.state == "missing"
    assert status.reason is not None and "does not know this job any more" in status.reason


def test_a_result_outlives_a_status_that_is_gone(ours: Ours) -> None:
    handle = ours.order_training(ours.lora)
    ours.simulator.clock.advance(11)
    ours.simulator.arm("fal.status", "reply", status=404, body={"status": "NOT_FOUND"})
    assert ours.lora.training.status(handle, 1000).state == "done"


@pytest.mark.parametrize(
    ("settings", "state"),
    [({}, "done"), ({"fal_stores_io": False}, "missing"), ({"fal_key_reads_platform": False}, "missing")],
    ids=["kept", "not kept", "not to be read"],
)
def test_a_result_that_the_queue_has_no_more_is_in_the_list_of_requests(
    ours: Ours, settings: dict[str, Any], state: str
) -> None:
    ours.simulator.change(**settings)
    handle, another = ours.order_training(ours.lora), ours.order_training(ours.lora)
    ours.simulator.let_pass(60)
    result = ours.lora.training.status(handle, 1000)
    ours.simulator.let_pass(2 * 3600)
    status = ours.lora.training.status(handle, 1000)
    assert status.state == state
    assert status.weights_url == (result.weights_url if state == "done" else None)
    assert ours.lora.training.status(another, 1000).weights_url != result.weights_url


@pytest.mark.parametrize(
    "answer", [{"status": 408}, {"status": 429}, {"status": 502}, {"status": 403, "body": "<html>"}], ids=str
)
def test_a_list_that_does_not_answer_takes_no_result_away(ours: Ours, answer: dict[str, Any]) -> None:
    handle = ours.order_training(ours.lora)
    ours.simulator.let_pass(2 * 3600)
    ours.simulator.arm("fal.list_requests", "reply", **answer)
    with pytest.raises(ProviderUnavailable):
        ours.lora.training.status(handle, 1000)
    assert ours.lora.training.status(handle, 1000).state == "done"


def test_a_result_that_was_a_failure_is_no_success_there(ours: Ours) -> None:
    ours.simulator.arm("fal.submit", "fail", status=422, body={"detail": "no face"})
    handle = ours.order_training(ours.lora)
    ours.simulator.let_pass(2 * 3600)
    assert ours.lora.training.status(handle, 1000).state == "missing"


@pytest.mark.parametrize("name", ["instant", "lora"])
def test_images_cost_no_more_than_their_ceiling(ours: Ours, name: str) -> None:
    provider: Provider = getattr(ours, name)
    identity = ours.trained(ours.lora) if name == "lora" else an_identity()
    order = ours.generation(identity, num_images=2, width=1000, height=1000)
    provider.images.submit(order)
    ours.simulator.let_pass(0)
    cost_usd = ours.simulator.ledger()[-1]["cost_usd"]
    assert 0 < cost_usd <= provider.images.estimate(order.request).ceiling_usd


def test_the_prompt_is_the_one_that_was_planned(ours: Ours) -> None:
    """A look-up compares the text, so nothing may be added to it on the way."""
    order = ours.generation(ours.trained(ours.astria), prompt=f"  {PROMPT}\n")
    ours.astria.images.submit(order)
    assert ours.astria.images.find(order, ours.simulator.clock.now()).certain


def test_a_prompt_of_another_identity_is_not_taken_for_ours(ours: Ours) -> None:
    ours.astria.images.submit(ours.generation(ours.trained(ours.astria)))
    other = an_identity(provider="astria", provider_model_id="7")
    assert ours.astria.images.find(ours.generation(other), ours.simulator.clock.now()) == Found()

"""Simulators that begin with the memory of earlier ones know what those knew, even what was under way."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.simulators.memory import Memory
from local.state_file import StateFile
from tests.support.simulators import QUEUE, FakeClock, Simulation, jpeg, portrait, share_of_cloth

INSTANT, TRAINING = "fal-ai/instant-character", "fal-ai/flux-lora-fast-training"
PHOTO = "https://files.test/1.jpg"

Restart = Callable[[], Simulation]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Restart]:
    """Starts a simulation with what the ones before have kept; they die without a word."""
    with asyncio.Runner() as runner, closing(StateFile(tmp_path)) as state:
        clocks: list[FakeClock] = []

        def start() -> Simulation:
            simulation = Simulation(runner, Memory(state))
            simulation.publish(PHOTO, jpeg(portrait()))
            if clocks:
                simulation.clock._now = clocks[-1].now()
                for task in asyncio.all_tasks(runner.get_loop()):
                    if task not in simulation.state.at_work:
                        task.cancel()
            clocks.append(simulation.clock)
            return simulation

        yield start


def prompt_of(simulation: Simulation, tune_id: int) -> dict[str, object]:
    body = {"prompt": {"text": f"<lora:{tune_id}:1.0> ohwx woman in a park", "num_images": 1}}
    reply = simulation.astria("POST", "/tunes/1504944/prompts", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def test_a_tune_draws_its_character_after_a_restart(start: Restart) -> None:
    before = start()
    tune = before.tune()
    before.let_pass(60)
    after = start()
    shown = after.astria("GET", f"/tunes/{tune['id']}").json()
    assert shown == before.astria("GET", f"/tunes/{tune['id']}").json()
    prompt = prompt_of(after, tune["id"])
    after.let_pass(60)
    (picture,) = after.astria("GET", f"/prompts/{prompt['id']}").json()["images"]
    assert share_of_cloth(after.image(picture)) > 0.01


def test_ids_are_not_given_again_even_of_what_was_deleted(start: Restart) -> None:
    before = start()
    deleted = before.tune()
    before.astria("DELETE", f"/tunes/{deleted['id']}")
    after = start()
    assert after.astria("GET", f"/tunes/{deleted['id']}").status_code == 404
    assert after.tune()["id"] > deleted["id"]


def test_a_prompt_that_was_under_way_is_done_after_a_restart(start: Restart) -> None:
    before = start()
    tune = before.tune()
    before.let_pass(60)
    prompt = prompt_of(before, tune["id"])
    after = start()
    after.let_pass(60)
    (picture,) = after.astria("GET", f"/prompts/{prompt['id']}").json()["images"]
    assert share_of_cloth(after.image(picture)) > 0.01
    again = start()
    assert again.astria("GET", f"/prompts/{prompt['id']}").json()["images"] == [picture]
    assert again.image(picture)


def test_a_request_of_fal_that_was_under_way_is_done_and_paid_once_after_a_restart(start: Restart) -> None:
    before = start()
    job = before.submit(INSTANT, {"prompt": "a park", "image_url": PHOTO})
    after = start()
    assert (
        after.fal("GET", f"{QUEUE}/{INSTANT}/requests/{job['request_id']}/status").json()["status"]
        == "IN_QUEUE"
    )
    after.let_pass(60)
    result = after.fal("GET", job["response_url"])
    assert share_of_cloth(after.image(result.json()["images"][0]["url"])) > 0.01
    (call,) = after.ledger()
    assert (call["request_id"], call["cost_usd"]) == (job["request_id"], pytest.approx(0.1, rel=0.1))
    again = start()
    assert again.fal("GET", job["response_url"]).json() == result.json()
    assert again.image(result.json()["images"][0]["url"])


def test_a_training_of_fal_that_ended_has_its_weights_after_a_restart(start: Restart) -> None:
    weights = start().train()
    after = start()
    assert after.call("GET", weights).status_code == 200
    body = {"prompt": "SARAH in a park", "loras": [{"path": weights}]}
    picture = after.finish("fal-ai/flux-lora", body).json()["images"][0]["url"]
    assert share_of_cloth(after.image(picture)) > 0.01


def test_what_was_cancelled_stays_cancelled(start: Restart) -> None:
    before = start()
    job = before.submit(INSTANT, {"prompt": "a park", "image_url": PHOTO})
    assert before.fal("PUT", job["cancel_url"]).status_code == 202
    after = start()
    after.let_pass(60)
    assert after.fal("GET", job["response_url"]).status_code == 499


def test_a_balance_is_not_filled_up_by_a_restart(start: Restart) -> None:
    before = start()
    before.tune()
    left = before.astria("GET", "/users").json()["usd_balance_mc"]
    assert start().astria("GET", "/users").json()["usd_balance_mc"] == left


def test_a_reset_forgets_for_good(start: Restart) -> None:
    before = start()
    tune = before.tune()
    before.submit(INSTANT, {"prompt": "a park", "image_url": PHOTO})
    before.call("POST", "http://simulator/control/reset")
    after = start()
    assert after.astria("GET", f"/tunes/{tune['id']}").status_code == 404
    assert (after.ledger(), after.files("astria"), after.files("fal")) == ([], [], [])

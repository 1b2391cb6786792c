"""Faults armed through the control API, and what they do to calls and jobs."""

from typing import Any

import httpx
import pytest

from local.simulators.safetensors_file import NotSafetensors, read_safetensors
from tests.support.simulators import ASTRIA, CONTROL, QUEUE, RUN, Simulation, jpeg, portrait, zip_of

FLUX, TRAINING = "fal-ai/flux/dev", "fal-ai/flux-lora-fast-training"
PROMPT = {"prompt": "x", "image_size": "square"}


def submit(simulator: Simulation, endpoint: str = FLUX) -> httpx.Response:
    return simulator.fal("POST", f"{QUEUE}/{endpoint}", json=PROMPT)


def test_a_reply_fault_happens_as_often_as_armed(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "reply", status=503, body={"detail": "no runner"}, times=2)
    assert [submit(simulator).status_code for _ in range(3)] == [503, 503, 200]
    assert len(simulator.ledger()) == 1


def test_an_ingress_answers_in_html_without_a_request_id(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "reply", status=502, body="<h1>502 Bad Gateway</h1>")
    reply = submit(simulator)
    assert (reply.status_code, reply.text) == (502, "<h1>502 Bad Gateway</h1>")
    assert "x-fal-request-id" not in reply.headers


def test_a_fault_can_carry_headers(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "reply", status=504, headers={"X-Fal-Request-Timeout-Type": "user"})
    reply = submit(simulator)
    assert reply.headers["x-fal-request-timeout-type"] == "user"
    assert reply.headers["x-fal-request-id"]


def test_a_fault_can_come_after_the_call_took_effect(simulator: Simulation) -> None:
    simulator.arm("astria.create_tune", "reply", status=504, accepted=True)
    url = simulator.publish("https://files.test/1.jpg", jpeg(portrait()))
    body = {"tune": {"title": "chr_9", "name": "woman", "image_urls": [url]}}
    assert simulator.astria("POST", "/tunes", json=body).status_code == 504
    assert [tune["title"] for tune in simulator.astria("GET", "/tunes?title=chr_9").json()] == ["chr_9"]


def test_a_delay_passes_before_the_answer(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "delay", seconds=25)
    before = simulator.clock.now()
    assert submit(simulator).status_code == 200
    assert (simulator.clock.now() - before).total_seconds() == 25


def test_a_fault_can_be_bound_to_a_path(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "reply", status=500, path="flux-lora-fast-training")
    assert submit(simulator, FLUX).status_code == 200
    assert submit(simulator, TRAINING).status_code == 500


def test_a_training_can_fail(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "fail")
    archive = simulator.publish("https://files.test/r.zip", zip_of({"1.jpg": jpeg(portrait())}))
    job = simulator.submit(TRAINING, {"images_data_url": archive})
    simulator.clock.advance(60)
    status = simulator.fal("GET", job["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    assert "error" not in status.json()
    result = simulator.fal("GET", job["response_url"])
    assert (result.status_code, result.json()["detail"][0]["type"]) == (500, "internal_server_error")
    assert [call["cost_usd"] for call in simulator.ledger()] == [0]


def test_a_platform_failure_shows_in_the_status_too(simulator: Simulation) -> None:
    body = {"detail": "Runner disconnected", "error_type": "runner_disconnected"}
    simulator.arm("fal.submit", "fail", status=503, body=body)
    job = simulator.submit(FLUX, PROMPT)
    simulator.clock.advance(60)
    status = simulator.fal("GET", job["status_url"]).json()
    assert (status["error"], status["error_type"]) == ("Runner disconnected", "runner_disconnected")
    result = simulator.fal("GET", job["response_url"])
    assert (result.status_code, result.json()) == (503, body)


def test_a_synchronous_call_can_fail(simulator: Simulation) -> None:
    simulator.arm("fal.run", "fail", status=503, body={"detail": "CUDA error: out of memory"})
    reply = simulator.fal("POST", f"{RUN}/{FLUX}", json=PROMPT)
    assert (reply.status_code, reply.json()) == (503, {"detail": "CUDA error: out of memory"})


def test_a_stuck_job_stays_in_the_queue(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "stuck")
    job = simulator.submit(FLUX, PROMPT)
    simulator.clock.advance(7 * 24 * 3600)
    assert simulator.fal("GET", job["status_url"]).json()["status"] == "IN_QUEUE"
    assert simulator.fal("PUT", job["cancel_url"]).status_code == 202
    assert simulator.fal("GET", job["response_url"]).status_code == 499


def test_the_safety_checker_can_black_out(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "blocked", times=2)
    output = simulator.finish(FLUX, PROMPT).json()
    assert output["has_nsfw_concepts"] == [True]
    assert simulator.image(output["images"][0]["url"]).getextrema() == ((0, 0),) * 3
    unchecked = simulator.finish(FLUX, PROMPT | {"enable_safety_checker": False}).json()
    assert unchecked["has_nsfw_concepts"] == [False]
    assert [call["cost_usd"] for call in simulator.ledger()] == [0.025, 0.025]


def test_a_link_can_be_dead(simulator: Simulation) -> None:
    url = simulator.finish(FLUX, PROMPT).json()["images"][0]["url"]
    simulator.arm("fal.media", "reply", status=403)
    assert [simulator.call("GET", url).status_code for _ in range(2)] == [403, 200]


def test_a_tune_can_be_stuck(simulator: Simulation) -> None:
    simulator.arm("astria.create_tune", "stuck")
    tune = simulator.tune()
    simulator.clock.advance(40 * 24 * 3600)
    seen = simulator.astria("GET", f"/tunes/{tune['id']}").json()
    assert seen["started_training_at"] is not None
    assert (seen["trained_at"], seen["expires_at"], seen["eta"]) == (None, None, tune["eta"])
    prompt = {"text": f"<lora:{tune['id']}:1> ohwx woman"}
    made = simulator.astria("POST", "/tunes/1504944/prompts", json={"prompt": prompt}).json()
    simulator.clock.advance(3600)
    assert simulator.astria("GET", f"/prompts/{made['id']}").json()["images"] == []


def test_a_failed_tune_is_not_found_any_more(simulator: Simulation) -> None:
    simulator.arm("astria.create_tune", "fail")
    path = f"/tunes/{simulator.tune()['id']}"
    assert simulator.astria("GET", path).status_code == 200
    simulator.clock.advance(11)
    assert simulator.astria("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("fail", "Face not found", "Face not found"),
        ("fail", None, "Your prompt was flagged as not safe for work"),
    ],
)
def test_a_prompt_can_end_in_a_user_error(
    simulator: Simulation, kind: str, body: str | None, error: str
) -> None:
    simulator.arm("astria.create_prompt", kind, body=body)
    made = simulator.astria("POST", "/tunes/1504944/prompts", json={"prompt": {"text": "a city"}}).json()
    assert made["user_error"] is None
    simulator.clock.advance(3)
    prompt = simulator.astria("GET", f"/prompts/{made['id']}").json()
    assert (prompt["user_error"], prompt["images"], prompt["trained_at"]) == (error, [], None)


def test_a_prompt_can_tell_of_an_error_beside_its_pictures(simulator: Simulation) -> None:
    simulator.arm("astria.create_prompt", "fewer", body="One picture was not allowed")
    order = {"prompt": {"text": "a city", "num_images": 2, "w": 256, "h": 256}}
    made = simulator.astria("POST", "/tunes/1504944/prompts", json=order).json()
    simulator.clock.advance(3)
    prompt = simulator.astria("GET", f"/prompts/{made['id']}").json()
    assert (prompt["user_error"], len(prompt["images"])) == ("One picture was not allowed", 1)
    assert prompt["trained_at"] is not None


def test_a_prompt_can_be_stuck_or_black(simulator: Simulation) -> None:
    simulator.arm("astria.create_prompt", "stuck")
    simulator.arm("astria.create_prompt", "blocked")
    for _ in range(2):
        simulator.astria(
            "POST", "/tunes/1504944/prompts", json={"prompt": {"text": "a city", "w": 256, "h": 256}}
        )
    simulator.clock.advance(3600)
    black, stuck = simulator.astria("GET", "/prompts").json()
    assert stuck["images"] == [] and stuck["started_training_at"] is None
    assert simulator.image(black["images"][0]).getextrema() == ((0, 0),) * 3


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "fal.nothing", "kind": "reply"},
        {"operation": "fal.submit", "kind": "explode"},
        {"operation": "fal.submit", "kind": "reply", "times": 0},
        {"operation": "fal.submit", "kind": "reply", "status": 200},
        {"operation": "fal.submit", "kind": "reply", "surprise": 1},
        None,
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(simulator: Simulation, fault: object) -> None:
    reply = simulator.call("POST", f"{CONTROL}/faults", json=fault)
    assert reply.status_code == 422 and reply.json()["detail"]
    assert simulator.call("GET", f"{CONTROL}/faults").json() == []


def test_settings_are_shown_and_changed(simulator: Simulation) -> None:
    assert simulator.call("GET", f"{CONTROL}/settings").json()["training_s"] == 10
    simulator.change(training_s=3, astria_key="sd_other")
    assert simulator.call("GET", f"{CONTROL}/settings").json()["training_s"] == 3
    assert (
        simulator.call("GET", f"{ASTRIA}/users", headers={"Authorization": "Bearer sd_other"}).status_code
        == 200
    )
    wrong: list[object] = [{"training_s": -1}, {"speed": 1}, [], None]
    for body in wrong:
        assert simulator.call("POST", f"{CONTROL}/settings", json=body).status_code == 422


def test_what_is_under_way_ends_when_somebody_says_so(simulator: Simulation) -> None:
    job, tune = simulator.submit(FLUX, PROMPT), simulator.tune()
    assert simulator.fal("GET", job["status_url"]).json()["status"] == "IN_QUEUE"
    assert simulator.call("POST", f"{CONTROL}/finish").status_code == 204
    assert simulator.fal("GET", job["status_url"]).json()["status"] == "COMPLETED"
    assert simulator.fal("GET", job["response_url"]).status_code == 200
    assert simulator.astria("GET", f"/tunes/{tune['id']}").json()["trained_at"]


def test_the_ledger_shows_what_was_ordered(simulator: Simulation) -> None:
    job = simulator.submit(FLUX, PROMPT)
    simulator.clock.advance(5)
    simulator.fal("GET", job["status_url"])
    document = simulator.call("GET", f"{CONTROL}/ledger").json()
    assert document == {
        "calls": [
            {
                "provider": "fal",
                "endpoint": FLUX,
                "request_id": job["request_id"],
                "input": PROMPT,
                "accepted_at": "2026-11-22T10:00:00.000Z",
                "cost_usd": 0.025,
                "headers": {},
            }
        ],
        "polls": {job["request_id"]: 1},
        "total_usd": {"fal": 0.025, "astria": 0},
    }


def test_a_reset_forgets_everything(simulator: Simulation) -> None:
    result = simulator.finish(FLUX, PROMPT).json()
    job = simulator.submit(FLUX, PROMPT)
    tune = simulator.tune()
    simulator.change(strict=False)
    simulator.arm("fal.submit", "fail")
    assert simulator.call("POST", f"{CONTROL}/reset").status_code == 204
    assert simulator.ledger() == []
    assert simulator.call("GET", f"{CONTROL}/faults").json() == []
    assert simulator.call("GET", f"{CONTROL}/settings").json()["strict"] is True
    assert simulator.fal("GET", job["status_url"]).status_code == 404
    assert simulator.astria("GET", f"/tunes/{tune['id']}").status_code == 404
    assert simulator.call("GET", result["images"][0]["url"]).status_code == 404


def prompted(simulator: Simulation, **fields: object) -> dict[str, Any]:
    """A prompt of Astria's, once its time has passed."""
    wanted = {"text": "a city", "w": 256, "h": 256, **fields}
    made = simulator.astria("POST", "/tunes/1504944/prompts", json={"prompt": wanted}).json()
    simulator.clock.advance(60)
    return dict(simulator.astria("GET", f"/prompts/{made['id']}").json())


def test_fewer_images_than_asked_can_come(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "fewer")
    output = simulator.finish(FLUX, {**PROMPT, "num_images": 3}).json()
    assert (len(output["images"]), len(output["has_nsfw_concepts"])) == (2, 2)
    assert [call["cost_usd"] for call in simulator.ledger()] == [0.05]
    simulator.arm("astria.create_prompt", "fewer")
    assert len(prompted(simulator, num_images=3)["images"]) == 2


def test_files_can_break_off(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "truncated", times=2)
    with pytest.raises(NotSafetensors):
        read_safetensors(simulator.call("GET", simulator.train()).content)
    broken = simulator.finish(FLUX, PROMPT).json()["images"][0]["url"]
    simulator.arm("astria.create_prompt", "truncated")
    for url in (broken, prompted(simulator)["images"][0]):
        with pytest.raises(OSError, match="truncated"):
            simulator.image(url)


def test_weights_can_be_another_models(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "foreign")
    tensors, _ = read_safetensors(simulator.call("GET", simulator.train()).content)
    assert list(tensors) == ["encoder.weight"]


def test_a_job_can_be_forgotten_once_it_was_accepted(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "forgotten")
    job = simulator.submit(FLUX, PROMPT)
    calls = [("GET", "status_url"), ("GET", "response_url"), ("PUT", "cancel_url")]
    assert [simulator.fal(method, job[name]).status_code for method, name in calls] == [404] * 3
    for operation in ("astria.create_tune", "astria.create_prompt"):
        simulator.arm(operation, "forgotten")
    tune = simulator.tune()
    assert simulator.astria("GET", f"/tunes/{tune['id']}").status_code == 404
    assert "id" not in prompted(simulator)
    assert len(simulator.ledger()) == 3

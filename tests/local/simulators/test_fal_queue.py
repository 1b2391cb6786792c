"""Submit, the three states, logs, results, cancelling."""

from typing import Any

import pytest

from tests.support.simulators import FAL_KEY, QUEUE, RUN, Simulation, jpeg, portrait, zip_of

TRAINING = "fal-ai/flux-lora-fast-training"


def training(simulator: Simulation, **fields: Any) -> dict[str, Any]:
    archive = simulator.publish("https://files.test/refs.zip", zip_of({"1.jpg": jpeg(portrait())}))
    return simulator.submit(TRAINING, {"images_data_url": archive, "trigger_word": "SARAH", **fields})


def test_submit_answers_with_the_urls_to_use(simulator: Simulation) -> None:
    job = training(simulator)
    url = f"{QUEUE}/{TRAINING}/requests/{job['request_id']}"
    assert job == {
        "status": "IN_QUEUE",
        "request_id": job["request_id"],
        "response_url": url,
        "status_url": f"{url}/status",
        "cancel_url": f"{url}/cancel",
        "logs": None,
        "metrics": {},
        "queue_position": 0,
    }


def test_submit_does_not_validate_and_the_result_does(simulator: Simulation) -> None:
    job = simulator.submit(TRAINING, {"images_data_url": ["https://files.test/1.jpg"]})
    simulator.clock.advance(60)
    status = simulator.fal("GET", job["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    result = simulator.fal("GET", job["response_url"])
    assert result.status_code == 422
    assert [(item["loc"], item["type"]) for item in result.json()["detail"]] == [
        (["body", "images_data_url"], "string_type")
    ]
    assert result.headers["x-fal-billable-units"] == "0"


def test_a_job_passes_through_three_states(simulator: Simulation) -> None:
    job = training(simulator)
    seen = []
    for passed_s in (0, 1, 10):
        simulator.clock.advance(passed_s)
        reply = simulator.fal("GET", job["status_url"])
        seen.append((reply.status_code, reply.json()["status"]))
        assert reply.headers["x-fal-request-id"] == job["request_id"]
    assert seen == [(202, "IN_QUEUE"), (202, "IN_PROGRESS"), (200, "COMPLETED")]


def test_waiting_jobs_know_their_place(simulator: Simulation) -> None:
    jobs = [training(simulator) for _ in range(4)]
    assert [job["queue_position"] for job in jobs] == [0, 1, 2, 3]
    assert positions(simulator, jobs) == [0, 1, 2, 3]


def positions(simulator: Simulation, jobs: list[dict[str, Any]]) -> list[int | None]:
    return [simulator.fal("GET", job["status_url"]).json().get("queue_position") for job in jobs]


def test_an_account_runs_so_many_jobs_at_once_and_has_the_others_wait(simulator: Simulation) -> None:
    jobs = [training(simulator) for _ in range(5)]
    simulator.clock.advance(1)
    assert positions(simulator, jobs) == [None, None, 0, 1, 2]
    simulator.clock.advance(10)
    assert positions(simulator, jobs) == [None, None, None, None, 0]
    simulator.clock.advance(10)
    assert positions(simulator, jobs) == [None] * 5
    simulator.clock.advance(10)
    states = [simulator.fal("GET", job["status_url"]).json()["status"] for job in jobs]
    assert states == ["COMPLETED"] * 5


def test_who_waits_moves_up_when_one_before_it_is_cancelled(simulator: Simulation) -> None:
    jobs = [training(simulator) for _ in range(4)]
    simulator.clock.advance(1)
    simulator.fal("PUT", jobs[2]["cancel_url"])
    assert positions(simulator, jobs)[3] == 0
    simulator.clock.advance(10)
    assert simulator.fal("GET", jobs[3]["status_url"]).json()["status"] == "IN_PROGRESS"


def test_an_account_with_room_has_nobody_wait(simulator: Simulation) -> None:
    simulator.change(fal_concurrency=9)
    jobs = [training(simulator) for _ in range(5)]
    simulator.clock.advance(1)
    assert positions(simulator, jobs) == [None] * 5


def test_metrics_come_with_completion(simulator: Simulation) -> None:
    job = training(simulator)
    assert simulator.fal("GET", job["status_url"]).json()["metrics"] == {}
    simulator.clock.advance(11)
    assert simulator.fal("GET", job["status_url"]).json()["metrics"] == {"inference_time": 10.0}


def test_logs_are_there_for_those_who_ask(simulator: Simulation) -> None:
    job = training(simulator)
    simulator.clock.advance(3)
    assert simulator.fal("GET", job["status_url"]).json()["logs"] is None
    assert simulator.fal("GET", job["status_url"] + "?logs=0").json()["logs"] is None
    logs = simulator.fal("GET", job["status_url"] + "?logs=1").json()["logs"]
    assert [line["message"] for line in logs][::3] == [
        "step 20/1000",
        "step 80/1000",
        "step 140/1000",
        "step 200/1000",
    ]
    assert logs[-1] == {
        "message": "step 200/1000",
        "level": "INFO",
        "source": "USER",
        "timestamp": "2026-11-22T10:00:03.000Z",
    }


def test_logs_are_a_moving_window(simulator: Simulation) -> None:
    job = training(simulator, steps=500)
    simulator.clock.advance(11)
    logs = simulator.fal("GET", job["status_url"] + "?logs=1").json()["logs"]
    assert (logs[0]["message"], logs[-1]["message"], len(logs)) == ("step 310/500", "step 500/500", 20)


def test_a_result_asked_for_early_is_a_plain_400(simulator: Simulation) -> None:
    job = training(simulator)
    for passed_s in (0, 2):
        simulator.clock.advance(passed_s)
        reply = simulator.fal("GET", job["response_url"])
        assert (reply.status_code, reply.json()) == (400, {"detail": "Request is still in progress"})


def test_a_result_is_the_bare_output(simulator: Simulation) -> None:
    job = training(simulator)
    simulator.clock.advance(11)
    result = simulator.fal("GET", job["response_url"])
    assert result.status_code == 200
    assert set(result.json()) == {"diffusers_lora_file", "config_file", "debug_preprocessed_output"}
    assert result.headers["x-fal-request-id"] == job["request_id"]
    assert result.headers["x-fal-billable-units"] == "1"


@pytest.mark.parametrize("ending", ["/", "/response"])
def test_the_result_has_other_spellings(simulator: Simulation, ending: str) -> None:
    job = training(simulator)
    simulator.clock.advance(11)
    same = simulator.fal("GET", job["response_url"])
    assert simulator.fal("GET", job["response_url"] + ending).json() == same.json()
    assert simulator.fal("GET", job["status_url"] + "/").json()["status"] == "COMPLETED"


def test_a_waiting_job_is_dropped_when_cancelled(simulator: Simulation) -> None:
    job = training(simulator)
    reply = simulator.fal("PUT", job["cancel_url"])
    assert (reply.status_code, reply.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert simulator.fal("GET", job["status_url"]).json()["error_type"] == "client_cancelled"
    result = simulator.fal("GET", job["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (499, "client_cancelled")
    assert result.headers["x-fal-error-type"] == "client_cancelled"
    assert [call["cost_usd"] for call in simulator.ledger()] == [0]


def test_a_running_training_does_not_listen_to_a_cancel(simulator: Simulation) -> None:
    job = training(simulator)
    simulator.clock.advance(5)
    assert simulator.fal("PUT", job["cancel_url"]).status_code == 202
    simulator.clock.advance(6)
    assert simulator.fal("GET", job["response_url"]).status_code == 200
    assert [call["cost_usd"] for call in simulator.ledger()] == [2.0]


def test_a_running_job_can_be_made_to_listen(simulator: Simulation) -> None:
    simulator.change(fal_honours_cancel=True)
    job = training(simulator)
    simulator.clock.advance(5)
    simulator.fal("PUT", job["cancel_url"])
    assert simulator.fal("GET", job["response_url"]).status_code == 499


def test_it_is_too_late_to_cancel_what_has_ended(simulator: Simulation) -> None:
    job = training(simulator)
    simulator.clock.advance(11)
    reply = simulator.fal("PUT", job["cancel_url"])
    assert (reply.status_code, reply.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_a_synchronous_call_validates_at_once(simulator: Simulation) -> None:
    reply = simulator.fal("POST", f"{RUN}/fal-ai/flux/dev", json={"image_size": "square"})
    assert reply.status_code == 422
    assert [(item["loc"], item["type"]) for item in reply.json()["detail"]] == [
        (["body", "prompt"], "missing")
    ]


def test_a_synchronous_call_takes_as_long_as_the_work(simulator: Simulation) -> None:
    before = simulator.clock.now()
    reply = simulator.fal("POST", f"{RUN}/fal-ai/flux/dev", json={"prompt": "x", "image_size": "square"})
    assert reply.status_code == 200
    assert set(reply.json()) == {"images", "timings", "seed", "has_nsfw_concepts", "prompt"}
    assert reply.headers["x-fal-request-id"] and reply.headers["x-fal-billable-units"] == "1"
    assert (simulator.clock.now() - before).total_seconds() == 2


def test_a_body_that_is_not_json_fails_in_the_model(simulator: Simulation) -> None:
    reply = simulator.call("POST", f"{RUN}/fal-ai/flux/dev", content=b"{", headers=FAL_KEY)
    assert (reply.status_code, reply.json()["detail"][0]["type"]) == (422, "json_invalid")


@pytest.mark.parametrize(("prompt", "lifetime_s"), [("x", 3600), ("x" * 10_000, 360)])
def test_a_result_expires_and_a_large_one_sooner(simulator: Simulation, prompt: str, lifetime_s: int) -> None:
    job = simulator.submit("fal-ai/flux/dev", {"prompt": prompt, "image_size": "square"})
    simulator.clock.advance(3 + lifetime_s - 1)
    assert simulator.fal("GET", job["response_url"]).status_code == 200
    simulator.clock.advance(1)
    for method, link in (("GET", "response_url"), ("GET", "status_url"), ("PUT", "cancel_url")):
        assert simulator.fal(method, job[link]).status_code == 404


def test_a_cancel_can_remove_a_waiting_job(simulator: Simulation) -> None:
    simulator.change(fal_cancel_removes=True)
    waiting, running = training(simulator), training(simulator)
    reply = simulator.fal("PUT", waiting["cancel_url"])
    assert (reply.status_code, reply.json()) == (200, {"status": "OK"})
    assert simulator.fal("GET", waiting["response_url"]).status_code == 404
    simulator.clock.advance(5)
    assert simulator.fal("PUT", running["cancel_url"]).json() == {"status": "CANCELLATION_REQUESTED"}
    assert simulator.ledger()[0]["cost_usd"] == 0


def test_a_cancel_can_be_answered_as_in_older_times(simulator: Simulation) -> None:
    simulator.change(fal_old_cancel=True)
    job = training(simulator)
    reply = simulator.fal("PUT", job["cancel_url"])
    assert (reply.status_code, reply.json()) == (200, {"success": True})
    assert simulator.fal("GET", job["response_url"]).status_code == 499


def test_images_can_come_as_bare_links(simulator: Simulation) -> None:
    simulator.change(fal_bare_images=True)
    url = simulator.publish("https://files.test/1.jpg", jpeg(portrait()))
    body = {"prompt": "x", "image_url": url, "image_size": "square"}
    [image] = simulator.finish("fal-ai/instant-character", body).json()["images"]
    assert simulator.image(image.pop("url")).size == (512, 512)
    assert set(image) == {"width", "height", "content_type", "file_name", "file_size"}
    assert set(image.values()) == {None}


def test_a_caller_who_hangs_up_stops_nothing(simulator: Simulation) -> None:
    job = simulator.submit("fal-ai/flux/dev", {"prompt": "x"})
    simulator.clock.advance(60)
    simulator.hang_up("GET", job["response_url"], headers=FAL_KEY)
    assert simulator.fal("GET", job["response_url"]).status_code == 200

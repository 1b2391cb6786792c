"""Server-sent events: the states of a request, and a model's output."""

import json
from typing import Any

import httpx

from tests.support.simulators import RUN, Simulation, jpeg, portrait, zip_of

TRAINING = "fal-ai/flux-lora-fast-training"


def training(simulator: Simulation) -> dict[str, Any]:
    archive = simulator.publish("https://files.test/refs.zip", zip_of({"1.jpg": jpeg(portrait())}))
    return simulator.submit(TRAINING, {"images_data_url": archive, "trigger_word": "SARAH"})


def events(reply: httpx.Response) -> list[dict[str, Any]]:
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    return [json.loads(event.removeprefix("data: ")) for event in reply.text.split("\n\n") if event]


def test_a_stream_tells_each_change_and_ends_with_the_request(simulator: Simulation) -> None:
    job = training(simulator)
    reply = simulator.fal("GET", f"{job['status_url']}/stream")
    assert reply.headers["x-fal-request-id"] == job["request_id"]
    sent = events(reply)
    assert [event["status"] for event in sent] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert sent[0] == {**job, "queue_position": 0}
    assert {str(event["logs"]) for event in sent} == {"None"}
    assert sent[-1] == simulator.fal("GET", job["status_url"]).json()


def test_a_stream_tells_each_line_of_the_log_once(simulator: Simulation) -> None:
    sent = events(simulator.fal("GET", training(simulator)["status_url"] + "/stream?logs=1"))
    lines = [line["message"] for event in sent for line in event["logs"] or []]
    assert lines == [f"step {20 * number}/1000" for number in range(1, 51)]


def test_an_unknown_request_is_not_streamed(simulator: Simulation) -> None:
    url = training(simulator)["status_url"].replace("00000000", "11111111")
    assert simulator.fal("GET", f"{url}/stream").status_code == 404


def test_a_model_streams_its_output(simulator: Simulation) -> None:
    url, body = f"{RUN}/fal-ai/flux/dev/stream", {"prompt": "x", "image_size": "square", "seed": 7}
    [output] = events(simulator.fal("POST", url, json=body))
    assert (output["seed"], simulator.image(output["images"][0]["url"]).size) == (7, (512, 512))
    assert simulator.fal("POST", url, json={}).status_code == 422
    assert [call["endpoint"] for call in simulator.ledger()] == ["fal-ai/flux/dev"] * 2

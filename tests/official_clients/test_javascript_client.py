"""fal's own JavaScript client against the simulator."""

import base64
from typing import Any

import httpx
import pytest

from tests.official_clients.javascript import Failed, JavaScriptClient
from tests.official_clients.simulator import FLUX, INSTANT, PROMPT, TRAINING, LiveSimulator, Receiver
from tests.support.simulators import jpeg, portrait, zip_of

pytestmark = pytest.mark.processes

STATES = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
STEPS = [f"step {20 * number}/1000" for number in range(1, 51)]


@pytest.fixture
def fal(simulator: LiveSimulator) -> JavaScriptClient:
    return JavaScriptClient(simulator)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def uploaded(fal: JavaScriptClient, data: bytes, content_type: str, **options: Any) -> str:
    return str(fal.call("upload", base64=text(data), repeat=1, type=content_type, **options))


def failure(fal: JavaScriptClient, name: str, **values: Any) -> dict[str, Any]:
    with pytest.raises(Failed) as caught:
        fal.call(name, **values)
    return caught.value.error


@pytest.mark.parametrize("mode", ["polling", "streaming"])
def test_a_training_is_uploaded_queued_logged_and_fetched(fal: JavaScriptClient, mode: str) -> None:
    refs = uploaded(
        fal, zip_of({f"{number}.jpg": jpeg(portrait()) for number in range(4)}), "application/zip"
    )
    order = {"images_data_url": refs, "trigger_word": "SARAH"}
    result = fal.call("subscribe", endpoint=TRAINING, input=order, mode=mode, pollInterval=50)

    states = list(dict.fromkeys(update["status"] for update in result["updates"]))
    assert states[-1] == "COMPLETED"
    assert states == [state for state in STATES if state in states], "a slow poll may miss one"
    last = result["updates"][-1]
    lines = [line["message"] for line in last["logs"]]
    assert lines == (STEPS if mode == "streaming" else STEPS[-20:])
    assert last["metrics"] == {"inference_time": 1.0}
    assert result["requestId"] == last["request_id"]
    assert httpx.get(result["data"]["diffusers_lora_file"]["url"]).is_success


def test_a_direct_call_and_a_stream_give_the_output(fal: JavaScriptClient) -> None:
    output = fal.call("run", endpoint=FLUX, input=PROMPT)["data"]
    stream = fal.call("stream", endpoint=FLUX, input=PROMPT)
    assert stream["events"] == [stream["done"]]
    assert (
        (output["seed"], output["prompt"]) == (stream["done"]["seed"], stream["done"]["prompt"]) == (7, "x")
    )


def test_a_waiting_request_is_cancelled(fal: JavaScriptClient, simulator: LiveSimulator) -> None:
    simulator.control("POST", "/settings", {"queue_s": 60})
    submitted = fal.call("submit", endpoint=FLUX, input=PROMPT, priority="low", hint="lora-1")
    assert (submitted["status"], submitted["queue_position"]) == ("IN_QUEUE", 0)
    named = {"endpoint": FLUX, "requestId": submitted["request_id"]}
    early = failure(fal, "result", **named)
    assert (early["status"], early["body"]) == (400, {"detail": "Request is still in progress"})
    assert fal.call("cancel", **named)["status"] == "COMPLETED"
    late = failure(fal, "result", **named)
    assert (late["name"], late["status"], late["requestId"]) == ("ApiError", 499, submitted["request_id"])
    [order] = simulator.orders()
    assert order["headers"] == {"x-fal-queue-priority": "low", "x-fal-runner-hint": "lora-1"}


def test_an_upload_is_there_for_everybody_as_long_as_asked(fal: JavaScriptClient) -> None:
    url = uploaded(fal, b"one", "text/plain", lifecycle={"expiresIn": "1h"})
    reply = httpx.get(url)
    assert (reply.text, reply.headers["content-type"].split(";")[0]) == ("one", "text/plain")


def test_a_large_upload_comes_in_parts(fal: JavaScriptClient) -> None:
    megabyte = bytes(range(256)) * 4096
    url = str(fal.call("upload", base64=text(megabyte), repeat=91, type="application/zip"))
    reply = httpx.head(url)
    assert int(reply.headers["content-length"]) == 91 * len(megabyte)


def test_a_file_in_the_input_is_uploaded_on_the_way(fal: JavaScriptClient, simulator: LiveSimulator) -> None:
    image = {"base64": text(jpeg(portrait())), "type": "image/jpeg"}
    result = fal.call(
        "drawFromFile", endpoint=INSTANT, input={"prompt": "x", "image_size": "square"}, **image
    )
    assert httpx.get(result["data"]["images"][0]["url"]).headers["content-type"] == "image/jpeg"
    [order] = simulator.orders()
    assert httpx.get(order["input"]["image_url"]).content == jpeg(portrait())


@pytest.mark.parametrize("name", ["run", "subscribe"])
def test_a_refused_input_is_a_validation_error(fal: JavaScriptClient, name: str) -> None:
    error = failure(fal, name, endpoint=FLUX, input={"prompt": "x", "guidance_scale": 21})
    assert (error["name"], error["status"]) == ("ValidationError", 422)
    [field] = error["fieldErrors"]
    assert (field["loc"], field["type"]) == (["body", "guidance_scale"], "less_than_equal")


@pytest.mark.parametrize("key", ["unknown:key", "malformed"])
def test_a_wrong_key_is_an_api_error(fal: JavaScriptClient, key: str) -> None:
    error = failure(fal, "submit", key=key, endpoint=FLUX, input=PROMPT)
    assert (error["name"], error["status"]) == ("ApiError", 401)
    assert error["body"]["detail"]


def test_a_start_timeout_is_known_as_the_users_own(fal: JavaScriptClient, simulator: LiveSimulator) -> None:
    simulator.arm("fal.submit", "stuck")
    error = failure(fal, "subscribe", endpoint=FLUX, input=PROMPT, startTimeout=1.1)
    assert (error["status"], error["isUserTimeout"]) == (504, True)
    assert len(simulator.orders()) == 1


def test_the_client_repeats_what_it_takes_for_passing(
    fal: JavaScriptClient, simulator: LiveSimulator
) -> None:
    simulator.arm("fal.submit", "reply", status=429)
    assert fal.call("submit", endpoint=FLUX, input=PROMPT)["request_id"]
    assert len(simulator.orders()) == 1


def test_a_webhook_comes_signed(fal: JavaScriptClient, simulator: LiveSimulator, receiver: Receiver) -> None:
    submitted = fal.call("submit", endpoint=FLUX, input=PROMPT, webhookUrl=receiver.url)
    headers, body = receiver.next()
    assert headers["x-fal-webhook-request-id"] == submitted["request_id"] == submitted["gateway_request_id"]
    jwks = f"{simulator.addresses['rest.fal.ai']}/.well-known/jwks.json"

    def verified(text: str) -> list[bool]:
        return list(fal.call("verifyWebhook", headers=headers, body=text, jwksUrl=jwks))

    assert verified(body.decode()) == [False, True]
    assert verified(body.decode() + " ") == [False, False]

"""fal's own Python client against the simulator."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack

import fal_client
import httpx
import pytest
from fal_client import Completed, FalClientHTTPError, InProgress, Queued, Status, StorageSettings, SyncClient
from jwt.algorithms import OKPAlgorithm

from tests.official_clients.simulator import FLUX, INSTANT, KEY, PROMPT, TRAINING, LiveSimulator, Receiver
from tests.support.simulators import jpeg, portrait

pytestmark = pytest.mark.processes

ADDRESSES = {
    "RUN_URL_FORMAT": ("fal.run", "/"),
    "QUEUE_URL_FORMAT": ("queue.fal.run", "/"),
    "REST_URL": ("rest.fal.ai", ""),
    "CDN_URL": ("v3.fal.media", ""),
}
"""The client's own addresses: its environment can name other hosts, but never plain http."""


class Tidy(SyncClient):
    """The client, with an end: it never closes its connections, least of all those of uploads."""

    def __init__(self, key: str, opened: ExitStack) -> None:
        super().__init__(key)
        self._opened = opened
        opened.callback(self._client.close)

    def _get_cdn_client(self) -> httpx.Client:
        return self._opened.enter_context(super()._get_cdn_client())


@pytest.fixture
def opened(simulator: LiveSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    for name, (host, ending) in ADDRESSES.items():
        monkeypatch.setattr(fal_client.client, name, simulator.addresses[host] + ending)
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def fal(opened: ExitStack) -> SyncClient:
    return Tidy(KEY, opened)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as refs:
        for number in range(4):
            refs.writestr(f"{number}.jpg", jpeg(portrait()))
    return buffer.getvalue()


def test_a_training_is_uploaded_queued_logged_and_fetched(fal: SyncClient) -> None:
    refs = fal.upload(archive(), "application/zip", "refs.zip")
    seen: list[Status] = []
    arguments = {"images_data_url": refs, "trigger_word": "SARAH"}
    result = fal.subscribe(TRAINING, arguments, with_logs=True, on_queue_update=seen.append)

    kinds = [kind for kind in (Queued, InProgress, Completed) if any(isinstance(s, kind) for s in seen)]
    assert list(dict.fromkeys(map(type, seen))) == kinds, "a slow poll may miss one, and none comes back"
    last = seen[-1]
    assert isinstance(last, Completed) and last.logs
    assert (last.logs[-1]["message"], last.metrics, last.error) == (
        "step 1000/1000",
        {"inference_time": 1.0},
        None,
    )
    assert httpx.get(result["diffusers_lora_file"]["url"]).content[8:].startswith(b'{"__metadata__"')


def test_a_request_is_taken_up_again_by_its_id(fal: SyncClient, simulator: LiveSimulator) -> None:
    request_id = fal.submit(FLUX, PROMPT).request_id
    handle = fal.get_handle(FLUX, request_id)
    assert handle.get() == fal.result(FLUX, request_id)
    assert isinstance(fal.status(FLUX, request_id), Completed)
    assert [order["request_id"] for order in simulator.orders()] == [request_id]


def test_a_direct_call_and_a_stream_give_the_output(fal: SyncClient) -> None:
    output = fal.run(FLUX, PROMPT)
    [streamed] = fal.stream(FLUX, PROMPT)
    assert (output["seed"], output["prompt"]) == (streamed["seed"], streamed["prompt"]) == (7, "x")
    images = [httpx.get(answer["images"][0]["url"]).content for answer in (output, streamed)]
    assert images[0] == images[1]


def test_a_waiting_request_is_cancelled(fal: SyncClient, simulator: LiveSimulator) -> None:
    simulator.control("POST", "/settings", {"queue_s": 60})
    handle = fal.submit(FLUX, PROMPT)
    assert handle.status() == Queued(position=0)
    handle.cancel()
    with pytest.raises(FalClientHTTPError) as caught:
        handle.get()
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")
    with pytest.raises(FalClientHTTPError) as caught:
        handle.cancel()
    assert (caught.value.status_code, caught.value.response.json()) == (400, {"status": "ALREADY_COMPLETED"})


@pytest.mark.parametrize("repository", ["fal_v3", "fal"])
def test_an_upload_is_there_for_models_and_for_everybody(
    fal: SyncClient, simulator: LiveSimulator, repository: str
) -> None:
    # To a signed URL the client sends its key along, which a strict simulator takes for a leak.
    simulator.control("POST", "/settings", {"strict": repository == "fal_v3"})
    data = jpeg(portrait())
    url = fal.upload(data, "image/jpeg", "one.jpg", repository=repository)  # type: ignore[arg-type]
    assert httpx.get(url).content == data
    output = fal.subscribe(INSTANT, {"prompt": "x", "image_url": url, "image_size": "square"})
    assert output["has_nsfw_concepts"] == [False]


def test_a_large_upload_comes_in_parts(fal: SyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fal_client.client, "MULTIPART_THRESHOLD", 1000)
    monkeypatch.setattr(fal_client.client, "MULTIPART_CHUNK_SIZE", 400)
    data = bytes(range(250)) * 5
    url = fal.upload(data, "application/zip", "refs.zip", lifecycle=StorageSettings(expires_in="1h"))
    assert httpx.get(url).content == data


def test_a_refused_input_is_reported_with_its_fields(fal: SyncClient) -> None:
    with pytest.raises(FalClientHTTPError) as caught:
        fal.subscribe(FLUX, {"prompt": "x", "guidance_scale": 21})
    assert caught.value.status_code == 422
    [item] = caught.value.response.json()["detail"]
    assert (item["loc"], item["type"]) == (["body", "guidance_scale"], "less_than_equal")


@pytest.mark.parametrize("key", ["unknown:key", "malformed"])
def test_a_wrong_key_is_reported(opened: ExitStack, key: str) -> None:
    with pytest.raises(FalClientHTTPError) as caught:
        Tidy(key, opened).submit(FLUX, PROMPT)
    assert caught.value.status_code == 401


def test_a_start_timeout_is_reported_and_not_repeated(fal: SyncClient, simulator: LiveSimulator) -> None:
    simulator.arm("fal.submit", "stuck")
    with pytest.raises(FalClientHTTPError) as caught:
        fal.subscribe(FLUX, PROMPT, start_timeout=1.1)
    assert (caught.value.status_code, caught.value.error_type) == (504, "request_timeout")
    assert [order["headers"] for order in simulator.orders()] == [{"x-fal-request-timeout": "1.1"}]


@pytest.mark.parametrize(
    ("fault", "orders"),
    [
        ({"status": 429}, 1),
        ({"status": 502, "body": "<html><hr><center>nginx</center></html>"}, 1),
        ({"status": 503, "body": {"detail": "no runner", "error_type": "runner_scheduling_failure"}}, 0),
    ],
)
def test_the_client_repeats_what_it_takes_for_the_ingress(
    fal: SyncClient, simulator: LiveSimulator, fault: dict[str, object], orders: int
) -> None:
    simulator.arm("fal.submit", "reply", **fault)
    if orders:
        fal.submit(FLUX, PROMPT)
    else:
        with pytest.raises(FalClientHTTPError, match="no runner"):
            fal.submit(FLUX, PROMPT)
    assert len(simulator.orders()) == orders


def test_a_webhook_comes_signed(fal: SyncClient, simulator: LiveSimulator, receiver: Receiver) -> None:
    handle = fal.submit(FLUX, PROMPT, webhook_url=receiver.url)
    headers, body = receiver.next()
    notice = json.loads(body)
    assert (notice["status"], notice["request_id"]) == ("OK", handle.request_id)
    assert notice["payload"] == handle.get()

    signed = [headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*signed, hashlib.sha256(body).hexdigest()])
    keys = httpx.get(f"{simulator.addresses['rest.fal.ai']}/.well-known/jwks.json").json()["keys"]
    eddsa, signature = OKPAlgorithm(), bytes.fromhex(headers["x-fal-webhook-signature"])
    assert [eddsa.verify(message, OKPAlgorithm.from_jwk(key), signature) for key in keys].count(True) == 1

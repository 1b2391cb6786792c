"""The simulators as a process: ports, real connections, and its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.official_clients.simulator import receiving
from tests.support.simulators import ASTRIA_KEY, FAL_KEY, jpeg, portrait
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "local.simulators", "--port", "0", "--generation-seconds", "0"]


@pytest.fixture
def origin() -> Iterator[str]:
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
        server.terminate()


def test_a_process_serves_draws_and_cuts_connections(origin: str) -> None:
    with httpx.Client(base_url=origin, headers=FAL_KEY, trust_env=False) as client:
        wanted = {"content_type": "image/jpeg", "file_name": "a.jpg"}
        urls = client.post("/fal/rest/storage/upload/initiate", json=wanted).json()
        headers = {"Content-Type": "image/jpeg"}
        assert httpx.put(
            urls["upload_url"], content=jpeg(portrait()), headers=headers, trust_env=False
        ).is_success
        body = {"prompt": "x", "image_url": urls["file_url"], "image_size": "square"}
        assert client.post("/fal/run/fal-ai/instant-character", json=body).status_code == 200

        fault = {"operation": "fal.submit", "kind": "cut", "accepted": True}
        assert client.post("/control/faults", json=fault).status_code == 201
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/fal/queue/fal-ai/flux/dev", json={"prompt": "x"})
        calls = client.get("/control/ledger").json()["calls"]
        assert [call["endpoint"] for call in calls] == ["fal-ai/instant-character", "fal-ai/flux/dev"]


def test_webhooks_and_callbacks_reach_a_port_of_this_machine(origin: str) -> None:
    with receiving() as receiver, httpx.Client(base_url=origin, trust_env=False) as client:
        submit = "/fal/queue/fal-ai/flux/dev"
        body = {"prompt": "x", "image_size": "square"}
        client.post(submit, params={"fal_webhook": receiver.url}, json=body, headers=FAL_KEY)
        headers, notice = receiver.next()
        assert "x-fal-webhook-signature" in headers
        assert json.loads(notice)["status"] == "OK"
        prompt = {"text": "a city", "w": 256, "h": 256, "callback": receiver.url}
        path = "/astria/tunes/1504944/prompts"
        made = client.post(path, json={"prompt": prompt}, headers=ASTRIA_KEY).json()
        assert json.loads(receiver.next()[1])["prompt"]["id"] == made["id"]


def test_the_process_ends_with_its_parent() -> None:
    program = f"import subprocess, sys, time; subprocess.Popen({COMMAND!r}); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port = json.loads(parent.stdout.readline())["port"]
        url = f"http://127.0.0.1:{port}/control/settings"
        assert httpx.get(url, trust_env=False).status_code == 200
        os.kill(parent.pid, signal.SIGKILL)
        wait_until(lambda: not _answers(url), "the end of the process")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False

"""``python -m local dev`` runs the real stack, says where it is, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
import pytest

from local import dev
from local.deploy import Endpoint, client
from local.errors import CannotRun
from local.packages import ROOT
from local.runtime import Options, running
from local.settings import SIMULATOR_KEYS
from tests.support.waiting import HANGS_AFTER_S, wait_until

ANY_PORTS = ["--api-port", "0", "--aws-port", "0", "--providers-port", "0"]


@dataclass(frozen=True)
class Dev:
    process: subprocess.Popen[str]
    addresses: dict[str, Any]
    folder: Path


def start(folder: Path, ports: Sequence[str] = ANY_PORTS) -> subprocess.Popen[str]:
    """Run it with files of its own, beside the one that somebody may be working with."""
    return subprocess.Popen(
        [sys.executable, "-m", "local", "dev", "--state", str(folder), *ports],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_KEY"))},
    )


@pytest.fixture(scope="module")
def developing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    developing = announced(tmp_path_factory.mktemp("dev"))
    yield developing
    end(developing.process)


def announced(folder: Path, ports: Sequence[str] = ANY_PORTS) -> Dev:
    """One that says where it is."""
    process, addresses = start(folder, ports), folder / dev.ADDRESSES
    while not said_by(process, addresses):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return Dev(process, json.loads(addresses.read_text()), folder)


def said_by(process: subprocess.Popen[str], addresses: Path) -> bool:
    return addresses.exists() and json.loads(addresses.read_text())["pid"] == process.pid


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.processes
def test_the_real_stack_answers_with_the_token_it_announces(developing: Dev) -> None:
    addresses = developing.addresses
    headers = {"Authorization": f"Bearer {addresses['token']}"}
    page = {"Origin": "https://film.example.test"}
    refused = httpx.get(f"{addresses['apiUrl']}/v1/identities", headers=page, timeout=HANGS_AFTER_S)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")
    answer = httpx.get(f"{addresses['apiUrl']}/v1/identities", headers=headers, timeout=HANGS_AFTER_S)
    assert (answer.status_code, answer.json()) == (200, {"identities": []})
    assert set(addresses["stateMachines"]) >= {"train_identity", "generate_images"}
    assert addresses["pid"] == developing.process.pid
    assert "REPORT RequestId" in (developing.folder / "logs" / "list_identities.log").read_text()


@pytest.mark.processes
def test_the_page_of_the_run_shows_an_execution_and_why_it_fails(developing: Dev) -> None:
    addresses = developing.addresses
    aws = Endpoint(addresses["awsEndpointUrl"], addresses["accessKeyId"], addresses["secretAccessKey"])
    machine = addresses["stateMachines"]["train_identity"]
    client("stepfunctions", aws).start_execution(stateMachineArn=machine, name="odd", input='{"job_id": 3}')
    page = httpx.URL(addresses["consoleUrl"])

    view = page.copy_with(path="/local/execution").copy_merge_params(
        {"machine": "train_identity", "name": "odd"}
    )

    def first_failure() -> Any:
        steps = httpx.get(view, timeout=HANGS_AFTER_S).raise_for_status().json()["steps"]
        return steps[0] if steps and steps[0]["failures"] else None

    step = wait_until(first_failure, "the first try to fail")
    assert (step["state"], step["input"]) == ("PrepareTraining", {"job_id": 3})
    rows = httpx.get(page.copy_with(path="/local/rows"), timeout=HANGS_AFTER_S).json()
    assert {*rows} == {"jobs", "events", "budgets", "slots"}


@pytest.mark.processes
def test_the_token_is_for_the_eyes_of_its_user_only(developing: Dev) -> None:
    assert (developing.folder / "dev.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.processes
def test_a_second_one_says_that_there_is_one(developing: Dev) -> None:
    second = start(developing.folder)
    _, complaint = second.communicate(timeout=HANGS_AFTER_S)
    assert second.returncode == 2
    assert complaint == (
        f"`make dev` runs already at {developing.addresses['apiUrl']}, as process {developing.process.pid}.\n"
    )


@pytest.mark.processes
def test_a_second_copy_says_which_one_has_the_port(developing: Dev, tmp_path: Path) -> None:
    port = str(urlsplit(developing.addresses["apiUrl"]).port)
    second = start(tmp_path, ["--api-port", port])
    _, complaint = second.communicate(timeout=HANGS_AFTER_S)
    assert second.returncode == 2
    holder = f"by the run in {ROOT}, process {developing.process.pid}"
    assert complaint == f"Port {port} is in use {holder}; --api-port (make: API_PORT=) chooses another one.\n"


@pytest.mark.processes
def test_what_was_there_before_a_kill_is_there_after_the_next_start(tmp_path: Path) -> None:
    killed = announced(tmp_path)
    addresses = killed.addresses
    table, bucket = {"TableName": addresses["table"]}, {"Bucket": addresses["bucket"]}
    item = {"pk": {"S": "IDENTITY#1"}, "sk": {"S": "IDENTITY"}}
    endpoint = Endpoint(*(addresses[name] for name in ("awsEndpointUrl", "accessKeyId", "secretAccessKey")))
    s3, dynamodb = (client(name, endpoint) for name in ("s3", "dynamodb"))
    dynamodb.put_item(**table, Item=item)
    s3.put_object(**bucket, Key="references/1/0001.jpg", Body=b"a picture")
    order = f"{addresses['providersUrl']}/fal/queue/fal-ai/flux/dev"
    key = {"Authorization": f"Key {SIMULATOR_KEYS['FAL_KEY']}"}
    ordered = httpx.post(order, headers=key, json={"prompt": "a park"}, timeout=HANGS_AFTER_S).json()
    killed.process.kill()

    again = announced(tmp_path, ports_of(addresses))
    s3, dynamodb = (client(name, endpoint) for name in ("s3", "dynamodb"))
    killed.process.communicate()
    try:
        unchanged = ("apiUrl", "awsEndpointUrl", "accessKeyId", "table", "bucket", "stateMachines")
        assert {name: again.addresses[name] for name in unchanged} == {
            name: addresses[name] for name in unchanged
        }
        assert dynamodb.get_item(**table, Key=item)["Item"] == item
        assert s3.get_object(**bucket, Key="references/1/0001.jpg")["Body"].read() == b"a picture"
        ledger = httpx.get(f"{again.addresses['providersUrl']}/control/ledger", timeout=HANGS_AFTER_S)
        assert [call["request_id"] for call in ledger.json()["calls"]] == [ordered["request_id"]]
    finally:
        end(again.process)


def ports_of(addresses: dict[str, Any]) -> list[str]:
    """Options for the same addresses again."""
    api, aws = (str(urlsplit(addresses[name]).port) for name in ("apiUrl", "awsEndpointUrl"))
    return ["--api-port", api, "--aws-port", aws, "--providers-port", "0"]


@pytest.mark.processes
def test_it_stops_when_asked_and_takes_everything_along(developing: Dev) -> None:
    family = descendants(developing.process.pid)
    assert len(family) >= 3  # emulator, simulators, at least one sandbox
    developing.process.send_signal(signal.SIGTERM)
    output, complaint = developing.process.communicate(timeout=HANGS_AFTER_S)
    assert (developing.process.returncode, complaint) == (0, "")
    assert output.endswith("Stopped.\n")
    assert not (developing.folder / "dev.json").exists()
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize("port", ["api_port", "aws_port", "providers_port"])
def test_a_port_in_use_is_named_before_anything_is_started(port: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # whoever has it refuses to say who that is
        number = taken.getsockname()[1]
        option = f"--{port.replace('_', '-')}"
        with (
            pytest.raises(
                CannotRun, match=rf"^Port {number} is in use; {option} \(make: .*=\) chooses another one\.$"
            ),
            running(Options(environment={}, **{port: number})),
        ):
            pass


def test_what_a_crash_left_behind_does_not_count(tmp_path: Path) -> None:
    lock, addresses = tmp_path / dev.LOCK, tmp_path / dev.ADDRESSES
    lock.write_text("1")
    addresses.write_text("{}")
    with dev._only_one(tmp_path):
        assert lock.read_text() == str(os.getpid())
        assert not addresses.exists()


@pytest.mark.parametrize(("arguments", "kept"), [([], True), (["--fresh"], False)])
def test_only_a_fresh_start_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], kept: bool
) -> None:
    def cannot_run(options: Options) -> NoReturn:
        assert options.state == tmp_path / dev.KEPT
        raise CannotRun("not in this test")

    monkeypatch.setattr(dev, "running", cannot_run)
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    for name in (dev.KEPT, dev.LOGS):
        (tmp_path / name).mkdir()
    assert dev.main(["--state", str(tmp_path), *arguments]) == 2
    assert (tmp_path / dev.KEPT).exists() == kept
    assert not (tmp_path / dev.LOGS).exists()


def descendants(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        children += map(int, (task / "children").read_text().split())
    return children + [descendant for child in children for descendant in descendants(child)]

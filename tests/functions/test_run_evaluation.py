"""The tasks of run_evaluation as they are deployed, with moto behind: from the request to the results."""

import json
from importlib import import_module
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.view import EncoderVersion
from tests.support.builders import a_score, different_images
from tests.support.handlers import Api, Context, api_event, run_task

SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"r": 0.8})
BEACH = {"name": "beach", "prompt": "{name} on a beach"}
State = dict[str, Any]


@pytest.fixture
def evaluation_id(api: Api) -> str:
    """An evaluation of a provider that does not train, in one scenario."""
    references = [api.uploaded(image) for image in different_images(3)]
    body = {"name": "Sarah", "references": references, "providers": ["fal-instant"], "scenarios": [BEACH]}
    created = api("create_evaluation", "POST", "/v1/evaluations", {**body, "variations": 1})
    return str(created.body["evaluationId"])


def started(machine: str) -> list[State]:
    """What the runs of a machine were started with."""
    client = boto3.client("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    [arn] = [each["stateMachineArn"] for each in machines if each["name"] == machine]
    runs = client.list_executions(stateMachineArn=arn)["executions"]
    return [json.loads(client.describe_execution(executionArn=run["executionArn"])["input"]) for run in runs]


def drawn(api: Api, evaluation_id: str) -> State:
    """The machine's state once its one cell has been drawn and scored."""
    services = wiring.services()
    [state] = started("RUN_EVALUATION")
    for name in ("plan_evaluation", "make_identities", "check_identities"):
        state = run_task(name, state)
    assert state["state"] == "made"
    lines = api.bucket.Object(state["cells"]["key"]).get()["Body"].read().decode().splitlines()
    [cell] = map(json.loads, lines)
    of_cell = {name: state[name] for name in ("evaluation_id", "job_id", "correlation_id")}
    ordered = run_task("order_cell", {**of_cell, "cell": cell})
    assert ordered["state"] == "ordered"
    [job] = started("GENERATE_IMAGES")
    assert job["evaluation_id"] == evaluation_id
    generation = services.generation_table.get(job["job_id"].removeprefix("generation-"))
    key = f"generations/{generation.identity_id}/{generation.generation_id}/01.jpg"
    image = GeneratedImage(index=1, outcome="succeeded", key=key)
    done = {"status": "succeeded", "settled_at": services.now(), "images": [image], "cost_usd": 0.1}
    succeeded = generation.model_copy(update=done)
    services.generation_table.settle(succeeded, Event.of_generation(succeeded))
    assert run_task("check_cell", ordered)["state"] == "settled"
    assert run_task("check_scores", state)["state"] == "scoring"
    services.shared_scores.put_shared_score(evaluation_id, generation.generation_id, 1, SCORE)
    return run_task("check_scores", state)


def test_results_are_made_of_what_was_drawn(api: Api, evaluation_id: str) -> None:
    state = run_task("compile_evaluation", drawn(api, evaluation_id))
    assert run_task("record_evaluation", state)["state"] == "completed"
    read = api("get_evaluation", "GET", f"/v1/evaluations/{evaluation_id}").body
    assert (read["status"], read["progress"], read["costUsd"]) == ("completed", 100, 0.1)
    assert read["recommendation"] == {"provider": None, "sentence": read["recommendation"]["sentence"]}
    for path in read["links"].values():
        event = api_event("GET", path, owner="ann")
        answer = import_module("functions.get_evaluation_result.handler").lambda_handler(event, Context())
        assert answer["statusCode"] == 200, path
        assert answer["body"]
    rows = api.bucket.Object(f"evaluations/{evaluation_id}/results.csv").get()["Body"].read().decode()
    assert "fal-instant,beach,1,1001,succeeded,clip-vit-b32,0.8" in rows
    usage = wiring.services().budget_table.of("ann", wiring.services().orders.budget("ann").month)
    assert (usage.reserved_microusd, usage.jobs) == (200_000, 1)  # of the job that nobody has settled here


def test_one_that_was_cancelled_has_results_of_what_was_drawn(api: Api, evaluation_id: str) -> None:
    state = run_task("compile_evaluation", drawn(api, evaluation_id))
    api("cancel_evaluation", "POST", f"/v1/evaluations/{evaluation_id}/cancel")
    stopped = run_task("record_evaluation", state)
    assert stopped["state"] == "stopped"  # its results are of one that was completed
    path = f"/v1/evaluations/{evaluation_id}"
    assert api("get_evaluation", "GET", path).body["links"] is None
    assert api("get_evaluation_result", "GET", f"{path}/results.csv").status == 409
    assert run_task("record_evaluation", run_task("compile_evaluation", stopped))["state"] == "cancelled"
    read = api("get_evaluation", "GET", path).body
    assert (read["status"], read["error"]["code"]) == ("cancelled", "cancelled")
    assert read["recommendation"]["provider"] is None
    assert read["recommendation"]["sentence"].startswith("The evaluation was cancelled. Of 1 planned")
    event = api_event("GET", read["links"]["summary"], owner="ann")
    answer = import_module("functions.get_evaluation_result.handler").lambda_handler(event, Context())
    assert json.loads(answer["body"])["status"] == "cancelled"


def test_erasing_its_last_identity_erases_it(api: Api, evaluation_id: str) -> None:
    state = run_task("compile_evaluation", drawn(api, evaluation_id))
    run_task("record_evaluation", state)
    [identity] = api("list_identities", "GET", "/v1/identities").body["identities"]
    api("erase_identity", "DELETE", f"/v1/identities/{identity['characterId']}")
    gone = api("get_evaluation", "GET", f"/v1/evaluations/{evaluation_id}")
    assert (gone.status, gone.body["code"]) == (404, "unknown_evaluation")
    left = [each.key for each in api.bucket.objects.all() if not each.key.startswith("uploads/")]
    assert left == []
    assert run_task("compile_evaluation", state)["state"] == "ended"

"""The state machines as they ship."""

import json
import re
from typing import Any

import pytest

from character_identity.outbound.provider_http import TIMEOUT_S
from character_identity.outbound.safe_http import FETCH_TIMEOUT_S, UPLOAD_TIMEOUT_S
from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer
from character_identity.providers.fal.flux_lora import FluxLoraImages, FluxLoraTrainer
from character_identity.providers.fal.instant_character import InstantImages
from infra import catalog
from infra.catalog import pascal
from tests.infra.template import Template, readable
from tests.support.in_process.executions import DEFINITIONS

pytestmark = pytest.mark.processes

MACHINES = [catalog.TRAIN_IDENTITY, catalog.GENERATE_IMAGES, catalog.RUN_EVALUATION]
WAITING = {catalog.RUN_EVALUATION: ("AwaitScores", "Scored?")}
"""The state that waits for a token, and the one that leads there, where they are called otherwise."""
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def _text(machine: str) -> str:
    return (DEFINITIONS / f"{machine}.asl.json").read_text()


def _retries(machine: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The retries of each task but the wait, by the task's name."""
    return [
        (name, state["Retry"])
        for name, state in _states(machine).items()
        if state["Type"] == "Task" and not state["Resource"].endswith(".waitForTaskToken")
    ]


def _states(machine: str) -> dict[str, Any]:
    """All states, those of a Map's children too."""
    states: dict[str, Any] = json.loads(_text(machine))["States"]
    children = (state["ItemProcessor"]["States"] for state in states.values() if state["Type"] == "Map")
    return {**states, **{name: state for each in children for name, state in each.items()}}


def _resource(template: Template, machine: str) -> dict[str, Any]:
    (found,) = (
        properties
        for logical_id, properties in template.resources("AWS::StepFunctions::StateMachine").items()
        if logical_id.startswith(f"Workflows{pascal(machine)}")
    )
    return found


def test_every_definition_is_deployed_and_nothing_else(template: Template) -> None:
    assert {path.name.removesuffix(".asl.json") for path in DEFINITIONS.iterdir()} == set(MACHINES)
    assert len(template.resources("AWS::StepFunctions::StateMachine")) == len(MACHINES)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_tasks_of_the_catalog_are_those_that_the_definition_names(machine: str) -> None:
    own = {machine, catalog.ALL_MACHINES}
    tasks = {pascal(entry.name) for entry in catalog.FUNCTIONS if entry.trigger in own}
    assert set(PLACEHOLDER.findall(_text(machine))) == tasks


@pytest.mark.parametrize("machine", MACHINES)
def test_every_name_in_the_definition_is_its_function(template: Template, machine: str) -> None:
    resource = _resource(template, machine)
    names = set(PLACEHOLDER.findall(_text(machine)))
    substitutions = resource["DefinitionSubstitutions"]
    assert {name: readable(value) for name, value in substitutions.items()} == {
        name: f"<Functions{name}>" for name in names
    }
    deployed = readable(resource["DefinitionString"]).replace("arn:<AWS::Partition>:", "arn:aws:")
    assert json.loads(deployed) == json.loads(_text(machine))


@pytest.mark.parametrize("machine", MACHINES)
def test_executions_are_logged_without_their_data_and_traced(template: Template, machine: str) -> None:
    resource = _resource(template, machine)
    logging = resource["LoggingConfiguration"]
    (destination,) = logging["Destinations"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    assert (
        readable(destination["CloudWatchLogsLogGroup"]["LogGroupArn"]) == f"<Workflows{pascal(machine)}Logs>"
    )
    assert resource["TracingConfiguration"] == {"Enabled": True}


@pytest.mark.parametrize(
    ("machine", "jobs"),
    [
        (catalog.TRAIN_IDENTITY, (FluxLoraTrainer, AstriaTrainer)),
        (catalog.GENERATE_IMAGES, (InstantImages, FluxLoraImages, AstriaImages)),
    ],
)
def test_the_machine_outlives_the_deadlines_in_its_state(machine: str, jobs: tuple[Any, ...]) -> None:
    """After its own timeout nothing runs that could record the failure."""
    longest_s = max(each.deadline_s for each in jobs)
    assert json.loads(_text(machine))["TimeoutSeconds"] >= longest_s + 1800


def test_pictures_are_copied_in_the_time_of_as_many_as_come_at_the_last_moment() -> None:
    """Killed before, the function keeps none of them, and again and again, until they are lost."""
    most = max(each.max_images for each in (InstantImages, FluxLoraImages, AstriaImages))
    [copying] = [entry for entry in catalog.FUNCTIONS if entry.name == "store_images"]
    assert most * FETCH_TIMEOUT_S + 60 <= copying.timeout_s <= 5 * 60, "the sweep's grace is for a task"


def test_a_check_has_the_time_of_a_provider_that_is_as_slow_as_it_may_be() -> None:
    """Its status, its result, and fal's list without one; at the deadline a status, a cancel, its result."""
    checks = [entry for entry in catalog.FUNCTIONS if entry.name in {"check_training", "check_generation"}]
    assert [entry.timeout_s >= 3 * TIMEOUT_S + 10 for entry in checks] == [True, True]


def test_an_order_has_the_time_of_an_upload_that_is_as_slow_as_it_may_be() -> None:
    """An old one is made again before the order, the answer to which nobody hears who is ended."""
    uploading_s = TIMEOUT_S + UPLOAD_TIMEOUT_S  # to be told where, and to send it
    timeouts = {entry.name: entry.timeout_s for entry in catalog.FUNCTIONS}
    for kind in ("training", "generation"):
        assert timeouts[f"prepare_{kind}"] >= uploading_s + 10
        assert timeouts[f"submit_{kind}"] >= uploading_s + TIMEOUT_S + 10


@pytest.mark.parametrize("machine", MACHINES)
def test_retries_name_errors_that_exist(machine: str) -> None:
    from character_identity.domain import errors

    retried = {name for _, retries in _retries(machine) for retry in retries for name in retry["ErrorEquals"]}
    ours = {name for name in retried if "." not in name}
    assert all(issubclass(getattr(errors, name), errors.ServiceError) for name in ours)
    assert retried - ours == {"States.TaskFailed"}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_is_tried_again_except_on_what_would_fail_again(machine: str) -> None:
    """A repeated submit pays nothing: the ledger says what was ordered. The first entry that fits counts."""
    for name, retries in _retries(machine):
        *earlier, any_other = retries
        assert (any_other["ErrorEquals"], any_other["MaxAttempts"]) == (["States.TaskFailed"], 20), name
        hopeless = {each for retry in earlier if retry["MaxAttempts"] == 0 for each in retry["ErrorEquals"]}
        assert hopeless == {"ProviderRejected", "ProviderNotConfigured", "InvalidRequest"}, name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_wait_ends_with_callback_with_time_or_without_the_function_that_waits(machine: str) -> None:
    states = json.loads(_text(machine))["States"]
    waiting, asking = WAITING.get(machine, ("WaitForCallback", "Settled?"))
    wait, check = states[waiting], states[asking]["Choices"][0]
    assert wait["Resource"].endswith("lambda:invoke.waitForTaskToken")
    assert wait["TimeoutSecondsPath"] == states["WaitForTimeout"]["SecondsPath"] == "$.poll_seconds"
    assert wait["Parameters"]["Payload"] == {"wake_token.$": "$$.Task.Token", "state.$": "$"}
    assert check["Next"] == waiting
    on_time, on_error = wait["Catch"]
    assert (on_time["ErrorEquals"], on_error["ErrorEquals"]) == (["States.Timeout"], ["States.ALL"])
    assert on_error["Next"] == "WaitForTimeout"
    looked_up = {wait["Next"], on_time["Next"], states["WaitForTimeout"]["Next"]}
    assert looked_up == {next(name for name, state in states.items() if state.get("Next") == asking)}
    # What a wait brings is never believed, so it does not even get into the state.
    assert {each["ResultPath"] for each in (wait, on_time, on_error)} == {None}

"""The state machines as they ship."""

import json
import re
from typing import Any

import pytest

from infra import catalog
from infra.catalog import pascal
from infra.workflows import DEFINITIONS
from tests.infra.template import Template, readable

MACHINES = [catalog.TRAIN_IDENTITY, catalog.GENERATE_IMAGES]
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def _text(machine: str) -> str:
    return (DEFINITIONS / f"{machine}.asl.json").read_text()


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
    tasks = {pascal(entry.name) for entry in catalog.FUNCTIONS if entry.trigger == machine}
    assert set(PLACEHOLDER.findall(_text(machine))) == tasks


@pytest.mark.parametrize("machine", MACHINES)
def test_every_name_in_the_definition_is_its_function(template: Template, machine: str) -> None:
    resource = _resource(template, machine)
    names = set(PLACEHOLDER.findall(_text(machine)))
    substitutions = resource["DefinitionSubstitutions"]
    assert {name: readable(value) for name, value in substitutions.items()} == {
        name: f"<Functions{name}>" for name in names
    }
    assert json.loads(resource["DefinitionString"]) == json.loads(_text(machine))


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
    ("machine", "deadline"),
    [(catalog.TRAIN_IDENTITY, "training_deadline_s"), (catalog.GENERATE_IMAGES, "generation_deadline_s")],
)
def test_the_machine_outlives_the_deadlines_in_its_state(machine: str, deadline: str) -> None:
    """After its own timeout nothing runs that could record the failure."""
    from character_identity.providers.astria import Astria
    from character_identity.providers.fal_flux_lora import FalFluxLora
    from character_identity.providers.fal_instant import FalInstantCharacter

    longest_s = max(getattr(each, deadline) for each in (Astria, FalFluxLora, FalInstantCharacter))
    assert json.loads(_text(machine))["TimeoutSeconds"] >= longest_s + 1800


@pytest.mark.parametrize("machine", MACHINES)
def test_retries_name_errors_that_exist_and_never_repeat_what_may_be_paid(machine: str) -> None:
    from character_identity.domain import errors

    retried = {
        name
        for state in json.loads(_text(machine))["States"].values()
        for retry in state.get("Retry", [])
        for name in retry["ErrorEquals"]
    }
    ours = {name for name in retried if "." not in name}
    assert all(issubclass(getattr(errors, name), errors.ServiceError) for name in ours)
    assert retried.isdisjoint({"ProviderOutcomeUnknown", "States.ALL", "States.TaskFailed", "States.Timeout"})

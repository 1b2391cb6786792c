"""The whole system on this machine, started once for all system tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from character_identity_client import ApiClient
from local.photographs import CHELSEA, EILEEN, make_references
from local.runtime import Options, System, running
from tests.support.emulator import client_of
from tests.support.waiting import HANGS_AFTER_S, wait_until

TRAINING_S, GENERATION_S = 1.0, 0.2
ENOUGH = 5
"""References that every training takes, by the API; each is looked at, and embedded with its first score."""


@dataclass(frozen=True)
class Running:
    """A running system, with the ways to look at it."""

    system: System
    api: ApiClient
    providers: httpx.Client
    people: dict[str, list[Path]]

    def aws(self, service: str) -> Any:
        return client_of(service, self.system.aws)

    def ended(self, machine: str, name: str) -> Any:
        """An execution once it has ended, which it does a moment after it recorded what came of it."""
        arn = self.system.state_machines[machine].replace(":stateMachine:", ":execution:")
        stepfunctions = self.aws("stepfunctions")

        def found() -> Any:
            execution = stepfunctions.describe_execution(executionArn=f"{arn}:{name}")
            return None if execution["status"] == "RUNNING" else execution

        return wait_until(found, f"the end of {name}")

    def paid(self, text: str) -> list[str]:
        """The endpoints of the simulators' billable calls whose input holds ``text``."""
        calls = self.providers.get("/control/ledger").raise_for_status().json()["calls"]
        return [call["endpoint"] for call in calls if text in str(call["input"])]

    def arm(self, **fault: Any) -> None:
        """Have the simulators misbehave once."""
        self.providers.post("/control/faults", json=fault).raise_for_status()

    @contextmanager
    def unscored(self) -> Iterator[None]:
        """Score none of the pictures that are stored meanwhile."""
        score_pictures(self.aws("events"), False)
        try:
            yield
        finally:  # or who waits for scores waits for long
            score_pictures(self.aws("events"), True)


def score_pictures(events: Any, wanted: bool) -> None:
    """Say whether pictures are scored, which takes most of the time of a test that asks for no scores."""
    (rule,) = (
        rule["Name"]
        for rule in events.list_rules()["Rules"]
        if "Object Created" in rule.get("EventPattern", "")
    )
    (events.enable_rule if wanted else events.disable_rule)(Name=rule)


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Eight reference images each of a person and a cat."""
    folder = tmp_path_factory.mktemp("references")
    return {
        name: make_references(photograph, folder / name)
        for name, photograph in (("Eileen", EILEEN), ("Chelsea", CHELSEA))
    }


@pytest.fixture(scope="session")
def running_system(
    people: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    options = Options(
        parameters={"FalSlots": "0"},  # orders whose answers are lost keep a slot for minutes
        environment={},
        training_s=TRAINING_S,
        generation_s=GENERATION_S,
        logs=tmp_path_factory.mktemp("logs"),
    )
    with running(options) as system, ApiClient(system.api_url, system.token) as api:
        assert system.provider_url is not None
        with httpx.Client(base_url=system.provider_url, timeout=HANGS_AFTER_S) as providers:
            yield Running(system, api, providers, people)

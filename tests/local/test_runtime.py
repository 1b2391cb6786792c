"""The parameters that a run gives to the stack."""

from collections.abc import Iterator

import pytest

from local.issuer import Issuer
from local.runtime import Options, stack_parameters
from local.settings import ProviderSettings

API = "http://127.0.0.1:8787"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.mark.parametrize(
    ("webhooks", "environment", "address"),
    [(True, {}, API), (False, {}, "off"), (True, {"FAL_QUEUE_URL": "https://queue.fal.run"}, "off")],
    ids=["wanted", "not wanted", "a provider is elsewhere"],
)
def test_providers_call_back_where_they_can_and_it_is_wanted(
    issuer: Issuer, webhooks: bool, environment: dict[str, str], address: str
) -> None:
    options = Options(webhooks=webhooks, environment=environment)
    parameters = stack_parameters(options, ProviderSettings(environment), issuer, API)
    assert parameters["WebhookUrl"] == address


@pytest.mark.parametrize(("budget", "given"), [(None, {}), ("0.5", {"MonthlyBudgetUsd": "0.5"})])
def test_the_budget_is_the_templates_unless_it_is_chosen(
    issuer: Issuer, budget: str | None, given: dict[str, str]
) -> None:
    parameters = stack_parameters(Options(budget_usd=budget), ProviderSettings({}), issuer, API)
    assert {name: value for name, value in parameters.items() if name == "MonthlyBudgetUsd"} == given

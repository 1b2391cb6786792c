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


@pytest.mark.parametrize(
    "chosen", [{}, {"MonthlyBudgetUsd": "0.5"}, {"FalSlots": "0", "RequestsPerMinute": "9"}]
)
def test_what_is_chosen_takes_the_place_of_the_defaults(issuer: Issuer, chosen: dict[str, str]) -> None:
    defaults = stack_parameters(Options(), ProviderSettings({}), issuer, API)
    parameters = stack_parameters(Options(parameters=chosen), ProviderSettings({}), issuer, API)
    assert parameters == {**defaults, **chosen}

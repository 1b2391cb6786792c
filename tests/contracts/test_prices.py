"""The price list against what the account pays, as the simulator tells it."""

from collections.abc import Mapping

import httpx
import pytest

from character_identity.domain.errors import ProviderUnavailable
from character_identity.providers.fal.price_list import LISTED
from character_identity.services.price_check import PriceCheck
from tests.contracts.ours import Ours


def changed(ours: Ours) -> Mapping[str, float | None]:
    return PriceCheck(LISTED, ours.platform.unit_prices_usd).changed()


def test_the_list_is_what_fal_publishes(ours: Ours, capsys: pytest.CaptureFixture[str]) -> None:
    assert changed(ours) == {}
    assert "ChangedPrices" not in capsys.readouterr().out
    assert len(LISTED) == 3


@pytest.mark.parametrize(
    ("endpoint", "amount_usd"),
    [
        ("fal-ai/flux-lora", 0.04),
        ("fal-ai/instant-character", 0.08),
        ("fal-ai/flux-lora-fast-training", 2.5),
        ("fal-ai/flux-lora", 0.000035),
    ],
)
def test_a_price_that_changed_is_logged_and_counted(
    ours: Ours,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    endpoint: str,
    amount_usd: float,
) -> None:
    ours.simulator.change(fal_prices_usd={endpoint: amount_usd})
    assert changed(ours) == {endpoint: amount_usd}
    assert capsys.readouterr().out.count('"ChangedPrices": 1') == 1
    assert [vars(record)["told_usd"] for record in caplog.records if "endpoint" in vars(record)] == [
        amount_usd
    ]


def test_a_training_may_be_priced_by_the_step(ours: Ours) -> None:
    ours.simulator.change(fal_prices_usd={"fal-ai/flux-lora-fast-training": 0.002})
    assert changed(ours) == {}


@pytest.mark.parametrize("told", [None, "2 dollars", -1, {"usd": 2}, True])
def test_a_price_that_is_not_told_is_a_difference(ours: Ours, told: object) -> None:
    names: list[object] = [*LISTED, None, [], {}]  # of those nobody asked
    prices = [{"endpoint_id": name, "unit_price": told, "currency": "USD"} for name in names]
    ours.answer("/models/pricing", httpx.Response(200, json={"prices": prices}))
    assert changed(ours) == dict.fromkeys(LISTED)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_without_an_answer_nothing_is_concluded(ours: Ours, status: int) -> None:
    ours.answer("/models/pricing", httpx.Response(status, json={}))
    with pytest.raises(ProviderUnavailable):
        changed(ours)

"""EventBridge, once a day: compare the prices that our account has with those by which budgets are kept."""

from contextlib import suppress
from typing import Any

from character_identity.domain.errors import ProviderNotConfigured
from character_identity.handlers.tasks import event_handler
from character_identity.wiring import Services


def check_prices(services: Services, event: dict[str, Any], context: Any) -> None:
    """Without a key there is nothing to compare; without an answer, tomorrow."""
    with suppress(ProviderNotConfigured):
        services.price_check.changed()


lambda_handler = event_handler(check_prices)

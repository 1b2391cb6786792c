"""Gateways: what is asked of other AWS services, and of addresses that others gave us."""

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from character_identity.config import (
    AnalysisSettings,
    OutboundSettings,
    ProviderSettings,
    StorageSettings,
    WorkflowSettings,
)
from character_identity.domain.job import EVALUATION, Account
from character_identity.ports.gateways import EventBus, ImageAnalyzer, Workflows
from character_identity.wiring.base import Base

if TYPE_CHECKING:
    from character_identity.aws.secrets import Secret
    from character_identity.outbound.guard import UrlGuard
    from character_identity.outbound.safe_http import SafeHttpClient

ANALYSIS_TIMEOUT_S = 12
"""Of the 29 s that a request has; a cold function with an encoder takes a few."""
SOON: dict[str, Any] = {"connect_timeout": 2, "read_timeout": 5, "retries": {"total_max_attempts": 3}}
"""For what the sweep does where it fails, and whose caller has paid by then; botocore would wait 60 s."""

logger = logging.getLogger(__name__)


class Gateways(Base):
    """What lies outside, each behind its port."""

    @cached_property
    def outbound_settings(self) -> OutboundSettings:
        return OutboundSettings.from_env(self.env)

    @cached_property
    def provider_settings(self) -> ProviderSettings:
        return ProviderSettings.from_env(self.env)

    @cached_property
    def state_machines(self) -> Workflows:
        from character_identity.aws.workflows import StateMachines

        settings = WorkflowSettings.from_env(self.env)
        return StateMachines(
            self.client("stepfunctions", **SOON),
            {
                "training": settings.train_identity_arn,
                "generation": settings.generate_images_arn,
                EVALUATION: settings.run_evaluation_arn,
            },
        )

    @cached_property
    def event_bus(self) -> EventBus:
        from character_identity.aws.event_bus import EventBridge

        return EventBridge(self.client("events", **SOON), StorageSettings.from_env(self.env).table_name)

    @cached_property
    def analysis_function(self) -> ImageAnalyzer:
        from character_identity.aws.analysis_function import AnalysisFunction

        name = AnalysisSettings.from_env(self.env).analyze_images_name
        client = self.client(
            "lambda", connect_timeout=3, read_timeout=ANALYSIS_TIMEOUT_S, retries={"max_attempts": 0}
        )
        return AnalysisFunction(client, name)

    @cached_property
    def secrets(self) -> Any:
        """The client of Secrets Manager, for whose answer calls to providers wait."""
        return self.client(
            "secretsmanager", connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3}
        )

    @cached_property
    def keys(self) -> "dict[Account | Literal['fal-admin'], Secret]":
        """The providers' keys; each is fetched once, and again when its provider refuses it."""
        from character_identity.aws.secrets import Secret

        client, settings = self.secrets, self.provider_settings
        return {
            "fal": Secret(client, settings.fal_secret_name),
            "fal-admin": Secret(client, settings.fal_admin_secret_name),
            "astria": Secret(client, settings.astria_secret_name),
        }

    def has_key(self, account: str) -> bool | None:
        """Return whether somebody has put a provider's key in; None where nobody can tell now."""
        from character_identity.domain.errors import ProviderNotConfigured

        try:
            self.keys[cast("Account", account)]()
        except ProviderNotConfigured:
            return False
        except Exception as exc:  # whatever it is: the key may be there by the time that it is needed
            logger.warning("a provider's key could not be read", exc_info=exc)
            return None
        return True

    def require_key(self, account: Account, product: str) -> None:
        """Refuse what could only fail later for want of a key.

        Raises:
            ProviderNotConfigured: nobody has put the provider's key in.
        """
        from character_identity.domain.errors import ProviderNotConfigured

        if self.has_key(account) is False:
            raise ProviderNotConfigured(f"{product} API key not configured on server.")

    @cached_property
    def url_guard(self) -> "UrlGuard":
        """Return the rule of what may be called at all."""
        from character_identity.outbound.guard import UrlGuard

        return UrlGuard(allow_loopback=self.outbound_settings.local_mode)

    @cached_property
    def safe_http(self) -> "SafeHttpClient":
        """For addresses that callers gave us."""
        from character_identity.outbound.safe_http import SafeHttpClient

        return SafeHttpClient(self.url_guard)

    @cached_property
    def result_http(self) -> "SafeHttpClient":
        """For what providers made: from their hosts only."""
        from character_identity.outbound.guard import UrlGuard
        from character_identity.outbound.safe_http import SafeHttpClient

        settings = self.outbound_settings
        return SafeHttpClient(UrlGuard(allow_loopback=settings.local_mode, hosts=settings.result_hosts))

"""Providers: their adapters, and how long they are waited for."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING

from character_identity.domain.job import account_of
from character_identity.ports.providers import Provider, Providers
from character_identity.wiring.deferred import deferred
from character_identity.wiring.gateways import Gateways

if TYPE_CHECKING:
    import httpx

    from character_identity.domain.identity import ProviderName
    from character_identity.providers.fal.platform import FalPlatform
    from character_identity.providers.fal.queue import FalQueue
    from character_identity.providers.fal.webhook_signature import FalSignatures
    from character_identity.services.price_check import PriceCheck

SHORT_TIMEOUT_S = 5
"""For a provider to be reached, and to answer."""


class ProviderAdapters(Gateways):
    """The providers by name; an adapter is built when it is asked for."""

    @cached_property
    def providers(self) -> Providers:
        return self._providers()

    @cached_property
    def short_timeout_providers(self) -> Providers:
        """The same, for calls that can be made again later: none is waited for long."""
        return self._providers(SHORT_TIMEOUT_S)

    def keys_there(self) -> "Mapping[ProviderName, bool | None]":
        """Return of each provider what ``has_key`` says; each account is asked for once."""
        has_key = cache(self.has_key)
        return {name: has_key(account_of(name)) for name in self.providers.names()}

    @cached_property
    def fal_signatures(self) -> "FalSignatures":
        from character_identity.outbound.client import open_client
        from character_identity.providers.fal.webhook_signature import JWKS_PATH, TIMEOUT_S, FalSignatures

        url = self.provider_settings.fal_rest_url.rstrip("/") + JWKS_PATH
        return FalSignatures(open_client(self.url_guard, TIMEOUT_S), url, self.now)

    def _providers(self, timeout_s: float | None = None) -> Providers:
        from character_identity.providers.registry import ProviderRegistry

        fal = cache(lambda: self._fal(timeout_s))
        return ProviderRegistry(
            {
                "fal-instant": lambda: self._fal_instant(*fal()),
                "fal-lora": lambda: self._fal_flux_lora(*fal()),
                "astria": lambda: self._astria(timeout_s),
            }
        )

    @cached_property
    def price_check(self) -> "PriceCheck":
        """Of fal's prices; Astria tells none."""
        from character_identity.providers.fal.price_list import LISTED
        from character_identity.services.price_check import PriceCheck

        return PriceCheck(LISTED, self._fal_platform(self._provider_client(None)).unit_prices_usd)

    def _fal(self, timeout_s: float | None) -> "tuple[FalQueue, FalPlatform]":
        from character_identity.providers.fal.queue import FalQueue

        settings, client = self.provider_settings, self._provider_client(timeout_s)
        queue = FalQueue(
            client,
            key=self.keys["fal"],
            queue_url=settings.fal_queue_url,
            rest_url=settings.fal_rest_url,
            media=deferred(lambda: self.safe_http),
            now=self.now,
        )
        return queue, self._fal_platform(client)

    def _fal_platform(self, client: "httpx.Client") -> "FalPlatform":
        from character_identity.providers.fal.platform import FalPlatform

        return FalPlatform(
            client,
            key=self.keys["fal"],
            admin_key=self.keys["fal-admin"],
            platform_url=self.provider_settings.fal_platform_url,
            now=self.now,
        )

    def _fal_instant(self, queue: "FalQueue", platform: "FalPlatform") -> Provider:
        from character_identity.providers.fal.instant_character import FalInstantCharacter

        simulated = self.provider_settings.is_simulated(self.provider_settings.fal_queue_url)
        return FalInstantCharacter(queue, platform, simulated)

    def _fal_flux_lora(self, queue: "FalQueue", platform: "FalPlatform") -> Provider:
        from character_identity.providers.fal.flux_lora import FalFluxLora

        settings = self.provider_settings
        can_fetch_our_urls = settings.can_fetch_our_urls(settings.fal_queue_url)
        simulated = settings.is_simulated(settings.fal_queue_url)
        return FalFluxLora(queue, platform, can_fetch_our_urls, simulated)

    def _astria(self, timeout_s: float | None) -> Provider:
        from character_identity.providers.astria.adapter import Astria

        settings = self.provider_settings
        return Astria(
            self._provider_client(timeout_s),
            key=self.keys["astria"],
            api_url=settings.astria_api_url,
            can_fetch_our_urls=settings.can_fetch_our_urls(settings.astria_api_url),
            mock=settings.astria_mock,
            simulated=settings.is_simulated(settings.astria_api_url),
            now=self.now,
        )

    def _provider_client(self, timeout_s: float | None) -> "httpx.Client":
        """For calls to providers; with the usual timeout unless another is given."""
        from character_identity.outbound.client import open_client
        from character_identity.outbound.provider_http import TIMEOUT_S

        return open_client(self.url_guard, TIMEOUT_S if timeout_s is None else timeout_s)

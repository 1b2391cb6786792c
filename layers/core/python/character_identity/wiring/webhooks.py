"""Webhooks: events, the addresses that hear of them, and sending."""

import random
import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from character_identity.wiring.deferred import deferred
from character_identity.wiring.gateways import Gateways
from character_identity.wiring.storage import Storage

if TYPE_CHECKING:
    from character_identity.services.webhooks.deliveries import DeliveryService
    from character_identity.services.webhooks.endpoints import EndpointService
    from character_identity.services.webhooks.events import EventService


class Webhooks(Storage, Gateways):
    """What our callers are told, and where."""

    @cached_property
    def events(self) -> "EventService":
        from character_identity.services.webhooks.events import EventService

        return EventService(
            events=self.event_table,
            endpoints=self.endpoint_table,
            deliveries=self.delivery_table,
            bus=self.event_bus,
            now=self.now,
        )

    @cached_property
    def endpoints(self) -> "EndpointService":
        from character_identity.domain.webhook import SECRET_BYTES
        from character_identity.services.webhooks.endpoints import EndpointService

        return EndpointService(
            endpoints=self.endpoint_table,
            attempts=self.attempt_table,
            check_address=self._check_address,
            now=self.now,
            new_id=self.new_id,
            new_key=lambda: secrets.token_bytes(SECRET_BYTES),
        )

    def _check_address(self, url: str) -> None:
        from character_identity.outbound.webhook_address import check_address

        check_address(url, self.url_guard)

    @cached_property
    def deliveries(self) -> "DeliveryService":
        from character_identity.services.webhooks.deliveries import DeliveryService

        return DeliveryService(
            events=self.event_table,
            endpoints=self.endpoint_table,
            deliveries=self.delivery_table,
            attempts=self.attempt_table,
            sender=deferred(lambda: self.safe_http),
            now=self.now,
            jitter=random.random,
        )

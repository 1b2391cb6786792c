"""Builds the services from the settings: the one place that knows every class.

Nothing is built before it is used, and what a function does not use is not even imported.
"""

import os
import random
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from character_identity.config import Settings
from character_identity.domain.clock import utc_now

if TYPE_CHECKING:
    from character_identity.aws.budget_table import BudgetTable
    from character_identity.aws.delivery_table import DeliveryTable
    from character_identity.aws.endpoint_table import EndpointTable
    from character_identity.aws.erasure_table import ErasureTable
    from character_identity.aws.event_bus import EventBridge
    from character_identity.aws.event_table import EventTable
    from character_identity.aws.generation_table import GenerationTable
    from character_identity.aws.idempotency_table import IdempotencyTable
    from character_identity.aws.identity_table import IdentityTable
    from character_identity.aws.ledger_table import LedgerTable
    from character_identity.aws.media_bucket import MediaBucket
    from character_identity.aws.open_work import OpenWork
    from character_identity.aws.request_count_table import RequestCountTable
    from character_identity.aws.score_table import ScoreTable
    from character_identity.aws.scoring_function import ScoringFunction
    from character_identity.aws.secrets import Secret
    from character_identity.aws.trained_weights_table import TrainedWeightsTable
    from character_identity.aws.workflows import StateMachines
    from character_identity.compat.service import CompatService
    from character_identity.outbound.safe_http import SafeHttpClient
    from character_identity.providers.fal.webhook_signature import FalSignatures
    from character_identity.providers.registry import ProviderRegistry
    from character_identity.services.erasure import ErasureService
    from character_identity.services.generations import GenerationService
    from character_identity.services.idempotency import IdempotencyService
    from character_identity.services.identities import IdentityService
    from character_identity.services.jobs.callback_addresses import CallbackAddresses
    from character_identity.services.jobs.callbacks import CallbackService
    from character_identity.services.jobs.generation import GenerationWorkflow
    from character_identity.services.jobs.sweep import SweepService
    from character_identity.services.jobs.training import TrainingWorkflow
    from character_identity.services.orders import OrderService
    from character_identity.services.rate_limit import RateLimit
    from character_identity.services.references import ReferenceService
    from character_identity.services.webhooks.deliveries import DeliveryService
    from character_identity.services.webhooks.endpoints import EndpointService
    from character_identity.services.webhooks.events import EventService

ANALYSIS_TIMEOUT_S = 12
"""Of the 29 s that a request has; a cold scoring function takes a few."""
SHORT_TIMEOUT_S = 5
"""For a provider to connect, and to answer."""
MAX_SEED = 2**32 - 1
"""Astria takes seeds up to 2^32 (https://docs.astria.ai/docs/api/prompt/create, read 2026-11-22)."""


def new_id() -> str:
    """An id that nobody guesses."""
    return uuid4().hex


class Services:
    """Everything that a handler may ask for, built on first use and kept while the sandbox is warm."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = new_id,
        new_seed: Callable[[], int] = lambda: secrets.randbelow(MAX_SEED),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.now = now
        self.sleep = sleep
        self.new_id = new_id
        self.new_seed = new_seed

    @cached_property
    def identities(self) -> "IdentityService":
        from character_identity.services.identities import IdentityService

        return IdentityService(
            self.identity_table,
            self.references,
            self.providers,
            self.orders,
            self.state_machines,
            self.events,
            self.callbacks,
            self.now,
            self.new_id,
        )

    @cached_property
    def orders(self) -> "OrderService":
        from character_identity.services.orders import OrderService

        return OrderService(self.budget_table, self.now, self.new_id)

    @cached_property
    def callbacks(self) -> "CallbackService":
        from character_identity.services.jobs.callbacks import CallbackService

        return CallbackService(self.ledger, self.state_machines, self.providers)

    @cached_property
    def fal_signatures(self) -> "FalSignatures":
        import httpx

        from character_identity.providers.fal.webhook_signature import JWKS_PATH, TIMEOUT_S, FalSignatures

        url = self.settings["FAL_REST_URL"].rstrip("/") + JWKS_PATH
        return FalSignatures(httpx.Client(timeout=TIMEOUT_S), url, self.now)

    @cached_property
    def callback_addresses(self) -> "CallbackAddresses":
        from character_identity.services.jobs.callback_addresses import OFF, CallbackAddresses

        return CallbackAddresses(self.settings.values.get("WEBHOOK_URL", OFF))

    @cached_property
    def references(self) -> "ReferenceService":
        from character_identity.services.references import ReferenceService

        return ReferenceService(self.bucket, self._safe_http(hosts=None), self.scoring_function, self.new_id)

    @cached_property
    def training_workflow(self) -> "TrainingWorkflow":
        from character_identity.outbound.lora_file import check_weights
        from character_identity.services.jobs.training import TrainingWorkflow

        return TrainingWorkflow(
            self.identity_table,
            self.ledger,
            self.bucket,
            self._safe_http(self.settings.media_hosts),
            self.providers,
            check_weights,
            self.trained_weights,
            self.events,
            self.callback_addresses,
            self.now,
        )

    @cached_property
    def compat(self) -> "CompatService":
        from character_identity.compat.service import CompatService

        return CompatService(
            self.identities,
            self.generations,
            self.idempotency_records,
            self.trained_weights,
            self._safe_http(hosts=None),
            self.now,
            self.new_id,
            self.sleep,
        )

    @cached_property
    def idempotency(self) -> "IdempotencyService":
        from character_identity.services.idempotency import IdempotencyService

        return IdempotencyService(self.idempotency_records, self.now, self.new_id)

    @cached_property
    def rate_limit(self) -> "RateLimit":
        from character_identity.services.rate_limit import RateLimit

        return RateLimit(self.request_counts, self.settings.requests_per_minute, self.now)

    @cached_property
    def generations(self) -> "GenerationService":
        from character_identity.services.generations import GenerationService

        return GenerationService(
            self.generation_table,
            self.identity_table,
            self.providers,
            self.orders,
            self.state_machines,
            self.now,
            self.new_id,
            self.new_seed,
        )

    @cached_property
    def generation_workflow(self) -> "GenerationWorkflow":
        from character_identity.services.jobs.generation import GenerationWorkflow

        return GenerationWorkflow(
            self.generation_table,
            self.identity_table,
            self.ledger,
            self.bucket,
            self._safe_http(self.settings.media_hosts),
            self.providers,
            self.events,
            self.callback_addresses,
            self.now,
        )

    @cached_property
    def events(self) -> "EventService":
        from character_identity.services.webhooks.events import EventService

        return EventService(
            self.event_table, self.endpoint_table, self.delivery_table, self.event_bus, self.now
        )

    @cached_property
    def erasure(self) -> "ErasureService":
        from character_identity.services.erasure import ErasureService

        return ErasureService(
            self.identity_table,
            self.erasure_table,
            self.ledger,
            self.bucket,
            self.short_timeout_providers,
            self.callbacks,
            self.events,
            self.now,
        )

    @cached_property
    def sweep(self) -> "SweepService":
        from character_identity.services.jobs.sweep import SweepService

        return SweepService(
            self.open_work,
            self.ledger,
            {"training": self.training_workflow, "generation": self.generation_workflow},
            self.state_machines,
            self.short_timeout_providers,
            self.events,
            self.erasure,
            self.now,
        )

    @cached_property
    def endpoints(self) -> "EndpointService":
        from character_identity.domain.webhook import SECRET_BYTES
        from character_identity.outbound.safe_http import UrlGuard
        from character_identity.outbound.webhook_address import check_address
        from character_identity.services.webhooks.endpoints import EndpointService

        guard = UrlGuard(allow_loopback=self.settings.local_mode)
        return EndpointService(
            self.endpoint_table,
            lambda url: check_address(url, guard),
            self.now,
            self.new_id,
            lambda: secrets.token_bytes(SECRET_BYTES),
        )

    @cached_property
    def deliveries(self) -> "DeliveryService":
        from character_identity.services.webhooks.deliveries import DeliveryService

        return DeliveryService(
            self.event_table,
            self.endpoint_table,
            self.delivery_table,
            self._safe_http(hosts=None),
            self.now,
            random.random,
        )

    @cached_property
    def providers(self) -> "ProviderRegistry":
        return self._providers()

    @cached_property
    def short_timeout_providers(self) -> "ProviderRegistry":
        """The same, for calls that can be made again later: none is waited for long."""
        return self._providers(SHORT_TIMEOUT_S)

    def _providers(self, timeout_s: float | None = None) -> "ProviderRegistry":
        from character_identity.providers.registry import ProviderRegistry

        fal = cache(lambda: self._fal(timeout_s))
        return ProviderRegistry(
            {
                "fal-instant": lambda: self._fal_instant(fal()),
                "fal-lora": lambda: self._fal_flux_lora(fal()),
                "astria": lambda: self._astria(timeout_s),
            }
        )

    @cached_property
    def bucket(self) -> "MediaBucket":
        from botocore.config import Config

        from character_identity.aws.media_bucket import MediaBucket

        client = self._client("s3", config=Config(signature_version="s3v4"))
        return MediaBucket(client, self.settings["BUCKET_NAME"])

    @cached_property
    def identity_table(self) -> "IdentityTable":
        from character_identity.aws.identity_table import IdentityTable

        return IdentityTable(self._table)

    @cached_property
    def generation_table(self) -> "GenerationTable":
        from character_identity.aws.generation_table import GenerationTable

        return GenerationTable(self._table)

    @cached_property
    def ledger(self) -> "LedgerTable":
        from character_identity.aws.ledger_table import LedgerTable

        return LedgerTable(self._table)

    @cached_property
    def budget_table(self) -> "BudgetTable":
        from character_identity.aws.budget_table import BudgetTable
        from character_identity.domain.budget import microusd

        return BudgetTable(self._table, microusd(self.settings.monthly_budget_usd))

    @cached_property
    def scoring_function(self) -> "ScoringFunction":
        from botocore.config import Config

        from character_identity.aws.scoring_function import ScoringFunction

        name = self.settings.values.get("SCORE_IMAGE_NAME", "")
        options = Config(connect_timeout=3, read_timeout=ANALYSIS_TIMEOUT_S, retries={"max_attempts": 0})
        return ScoringFunction(self._client("lambda", config=options) if name else None, name)

    @cached_property
    def idempotency_records(self) -> "IdempotencyTable":
        from character_identity.aws.idempotency_table import IdempotencyTable

        return IdempotencyTable(self._table)

    @cached_property
    def request_counts(self) -> "RequestCountTable":
        from character_identity.aws.request_count_table import RequestCountTable

        return RequestCountTable(self._table)

    @cached_property
    def trained_weights(self) -> "TrainedWeightsTable":
        from character_identity.aws.trained_weights_table import TrainedWeightsTable

        return TrainedWeightsTable(self._table)

    @cached_property
    def scores(self) -> "ScoreTable":
        from character_identity.aws.score_table import ScoreTable

        return ScoreTable(self._table)

    @cached_property
    def erasure_table(self) -> "ErasureTable":
        from character_identity.aws.erasure_table import ErasureTable

        return ErasureTable(self._table)

    @cached_property
    def open_work(self) -> "OpenWork":
        from character_identity.aws.open_work import OpenWork

        return OpenWork(self._table)

    @cached_property
    def event_table(self) -> "EventTable":
        from character_identity.aws.event_table import EventTable

        return EventTable(self._table)

    @cached_property
    def endpoint_table(self) -> "EndpointTable":
        from character_identity.aws.endpoint_table import EndpointTable

        return EndpointTable(self._table)

    @cached_property
    def delivery_table(self) -> "DeliveryTable":
        from character_identity.aws.delivery_table import DeliveryTable

        return DeliveryTable(self._table)

    @cached_property
    def event_bus(self) -> "EventBridge":
        from character_identity.aws.event_bus import EventBridge

        return EventBridge(self._client("events"))

    @cached_property
    def state_machines(self) -> "StateMachines":
        from character_identity.aws.workflows import StateMachines

        values = self.settings.values
        return StateMachines(
            self._client("stepfunctions"),
            {
                "training": values.get("TRAIN_IDENTITY_ARN"),
                "generation": values.get("GENERATE_IMAGES_ARN"),
            },
        )

    @cached_property
    def _table(self) -> Any:
        import boto3

        return boto3.resource("dynamodb").Table(self.settings["TABLE_NAME"])

    def _client(self, service: str, **options: Any) -> Any:
        import boto3

        return boto3.client(service, **options)

    def require_key(self, setting: str, provider: str) -> None:
        """Refuse what could only fail later for want of a key.

        Raises:
            ProviderNotConfigured: nobody has put the provider's key in.
        """
        from character_identity.domain.errors import ProviderNotConfigured

        try:
            self._secret(setting)()
        except ProviderNotConfigured as exc:
            raise ProviderNotConfigured(f"{provider} API key not configured on server.") from exc

    def _secret(self, setting: str) -> "Secret":
        from character_identity.aws.secrets import Secret

        return Secret(self._client("secretsmanager"), self.settings.values.get(setting, ""))

    def _safe_http(self, hosts: frozenset[str] | None) -> "SafeHttpClient":
        from character_identity.outbound.safe_http import SafeHttpClient, UrlGuard

        return SafeHttpClient(UrlGuard(allow_loopback=self.settings.local_mode, hosts=hosts))

    def _fal(self, timeout_s: float | None) -> Any:
        from character_identity.providers.fal.queue import FalQueue

        return FalQueue(
            _http_client(timeout_s),
            self._secret("FAL_SECRET_NAME"),
            self.settings["FAL_QUEUE_URL"],
            self.settings["FAL_REST_URL"],
            self._safe_http(hosts=None),
            now=self.now,
        )

    def _fal_instant(self, fal: Any) -> Any:
        from character_identity.providers.fal.instant_character import FalInstantCharacter

        return FalInstantCharacter(fal)

    def _fal_flux_lora(self, fal: Any) -> Any:
        from character_identity.providers.fal.flux_lora import FalFluxLora

        return FalFluxLora(fal, self.settings.can_fetch_our_urls(self.settings["FAL_QUEUE_URL"]))

    def _astria(self, timeout_s: float | None) -> Any:
        from character_identity.providers.astria.adapter import Astria

        return Astria(
            _http_client(timeout_s),
            self._secret("ASTRIA_SECRET_NAME"),
            self.settings["ASTRIA_API_URL"],
            self.settings.can_fetch_our_urls(self.settings["ASTRIA_API_URL"]),
            self.settings.astria_mock,
            now=self.now,
        )


def _http_client(timeout_s: float | None) -> Any:
    """For calls to providers; with the usual timeouts unless another is given."""
    import httpx

    from character_identity.outbound.provider_http import TIMEOUT

    return httpx.Client(timeout=TIMEOUT if timeout_s is None else timeout_s)


@cache
def services() -> Services:
    """The services of this process, from its environment."""
    return Services(Settings(dict(os.environ)))

"""Builds the services from the settings: the one place that knows every class.

Nothing is built before it is used, and what a function does not use is not even imported.
"""

import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from character_identity.config import Settings

if TYPE_CHECKING:
    from character_identity.aws.earlier_calls_table import EarlierCallTable
    from character_identity.aws.generation_table import GenerationTable
    from character_identity.aws.identity_table import IdentityTable
    from character_identity.aws.ledger_table import LedgerTable
    from character_identity.aws.media_bucket import MediaBucket
    from character_identity.aws.score_table import ScoreTable
    from character_identity.aws.scoring_function import ScoringFunction
    from character_identity.aws.secrets import Secret
    from character_identity.aws.trained_weights_table import TrainedWeightsTable
    from character_identity.aws.workflows import StateMachines
    from character_identity.providers.media import MediaFetcher
    from character_identity.providers.registry import ProviderRegistry
    from character_identity.proxies.service import ProxyService
    from character_identity.services.drawing import DrawingService
    from character_identity.services.generations import GenerationService
    from character_identity.services.identities import IdentityService
    from character_identity.services.references import ReferenceService
    from character_identity.services.training import TrainingService

CHOICE_WITHIN_S = 12
"""Of the 29 s that a request has; a cold scoring function takes a few."""
MAX_SEED = 2**32 - 1
"""Astria takes seeds up to 2^32 (https://docs.astria.ai/docs/api/prompt/create, read 2026-11-22)."""


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


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
    ) -> None:
        self.settings = settings
        self.now = now
        self.new_id = new_id
        self.new_seed = new_seed

    @cached_property
    def identities(self) -> "IdentityService":
        from character_identity.services.identities import IdentityService

        return IdentityService(
            self.identity_table,
            self.references,
            self.scoring_function,
            self.providers,
            self.state_machines,
            self.now,
            self.new_id,
        )

    @cached_property
    def references(self) -> "ReferenceService":
        from character_identity.services.references import ReferenceService

        return ReferenceService(self.bucket, self._fetcher(hosts=None), self.new_id)

    @cached_property
    def training(self) -> "TrainingService":
        from character_identity.providers.weights_file import check_weights
        from character_identity.services.training import TrainingService

        return TrainingService(
            self.identity_table,
            self.ledger,
            self.bucket,
            self._fetcher(self.settings.media_hosts),
            self.providers,
            check_weights,
            self.trained_weights,
            self.now,
        )

    @cached_property
    def proxies(self) -> "ProxyService":
        from character_identity.proxies.service import ProxyService

        return ProxyService(
            self.identities,
            self.generations,
            self.earlier_calls,
            self.trained_weights,
            self._fetcher(hosts=None),
            self.now,
            self.new_id,
            time.sleep,
        )

    @cached_property
    def generations(self) -> "GenerationService":
        from character_identity.services.generations import GenerationService

        return GenerationService(
            self.generation_table,
            self.identity_table,
            self.providers,
            self.state_machines,
            self.now,
            self.new_id,
            self.new_seed,
        )

    @cached_property
    def drawing(self) -> "DrawingService":
        from character_identity.services.drawing import DrawingService

        return DrawingService(
            self.generation_table,
            self.identity_table,
            self.ledger,
            self.bucket,
            self._fetcher(self.settings.media_hosts),
            self.providers,
            self.now,
        )

    @cached_property
    def providers(self) -> "ProviderRegistry":
        from character_identity.providers.registry import ProviderRegistry

        return ProviderRegistry(
            {"fal-instant": self._fal_instant, "fal-lora": self._fal_flux_lora, "astria": self._astria}
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
    def scoring_function(self) -> "ScoringFunction":
        from botocore.config import Config

        from character_identity.aws.scoring_function import ScoringFunction

        client = self._client(
            "lambda", config=Config(read_timeout=CHOICE_WITHIN_S, retries={"max_attempts": 0})
        )
        return ScoringFunction(client, self.settings.values.get("SCORE_IMAGE_NAME", ""))

    @cached_property
    def earlier_calls(self) -> "EarlierCallTable":
        from character_identity.aws.earlier_calls_table import EarlierCallTable

        return EarlierCallTable(self._table)

    @cached_property
    def trained_weights(self) -> "TrainedWeightsTable":
        from character_identity.aws.trained_weights_table import TrainedWeightsTable

        return TrainedWeightsTable(self._table)

    @cached_property
    def scores(self) -> "ScoreTable":
        from character_identity.aws.score_table import ScoreTable

        return ScoreTable(self._table)

    @cached_property
    def state_machines(self) -> "StateMachines":
        from character_identity.aws.workflows import StateMachines

        arns = self.settings.values
        return StateMachines(
            self._client("stepfunctions"), arns.get("TRAIN_IDENTITY_ARN"), arns.get("GENERATE_IMAGES_ARN")
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

    def _fetcher(self, hosts: frozenset[str] | None) -> "MediaFetcher":
        from character_identity.providers.media import Guard, MediaFetcher

        return MediaFetcher(Guard(allow_loopback=self.settings.local_mode, hosts=hosts))

    @cached_property
    def _fal(self) -> Any:
        import httpx

        from character_identity.providers.fal_queue import FalQueue
        from character_identity.providers.vendor_api import TIMEOUT

        return FalQueue(
            httpx.Client(timeout=TIMEOUT),
            self._secret("FAL_SECRET_NAME"),
            self.settings["FAL_QUEUE_URL"],
            self.settings["FAL_REST_URL"],
            self._fetcher(hosts=None),
        )

    def _fal_instant(self) -> Any:
        from character_identity.providers.fal_instant import FalInstantCharacter

        return FalInstantCharacter(self._fal)

    def _fal_flux_lora(self) -> Any:
        from character_identity.providers.fal_flux_lora import FalFluxLora

        return FalFluxLora(self._fal, self.settings.links_reach(self.settings["FAL_QUEUE_URL"]))

    def _astria(self) -> Any:
        import httpx

        from character_identity.providers.astria import Astria
        from character_identity.providers.vendor_api import TIMEOUT

        return Astria(
            httpx.Client(timeout=TIMEOUT),
            self._secret("ASTRIA_SECRET_NAME"),
            self.settings["ASTRIA_API_URL"],
            self.settings.links_reach(self.settings["ASTRIA_API_URL"]),
            self.settings.astria_mock,
        )


@cache
def services() -> Services:
    """The services of this process, from its environment."""
    return Services(Settings(dict(os.environ)))

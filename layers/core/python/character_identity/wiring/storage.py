"""Storage: the repositories on the one table, and the bucket."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

from character_identity.config import OrderSettings, SlotSettings, StorageSettings
from character_identity.ports.stores import (
    Attempts,
    Bucket,
    Budgets,
    Deliveries,
    Endpoints,
    Erasures,
    Evaluations,
    Events,
    Generations,
    IdempotencyRecords,
    Identities,
    Ledger,
    OpenWork,
    RequestCounts,
    Scores,
    SharedScores,
    SlotStore,
    TrainedWeights,
)
from character_identity.wiring.base import Base

if TYPE_CHECKING:
    from character_identity.aws.link_signer import LinkSigner
    from character_identity.aws.table import Table


class Storage(Base):
    """What is kept, by the ports that the services ask for."""

    @cached_property
    def storage_settings(self) -> StorageSettings:
        return StorageSettings.from_env(self.env)

    @cached_property
    def table(self) -> "Table":
        from character_identity.aws.table import Table

        # An answer that is lost is asked for again while there is time for ours: botocore would wait 60 s.
        client = self.client("dynamodb", connect_timeout=3, read_timeout=10)
        return Table(client, self.storage_settings.table_name)

    @cached_property
    def s3(self) -> Any:
        """The client of S3, by the bucket's own host in its region.

        It asks again as that of the table does. Its first timeout is for each step of sending a file, too.
        """
        regional = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        hosts = {} if self.storage_settings.aws_endpoint_url else regional
        return self.client("s3", signature_version="s3v4", s3=hosts, connect_timeout=10, read_timeout=10)

    @cached_property
    def bucket(self) -> Bucket:
        from character_identity.aws.media_bucket import MediaBucket

        name = self.storage_settings.bucket_name
        return MediaBucket(self.s3, name, lambda url: self._link_signer.signed(url))

    @cached_property
    def _link_signer(self) -> "LinkSigner":
        from character_identity.aws.link_signer import LinkSigner

        session = self.aws.botocore
        return LinkSigner(session.get_credentials, session.get_config_variable("region"), self.now)

    @cached_property
    def identity_table(self) -> Identities:
        from character_identity.aws.identity_table import IdentityTable

        return IdentityTable(self.table)

    @cached_property
    def generation_table(self) -> Generations:
        from character_identity.aws.generation_table import GenerationTable

        return GenerationTable(self.table)

    @cached_property
    def scores(self) -> Scores:
        from character_identity.aws.score_table import ScoreTable

        return ScoreTable(self.table)

    @cached_property
    def shared_scores(self) -> SharedScores:
        from character_identity.aws.score_table import ScoreTable

        return ScoreTable(self.table)

    @cached_property
    def evaluation_table(self) -> Evaluations:
        from character_identity.aws.evaluation_table import EvaluationTable

        return EvaluationTable(self.table)

    @cached_property
    def trained_weights(self) -> TrainedWeights:
        from character_identity.aws.trained_weights_table import TrainedWeightsTable

        return TrainedWeightsTable(self.table)

    @cached_property
    def erasure_table(self) -> Erasures:
        from character_identity.aws.erasure_table import ErasureTable

        return ErasureTable(self.table)

    @cached_property
    def ledger(self) -> Ledger:
        from character_identity.aws.ledger_table import LedgerTable

        return LedgerTable(self.table)

    @cached_property
    def slot_table(self) -> SlotStore:
        from character_identity.aws.slot_table import SlotTable

        settings = SlotSettings.from_env(self.env)
        return SlotTable(self.table, {"fal": settings.fal_slots, "astria": settings.astria_slots})

    @cached_property
    def budget_table(self) -> Budgets:
        from character_identity.aws.budget_table import BudgetTable
        from character_identity.domain.budget import microusd

        settings = OrderSettings.from_env(self.env)
        return BudgetTable(
            self.table,
            default_limit_microusd=microusd(settings.monthly_budget_usd),
            operator_limit_microusd=microusd(settings.operator_budget_usd),
        )

    @cached_property
    def open_work(self) -> OpenWork:
        from character_identity.aws.open_work import OpenWorkTable

        return OpenWorkTable(self.table)

    @cached_property
    def idempotency_records(self) -> IdempotencyRecords:
        from character_identity.aws.idempotency_table import IdempotencyTable

        return IdempotencyTable(self.table)

    @cached_property
    def request_counts(self) -> RequestCounts:
        from character_identity.aws.request_count_table import RequestCountTable

        return RequestCountTable(self.table)

    @cached_property
    def event_table(self) -> Events:
        from character_identity.aws.event_table import EventTable

        return EventTable(self.table)

    @cached_property
    def endpoint_table(self) -> Endpoints:
        from character_identity.aws.endpoint_table import EndpointTable

        return EndpointTable(self.table)

    @cached_property
    def attempt_table(self) -> Attempts:
        from character_identity.aws.attempt_table import AttemptTable

        return AttemptTable(self.table)

    @cached_property
    def delivery_table(self) -> Deliveries:
        from character_identity.aws.delivery_table import DeliveryTable

        return DeliveryTable(self.table)

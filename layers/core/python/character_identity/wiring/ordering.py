"""Ordering: what callers ask for, within their limits, and the compatibility proxies."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from character_identity.config import RateLimitSettings
from character_identity.domain.errors import RequestKind
from character_identity.wiring.deferred import deferred
from character_identity.wiring.jobs import Jobs

if TYPE_CHECKING:
    from character_identity.compat.service import CompatService
    from character_identity.services.generations import GenerationService
    from character_identity.services.idempotency import IdempotencyService
    from character_identity.services.identities import IdentityService
    from character_identity.services.intakes import IntakeService
    from character_identity.services.orders import OrderService
    from character_identity.services.rate_limit import RateLimit
    from character_identity.services.references import ReferenceService
    from character_identity.services.scored_generations import ScoredGenerationService
    from character_identity.services.sources import Sources


class Ordering(Jobs):
    """Identities and generations, as the API and the proxies see them."""

    @cached_property
    def rate_limits(self) -> Mapping[RequestKind, "RateLimit"]:
        from character_identity.services.rate_limit import READS_AT_ONCE, RateLimit

        settings = RateLimitSettings.from_env(self.env)
        counts, now = self.request_counts, self.now
        orders, reads = settings.requests_per_minute, settings.reads_per_minute
        return {
            "orders": RateLimit(counts=counts, kind="orders", per_minute=orders, now=now),
            "reads": RateLimit(counts=counts, kind="reads", per_minute=reads, at_once=READS_AT_ONCE, now=now),
        }

    @cached_property
    def idempotency(self) -> "IdempotencyService":
        from character_identity.services.idempotency import IdempotencyService

        return IdempotencyService(calls=self.idempotency_records, now=self.now, new_id=self.new_id)

    @cached_property
    def orders(self) -> "OrderService":
        from character_identity.services.orders import OrderService

        return OrderService(budgets=self.budget_table, now=self.now, new_id=self.new_id)

    @cached_property
    def references(self) -> "ReferenceService":
        from character_identity.services.references import ReferenceService

        return ReferenceService(
            bucket=self.bucket,
            media=self.safe_http,
            analyzer=self.analysis_function,
            intakes=self.intakes,
            new_id=self.new_id,
        )

    @cached_property
    def intakes(self) -> "IntakeService":
        from character_identity.services.intakes import IntakeService

        return IntakeService(
            open_work=self.open_work,
            identities=self.identity_table,
            evaluations=self.evaluation_table,
            bucket=self.bucket,
            now=self.now,
        )

    @cached_property
    def identities(self) -> "IdentityService":
        from character_identity.services.identities import IdentityService

        return IdentityService(
            identities=self.identity_table,
            references=deferred(lambda: self.references),
            providers=self.providers,
            orders=self.orders,
            workflows=self.state_machines,
            events=self.events,
            callbacks=self.callbacks,
            now=self.now,
            new_id=self.new_id,
        )

    @cached_property
    def generations(self) -> "GenerationService":
        from character_identity.services.generations import GenerationService

        return GenerationService(
            generations=self.generation_table,
            identities=self.identity_table,
            providers=self.providers,
            orders=self.orders,
            workflows=self.state_machines,
            now=self.now,
            new_id=self.new_id,
            new_seed=self.new_seed,
        )

    @cached_property
    def scored_generations(self) -> "ScoredGenerationService":
        from character_identity.services.scored_generations import ScoredGenerationService

        return ScoredGenerationService(self.generations, self.scores, self.now, self.sleep)

    @cached_property
    def sources(self) -> "Sources":
        from character_identity.services.sources import Sources

        return Sources(self.bucket, self.safe_http)

    @cached_property
    def compat(self) -> "CompatService":
        from character_identity.compat.service import CompatService

        return CompatService(
            identities=self.identities,
            generations=self.generations,
            references=deferred(lambda: self.references),
            records=self.idempotency_records,
            trained_weights=self.trained_weights,
            media=deferred(lambda: self.safe_http),
            providers=self.short_timeout_providers,
            now=self.now,
            new_id=self.new_id,
            sleep=self.sleep,
        )

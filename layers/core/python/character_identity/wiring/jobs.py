"""Jobs: what is paid for at a provider, from the order to its end, and what erases it."""

from functools import cached_property
from typing import TYPE_CHECKING

from character_identity.config import CallbackSettings, ProvenanceSettings, is_loopback
from character_identity.wiring.deferred import deferred
from character_identity.wiring.providers import ProviderAdapters
from character_identity.wiring.webhooks import Webhooks

if TYPE_CHECKING:
    from character_identity.domain.identity import ProviderName
    from character_identity.ports.gateways import ProvenanceSigner
    from character_identity.services.erasure import ErasureService
    from character_identity.services.evaluations.erasure import EvaluationErasure
    from character_identity.services.jobs.callback_addresses import CallbackAddresses
    from character_identity.services.jobs.callbacks import CallbackService
    from character_identity.services.jobs.generation import GenerationWorkflow
    from character_identity.services.jobs.slots import SlotService
    from character_identity.services.jobs.training import TrainingWorkflow
    from character_identity.services.provenance import ProvenanceService


class Jobs(ProviderAdapters, Webhooks):
    """The tasks of the state machines, callbacks and erasures."""

    @cached_property
    def callbacks(self) -> "CallbackService":
        from character_identity.services.jobs.callbacks import CallbackService

        return CallbackService(ledger=self.ledger, workflows=self.state_machines, providers=self.providers)

    @cached_property
    def slots(self) -> "SlotService":
        from character_identity.services.jobs.slots import SlotService

        return SlotService(slots=self.slot_table, wake=self.callbacks.tell, now=self.now)

    @cached_property
    def callback_addresses(self) -> "CallbackAddresses":
        from character_identity.services.jobs.callback_addresses import CallbackAddresses

        return CallbackAddresses(CallbackSettings.from_env(self.env).webhook_url)

    @cached_property
    def training_workflow(self) -> "TrainingWorkflow":
        from character_identity.outbound.lora_file import check_weights
        from character_identity.services.jobs.training import TrainingWorkflow

        return TrainingWorkflow(
            identities=self.identity_table,
            ledger=self.ledger,
            bucket=self.bucket,
            media=deferred(lambda: self.result_http),
            providers=self.providers,
            slots=self.slots,
            check_weights=check_weights,
            trained_weights=self.trained_weights,
            events=self.events,
            callback_addresses=self.callback_addresses,
            now=self.now,
        )

    @cached_property
    def provenance(self) -> "ProvenanceService":
        from character_identity.services.provenance import ProvenanceService

        return ProvenanceService(deferred(self._signer), self._is_simulated, self.now)

    def _is_simulated(self, provider: "ProviderName", url: str) -> bool:
        """Pictures come from where their provider is: a simulator is on this machine."""
        from character_identity.domain.generation import ProducedImage

        return self.providers[provider].simulated if ProducedImage.is_inline(url) else is_loopback(url)

    def _signer(self) -> "ProvenanceSigner":
        from character_identity.aws.secrets import Secret
        from character_identity.provenance.c2pa_signer import C2paSigner

        name = ProvenanceSettings.from_env(self.env).provenance_secret_name
        key = Secret(self.secrets, name).refresh if name else _no_key
        return C2paSigner(key, self.now)

    @cached_property
    def generation_workflow(self) -> "GenerationWorkflow":
        from character_identity.services.jobs.generation import GenerationWorkflow

        return GenerationWorkflow(
            generations=self.generation_table,
            identities=self.identity_table,
            ledger=self.ledger,
            bucket=self.bucket,
            media=deferred(lambda: self.result_http),
            providers=self.providers,
            slots=self.slots,
            events=self.events,
            callback_addresses=self.callback_addresses,
            provenance=self.provenance,
            now=self.now,
        )

    @cached_property
    def evaluation_erasure(self) -> "EvaluationErasure":
        from character_identity.services.evaluations.erasure import EvaluationErasure

        return EvaluationErasure(
            evaluations=self.evaluation_table,
            identities=self.identity_table,
            ledger=self.ledger,
            bucket=self.bucket,
            workflows=deferred(lambda: self.state_machines),
            now=self.now,
        )

    @cached_property
    def erasure(self) -> "ErasureService":
        from character_identity.services.erasure import ErasureService

        return ErasureService(
            identities=self.identity_table,
            generations=self.generation_table,
            erasures=self.erasure_table,
            ledger=self.ledger,
            bucket=self.bucket,
            providers=self.short_timeout_providers,
            callbacks=self.callbacks,
            events=self.events,
            evaluations=self.evaluation_erasure,
            now=self.now,
        )


def _no_key() -> str:
    from character_identity.domain.errors import ProviderNotConfigured

    raise ProviderNotConfigured("This function knows of no key to sign with.")

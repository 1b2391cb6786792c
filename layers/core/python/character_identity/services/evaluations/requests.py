"""Evaluations as the API uses them: quoted, created, read, listed, cancelled."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest

from character_identity.domain.budget import Quote, microusd, usd
from character_identity.domain.errors import Conflict, InvalidRequest, NotFound
from character_identity.domain.evaluation import (
    ENDS_WITHIN,
    Evaluation,
    EvaluationOrder,
    EvaluationRequest,
    derived_id,
)
from character_identity.domain.evaluation_progress import EvaluationQuote, Progress, ProviderQuote
from character_identity.domain.generation import LONGEST_PROMPT
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.identity import DEFAULT_STEPS, Identity, ProviderName
from character_identity.domain.job import EVALUATION, job_id_of
from character_identity.domain.ownership import owned
from character_identity.domain.page import Page, Window
from character_identity.domain.prices import Price
from character_identity.ports.gateways import Now, Workflows
from character_identity.ports.providers import Providers, ReferenceLimits
from character_identity.ports.stores import Bucket, Evaluations, Identities, SharedScores
from character_identity.services.best_effort import left_to_the_sweep
from character_identity.services.evaluations.order_file import write_order
from character_identity.services.identities import IdentityService, provider_named
from character_identity.services.intakes import IntakeService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.orders import OrderService, start_soon
from character_identity.services.references import MAX_REFERENCES, ReferenceService

ENDING_TAKES = timedelta(hours=2)
"""From the time after which nothing more is ordered until what was is stopped and the results are written;
then the sweep gives it up."""


@dataclass(frozen=True)
class _Parts:
    """What a request comes to: the identities that are there, and for each provider whether one is made."""

    name: str
    class_name: str
    providers: list[ProviderName]
    there: dict[ProviderName, Identity]
    order: EvaluationOrder

    @property
    def made(self) -> list[ProviderName]:
        return [name for name in self.providers if name not in self.there]


class EvaluationService:
    """What the API does with evaluations."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        shared_scores: SharedScores,
        identities: Identities,
        identity_service: IdentityService,
        references: ReferenceService,
        intakes: IntakeService,
        providers: Providers,
        keys_there: Callable[[], Mapping[ProviderName, bool | None]],
        orders: OrderService,
        bucket: Bucket,
        workflows: Workflows,
        callbacks: CallbackService,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._shared_scores = shared_scores
        self._identities = identities
        self._identity_service = identity_service
        self._references = references
        self._intakes = intakes
        self._providers = providers
        self._keys_there = keys_there
        self._orders = orders
        self._bucket = bucket
        self._workflows = workflows
        self._callbacks = callbacks
        self._now = now

    def create(self, owner: str, request: EvaluationRequest, evaluation_id: str) -> Evaluation:
        """Accept an evaluation: its money is set aside, and its machine is started.

        Raises:
            InvalidRequest: something in it cannot be used, or it may cost more than ``max_cost_usd``.
            NotFound: no such identity of this owner.
            BudgetExceeded: it may cost more than is left of the owner's month, or of the operator's.
            Conflict: there is an evaluation of that id, or an identity failed.
        """
        parts = self._parts(owner, request)
        quoted = self._quote(owner, request, parts)
        if quoted.is_over_maximum:
            raise _over_maximum(quoted)
        job = self._orders.job(EVALUATION, owner, evaluation_id, evaluation_id, None, quoted.quote)
        keys, sha256s = self._take_in(owner, request, parts, evaluation_id)
        now = self._now()
        job = job.replace(deadline_at=now + ENDS_WITHIN + ENDING_TAKES)
        made = {name: derived_id(evaluation_id, name) for name in parts.made}
        evaluation = Evaluation(
            evaluation_id=evaluation_id,
            owner=owner,
            name=parts.name,
            class_name=parts.class_name,
            created_at=now,
            updated_at=now,
            providers=parts.providers,
            identities={name: each.identity_id for name, each in parts.there.items()} | made,
            made=parts.made,
            references=[*keys],
            reference_sha256s=[*sha256s],
            scenarios=len(parts.order.scenarios),
            variations=parts.order.variations,
            cells=quoted.cells,
            images=quoted.images,
            estimate_microusd=quoted.estimate_microusd,
            assumed_microusd=quoted.assumed_microusd,
            reserved_microusd=quoted.ceiling_microusd,
            max_cost_usd=quoted.max_cost_usd,
        )
        self._intakes.begin(owner, evaluation_id)
        write_order(self._bucket, evaluation_id, parts.order)
        budget = quoted.quote.budget
        self._evaluations.add(evaluation, job, budget.limit_microusd, budget.operator_limit_microusd)
        start_soon(self._workflows, job)
        return evaluation

    def quote(self, owner: str, request: EvaluationRequest) -> EvaluationQuote:
        """Return an evaluation's cost as of now; nothing is stored. Raises as ``create``, but for money."""
        return self._quote(owner, request, self._parts(owner, request))

    def get(self, owner: str, evaluation_id: str) -> Evaluation:
        """One evaluation of this owner; another's answers exactly like an unknown one."""
        return owned(owner, self._evaluations.get(evaluation_id), "evaluation", evaluation_id)

    def progress(self, evaluation: Evaluation) -> Progress:
        """Return how far an evaluation is."""
        outcomes = self._evaluations.cell_outcomes(evaluation.evaluation_id)
        counts = self._shared_scores.count_shared_scores(evaluation.evaluation_id) if outcomes else (0, 0)
        found = [get_or_none(self._identities.get, each) for each in evaluation.identities.values()]
        return Progress(
            evaluation,
            [each for each in found if each is not None],
            outcomes,
            *counts,
        )

    def list(self, owner: str, window: Window) -> Page[Evaluation]:
        """A page of this owner's evaluations, newest first."""
        return self._evaluations.list(owner, window)

    def cancel(self, owner: str, evaluation_id: str) -> Evaluation:
        """Give an evaluation up; one that is settled stays as it is.

        Its machine stops what runs, at the providers too, and gives back the money that is left.
        """
        evaluation = self.get(owner, evaluation_id)
        if evaluation.is_unsettled:
            self._evaluations.cancel(evaluation_id, self._now())
            for name in evaluation.made:
                with suppress(NotFound):  # it is not made yet, or erased
                    self._identity_service.cancel(owner, evaluation.identities[name])
            with left_to_the_sweep("a machine that is to stop"):
                self._callbacks.tell(job_id_of(EVALUATION, evaluation_id))
            evaluation = self.get(owner, evaluation_id)
        return evaluation

    def _parts(self, owner: str, request: EvaluationRequest) -> _Parts:
        names = [*request.providers, *request.identities]
        if not request.providers and request.references:
            usable = [name for name, there in self._keys_there().items() if there is not False]
            names = [*(usable or self._providers.names()), *request.identities]
        elif not names:
            raise InvalidRequest("Give references or identities to evaluate.", code="too_few_references")
        providers = [provider_named(self._providers, name).name for name in dict.fromkeys(names)]
        there = {
            name: self._ready(owner, name, request.identities[name])
            for name in providers
            if name in request.identities
        }
        one = next(iter(there.values()), None)
        name = request.name or (one.name if one else None)
        if name is None:
            raise InvalidRequest(
                "name is missing: what the character is called in prompts.", code="invalid_body"
            )
        for scenario in request.scenarios:
            if len(scenario.prompt(name)) > LONGEST_PROMPT:
                message = f"With the name in it the prompt of {scenario.name} is too long: {LONGEST_PROMPT:,}"
                raise InvalidRequest(f"{message} characters at most.", code="invalid_body")
        order = EvaluationOrder(
            name=name,
            scenarios=list(request.scenarios),
            variations=request.variations,
            seed=request.seed,
            prices={name: self._prices_of(name, trains=name not in there) for name in providers},
        )
        class_name = request.class_name or (one.class_name if one else "person")
        parts = _Parts(name, class_name, providers, there, order)
        if parts.made and not request.references:
            message = f"{parts.made[0]} has no identity here, and there are no references to make one of."
            raise InvalidRequest(message, code="too_few_references")
        return parts

    def _prices_of(self, name: ProviderName, *, trains: bool) -> dict[str, Price]:
        provider = self._providers[name]
        training = provider.training.prices if trains and provider.training else {}
        return {**training, **provider.images.prices}

    def _ready(self, owner: str, provider: str, identity_id: str) -> Identity:
        identity = self._identity_service.get(owner, identity_id)
        if identity.provider != provider:
            message = f"The identity {identity_id!r} is one of {identity.provider}'s, not of {provider}'s."
            raise InvalidRequest(message, code="unknown_provider")
        if identity.status == "failed":  # one that is trained is waited for
            raise Conflict(f"The identity {identity_id!r} is failed.", code="identity_failed")
        return identity

    def _quote(self, owner: str, request: EvaluationRequest, parts: _Parts) -> EvaluationQuote:
        cells = parts.order.cells(parts.providers)
        by_provider = []
        for name in parts.providers:
            provider = self._providers[name]
            own = [cell for cell in cells if cell.provider == name]
            estimates = [provider.images.estimate(parts.order.request(cell)) for cell in own]
            if name in parts.made and provider.training is not None:
                estimates.append(provider.training.estimate(DEFAULT_STEPS))
            known = [each.expected_usd for each in estimates if each.expected_usd is not None]
            expected = sum(microusd(each) for each in known) if len(known) == len(estimates) else None
            ceiling = sum(
                max(microusd(each.ceiling_usd), microusd(each.expected_usd or 0)) for each in estimates
            )
            images = sum(cell.images for cell in own)
            by_provider.append(ProviderQuote(name, len(own), images, expected, ceiling))
        ceiling = sum(each.ceiling_microusd for each in by_provider)
        quote = Quote(None, ceiling, self._orders.budget(owner), {})
        most = usd(ceiling) if request.max_cost_usd is None else request.max_cost_usd
        return EvaluationQuote(by_provider, quote, most)

    def _take_in(
        self, owner: str, request: EvaluationRequest, parts: _Parts, evaluation_id: str
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Keep all references of the character; without any, those of the identities, each once.

        Those of each by turns: of too many all would be the first one's, whom scores would favour.
        """
        if request.references:
            needed = [self._providers[name].references.minimum for name in parts.made]
            limits = ReferenceLimits(max([1, *needed]), MAX_REFERENCES)
            taken = self._references.take_in(owner, evaluation_id, request.references, limits)
            return taken.keys, taken.sha256s
        known: dict[str, str] = {}
        of_each = (
            zip(each.references, each.reference_sha256s, strict=False) for each in parts.there.values()
        )
        for turn in zip_longest(*of_each):
            for key, digest in filter(None, turn):
                known.setdefault(digest, key)
        some = list(known.items())[:MAX_REFERENCES]
        return [key for _, key in some], [digest for digest, _ in some]


def _over_maximum(quoted: EvaluationQuote) -> InvalidRequest:
    ceiling, most = usd(quoted.ceiling_microusd), quoted.max_cost_usd
    return InvalidRequest(
        f"It may cost ${ceiling:.2f}, which is more than maxCostUsd ${most:.2f}: raise it, or take fewer "
        "providers, scenarios or variations.",
        code="max_cost_too_low",
        details={"ceilingUsd": ceiling, "maxCostUsd": most},
    )

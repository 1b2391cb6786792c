"""What the compatibility proxies do: find or make an identity or a generation, and wait a little for it."""

import hashlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NoReturn

from character_identity.compat.archives import MAX_ARCHIVE_BYTES, images_in
from character_identity.compat.requests import (
    CreatePrompt,
    CreateTune,
    InstantGeneration,
    LoraGeneration,
    LoraTraining,
    image_source,
    is_link,
)
from character_identity.domain.errors import (
    Blocked,
    Conflict,
    Erased,
    InvalidRequest,
    NotFound,
    NotGenerated,
    ProviderError,
    StillRunning,
)
from character_identity.domain.generation import Generation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.identity import DEFAULT_STEPS, Identity, ProviderName
from character_identity.domain.links import without_signature
from character_identity.domain.weights_digest import DIGESTED_BYTES, link_digest, weights_digest
from character_identity.ports.gateways import Media, NewId, Now
from character_identity.ports.providers import Providers
from character_identity.ports.stores import IdempotencyRecord, IdempotencyRecords, TrainedWeights
from character_identity.services.generations import GenerationService
from character_identity.services.idempotency import LONGEST_CALL
from character_identity.services.identities import IdentityService
from character_identity.services.long_poll import STEP_S, wait_until_settled
from character_identity.services.references import ReferenceService, Source

SAME_CALL_WITHIN = timedelta(minutes=10)
"""How long after they were made a repeated call still finds pictures that no caller was told of."""
IMAGE_HOLD = timedelta(seconds=25)
"""How long after the start of a call to wait for its pictures, however long the references took to fetch: API
Gateway cuts the call at 30 s."""
STATUS_HOLD_S = 8.0
"""How long to hold back the answer to a poll, so that the client does not reach its limit on polls."""
REFERENCES_WITHIN = timedelta(seconds=20)
"""After this no further reference is tried, for taking one in and ordering take seconds too."""
TRIED_AGAIN_WITHIN = timedelta(seconds=3)
"""A link that does not answer is tried again, to say why, unless it took longer than this to fail."""

logger = logging.getLogger(__name__)


class CompatService:
    """The calls of one owner. A repeated call finds what the first one made, and is paid for once.

    Each raises NotFound for what does not exist, or is another owner's or another provider's.
    """

    def __init__(
        self,
        *,
        identities: IdentityService,
        generations: GenerationService,
        references: ReferenceService,
        records: IdempotencyRecords,
        trained_weights: TrainedWeights,
        media: Media,
        providers: Providers,
        now: Now,
        new_id: NewId,
        sleep: Callable[[float], None],
    ) -> None:
        self._identities = identities
        self._generations = generations
        self._references = references
        self._records = records
        self._trained_weights = trained_weights
        self._media = media
        self._providers = providers
        self._now = now
        self._new_id = new_id
        self._sleep = sleep

    def generate_instant(self, owner: str, body: InstantGeneration) -> Generation:
        """Draw with Instant Character from the first usable reference; the others are ignored."""
        began_at = self._now()
        identity = self._instant_identity(owner, body.reference_images, began_at + REFERENCES_WITHIN)
        call = body.model_dump(exclude={"reference_images"})
        return self._generated(owner, identity, call, body.request(), began_at + IMAGE_HOLD)

    def generate_lora(self, owner: str, body: LoraGeneration) -> Generation:
        """Draw with the LoRA at ``lora_url``, with its trigger word in the prompt."""
        until = self._now() + IMAGE_HOLD
        identity = self._identities.get(owner, self._identity_of_weights(owner, body.lora_url))
        call = body.model_dump() | {"lora_url": identity.identity_id}
        return self._generated(owner, identity, call, body.request(), until)

    def train_lora(self, owner: str, body: LoraTraining) -> Identity:
        """Start a LoRA training, or find the one that the same pictures started before."""
        sources = self._sources(owner, body.images_data_url)
        call = {"trigger": body.trigger_word, "steps": body.steps}
        return self._trained(owner, "fal-lora", call, body.name, "person", sources, body.steps)

    def train_tune(self, owner: str, body: CreateTune) -> Identity:
        """Start an Astria training, or find the one that the same pictures started before."""
        tune = body.tune
        call = {"name": tune.character, "class": tune.class_word}
        sources = self._sources(owner, tune.links)
        return self._trained(owner, "astria", call, tune.character, tune.class_word, sources)

    def training(
        self, owner: str, identity_id: str, provider: ProviderName, wait_s: float | None = None
    ) -> Identity:
        """Return a training, for which to wait a little, or ``wait_s`` if that is less.

        If the provider has deleted the model since, there is no such training any more.
        """
        hold_s = _status_hold_s(wait_s)
        identity = wait_until_settled(
            lambda: self._identities.get(owner, identity_id), hold_s, self._now, self._sleep
        )
        if identity.provider != provider or self._was_deleted(identity):
            raise NotFound(f"There is no training {identity_id!r}.", code="unknown_identity")
        return identity

    def order_prompt(self, owner: str, tune_id: str, body: CreatePrompt) -> Generation:
        """Order pictures of a tune, without waiting for them."""
        identity = self._identities.get(owner, tune_id)
        if identity.provider != "astria":
            raise NotFound(f"There is no tune {tune_id!r}.", code="unknown_identity")
        digest = _digest(owner, "prompt", tune_id, body.model_dump())
        return self._ordered(owner, identity, digest, body.prompt.request())

    def prompt(self, owner: str, tune_id: str, generation_id: str, wait_s: float | None = None) -> Generation:
        """Return a prompt with its pictures, for which to wait a little, or ``wait_s`` if that is less."""
        generation = self._settled(owner, generation_id, _status_hold_s(wait_s))
        if generation.identity_id != tune_id:
            raise NotFound(f"There is no prompt {generation_id!r}.", code="unknown_generation")
        if generation.settled_at is not None:
            self._records.mark_delivered(generation_id)
        return generation

    def _generated(
        self,
        owner: str,
        identity: Identity,
        call: dict[str, Any],
        request: dict[str, Any],
        until: datetime,
    ) -> Generation:
        digest = _digest(owner, identity.provider, identity.identity_id, call)
        ordered = self._ordered(owner, identity, digest, request)
        left_s = (until - self._now()).total_seconds()
        generation = self._settled(owner, ordered.generation_id, left_s)
        if generation.settled_at is None:
            raise StillRunning(
                identity.provider,
                "the picture is not there yet; the same call a little later finds it.",
                details={"generation_id": generation.generation_id},
            )
        self._records.mark_delivered(generation.generation_id)
        if generation.status == "failed":
            failure = generation.error
            error = Blocked if failure and failure.code == Blocked.default_code else NotGenerated
            raise error(
                failure.message if failure else "The generation failed.",
                code=failure.code if failure else None,
                details={"generation_id": generation.generation_id},
            )
        return generation

    def _ordered(self, owner: str, identity: Identity, digest: str, request: dict[str, Any]) -> Generation:
        """Return the generation of an equal call whose outcome was not delivered yet, or a new one."""
        call = self._records.find(digest)
        if call is None or self._is_over(owner, call):
            new = self._new_call()
            call = self._records.claim(digest, new, call)
            if call == new:
                return self._created(owner, identity, request, new.target_id)
        try:
            return self._generations.get(owner, call.target_id)
        except NotFound:
            return self._created(owner, identity, request, call.target_id)

    def _created(
        self, owner: str, identity: Identity, request: dict[str, Any], generation_id: str
    ) -> Generation:
        try:
            return self._generations.create(owner, identity.identity_id, request, generation_id)
        except Conflict as exc:
            if exc.code != Conflict.default_code:
                raise
            return self._generations.get(owner, generation_id)

    def _trained(
        self,
        owner: str,
        provider: ProviderName,
        call: dict[str, Any],
        name: str,
        class_name: str,
        sources: list[Source],
        steps: int = DEFAULT_STEPS,
    ) -> Identity:
        maker = self._providers[provider]
        # What was only tried out is no answer to who wants the character.
        stand_ins = [name for name in ("mock", "simulated") if getattr(maker, name)]
        digest = _digest(owner, provider, "training", call, _digests(sources), *stand_ins)
        earlier = self._records.find(digest)
        if earlier is not None:
            identity = self._started(owner, earlier)
            if identity is not None and identity.status != "failed" and not self._was_deleted(identity):
                return identity
        new = self._new_call()
        claimed = self._records.claim(digest, new, earlier)
        if claimed.target_id != new.target_id:
            return self._started(owner, claimed) or self._being_started()
        try:
            return self._identities.create(
                owner, name, provider, sources, class_name, steps=steps, identity_id=new.target_id
            )
        except Exception:  # if it stored the identity before it failed, the next call finds that
            if get_or_none(partial(self._identities.get, owner), new.target_id) is None:
                self._records.release(digest, new)
            raise

    def _was_deleted(self, identity: Identity) -> bool:
        """Return True if the provider says that the model has expired and is deleted."""
        expires_at = identity.model_expires_at
        if expires_at is None or self._now() < expires_at:
            return False
        trainer = self._providers[identity.provider].training
        if trainer is None or identity.provider_model_id is None:
            return False
        handle = trainer.job_handle(identity.provider_model_id)
        try:
            return trainer.status(handle, identity.training_steps).state == "missing"
        except ProviderError as exc:
            logger.warning("the provider does not say whether the model is there", exc_info=exc)
            return False

    def _started(self, owner: str, call: IdempotencyRecord) -> Identity | None:
        """Return the identity of an earlier call; None if it is erased, or if the call died before making it.

        Raises:
            Conflict: the earlier call may still be making it.
        """
        end = self._now() + timedelta(seconds=STATUS_HOLD_S)
        while True:
            try:
                return self._identities.get(owner, call.target_id)
            except Erased:
                return None
            except NotFound:
                if self._now() - call.made_at > LONGEST_CALL:
                    return None
                if self._now() >= end:
                    return self._being_started()
            self._sleep(STEP_S)

    def _being_started(self) -> NoReturn:
        raise Conflict("The same training is being started by another call.", code="being_started")

    def _instant_identity(self, owner: str, links: list[str], until: datetime) -> Identity:
        """Return the identity for the first usable reference; no further one is tried after ``until``.

        There is one identity for the same picture, whatever its link.
        """
        refusal: InvalidRequest | None = None
        for link in links:
            begun_at = self._now()
            if refusal is not None and begun_at >= until:
                break
            try:
                [source] = self._references.fetched(owner, [image_source(link)])
                if isinstance(source, str) and self._now() - begun_at > TRIED_AGAIN_WITHIN:
                    raise InvalidRequest("The picture could not be fetched.", code="unreachable_reference")
                return self._identity_of(owner, source)
            except InvalidRequest as exc:
                refusal = refusal or exc
        raise refusal or InvalidRequest("At least one reference image is needed.", code="too_few_references")

    def _identity_of(self, owner: str, source: Source) -> Identity:
        digest = _digest(owner, "fal-instant", "identity", _digests([source]))
        earlier = self._records.find(digest)
        if earlier is not None:
            identity = get_or_none(partial(self._identities.get, owner), earlier.target_id)
            if identity is not None:  # else the call died before it made one
                return identity
        call = self._new_call()
        identity = self._identities.create(
            owner, "Character", "fal-instant", [source], "person", identity_id=call.target_id
        )
        claimed = self._records.claim(digest, call, earlier)
        if claimed == call:
            return identity
        # Made by the same call at the same moment: from another identity the pictures would be paid twice.
        return get_or_none(partial(self._identities.get, owner), claimed.target_id) or identity

    def _new_call(self) -> IdempotencyRecord:
        return IdempotencyRecord(target_id=self._new_id(), made_at=self._now())

    def _is_over(self, owner: str, call: IdempotencyRecord) -> bool:
        """Return True if an equal call is a new order: the first outcome was delivered, erased, or is old.

        Until there is an outcome equal calls wait for it, however long: a second order would be paid as well.
        """
        if self._records.was_delivered(call.target_id):
            return True
        try:
            generation = self._generations.get(owner, call.target_id)
        except Erased:
            return True
        except NotFound:
            return self._now() - call.made_at > SAME_CALL_WITHIN
        return generation.settled_at is not None and self._now() - generation.settled_at > SAME_CALL_WITHIN

    def _sources(self, owner: str, links: list[str] | str) -> list[Source]:
        """Fetch the pictures as far as possible, for two calls are equal if what lies at their links is."""
        if isinstance(links, list):
            return self._references.fetched(owner, [image_source(link) for link in links])
        links = links.strip()
        if not is_link(links):
            raise InvalidRequest("images_data_url is a link or a list of links.", code="unknown_reference")
        try:
            archive = self._media.fetch(links, MAX_ARCHIVE_BYTES)
        except ProviderError as exc:
            raise InvalidRequest("The archive could not be fetched.", code="unreachable_reference") from exc
        return list(images_in(archive))

    def _identity_of_weights(self, owner: str, lora_url: str) -> str:
        """Return the identity whose weights lie at a link, by their content, or by the link if that fails.

        Raises:
            InvalidRequest: they were not trained here, or nobody can tell.
        """
        try:
            start = self._media.fetch_start(lora_url, DIGESTED_BYTES)
        except ProviderError as exc:
            known = self._trained_weights.find(owner, link_digest(lora_url))
            if known is None:
                raise InvalidRequest("The LoRA could not be fetched.", code="unreachable_lora") from exc
            return known
        known = self._trained_weights.find(owner, weights_digest(start))
        if known is None:
            raise InvalidRequest(
                "This LoRA was not trained here, so its trigger word is not known.", code="unknown_lora"
            )
        self._trained_weights.remember(owner, link_digest(lora_url), known)
        return known

    def _settled(self, owner: str, generation_id: str, wait_s: float) -> Generation:
        return wait_until_settled(
            lambda: self._generations.get(owner, generation_id), wait_s, self._now, self._sleep
        )


def _status_hold_s(wait_s: float | None) -> float:
    return STATUS_HOLD_S if wait_s is None else min(wait_s, STATUS_HOLD_S)


def _digest(owner: str, *what: Any) -> str:
    """Return a digest of everything that a call says."""
    return hashlib.sha256(json.dumps([owner, *what], sort_keys=True).encode()).hexdigest()


def _digests(sources: list[Source]) -> list[str]:
    """Return what identifies each picture: its content, or its link if that cannot be fetched."""
    return [
        without_signature(source)
        if isinstance(source, str)
        else hashlib.sha256(source if isinstance(source, bytes) else source.content).hexdigest()
        for source in sources
    ]

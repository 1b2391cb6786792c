"""Ports to what the services keep: rows of our table and objects in our bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from character_identity.domain.budget import Budget, Settlement
    from character_identity.domain.erasure import (
        ErasureReceipt,
        EvaluationReceipt,
        Removed,
        RemovedOfEvaluation,
    )
    from character_identity.domain.errors import RequestKind
    from character_identity.domain.evaluation import CellOutcome, Evaluation, EvaluationPhase, Recommendation
    from character_identity.domain.event import Event
    from character_identity.domain.generation import Generation
    from character_identity.domain.identity import Identity, Phase
    from character_identity.domain.job import JobHandle, JobKind, Parked, ProviderJob
    from character_identity.domain.page import Page, Window
    from character_identity.domain.score import EmbeddedReference, KeptReferences, NotScored, Score
    from character_identity.domain.similarity import Embedding
    from character_identity.domain.slots import Lease, Slots
    from character_identity.domain.view import EncoderVersion
    from character_identity.domain.webhook import Attempt, Delivery, Endpoint


class Identities(Protocol):
    """Identities; every change is conditional on the status it leaves."""

    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
        operator_limit_microusd: int = 0,
    ) -> None:
        """Store a new one, with the event that it is ready or the job that trains it.

        Raises:
            Conflict: there is one with that id.
            TooManyIdentities: its owner has as many as allowed.
            BudgetExceeded: the job's money is not there; nothing is stored then.
        """

    def get(self, identity_id: str) -> Identity:
        """Return an identity.

        Raises:
            NotFound: there is none; Erased if there was.
        """

    def list(self, owner: str, window: Window) -> Page[Identity]:
        """Return a page, newest first; one just added may be missing."""

    def rename(self, renamed: Identity) -> bool:
        """Store another name; False if the identity is gone."""

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        """Move a training forward, never back; ``changes`` are stored in any case while it lasts."""

    def settle(self, identity: Identity, event: Event) -> Identity:
        """Store the outcome of a training and its event unless there is one; return what is stored."""

    def correct_cost(self, identity_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        """Correct the stored cost, settled or not, unless the identity was erased."""


class Generations(Protocol):
    """Generations; a settled one never changes, except for its cost once that is known."""

    def add(
        self, generation: Generation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        """Store a new one of a ready identity, with the job that makes its pictures.

        Raises:
            Conflict: there is one with that id, or the identity is not ready (any more).
            BudgetExceeded: the job's money is not there; nothing is stored then.
        """

    def get(self, generation_id: str) -> Generation:
        """Return a generation. Raises as ``Identities.get``."""

    def of_identity(self, identity_id: str, window: Window) -> Page[Generation]:
        """Return a page, newest first; one just added may be missing."""

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        """Store these fields; False if the stored generation is settled or gone."""

    def settle(self, generation: Generation, event: Event) -> Generation:
        """Store the outcome and its event unless there is one; return what is stored."""

    def correct_cost(self, generation_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        """Correct the stored cost, settled or not, unless the generation was erased."""


class Evaluations(Protocol):
    """Evaluations and the outcomes of their cells; a settled one changes only by an erasure."""

    def add(
        self, evaluation: Evaluation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        """Store a new one with the job that holds its money, and with each identity that it is used.

        Raises:
            Conflict: there is one with that id.
            BudgetExceeded: the money is not there; nothing is stored then.
        """

    def get(self, evaluation_id: str) -> Evaluation:
        """Return an evaluation. Raises as ``Identities.get``."""

    def list(self, owner: str, window: Window) -> Page[Evaluation]:
        """Return a page, newest first; one just added may be missing."""

    def advance(self, evaluation_id: str, phase: EvaluationPhase, at: datetime, **changes: Any) -> bool:
        """Move an unsettled one forward; False if it is settled or further already."""

    def cancel(self, evaluation_id: str, at: datetime) -> bool:
        """Mark a running one as to be cancelled; False if it was not running."""

    def conclude(self, evaluation_id: str, found: Recommendation, at: datetime) -> None:
        """Store what the results recommend."""

    def settle(self, evaluation: Evaluation, event: Event) -> Evaluation:
        """Store the outcome and its event unless there is one; return what is stored.

        If it was cancelled meanwhile, no other outcome than cancelled is stored.
        """

    def put_cell(self, evaluation_id: str, outcome: CellOutcome) -> None:
        """Store the outcome of a cell, unless the evaluation is gone."""

    def cell_outcomes(self, evaluation_id: str) -> Sequence[CellOutcome]: ...
    def used_by(self, identity_id: str) -> Sequence[str]:
        """Return the ids of the evaluations that use an identity."""

    def without_identity(self, evaluation_id: str, identity_id: str) -> Evaluation | None:
        """Remove an identity and its cells from an evaluation; None, and no change, if it is the last.

        That it was used there stays known until ``forget_use``, so that all of this can be repeated.
        """

    def without_generation(self, evaluation_id: str, generation_id: str) -> Evaluation | None:
        """Remove a generation's scores and mark its cell as erased; None if the evaluation is gone."""

    def forget_use(self, identity_id: str, evaluation_id: str) -> None: ...
    def replace_with_tombstone(self, receipt: EvaluationReceipt) -> bool:
        """Replace an evaluation by its receipt; False if it is gone already."""

    def receipt(self, evaluation_id: str) -> EvaluationReceipt | None: ...
    def save_receipt(self, receipt: EvaluationReceipt, purge_at: datetime | None) -> None:
        """Store a receipt and when to purge again; None: never."""

    def remove_rows(self, evaluation_id: str) -> RemovedOfEvaluation:
        """Delete all rows of an evaluation but its own: cells, scores, embeddings."""


class Erasures(Protocol):
    """Receipts, each in the place of its identity or generation, and the rows that are erased with it."""

    def replace_with_tombstone(self, receipt: ErasureReceipt, event: Event | None = None) -> bool:
        """Replace an identity or generation by its receipt, with the event; False if it is gone already."""

    def find(self, identity_id: str) -> ErasureReceipt | None: ...
    def find_of_generation(self, generation_id: str) -> ErasureReceipt | None: ...
    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        """Store a receipt and when to purge again; None: never."""

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        """Return the ids of jobs whose generations still exist; one just added may be missing."""

    def remove(self, job_id: str) -> Removed:
        """Delete the generation that a job is for, with its scores; if it has a receipt, that stays."""

    def remove_rows(self, identity_id: str) -> Removed:
        """Delete the embeddings of an identity's pictures and the digests of its weights."""


class Budgets(Protocol):
    """Each owner's limit and spending, by month."""

    def of(self, owner: str, month: str) -> Budget: ...
    def of_operator(self, month: str) -> Budget:
        """Return the budget of all owners together."""


class Ledger(Protocol):
    """One row for each paid call, written when we accept the order and set its money aside."""

    def get(self, job_id: str) -> ProviderJob | None: ...
    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        """Note that the call is about to be made; False unless the job is open and ``accepted``.

        From then on its deadline is ``deadline_at``.
        """

    def postpone(self, job_id: str, deadline_at: datetime) -> None:
        """Move the deadline of an open job."""

    def withdraw(self, job_id: str, intended_at: datetime, not_before: datetime | None) -> None:
        """Take back the intent of that time, as the provider accepted nothing. A later intent stays."""

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        """Store the provider's answer to the call, in place of what a callback may have said."""

    def found(self, job_id: str, handle: JobHandle) -> bool:
        """Store the handle that a callback or a look-up found.

        False, and nothing is stored, if the job has one already, or if this one is another job's.
        """

    def holder_of(self, kind: JobKind, provider_job_id: str) -> str | None:
        """Return the id of our job for an id of the provider's."""

    def unanswered(self, kind: JobKind, provider: str) -> list[str]:
        """Return the ids of open jobs whose order got no answer; the list may lag a little."""

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        """Note that an intent was refused, or that its outcome is unknown."""

    def drop(self, job_id: str) -> None:
        """Note that a job has ended without a bill."""

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        """Store what the provider says it bills, unless the job's money is settled."""

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        """Settle a job's money, once; False if that was done, or the job has changed since it was read."""

    def register_waiter(self, job_id: str, wake_token: str) -> bool:
        """Store the token that wakes a waiting machine; False if a callback is pending already."""

    def record_callback(self, job_id: str) -> str | None:
        """Note that a provider called back; return the token of the waiting machine, if one waits."""

    def consume_callback(self, job_id: str) -> ProviderJob | None:
        """Mark a pending callback as consumed; return the row as it was before."""

    def park(self, job_id: str, parked: Parked, at: datetime) -> None:
        """Note that results cannot be stored yet, and hide the job from the sweep until ``at``."""

    def recheck_at(self, job_id: str, at: datetime) -> None:
        """Hide an open job from the sweep until then."""

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        """Count another run of a job's machine, and recheck it at ``at``; False if somebody else did."""


class SlotStore(Protocol):
    """Who has a slot at each provider's account (``fal``), and who waits for one."""

    def is_limited(self, account: str) -> bool:
        """Return True if the number of slots of an account is limited."""

    def get(self, account: str) -> Slots: ...
    def replace(self, account: str, old: Slots, new: Slots) -> bool:
        """Store who has a slot; False if that has changed since ``old`` was read."""

    def wait(self, account: str, lease: Lease) -> None:
        """Put a job in the line, or extend its lease there."""

    def leave(self, account: str, job_id: str) -> None:
        """Take a job out of the line, if it is there."""


@dataclass(frozen=True)
class UploadTicket:
    """A presigned POST: send ``fields`` and then the file to ``url``; it is stored under ``key``."""

    key: str
    url: str
    fields: dict[str, str]


class Bucket(Protocol):
    """Our objects. ``link`` answers a plain GET for six hours or more."""

    def read(self, key: str, limit_bytes: int) -> bytes: ...
    def read_with_origin(self, key: str, limit_bytes: int) -> tuple[bytes, dict[str, str]]:
        """Return an object and, as log keys, the request, job and provider that it was stored for."""

    def write(self, key: str, content: bytes, content_type: str) -> None: ...
    def write_file(self, key: str, path: Path, content_type: str) -> None: ...
    def list_keys(self, prefix: str) -> list[str]: ...
    def delete(self, *keys: str) -> None:
        """Delete objects; missing ones are ignored."""

    def link(self, key: str) -> str: ...
    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket: ...


@dataclass(frozen=True)
class IdempotencyRecord:
    """A call that was made before: it made, or will make, the resource with the id ``target_id``.

    ``request_digest`` is a digest of the request, if the call has a key of its caller's. With an
    ``expires_at`` (in whole seconds) the call counts until then, and is forgotten some time later.
    """

    target_id: str
    made_at: datetime
    request_digest: str = ""
    expires_at: datetime | None = None


class IdempotencyRecords(Protocol):
    """Remembers calls by a digest: of the caller's key, or of the call itself where there are no keys."""

    def find(self, digest: str) -> IdempotencyRecord | None: ...
    def claim(
        self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
    ) -> IdempotencyRecord:
        """Remember a call unless there is another than ``replaces``; return the one that is remembered."""

    def release(self, digest: str, call: IdempotencyRecord) -> None:
        """Forget a call that made nothing, unless it was replaced by another."""

    def mark_delivered(self, target_id: str) -> None:
        """Note that the caller was told the outcome of a call."""

    def was_delivered(self, target_id: str) -> bool: ...


class RequestCounts(Protocol):
    """Counts the requests of each owner in a period."""

    def count(self, owner: str, since: datetime, kind: RequestKind, number: int, limit: int) -> int | None:
        """Count ``number`` more in the period from ``since``; return the total, or None if over ``limit``."""


class TrainedWeights(Protocol):
    """Finds an owner's identity by its weights, wherever a copy of them lies."""

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        """Store whose weights these are, unless the identity is gone; the same again changes nothing."""

    def find(self, owner: str, digest: str) -> str | None: ...


class Scores(Protocol):
    """Scores, and identities' references as encoders see them; nothing is stored for what was erased."""

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Score | NotScored,
        references: KeptReferences | None = None,
        event: Event | None = None,
        earlier: Score | None = None,
    ) -> bool:
        """Store an encoder's score of an image, or why it has none, in place of an earlier one.

        With a score also ``references`` are stored: all of the identity's, by the same encoder. ``earlier``
        is the image's score by another version of the encoder, which is kept. The event is stored unless
        there is one with its id; returns True if it was stored.

        Raises:
            Erased: the identity or the generation is gone; nothing is stored then.
        """

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None: ...
    def scores_of(self, generation_id: str) -> dict[int, list[Score | NotScored]]:
        """Return the outcomes for a generation's images by image index, without images that none has seen.

        The score by an earlier version of an encoder comes after the current one.
        """

    def stop_waiting(self, generation_id: str, late: Sequence[Event]) -> None:
        """Store the events of pictures that were not scored in time, and end the wait for the generation.

        Nothing is stored if the wait has ended already, or the generation is gone.
        """

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score | NotScored]:
        """Return CLIP's outcome for one image of each generation, by the generation's id.

        ``images`` has the image's index for up to ``MOST_ENTRIES`` generations. Images that CLIP has not seen
        are left out.
        """

    def references(
        self, identity_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> KeptReferences | None:
        """Return an identity's references as a score has kept them; None if none has.

        Without a ``face_version``, those that no face encoder has seen.
        """


class SharedScores(Protocol):
    """Scores of an evaluation's pictures against all references of its character, and those references as
    encoders see them; nothing is stored for what was erased."""

    def put_shared_score(
        self,
        evaluation_id: str,
        generation_id: str,
        image_index: int,
        score: Score | NotScored,
        references: Sequence[EmbeddedReference] = (),
        embedding: Embedding | None = None,
        identity_id: str | None = None,
    ) -> None:
        """Store the outcome for a picture; with a score also its embedding and all references, if given.

        Nothing is stored if the picture's generation or identity was erased, and no references if one of them
        belongs to an erased identity.
        """

    def has_shared_score(self, evaluation_id: str, generation_id: str, image_index: int) -> bool:
        """Return True if a picture has a score, or a reason why not."""

    def shared_embeddings(self, evaluation_id: str) -> Mapping[tuple[str, int], Embedding]:
        """Return the embeddings of pictures that have scores, by generation and image index."""

    def shared_scores(self, evaluation_id: str) -> dict[tuple[str, int], Score | NotScored]:
        """Return the outcomes by generation and image index."""

    def count_shared_scores(self, evaluation_id: str) -> tuple[int, int]:
        """Return how many pictures have a score, and how many a reason why not."""

    def shared_references(
        self, evaluation_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> list[EmbeddedReference]:
        """Return the references as a score has kept them; empty if none has."""


class Events(Protocol):
    """Stored events; one is written in the transaction that settles its subject."""

    def add_published(self, event: Event) -> None:
        """Store an event that nobody has to publish."""

    def find(self, event_id: str) -> Event | None: ...
    def find_unpublished(self, event_id: str) -> Event | None:
        """Return the event with that id, if it has not been published yet."""

    def mark_published(self, event_id: str) -> None:
        """Note that the event has been published."""


class Attempts(Protocol):
    """The requests to an endpoint and their outcomes, kept for some days."""

    def add(self, attempt: Attempt) -> None:
        """Store an attempt; the same again changes nothing."""

    def of_endpoint(self, endpoint_id: str, window: Window) -> Page[Attempt]:
        """Return a page, newest first; one just made may be missing."""


class Endpoints(Protocol):
    """Addresses where owners receive events."""

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        """Store a new endpoint, or raise Conflict if the owner would have more than ``at_most``."""

    def list(self, owner: str) -> list[Endpoint]:
        """Return them oldest first."""

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None: ...
    def report(self, endpoint: Endpoint, attempted: Endpoint) -> None:
        """Store what differs in ``attempted`` after an attempt, unless the endpoint was removed since."""

    def change(self, endpoint: Endpoint, changed: Endpoint) -> bool:
        """Store what its owner changed; False if its secret has changed since, or it was removed."""

    def remove(self, owner: str, endpoint_id: str) -> bool:
        """Forget an endpoint; False if there is none."""


class Deliveries(Protocol):
    """The progress of delivering each event to each endpoint."""

    def add(self, delivery: Delivery) -> None:
        """Store a delivery that is due, unless there is one."""

    def restart(self, delivery: Delivery) -> bool:
        """Store a due delivery in place of an earlier one; False while that is being attempted."""

    def remove(self, event_id: str, endpoint_id: str) -> None:
        """Forget a delivery."""

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None: ...
    def of_event(self, event_id: str) -> list[Delivery]: ...
    def replace(self, old: Delivery, new: Delivery) -> bool:
        """Update a pending delivery; False if it has changed since ``old`` was read."""


class OpenRow(NamedTuple):
    """A row that is due: its kind and id (``job``, ``training-1``), since when it is due, and its owner.

    The id of a delivery is that of its event, the id of a wait for scores that of its generation.
    """

    kind: str
    id: str
    due_at: datetime
    owner: str  # empty of deliveries that an earlier release stored
    is_message: bool  # an event, a delivery, a wait for scores, an intake; others are money and erasures
    key: dict[str, str]  # its store's own


class OpenWork(Protocol):
    """The rows that need attention: open jobs, events, deliveries, erasures and intakes."""

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Return due rows: up to ``limit`` of money and erasures, then as many messages.

        Within both the most overdue come first. The list may lag a little, so read each row again.
        """

    def add_intake(self, owner: str, subject_id: str, due_at: datetime) -> None:
        """Note that objects are stored for an identity or evaluation; adding its row removes the note."""

    def remove_intake(self, subject_id: str) -> None: ...
    def lease(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it has changed since it was listed."""

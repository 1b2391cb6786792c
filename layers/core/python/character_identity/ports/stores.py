"""Ports of the services to what they keep: rows of our table and objects in our bucket."""

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
            Conflict: there is one of that id.
            TooManyIdentities: its owner has as many as one may have.
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
        """Keep another name; False if the identity is gone."""

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        """Move a training on; an earlier progress than the stored one changes nothing but ``changes``."""

    def settle(self, identity: Identity, event: Event) -> Identity:
        """Store the outcome of a training, and its event, unless it has one; returns what is stored."""

    def correct_cost(self, identity_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        """Put right what one that is not erased says that it cost, settled or not."""


class Generations(Protocol):
    """Generations; a settled one never changes, but for what it cost once that is known."""

    def add(
        self, generation: Generation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        """Store a new one of a ready identity, with the job that makes its pictures.

        Raises:
            Conflict: there is one of that id, or the identity is not ready (any more).
            BudgetExceeded: the job's money is not there; nothing is stored then.
        """

    def get(self, generation_id: str) -> Generation:
        """Return a generation. Raises as ``Identities.get``."""

    def of_identity(self, identity_id: str, window: Window) -> Page[Generation]:
        """Return a page, newest first; one just added may be missing."""

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        """Store these fields unless the stored generation is settled or gone; whether that was done."""

    def settle(self, generation: Generation, event: Event) -> Generation:
        """Store the outcome, and its event, unless there is one; returns what is stored."""

    def correct_cost(self, generation_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        """Put right what one that is not erased says that it cost, settled or not."""


class Evaluations(Protocol):
    """Evaluations, and what became of their cells; a settled one never changes but by an erasure."""

    def add(
        self, evaluation: Evaluation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        """Store a new one with the job that holds its money, and beside each identity that it is used.

        Raises:
            Conflict: there is one of that id.
            BudgetExceeded: the money is not there; nothing is stored then.
        """

    def get(self, evaluation_id: str) -> Evaluation:
        """Return an evaluation. Raises as ``Identities.get``."""

    def list(self, owner: str, window: Window) -> Page[Evaluation]:
        """Return a page, newest first; one just added may be missing."""

    def advance(self, evaluation_id: str, phase: EvaluationPhase, at: datetime, **changes: Any) -> bool:
        """Move an unsettled one on, never back; whether that was done."""

    def cancel(self, evaluation_id: str, at: datetime) -> bool:
        """Have a running one cancelled; whether it was running."""

    def conclude(self, evaluation_id: str, found: Recommendation, at: datetime) -> None:
        """Keep what the results recommend."""

    def settle(self, evaluation: Evaluation, event: Event) -> Evaluation:
        """Store the outcome, and its event, unless there is one; returns what is stored.

        One that was cancelled meanwhile ends as cancelled only.
        """

    def put_cell(self, evaluation_id: str, outcome: CellOutcome) -> None:
        """Store what became of a cell, unless the evaluation is gone."""

    def cell_outcomes(self, evaluation_id: str) -> Sequence[CellOutcome]: ...
    def used_by(self, identity_id: str) -> Sequence[str]:
        """Ids of the evaluations that an identity is part of."""

    def without_identity(self, evaluation_id: str, identity_id: str) -> Evaluation | None:
        """Take an identity out of an evaluation, with its cells; None if it is the last, which stays.

        That it was part of it stays known until ``forget_use``, so that all of this can be done again.
        """

    def without_generation(self, evaluation_id: str, generation_id: str) -> Evaluation | None:
        """Take a generation's scores out, and say of its cell that it was erased; None: there is none."""

    def forget_use(self, identity_id: str, evaluation_id: str) -> None: ...
    def replace_with_tombstone(self, receipt: EvaluationReceipt) -> bool:
        """Put a receipt in the place of one; False if it is gone already."""

    def receipt(self, evaluation_id: str) -> EvaluationReceipt | None: ...
    def save_receipt(self, receipt: EvaluationReceipt, purge_at: datetime | None) -> None:
        """Keep what became of an erasure, and when to purge again; None: no more."""

    def remove_rows(self, evaluation_id: str) -> RemovedOfEvaluation:
        """Delete all rows of one but its own: cells, scores, and what the encoder saw."""


class Erasures(Protocol):
    """Receipts, each in the place of its identity or generation, and what else goes with them."""

    def replace_with_tombstone(self, receipt: ErasureReceipt, event: Event | None = None) -> bool:
        """Put a receipt in the place of what was erased, with the event; False if that is gone already."""

    def find(self, identity_id: str) -> ErasureReceipt | None: ...
    def find_of_generation(self, generation_id: str) -> ErasureReceipt | None: ...
    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        """Keep what became of an erasure, and when to purge again; None: no more."""

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        """Ids of the jobs whose generations are there; one that was just added may be missing."""

    def remove(self, job_id: str) -> Removed:
        """Delete the generation that a job is for, and its scores; its receipt, if it has one, stays."""

    def remove_rows(self, identity_id: str) -> Removed:
        """Delete the embeddings of an identity's pictures and the digests of its weights."""


class Budgets(Protocol):
    """Each owner's limit and spending, by month."""

    def of(self, owner: str, month: str) -> Budget: ...
    def of_operator(self, month: str) -> Budget:
        """The month of all owners together."""


class Ledger(Protocol):
    """One row for every paid call, written when the order is accepted, with its money set aside."""

    def get(self, job_id: str) -> ProviderJob | None: ...
    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        """Write down that the call is about to be made; False if it is not open and ``accepted`` any more.

        From then on the deadline is ``deadline_at``.
        """

    def postpone(self, job_id: str, deadline_at: datetime) -> None:
        """Move the deadline of an open job."""

    def withdraw(self, job_id: str, intended_at: datetime, not_before: datetime | None) -> None:
        """Take the intent of that time back: the provider accepted nothing. A later one stays."""

    def submitted(self, job_id: str, handle: JobHandle) -> None:
        """Write the provider's answer to the call; it takes the place of what a callback said."""

    def found(self, job_id: str, handle: JobHandle) -> bool:
        """Write where a callback or a look-up found the job.

        False, and nothing is written, if that is known already, or if it is another job's.
        """

    def holder_of(self, kind: JobKind, provider_job_id: str) -> str | None:
        """The id of the job that the provider calls so."""

    def unanswered(self, kind: JobKind, provider: str) -> list[str]:
        """Ids of the open jobs whose order was made and not answered; the list may be a little behind."""

    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        """Write down that an intent was refused, or that nobody knows."""

    def drop(self, job_id: str) -> None:
        """Write down that a job has ended without anything that the provider bills."""

    def report_cost(self, job_id: str, amount_microusd: int) -> None:
        """Keep what the provider says it bills, until the job's money is settled."""

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        """Settle a job's money, once; False if that was done, or it is not as ``job`` says any more."""

    def register_waiter(self, job_id: str, wake_token: str) -> bool:
        """Keep by what a waiting machine is woken; False if a callback is pending already."""

    def record_callback(self, job_id: str) -> str | None:
        """Note that a provider called back; the token of the machine that waits for it, if one does."""

    def consume_callback(self, job_id: str) -> ProviderJob | None:
        """The row as it was; its callback counts as consumed from now on."""

    def park(self, job_id: str, parked: Parked, at: datetime) -> None:
        """Keep that results wait for a host to be allowed, and out of the sweep's way until ``at``."""

    def recheck_at(self, job_id: str, at: datetime) -> None:
        """Keep an open job out of the sweep's way until then."""

    def run_again(self, job: ProviderJob, at: datetime) -> bool:
        """Count another run of the machine that sees to an open job; False if somebody else did."""


class SlotStore(Protocol):
    """Who has a slot at each provider's account (``fal``), and who waits for one."""

    def is_limited(self, account: str) -> bool:
        """Return True if an account has slots at all."""

    def get(self, account: str) -> Slots: ...
    def replace(self, account: str, old: Slots, new: Slots) -> bool:
        """Store who has a slot; False if that was changed since ``old`` was read."""

    def wait(self, account: str, lease: Lease) -> None:
        """Put a job in the line, or prolong its lease there."""

    def leave(self, account: str, job_id: str) -> None:
        """Take a job out of the line, if it is there."""


@dataclass(frozen=True)
class UploadTicket:
    """A presigned POST: send ``fields`` and then the file to ``url``; it will lie at ``key``."""

    key: str
    url: str
    fields: dict[str, str]


class Bucket(Protocol):
    """Our objects. ``link`` answers a plain GET for six hours or more."""

    def read(self, key: str, limit_bytes: int) -> bytes: ...
    def read_with_origin(self, key: str, limit_bytes: int) -> tuple[bytes, dict[str, str]]:
        """Return an object, and which request, job and provider it was stored for, as log keys."""

    def write(self, key: str, content: bytes, content_type: str) -> None: ...
    def write_file(self, key: str, path: Path, content_type: str) -> None: ...
    def list_keys(self, prefix: str) -> list[str]: ...
    def delete(self, *keys: str) -> None:
        """Delete objects; those that are not there do not matter."""

    def link(self, key: str) -> str: ...
    def upload_ticket(self, key: str, content_type: str, limit_bytes: int) -> UploadTicket: ...


@dataclass(frozen=True)
class IdempotencyRecord:
    """The result of an earlier equal call, or the one it will have: a resource of that id.

    ``request_digest`` is a digest of what was asked, where the caller chose the call's name. A call that has
    ``expires_at`` (in whole seconds) counts until then, and is forgotten some time later.
    """

    target_id: str
    made_at: datetime
    request_digest: str = ""
    expires_at: datetime | None = None


class IdempotencyRecords(Protocol):
    """Remembers calls by a digest: of the caller's key, or of the call itself at a door without keys."""

    def find(self, digest: str) -> IdempotencyRecord | None: ...
    def claim(
        self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
    ) -> IdempotencyRecord:
        """Remember a call unless another than ``replaces`` is remembered; returns the one that is now."""

    def release(self, digest: str, call: IdempotencyRecord) -> None:
        """Forget a call that led to nothing, unless another is remembered by now."""

    def mark_delivered(self, target_id: str) -> None:
        """The outcome of a call was delivered."""

    def was_delivered(self, target_id: str) -> bool: ...


class RequestCounts(Protocol):
    """Numbers of requests of each owner in a stretch of time."""

    def count(self, owner: str, since: datetime, kind: RequestKind, number: int, limit: int) -> int | None:
        """Count some in the stretch that began then; how many they are now, or None if over ``limit``."""


class TrainedWeights(Protocol):
    """Finds an owner's identity by its weights, wherever a copy of them lies."""

    def remember(self, owner: str, digest: str, identity_id: str) -> None:
        """Keep whose weights these are, unless the identity is gone; the same again changes nothing."""

    def find(self, owner: str, digest: str) -> str | None: ...


class Scores(Protocol):
    """Keeps scores, and an identity's references as encoders see them; of identities that are there only."""

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
        """Store the encoder's score of an image, or why it has none, in place of an earlier one.

        Returns whether the event was stored with it.

        With ``references``, all of the identity's by the same encoder, unless they are kept; and with the
        event that it has an outcome, unless one of that id is stored. ``earlier`` is the image's score by
        another version of the encoder, which is kept.

        Raises:
            Erased: the identity or the generation is gone; nothing is stored then.
        """

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Score | None: ...
    def scores_of(self, generation_id: str) -> dict[int, list[Score | NotScored]]:
        """Return by image index what each encoder that has looked says of a generation's image.

        What another version of an encoder said earlier comes after what it says now.
        """

    def stop_waiting(self, generation_id: str, late: Sequence[Event]) -> None:
        """Store that these pictures were not scored in time, and wait for none of the generation any more.

        Nothing is stored if that was done, or the generation is gone.
        """

    def by_clip(self, images: Mapping[str, int]) -> dict[str, Score | NotScored]:
        """Return what CLIP says of one image of each generation, by the generations' ids.

        ``images`` has the indices, of ``MOST_ENTRIES`` generations at most; one that it has not seen is left
        out.
        """

    def references(
        self, identity_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> KeptReferences | None:
        """Return an identity's references as they are kept; none when none were scored with yet.

        Without a ``face_version``, those that no face encoder has seen.
        """


class SharedScores(Protocol):
    """Scores of an evaluation's pictures against all references of its character, and these as encoders see
    them; of evaluations that are there only."""

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
        """Store what an encoder says of a picture, and with a score what is given: embedding, references.

        Nothing is stored of a picture whose generation or identity was erased, nor references of an identity
        that was.
        """

    def has_shared_score(self, evaluation_id: str, generation_id: str, image_index: int) -> bool:
        """Return True if there is a score of a picture, or a reason why not."""

    def shared_embeddings(self, evaluation_id: str) -> Mapping[tuple[str, int], Embedding]:
        """Return those of the pictures that have scores, by generation and image index."""

    def shared_scores(self, evaluation_id: str) -> dict[tuple[str, int], Score | NotScored]:
        """Return the scores by generation and image index."""

    def count_shared_scores(self, evaluation_id: str) -> tuple[int, int]:
        """Return how many pictures have a score, and how many a reason why not."""

    def shared_references(
        self, evaluation_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> list[EmbeddedReference]:
        """Return the references as they are kept; none when none were scored with yet."""


class Events(Protocol):
    """Stored events; one is written in the transaction that settles its subject."""

    def add_published(self, event: Event) -> None:
        """Store an event that nobody has to publish."""

    def find(self, event_id: str) -> Event | None: ...
    def find_unpublished(self, event_id: str) -> Event | None:
        """The event of that id, if it was not published yet."""

    def mark_published(self, event_id: str) -> None:
        """Nobody has to publish it any more."""


class Attempts(Protocol):
    """What became of each request to an endpoint, for some days."""

    def add(self, attempt: Attempt) -> None:
        """Keep an attempt; the same again changes nothing."""

    def of_endpoint(self, endpoint_id: str, window: Window) -> Page[Attempt]:
        """Newest first; one just made may be missing."""


class Endpoints(Protocol):
    """Addresses where owners receive events."""

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        """Store a new endpoint, or raise Conflict if the owner would have more than ``at_most``."""

    def list(self, owner: str) -> list[Endpoint]:
        """Oldest first."""

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None: ...
    def report(self, endpoint: Endpoint, attempted: Endpoint) -> None:
        """Keep in what ``attempted`` differs, after an attempt; nothing if it was removed since."""

    def change(self, endpoint: Endpoint, changed: Endpoint) -> bool:
        """Store what its owner changed, once or twice; False if the secret is another, or it was removed."""

    def remove(self, owner: str, endpoint_id: str) -> bool:
        """Forget an endpoint; False if there is none."""


class Deliveries(Protocol):
    """The progress of delivering each event to each endpoint."""

    def add(self, delivery: Delivery) -> None:
        """Store a delivery that is due, unless there is one."""

    def restart(self, delivery: Delivery) -> bool:
        """Store a delivery that is due, whatever became of an earlier one; False while that is attempted."""

    def remove(self, event_id: str, endpoint_id: str) -> None:
        """Forget a delivery."""

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None: ...
    def of_event(self, event_id: str) -> list[Delivery]: ...
    def replace(self, old: Delivery, new: Delivery) -> bool:
        """Store what became of a pending delivery; False if it is not as ``old`` says any more."""


class OpenRow(NamedTuple):
    """A row that is due: what it is, as in ``job`` and ``training-1``, since when, and whose.

    Of a delivery the id is its event's, of a wait for scores its generation's.
    """

    kind: str
    id: str
    due_at: datetime
    owner: str  # empty of deliveries that an earlier release stored
    is_message: bool  # an event, a delivery, a wait for scores, an intake; others are money and erasures
    key: dict[str, str]  # its store's own


class OpenWork(Protocol):
    """The rows that somebody has to see to: open jobs, events, deliveries, erasures and intakes."""

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Rows that are due: ``limit`` of money and erasures, then as many messages.

        The longest waiting of either come first; the list may be a little behind.
        """

    def add_intake(self, owner: str, subject_id: str, due_at: datetime) -> None:
        """Have what is stored for an identity or evaluation looked at then; storing its row ends that."""

    def remove_intake(self, subject_id: str) -> None: ...
    def lease(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it is not as the list says any more."""

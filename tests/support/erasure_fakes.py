"""The ports of erasing and sweeping, in memory. tests/aws runs stores and fakes through the same cases."""

from datetime import datetime
from typing import Any

from character_identity.aws.event_table import PUBLISHED_BY
from character_identity.domain.erasure import ErasureReceipt, Removed
from character_identity.domain.event import Event
from character_identity.domain.job import job_id_of, subject_of
from character_identity.domain.page import Window
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Bucket, Evaluations, Identities, OpenRow
from character_identity.services.intakes import IntakeService
from tests.support.builders import NOON
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import FakeGenerations, FakeIdentities, FakeLedger, FakeTrainedWeights
from tests.support.scoring_fakes import FakeScores


def a_receipt(**changes: Any) -> ErasureReceipt:
    """Of Ann's Sarah, erased at noon."""
    values: dict[str, Any] = {
        "identity_id": "i1",
        "owner": "ann",
        "provider": "fal-lora",
        "erased_at": NOON,
    }
    return ErasureReceipt(**(values | changes))


def _subject(receipt: ErasureReceipt) -> str:
    """The id of what it is of."""
    return receipt.generation_id or receipt.identity_id


class FakeErasures:
    """Receipts in the place of identities; ``meanwhile`` is what is written between two reads."""

    def __init__(
        self,
        identities: FakeIdentities,
        generations: FakeGenerations | None = None,
        scores: FakeScores | None = None,
        trained_weights: FakeTrainedWeights | None = None,
        evaluations: FakeEvaluations | None = None,
    ) -> None:
        self.identities = identities
        self.generations = generations or FakeGenerations()
        self.scores = scores or FakeScores()
        self.trained_weights = trained_weights or FakeTrainedWeights()
        self.evaluations = evaluations or FakeEvaluations()
        self.stored: dict[str, ErasureReceipt] = {}
        self.due: dict[str, datetime] = {}

    def replace_with_tombstone(self, receipt: ErasureReceipt, event: Event | None = None) -> bool:
        there: dict[str, Any] = self.generations.stored if receipt.generation_id else self.identities.stored
        if there.pop(_subject(receipt), None) is None:
            return False
        self.save(receipt, receipt.next_purge_at(receipt.erased_at))
        if event is not None:
            self.identities.events.add(event)
        self.scores.erased.add(_subject(receipt))
        self.evaluations.erased.add(_subject(receipt))
        if receipt.generation_id:
            self.generations.erased.add(receipt.generation_id)
        else:
            self.identities.erased.add(receipt.identity_id)
        return True

    def find(self, identity_id: str) -> ErasureReceipt | None:
        receipt = self.stored.get(identity_id)
        return None if receipt is None or receipt.generation_id else receipt

    def find_of_generation(self, generation_id: str) -> ErasureReceipt | None:
        receipt = self.stored.get(generation_id)
        return receipt if receipt is not None and receipt.generation_id else None

    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        key = _subject(receipt)
        self.stored[key] = receipt
        self.due.pop(key, None)
        if purge_at is not None:
            self.due[key] = purge_at

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        generations = self.generations.of_identity(identity_id, Window(limit=limit))
        return [job_id_of("generation", each.generation_id) for each in generations.entries]

    def remove(self, job_id: str) -> Removed:
        generation_id = subject_of(job_id)
        removed = self.generations.stored.pop(generation_id, None)
        scores = self.scores.scores.pop(generation_id, {})
        return Removed(generations=int(removed is not None), scores=len(scores))

    def remove_rows(self, identity_id: str) -> Removed:
        embedded = [key for key in self.scores.embedded if key[0] == identity_id]
        for key in embedded:
            del self.scores.embedded[key]
        known = self.trained_weights.known
        for of_weights in [each for each, whose in known.items() if whose == identity_id]:
            del known[of_weights]
        return Removed(embeddings=len(embedded))


class FakeOpenWork:
    """Rows of the other fakes, and ``others``: anything else that is due."""

    def __init__(
        self,
        ledger: FakeLedger | None = None,
        erasures: FakeErasures | None = None,
        events: FakeEvents | None = None,
    ) -> None:
        self._ledger = ledger or FakeLedger()
        self._erasures = erasures or FakeErasures(FakeIdentities())
        self._events = events or FakeEvents()
        self.others: dict[tuple[str, str], datetime] = {}
        """By kind and id."""
        self.owners: dict[str, str] = {}
        """Of others, by their id."""
        self._leased: dict[tuple[str, str], datetime] = {}

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        rows = sorted((row for row in self._rows() if row.due_at <= now), key=lambda row: row.due_at)
        settlements = [row for row in rows if not row.is_message]
        return settlements[:limit] + [row for row in rows if row.is_message][:limit]

    def add_intake(self, owner: str, subject_id: str, due_at: datetime) -> None:
        self._ledger.intakes[subject_id] = (owner, due_at)

    def remove_intake(self, subject_id: str) -> None:
        self._ledger.intakes.pop(subject_id, None)

    def lease(self, row: OpenRow, until: datetime) -> bool:
        if row not in self._rows():
            return False
        if row[:2] in self.others:
            self.others[row[:2]] = until
        elif row.kind == "intake":
            self._ledger.intakes[row.id] = (row.owner, until)
        elif row.kind == "job":
            self._ledger.due[row.id] = until
        elif row.kind in {"identity", "generation"}:
            self._erasures.due[row.id] = until
        else:
            self._leased[row[:2]] = until
        return True

    def _rows(self) -> list[OpenRow]:
        jobs = [
            _row("job", job_id, at, self._ledger.rows[job_id].owner)
            for job_id, at in self._ledger.due.items()
        ]
        erasures = [
            _row(kind, key, at, receipt.owner)
            for key, at in self._erasures.due.items()
            for receipt in [self._erasures.stored[key]]
            for kind in ["generation" if receipt.generation_id else "identity"]
        ]
        others = [_row(*key, at, self.owners.get(key[1], "")) for key, at in self.others.items()]
        intakes = [_row("intake", key, at, owner) for key, (owner, at) in self._ledger.intakes.items()]
        events = [self._event_row(event_id) for event_id in self._events.open]
        return [*jobs, *erasures, *intakes, *others, *events]

    def _event_row(self, event_id: str) -> OpenRow:
        key = ("event", event_id)
        event = self._events.stored[event_id]
        return _row(*key, self._leased.get(key, event.occurred_at + PUBLISHED_BY), event.owner)


def intakes(
    bucket: Bucket,
    ledger: FakeLedger | None = None,
    identities: Identities | None = None,
    evaluations: Evaluations | None = None,
    now: Now = lambda: NOON,
) -> IntakeService:
    """Of these stores; where a test is about something else, of others."""
    return IntakeService(
        open_work=FakeOpenWork(ledger),
        identities=identities or FakeIdentities(),
        evaluations=evaluations or FakeEvaluations(),
        bucket=bucket,
        now=now,
    )


def _row(kind: str, identifier: str, due_at: datetime, owner: str) -> OpenRow:
    is_message = kind in {"event", "delivery", "scoring", "intake"}
    return OpenRow(kind, identifier, due_at, owner, is_message, key={})

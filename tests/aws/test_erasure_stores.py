"""The stores of erasing and sweeping, and their fakes, through the same cases."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from character_identity.aws import identity_table
from character_identity.aws.erasure_table import ErasureTable
from character_identity.aws.event_table import EventTable
from character_identity.aws.generation_table import GenerationTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.open_work import OpenWorkTable as OpenWorkTable
from character_identity.aws.score_table import ScoreTable
from character_identity.aws.trained_weights_table import TrainedWeightsTable
from character_identity.domain.erasure import Removed, RetainedData
from character_identity.domain.errors import Conflict, Erased, NotFound, TooManyIdentities
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.identity import Identity
from character_identity.domain.page import Window
from character_identity.domain.score import EmbeddedReference, KeptReferences
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.domain.view import EncoderVersion
from character_identity.ports.stores import (
    Erasures,
    Events,
    Generations,
    Identities,
    OpenRow,
    OpenWork,
    Scores,
    TrainedWeights,
)
from tests.support import fakes
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_score,
    a_training_identity,
    an_identity,
)
from tests.support.erasure_fakes import FakeErasures, FakeOpenWork, a_receipt
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import FakeGenerations, FakeIdentities, FakeLedger, FakeTrainedWeights
from tests.support.mocked_aws import StateTable
from tests.support.scoring_fakes import FakeScores, a_view

VERSION = EncoderVersion("tiny", "57934424", "v1")
MINUTE = timedelta(minutes=1)
LIMIT = 100_000_000


@dataclass
class Stores:
    """Stores that belong together, as one table's rows do."""

    identities: Identities
    generations: Generations
    scores: Scores
    weights: TrainedWeights
    erasures: Erasures
    events: Events
    work: OpenWork

    def order(self, generation_id: str, identity_id: str = "i1", minute: int = 0) -> None:
        """Store a generation with a score."""
        job = a_generation_job(job_id=f"generation-{generation_id}", subject_id=generation_id)
        created_at = NOON + minute * MINUTE
        self.generations.add(
            a_generation(generation_id=generation_id, identity_id=identity_id, created_at=created_at),
            job,
            LIMIT,
            NO_LIMIT,
        )
        score = a_score(VERSION, "0f1e", {"references/i1/0001.jpg": 0.5})
        seen = [EmbeddedReference("references/i1/0001.jpg", "0f1e", a_view([1.0]))]
        self.scores.put_score(identity_id, generation_id, 1, score, KeptReferences("ann", seen))

    def replace_with_tombstone(self, identity: Identity | None = None) -> bool:
        """Bury Ann's Sarah at noon."""
        return self.erasures.replace_with_tombstone(
            a_receipt(), Event.of_erasure(identity or an_identity(), NOON)
        )


@pytest.fixture(params=["fake", "table"])
def stores(request: pytest.FixtureRequest, table: StateTable) -> Stores:
    if request.param == "table":
        return Stores(
            IdentityTable(table),
            GenerationTable(table),
            ScoreTable(table),
            TrainedWeightsTable(table),
            ErasureTable(table),
            EventTable(table),
            OpenWorkTable(table),
        )
    ledger, events = FakeLedger(), FakeEvents()
    identities = FakeIdentities(ledger=ledger, events=events)
    generations = FakeGenerations(ledger=ledger, events=events, identities=identities)
    scores, weights = FakeScores(), FakeTrainedWeights()
    erasures = FakeErasures(identities, generations, scores, weights)
    return Stores(
        identities, generations, scores, weights, erasures, events, FakeOpenWork(ledger, erasures, events)
    )


class TestTombstones:
    def test_a_receipt_takes_the_place_of_the_identity(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        assert stores.erasures.find("i1") is None
        assert stores.replace_with_tombstone()
        assert stores.erasures.find("i1") == a_receipt()
        with pytest.raises(Erased) as caught:
            stores.identities.get("i1")
        assert caught.value.code == "unknown_identity"
        assert stores.identities.list("ann", Window()).entries == []
        with pytest.raises(Conflict):
            stores.identities.add(an_identity())

    def test_it_is_done_once_and_published_once(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.replace_with_tombstone()
        event = Event.of_erasure(an_identity(), NOON)
        assert stores.events.find_unpublished(event.event_id) == event
        stores.events.mark_published(event.event_id)
        assert not stores.replace_with_tombstone()
        assert stores.events.find_unpublished(event.event_id) is None

    def test_an_owner_has_so_many_identities_until_one_is_erased(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (identity_table, fakes):
            monkeypatch.setattr(module, "MOST_IDENTITIES", 2)
        another = an_identity(identity_id="i2")
        for identity in (
            an_identity(),
            an_identity(identity_id="i3"),
            an_identity(identity_id="b", owner="bob"),
        ):
            stores.identities.add(identity)
        for job in (None, a_job(job_id="training-i2", subject_id="i2", identity_id="i2")):
            with pytest.raises(TooManyIdentities):
                stores.identities.add(another, None, job, LIMIT, NO_LIMIT)
        with pytest.raises(Conflict):
            stores.identities.add(an_identity())
        stores.replace_with_tombstone()
        assert not stores.replace_with_tombstone()
        stores.identities.add(another)
        with pytest.raises(TooManyIdentities):
            stores.identities.add(an_identity(identity_id="i4"))

    def test_what_was_never_there_has_no_receipt(self, stores: Stores) -> None:
        assert not stores.replace_with_tombstone()
        assert stores.erasures.find("i1") is None

    def test_a_receipt_is_kept_as_it_is_by_now(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.replace_with_tombstone()
        retained = RetainedData(where="logs", what="ids", why="faults", until=NOON)
        receipt = a_receipt(complete=True, removed=Removed(images=2), unfinished=["generation-g1"]).keeping(
            retained
        )
        stores.erasures.save(receipt, None)
        assert stores.erasures.find("i1") == receipt
        assert not stores.replace_with_tombstone()

    def test_no_task_changes_an_erased_identity(self, stores: Stores) -> None:
        stores.identities.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        stores.replace_with_tombstone(a_training_identity())
        stores.identities.advance("i1", "training", 50, cost_usd=2.0)
        ready = an_identity(settled_at=NOON)
        with pytest.raises(Erased):
            stores.identities.settle(ready, Event.of_identity(ready))
        assert stores.erasures.find("i1") == a_receipt()
        assert stores.events.find(Event.of_identity(ready).event_id) is None

    def test_no_image_of_an_erased_identity_is_ordered(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.replace_with_tombstone()
        with pytest.raises(Conflict) as caught:
            stores.order("g1")
        assert caught.value.code == "identity_not_ready"
        with pytest.raises(NotFound):
            stores.generations.get("g1")


class TestRemoving:
    def test_generations_are_found_newest_first_and_so_many_at_a_time(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.identities.add(an_identity(identity_id="i2"))
        for minute, generation_id in enumerate(("g1", "g2", "g3")):
            stores.order(generation_id, minute=minute)
        stores.order("others", identity_id="i2")
        assert stores.erasures.jobs_of("i1", 9) == [f"generation-g{number}" for number in (3, 2, 1)]
        assert stores.erasures.jobs_of("i1", 2) == ["generation-g3", "generation-g2"]

    def test_a_generation_goes_with_its_scores_and_no_other(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        for generation_id in ("g1", "g10"):
            stores.order(generation_id)
        assert stores.erasures.remove("generation-g1") == Removed(generations=1, scores=1)
        assert stores.erasures.remove("generation-g1") == Removed()
        with pytest.raises(NotFound):
            stores.generations.get("g1")
        assert stores.scores.scores_of("g1") == {}
        assert stores.generations.get("g10").generation_id == "g10"
        assert len(stores.scores.scores_of("g10")) == 1

    def test_a_removed_generation_is_not_written_to(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.order("g1")
        stores.erasures.remove("generation-g1")
        assert not stores.generations.save(a_generation(status="running"), {"status"})
        done = a_generation(status="succeeded", settled_at=NOON)
        with pytest.raises(NotFound):
            stores.generations.settle(done, Event.of_generation(done))
        assert stores.events.find(Event.of_generation(done).event_id) is None

    def test_embeddings_and_marks_go_and_others_stay(self, stores: Stores) -> None:
        for identity_id in ("i1", "i2"):
            stores.identities.add(an_identity(identity_id=identity_id))
            stores.order(f"g of {identity_id}", identity_id)
            stores.weights.remember("ann", f"mark of {identity_id}", identity_id)
        stores.weights.remember("ann", "taken over", "i1")
        stores.weights.remember("ann", "taken over", "i2")
        assert stores.erasures.remove_rows("i1") == Removed(embeddings=1)
        assert stores.erasures.remove_rows("i1") == Removed()
        assert stores.scores.references("i1", VERSION) is None
        assert stores.scores.references("i2", VERSION) is not None
        found = [stores.weights.find("ann", mark) for mark in ("mark of i1", "mark of i2", "taken over")]
        assert found == [None, "i2", "i2"]
        assert stores.identities.get("i1").name == "Sarah", "the identity itself is not a row beside it"


class TestOpenWork:
    def test_an_erasure_is_due_when_it_is_to_be_purged(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.replace_with_tombstone()

        def purges(at: datetime) -> list[OpenRow]:
            return [row for row in stores.work.due(at, 9) if row.kind == "identity"]

        assert purges(NOON + MINUTE - timedelta(seconds=1)) == []
        [row] = purges(NOON + MINUTE)
        assert row[:-1] == ("identity", "i1", NOON + MINUTE, "ann", False)
        stores.erasures.save(a_receipt(), NOON + 5 * MINUTE)
        assert purges(NOON + 9 * MINUTE) == [row._replace(due_at=NOON + 5 * MINUTE)]
        stores.erasures.save(a_receipt(), None)
        assert purges(NOON + 9 * MINUTE) == []

    def test_what_is_stored_for_something_is_due_until_that_is_added(self, stores: Stores) -> None:
        for identity_id in ("i1", "i2"):
            stores.work.add_intake("ann", identity_id, NOON + MINUTE)
        assert stores.work.due(NOON, 9) == []
        (row, other) = stores.work.due(NOON + MINUTE, 9)
        assert row[:-1] == ("intake", "i1", NOON + MINUTE, "ann", True)
        stores.identities.add(an_identity())
        assert not stores.work.lease(row, NOON + 9 * MINUTE)
        assert stores.work.lease(other, NOON + 9 * MINUTE)
        assert stores.work.due(NOON + 8 * MINUTE, 9) == []
        stores.work.remove_intake("i2")
        assert stores.work.due(NOON + 9 * MINUTE, 9) == []

    def test_a_row_is_leased_once(self, stores: Stores) -> None:
        stores.identities.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        (row,) = stores.work.due(NOON + 3 * MINUTE, 9)
        assert stores.work.lease(row, NOON + 5 * MINUTE)
        assert not stores.work.lease(row, NOON + 7 * MINUTE)
        assert stores.work.due(NOON + 4 * MINUTE, 9) == []
        later = row._replace(due_at=NOON + 5 * MINUTE)
        assert stores.work.due(NOON + 5 * MINUTE, 9) == [later]
        assert stores.work.lease(later, NOON + 9 * MINUTE)

    def test_what_is_not_open_is_not_leased(self, stores: Stores) -> None:
        stores.identities.add(an_identity(settled_at=NOON), Event.of_identity(an_identity(settled_at=NOON)))
        (row,) = stores.work.due(NOON + MINUTE, 9)
        stores.events.mark_published(row.id)
        assert not stores.work.lease(row, NOON + 2 * MINUTE)
        assert stores.work.due(NOON + 9 * MINUTE, 9) == []

    def test_the_longest_waiting_comes_first_and_so_many_at_a_time(self, stores: Stores) -> None:
        for minute, identity_id in enumerate(("i3", "i1", "i2")):
            job = a_job(
                job_id=f"training-{identity_id}", subject_id=identity_id, accepted_at=NOON + minute * MINUTE
            )
            identity = a_training_identity(identity_id=identity_id)
            stores.identities.add(identity, None, job, LIMIT, NO_LIMIT)
        rows = stores.work.due(NOON + 9 * MINUTE, 2)
        assert [row.id for row in rows] == ["training-i3", "training-i1"]


class TestOneGeneration:
    def test_a_receipt_takes_the_place_of_the_generation_and_its_scores_go(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.order("g1")
        stores.order("g2")
        receipt = a_receipt(generation_id="g1", unfinished=["generation-g1"])
        assert stores.erasures.replace_with_tombstone(receipt)
        assert not stores.erasures.replace_with_tombstone(receipt)
        assert stores.erasures.remove("generation-g1") == Removed(scores=1)
        assert stores.erasures.find_of_generation("g1") == receipt
        assert stores.erasures.find_of_generation("g2") is None
        assert stores.erasures.find("i1") is None
        with pytest.raises(Erased):
            stores.generations.get("g1")
        with pytest.raises(Conflict):
            stores.order("g1")
        listed = stores.generations.of_identity("i1", Window()).entries
        assert [each.generation_id for each in listed] == ["g2"]

    def test_what_was_looking_at_it_stores_no_score(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.order("g1")
        stores.erasures.replace_with_tombstone(a_receipt(generation_id="g1"))
        stores.erasures.remove("generation-g1")
        with pytest.raises(Erased):
            stores.scores.put_score("i1", "g1", 1, a_score(VERSION, "0f1e", {"references/i1/0001.jpg": 0.5}))
        assert stores.scores.scores_of("g1") == {}

    def test_it_is_due_to_be_purged_under_its_own_name(self, stores: Stores) -> None:
        stores.identities.add(an_identity())
        stores.order("g1")
        stores.erasures.replace_with_tombstone(a_receipt(generation_id="g1"))
        row = next(row for row in stores.work.due(NOON + 2 * MINUTE, 9) if row.kind == "generation")
        assert (row.id, row.owner) == ("g1", "ann")
        assert stores.work.lease(row, NOON + 3 * MINUTE)


class TestRows:
    """The table's own: what the fakes do not have."""

    @pytest.mark.parametrize("ends", ["told", "erased", "without pictures"])
    def test_who_settles_a_generation_waits_for_its_scores(self, table: StateTable, ends: str) -> None:
        generations, scores, work = GenerationTable(table), ScoreTable(table), OpenWorkTable(table)
        IdentityTable(table).add(an_identity())
        images = [] if ends == "without pictures" else [GeneratedImage(index=1, outcome="succeeded")]
        generations.add(a_generation(), a_generation_job(), 10_000_000, NO_LIMIT)
        done = a_generation(status="succeeded", settled_at=NOON, images=images)
        event, late = Event.of_generation(done), Event.of_late_score(done, 1, NOON + SCORED_WITHIN)

        def waits() -> list[OpenRow]:
            return [row for row in work.due(NOON + SCORED_WITHIN, 9) if row.kind == "scoring"]

        generations.settle(done, event)
        generations.settle(done, event)
        wait = ("scoring", "g1", NOON + SCORED_WITHIN, "ann", True)
        assert [row[:-1] for row in waits()] == ([wait] if images else [])
        assert work.due(NOON + SCORED_WITHIN - MINUTE, 9)[-1].kind != "scoring"
        if ends == "erased":
            assert ErasureTable(table).remove("generation-g1") == Removed(generations=1)
        assert scores.scores_of("g1") == {}
        for _ in range(2):
            scores.stop_waiting("g1", [late])
        assert waits() == []
        assert (EventTable(table).find_unpublished(late.event_id) == late) == (ends == "told")

    def test_nothing_of_the_identity_is_in_the_row_of_its_receipt(self, table: StateTable) -> None:
        IdentityTable(table).add(an_identity(archive_url="https://fal.test/references.zip"))
        ErasureTable(table).replace_with_tombstone(a_receipt(), Event.of_erasure(an_identity(), NOON))
        (row,) = (item for item in table.rows() if item["pk"] == "IDENTITY#i1")
        assert "Sarah" not in str(row)
        assert row.keys() == {
            *("pk", "sk", "gsi1pk", "gsi1sk", "due_at", "status"),
            *(
                "identity_id",
                "generation_id",
                "owner",
                "provider",
                "erased_at",
                "complete",
                "removed",
                "kept",
                "unnamed",
                "is_out_of_results",
                "unfinished",
            ),
        }

    def test_an_erased_identity_can_be_told_from_an_unknown_one(self, table: StateTable) -> None:
        IdentityTable(table).add(an_identity())
        ErasureTable(table).replace_with_tombstone(a_receipt(), Event.of_erasure(an_identity(), NOON))
        with pytest.raises(Erased):
            IdentityTable(table).get("i1")
        with pytest.raises(Conflict):
            IdentityTable(table).add(an_identity())

    def test_a_digest_of_weights_that_comes_after_the_erasure_is_not_kept(self, table: StateTable) -> None:
        IdentityTable(table).add(an_identity())
        ErasureTable(table).replace_with_tombstone(a_receipt(), Event.of_erasure(an_identity(), NOON))
        TrainedWeightsTable(table).remember("ann", "late", "i1")
        assert TrainedWeightsTable(table).find("ann", "late") is None
        assert [item["sk"] for item in table.rows() if item["pk"] == "IDENTITY#i1"] == ["IDENTITY"]

    def test_more_rows_than_a_transaction_takes_are_removed(self, table: StateTable) -> None:
        IdentityTable(table).add(an_identity())
        for number in range(130):
            table.put(pk="IDENTITY#i1", sk=f"EMBEDDING#{number}", vector=b"1" * 9000)
        assert ErasureTable(table).remove_rows("i1") == Removed(embeddings=130)
        assert [row["pk"] for row in table.rows()] == ["IDENTITY#i1", "STORED#ann"]

"""What orders cost, and that they are paid once: real handlers, moto behind, time under control."""

import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.api.route import Route
from character_identity.api.routes.table import ROUTES
from character_identity.domain.budget import settlement_of
from character_identity.domain.errors import RequestInFlight
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.job import JobHandle
from character_identity.domain.view import EncoderVersion
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_score,
    a_training_identity,
    an_identity,
    different_images,
)
from tests.support.fakes import Clock
from tests.support.handlers import Answer, Api

IDENTITIES, IMAGES = "/v1/identities", "/v1/identities/i1/generations"
KEY = {"idempotency-key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
DOLLARS = 1_000_000
ENOUGH = 100 * DOLLARS
MONTH = "2026-11"
SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"r": 0.5})


class Harness:
    """The handlers, and the clock that they read; ``while_waiting`` happens whenever one sleeps."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.clock = Clock()
        self.services = wiring.services()
        self.services.now = self.clock
        self.services.sleep = self._sleep
        self.while_waiting: Callable[[], None] = lambda: None
        self.slept: list[float] = []

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.pass_by(seconds=seconds)
        self.while_waiting()

    def identity_body(self, count: int = 5, **changes: Any) -> dict[str, Any]:
        references = [self.api.uploaded(image) for image in different_images(count)]
        return {"name": "Sarah", "provider": "fal-lora", "references": references, **changes}

    def create(self, body: Any, headers: dict[str, str] | None = None, owner: str = "ann") -> Answer:
        return self.api("create_identity", "POST", IDENTITIES, body, owner, headers=headers)

    def generate(self, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
        return self.api("create_generation", "POST", IMAGES, {"prompt": "Sarah"} | changes, headers=headers)

    def usage(self, month: str | None = None) -> Answer:
        return self.api("get_usage", "GET", "/v1/usage", query={"month": month} if month else None)

    def settle(self, generation_id: str) -> Generation:
        """The picture is there."""
        generation = self.services.generation_table.get(generation_id)
        key = f"generations/{generation.identity_id}/{generation_id}/01.jpg"
        images = [GeneratedImage(index=1, outcome="succeeded", key=key)]
        outcome = {"status": "succeeded", "settled_at": self.clock(), "images": images}
        done = generation.model_copy(update=outcome)
        return self.services.generation_table.settle(done, Event.of_generation(done))

    def finish_training(self, identity_id: str) -> None:
        identity = self.services.identity_table.get(identity_id)
        done = identity.model_copy(update={"status": "ready", "phase": "ready", "settled_at": self.clock()})
        self.services.identity_table.settle(done, Event.of_identity(done))

    def accept_training(self, **changes: Any) -> None:
        identity = a_training_identity(**changes)
        self.services.identity_table.add(identity, None, a_job(), ENOUGH, NO_LIMIT)

    def limit(self, dollars: float) -> None:
        """What an operator lets Ann spend."""
        row = {"pk": "BUDGET#ann", "sk": "LIMIT", "limit_microusd": int(dollars * DOLLARS)}
        boto3.resource("dynamodb").Table("state").put_item(Item=row)


@pytest.fixture
def harness(api: Api) -> Harness:
    return Harness(api)


def rows(kind: str) -> list[dict[str, Any]]:
    """The rows of the table whose key begins so."""
    items = boto3.resource("dynamodb").Table("state").scan()["Items"]
    return [item for item in items if item["pk"].startswith(kind)]


def stored_references() -> set[str]:
    """The identities that have reference images in the bucket."""
    objects = boto3.resource("s3").Bucket("media").objects.filter(Prefix="references/")
    return {item.key.split("/")[1] for item in objects}


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


class TestIdempotencyKey:
    def test_a_repeated_order_is_answered_alike_and_paid_once(self, harness: Harness) -> None:
        body = harness.identity_body()
        first, second = harness.create(body, KEY), harness.create(body, KEY)
        assert (first.status, second.status) == (202, 202)
        assert first.headers["Location"] == second.headers["Location"]
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert second.body["characterId"] == first.body["characterId"]
        assert len(second.body["referenceUrls"]) == 5
        assert (harness.usage().body["jobs"], len(rows("JOB#"))) == (1, 1)

    def test_the_answer_shows_the_present_state_under_the_first_status(self, harness: Harness) -> None:
        body = harness.identity_body()
        identity_id = harness.create(body, KEY).body["characterId"]
        harness.finish_training(identity_id)
        again = harness.create(body, KEY)
        assert (again.status, again.body["status"]) == (202, "ready")

    def test_what_is_ready_at_once_is_201_again(self, harness: Harness) -> None:
        body = harness.identity_body(1, provider="fal-instant")
        first, second = harness.create(body, KEY), harness.create(body, KEY)
        assert (first.status, second.status) == (201, 201)
        assert (second.body["characterId"], len(rows("IDENTITY#"))) == (first.body["characterId"], 1)

    def test_a_repeated_order_of_images_is_one_order(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        first, second = harness.generate(KEY), harness.generate(KEY)
        assert (first.status, second.status, second.headers["Idempotent-Replayed"]) == (202, 202, "true")
        assert first.headers["Location"] == second.headers["Location"]
        assert harness.usage().body["jobs"] == 1
        harness.settle(first.body["generationId"])
        third = harness.generate(KEY)
        assert (third.status, third.body["status"]) == (202, "succeeded")

    def test_without_a_key_each_call_is_an_order(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        assert harness.generate().body["generationId"] != harness.generate().body["generationId"]

    def test_another_body_or_path_under_the_key_is_refused(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        harness.services.identity_table.add(an_identity(identity_id="i2"))
        harness.generate(KEY)
        assert refused(harness.generate(KEY, numImages=2)) == (422, "idempotency_key_reused")
        other = harness.api(
            "create_generation", "POST", "/v1/identities/i2/generations", {"prompt": "Sarah"}, headers=KEY
        )
        assert refused(other) == (422, "idempotency_key_reused")
        assert len(rows("GENERATION#")) == 1

    def test_the_layout_of_the_body_does_not_matter(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        texts = ['{"prompt": "Sarah", "seed": 7}', '{"seed":7,\n "prompt":"Sarah"}']
        first, second = (
            harness.api("create_generation", "POST", IMAGES, text=text, headers=KEY) for text in texts
        )
        assert second.body["generationId"] == first.body["generationId"]

    def test_a_key_that_cannot_be_one_is_refused(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        assert refused(harness.generate({"idempotency-key": "two words"})) == (400, "invalid_idempotency_key")
        assert rows("GENERATION#") == []

    def test_an_order_that_died_is_continued_with_its_id(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: Any, **__: Any) -> None:
            raise RuntimeError

        body = harness.identity_body()
        with monkeypatch.context() as broken:
            broken.setattr(harness.services.identity_table, "add", crash)
            assert harness.create(body, KEY).status == 500
        (identity_id,) = stored_references()
        early = harness.create(body, KEY)
        assert refused(early) == (409, "request_in_flight")
        assert early.headers["Retry-After"] == "1"
        harness.clock.pass_by(seconds=61)
        late = harness.create(body, KEY)
        assert (late.status, late.body["characterId"]) == (202, identity_id)
        assert "Idempotent-Replayed" not in late.headers
        assert stored_references() == {identity_id}

    def test_an_order_that_died_when_it_was_stored_is_found(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Died(BaseException):
            pass

        def die(*_: Any) -> None:
            raise Died

        body = harness.identity_body()
        with monkeypatch.context() as broken, pytest.raises(Died):
            broken.setattr(harness.services.state_machines, "start", die)
            harness.create(body, KEY)
        again = harness.create(body, KEY)
        assert (again.status, again.headers["Idempotent-Replayed"]) == (202, "true")
        assert len(rows("JOB#")) == 1

    def test_what_was_refused_may_be_mended_under_the_key(self, harness: Harness) -> None:
        body = harness.identity_body()
        few = body | {"references": body["references"][:2]}
        assert refused(harness.create(few, KEY)) == (400, "too_few_references")
        assert refused(harness.create(body | {"name": " "}, KEY)) == (400, "invalid_body")
        assert harness.create(body, KEY).status == 202

    def test_what_could_not_be_afforded_may_be_repeated_under_the_key(self, harness: Harness) -> None:
        body = harness.identity_body()
        harness.limit(1)
        assert refused(harness.create(body, KEY)) == (402, "budget_exceeded")
        assert (rows("JOB#"), stored_references()) == ([], set())
        harness.limit(5)
        assert harness.create(body, KEY).status == 202

    def test_an_identity_that_was_erased_is_not_made_again(self, harness: Harness) -> None:
        body = harness.identity_body(1, provider="fal-instant")
        identity_id = harness.create(body, KEY).body["characterId"]
        table = boto3.resource("dynamodb").Table("state")
        table.put_item(Item={"pk": f"IDENTITY#{identity_id}", "sk": "IDENTITY", "status": "erased"})
        harness.clock.pass_by(minutes=5)
        assert refused(harness.create(body, KEY)) == (404, "unknown_identity")

    def test_the_key_is_free_again_after_a_day(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        first = harness.generate(KEY)
        harness.clock.pass_by(hours=24)
        second = harness.generate(KEY, numImages=2)
        assert (second.status, "Idempotent-Replayed" in second.headers) == (202, False)
        assert second.body["generationId"] != first.body["generationId"]

    def test_of_many_creates_with_one_key_at_once_one_creates(self, harness: Harness) -> None:
        """The handlers' services as they are: each works on its own."""
        harness.services.identity_table.add(an_identity())
        services = [wiring.Services(harness.services.env, now=harness.clock) for _ in range(8)]
        for each in services:  # boto3's session makes one client at a time
            _ = each.idempotency, each.generations
        together = threading.Barrier(len(services))

        def create(each: wiring.Services) -> str:
            together.wait()
            try:
                _, replayed = each.idempotency.once(
                    "ann",
                    "k",
                    "f",
                    find=lambda generation_id: each.generations.get("ann", generation_id),
                    create=lambda generation_id: each.generations.create(
                        "ann", "i1", {"prompt": "Sarah"}, generation_id
                    ),
                )
            except RequestInFlight as exc:
                return exc.code
            return "replayed" if replayed else "created"

        with ThreadPoolExecutor(len(services)) as pool:
            outcomes = list(pool.map(create, services))
        assert outcomes.count("created") == 1
        assert set(outcomes) <= {"created", "replayed", "request_in_flight"}
        assert len(rows("GENERATION#")) == len(rows("JOB#")) == harness.usage().body["jobs"] == 1


class TestEstimates:
    def estimate(self, harness: Harness, **changes: Any) -> Answer:
        body = {"name": "Sarah", "provider": "fal-lora", **changes}
        return harness.api("estimate_identity", "POST", f"{IDENTITIES}/estimate", body)

    def estimate_images(self, harness: Harness, **changes: Any) -> Answer:
        body = {"prompt": "Sarah", **changes}
        return harness.api("estimate_generation", "POST", f"{IMAGES}/estimate", body)

    def test_a_training_by_the_price_list(self, harness: Harness) -> None:
        answer = self.estimate(harness)
        assert answer.status == 200
        (price,) = answer.body.pop("prices").items()
        assert answer.body == {
            "estimateUsd": 2.0,
            "reservedUsd": 2.0,
            "budget": {
                "month": MONTH,
                "limitUsd": 100.0,
                "reservedUsd": 0.0,
                "committedUsd": 0.0,
                "remainingUsd": 100.0,
            },
            "affordable": True,
        }
        assert (price[0], price[1]["amountUsd"], price[1]["unit"]) == ("training", 2.0, "1000 steps")
        assert price[1]["source"].startswith("https://fal.ai/")
        assert price[1]["readOn"] == "2026-11-22"

    def test_the_body_of_the_order_is_taken_as_it_is(self, harness: Harness) -> None:
        assert self.estimate(harness, references=["https://a.test/1.jpg"], className="woman").status == 200
        assert refused(self.estimate(harness, provider="dall-e")) == (400, "unknown_provider")
        assert refused(self.estimate(harness, surprise=1)) == (400, "invalid_body")

    def test_what_nobody_publishes_is_unknown_and_not_nothing(self, harness: Harness) -> None:
        training = self.estimate(harness, provider="astria").body
        assert (training["estimateUsd"], training["reservedUsd"], training["prices"]) == (None, 5.0, {})
        harness.services.identity_table.add(an_identity(provider="astria", provider_model_id="7"))
        images = self.estimate_images(harness, numImages=3).body
        assert (images["estimateUsd"], images["reservedUsd"], images["prices"]) == (None, 0.6, {})

    def test_what_is_not_trained_costs_nothing(self, harness: Harness) -> None:
        body = self.estimate(harness, provider="fal-instant").body
        assert (body["estimateUsd"], body["reservedUsd"], body["affordable"]) == (0.0, 0.0, True)

    def test_images_by_their_size_and_number(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        body = self.estimate_images(harness, numImages=4).body
        assert body["estimateUsd"] == pytest.approx(0.14)
        assert body["reservedUsd"] >= body["estimateUsd"]
        assert list(body["prices"]) == ["image"]

    def test_what_is_left_decides_whether_it_can_be_afforded(self, harness: Harness) -> None:
        harness.limit(3.99)
        assert self.estimate(harness).body["affordable"] is True
        assert harness.create(harness.identity_body()).status == 202
        after = self.estimate(harness).body
        assert (after["affordable"], after["budget"]["remainingUsd"]) == (False, 1.99)
        assert self.estimate(harness, provider="fal-instant").body["affordable"] is True

    def test_an_estimate_orders_and_keeps_nothing(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        self.estimate(harness)
        self.estimate_images(harness)
        assert {item["pk"].split("#")[0] for item in rows("")} == {"IDENTITY", "REQUESTS", "STORED"}

    def test_images_that_could_not_be_ordered_are_not_estimated(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity(owner="bob"))
        assert refused(self.estimate_images(harness)) == (404, "unknown_identity")
        assert refused(self.estimate_images(harness, numImages=9)) == (400, "invalid_body")


class TestUsage:
    def test_a_month_without_orders(self, harness: Harness) -> None:
        answer = harness.usage()
        assert (answer.status, answer.body) == (
            200,
            {
                "month": MONTH,
                "limitUsd": 100.0,
                "reservedUsd": 0.0,
                "committedUsd": 0.0,
                "assumedUsd": 0.0,
                "remainingUsd": 100.0,
                "jobs": 0,
            },
        )

    def test_what_is_set_aside_is_spent_when_it_is_settled(self, harness: Harness) -> None:
        identity_id = harness.create(harness.identity_body()).body["characterId"]
        before = harness.usage().body
        assert (before["reservedUsd"], before["committedUsd"], before["remainingUsd"]) == (2.0, 0.0, 98.0)
        job = harness.services.ledger.get(f"training-{identity_id}")
        assert job is not None
        harness.services.ledger.submitted(job.job_id, JobHandle(provider_job_id="r1"))
        harness.services.ledger.report_cost(job.job_id, 1_500_000)
        done = harness.services.ledger.get(job.job_id)
        assert done is not None
        harness.services.ledger.settle(done, settlement_of(done))
        after = harness.usage().body
        assert (after["reservedUsd"], after["committedUsd"], after["remainingUsd"]) == (0.0, 1.5, 98.5)
        assert (after["assumedUsd"], after["jobs"]) == (0.0, 1)

    def test_what_nobody_priced_is_assumed(self, harness: Harness) -> None:
        job = a_job(provider="astria", estimate_microusd=None, reserved_microusd=5 * DOLLARS)
        harness.services.identity_table.add(
            a_training_identity(provider="astria"),
            job=job,
            limit_microusd=ENOUGH,
            operator_limit_microusd=NO_LIMIT,
        )
        harness.services.ledger.submitted(job.job_id, JobHandle(provider_job_id="7"))
        done = job.model_copy(update={"state": "submitted"})
        harness.services.ledger.settle(done, settlement_of(done))
        body = harness.usage().body
        assert (body["committedUsd"], body["assumedUsd"]) == (5.0, 5.0)

    def test_another_month_may_be_asked_for(self, harness: Harness) -> None:
        harness.accept_training()
        assert harness.usage("2026-10").body | {"jobs": 0} == harness.usage("2026-10").body
        assert harness.usage("2026-11").body["jobs"] == 1
        harness.clock.pass_by(days=30)
        assert (harness.usage().body["month"], harness.usage().body["jobs"]) == ("2026-12", 0)

    @pytest.mark.parametrize("month", ["2026-13", "2026", "november", "2026-11-22", "LIMIT"])
    def test_a_month_is_written_in_one_way(self, harness: Harness, month: str) -> None:
        assert refused(harness.usage(month)) == (400, "invalid_month")

    def test_an_owner_sees_their_own(self, harness: Harness) -> None:
        harness.accept_training()
        assert harness.api("get_usage", "GET", "/v1/usage", owner="bob").body["jobs"] == 0


class TestCancel:
    def cancel(self, harness: Harness, owner: str = "ann") -> Answer:
        return harness.api("cancel_identity", "POST", f"{IDENTITIES}/i1/cancel", owner=owner)

    def test_a_training_is_given_up_and_its_machine_told(self, harness: Harness) -> None:
        harness.accept_training()
        answer = self.cancel(harness)
        assert (answer.status, answer.body["status"], answer.body["phase"]) == (200, "failed", "failed")
        assert answer.body["error"] == {"code": "cancelled", "message": "The training was cancelled."}
        (job,) = rows("JOB#")
        assert (job["callback_pending"], job["money"]) == (True, "reserved")  # the machine settles it
        (event,) = rows("EVENT#")
        assert (event["type"], "due_at" in event) == ("IdentityFailed", False)

    def test_a_second_cancel_changes_nothing(self, harness: Harness) -> None:
        harness.accept_training()
        first = self.cancel(harness)
        harness.clock.pass_by(minutes=1)
        second = self.cancel(harness)
        assert (second.status, second.body["metadata"]) == (200, first.body["metadata"])
        assert len(rows("EVENT#")) == 1

    def test_what_is_ready_stays_ready(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity(settled_at=NOON))
        answer = self.cancel(harness)
        assert (answer.status, answer.body["status"], rows("EVENT#")) == (200, "ready", [])

    def test_anothers_training_is_unknown(self, harness: Harness) -> None:
        harness.accept_training()
        assert refused(self.cancel(harness, owner="bob")) == (404, "unknown_identity")
        assert harness.services.identity_table.get("i1").status == "training"


class TestListOfGenerations:
    def test_an_identitys_generations_newest_first(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity())
        ordered = []
        for _ in range(3):
            ordered.append(harness.generate().body["generationId"])
            harness.clock.pass_by(seconds=1)
        harness.services.identity_table.add(an_identity(identity_id="i2"))
        other = a_generation(generation_id="g2", identity_id="i2")
        harness.services.generation_table.add(
            other,
            a_generation_job(job_id="generation-g2", subject_id="g2"),
            ENOUGH,
            NO_LIMIT,
        )
        answer = harness.api("list_generations", "GET", IMAGES)
        listed = [generation["generationId"] for generation in answer.body["generations"]]
        assert (answer.status, listed) == (200, ordered[::-1])

    def test_anothers_identity_is_unknown(self, harness: Harness) -> None:
        harness.services.identity_table.add(an_identity(owner="bob"))
        assert refused(harness.api("list_generations", "GET", IMAGES)) == (404, "unknown_identity")


class TestPreferWait:
    def ready_world(self, harness: Harness) -> Harness:
        harness.services.identity_table.add(an_identity())
        return harness

    def settle_all(self, harness: Harness) -> None:
        for row in rows("GENERATION#"):
            if row["sk"] == "GENERATION":
                harness.settle(str(row["generation_id"]))

    def test_images_that_come_in_time_are_answered_at_once(self, harness: Harness) -> None:
        self.ready_world(harness).while_waiting = lambda: self.settle_all(harness)
        answer = harness.generate({"prefer": "wait=10"})
        assert (answer.status, answer.body["status"]) == (200, "succeeded")
        assert answer.headers["Preference-Applied"] == "wait=10"
        assert answer.headers["Location"] == f"/v1/generations/{answer.body['generationId']}"
        assert sum(harness.slept) < 1

    def test_images_that_do_not_come_in_time_are_answered_202(self, harness: Harness) -> None:
        answer = self.ready_world(harness).generate({"prefer": "respond-async, wait=60"})
        assert (answer.status, answer.body["status"]) == (202, "queued")
        assert answer.headers["Preference-Applied"] == "wait=20"
        assert sum(harness.slept) == 20

    @pytest.mark.parametrize("headers", [None, {"prefer": "wait=0"}, {"prefer": "respond-async"}])
    def test_who_does_not_wait_gets_202(self, harness: Harness, headers: dict[str, str] | None) -> None:
        answer = self.ready_world(harness).generate(headers)
        assert (answer.status, harness.slept) == (202, [])
        assert ("Preference-Applied" in answer.headers) == (headers == {"prefer": "wait=0"})

    def test_a_replayed_order_is_waited_for_too(self, harness: Harness) -> None:
        self.ready_world(harness).generate(KEY)
        harness.while_waiting = lambda: self.settle_all(harness)
        again = harness.generate({**KEY, "prefer": "wait=5"})
        assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")

    def test_a_look_at_a_generation_may_wait_for_its_end(self, harness: Harness) -> None:
        location = self.ready_world(harness).generate().headers["Location"]
        at_once = harness.api("get_generation", "GET", location)
        assert (at_once.body["status"], harness.slept) == ("queued", [])
        assert "Preference-Applied" not in at_once.headers
        harness.while_waiting = lambda: self.settle_all(harness)
        answer = harness.api("get_generation", "GET", location, headers={"prefer": "wait=20"})
        assert (answer.status, answer.body["status"]) == (200, "succeeded")
        assert answer.headers["Preference-Applied"] == "wait=20"

    def test_scores_may_be_waited_for_too(self, harness: Harness) -> None:
        """Half a second apart: the picture comes, and then its score."""
        location = self.ready_world(harness).generate().headers["Location"]
        generation_id = location.rpartition("/")[2]

        def score() -> None:
            harness.services.scores.put_score("i1", generation_id, 1, SCORE)

        def settle() -> None:
            harness.settle(generation_id)
            harness.while_waiting = score

        harness.while_waiting = settle
        waiting = {"prefer": 'Wait=20; until="scored"'}
        answer = harness.api("get_generation", "GET", location, headers=waiting)
        assert (answer.body["status"], answer.body["scoring"], harness.slept) == (
            "succeeded",
            "complete",
            [0.5, 0.5],
        )
        assert answer.body["images"][0]["clipSimilarity"] == 0.5
        assert answer.headers["Preference-Applied"] == "wait=20", "RFC 7240, section 3: without parameters"

    @pytest.mark.parametrize(
        ("prefer", "status", "waited_s"),
        [
            ("wait=4", 200, 0.5),
            ("wait=4; until=painted", 200, 0.5),
            ("wait=4; until=scored", 202, 4),
        ],
    )
    def test_an_order_is_done_when_what_its_caller_waits_for_is(
        self, harness: Harness, prefer: str, status: int, waited_s: float
    ) -> None:
        self.ready_world(harness).while_waiting = lambda: self.settle_all(harness)
        answer = harness.generate({"prefer": prefer})
        assert (answer.status, answer.body["status"], answer.body["scoring"], sum(harness.slept)) == (
            status,
            "succeeded",
            "pending",
            waited_s,
        )

    def test_a_score_that_never_comes_has_a_deadline(self, harness: Harness) -> None:
        location = self.ready_world(harness).generate().headers["Location"]
        harness.settle(location.rpartition("/")[2])
        harness.clock.pass_by(hours=2)
        waiting = {"prefer": "wait=20; until=scored"}
        answer = harness.api("get_generation", "GET", location, headers=waiting)
        assert (answer.body["scoring"], harness.slept) == ("notScored", [])
        [image] = answer.body["images"]
        assert (image["scores"], image["notScored"]["code"]) == ([], "not_scored_in_time")
        assert image["notScored"]["encoder"] is None

    def test_a_look_at_an_identity_may_wait_for_its_end(self, harness: Harness) -> None:
        harness.accept_training()
        waiting = {"prefer": "wait=2"}
        still = harness.api("get_identity", "GET", f"{IDENTITIES}/i1", headers=waiting)
        assert (still.body["status"], sum(harness.slept)) == ("training", 2)
        harness.while_waiting = lambda: harness.finish_training("i1")
        answer = harness.api("get_identity", "GET", f"{IDENTITIES}/i1", headers=waiting)
        assert (answer.body["status"], answer.headers["Preference-Applied"]) == ("ready", "wait=2")


ORDERS = [route for route in ROUTES if route.counted_as == "orders"]
READS = [route for route in ROUTES if route.counted_as == "reads"]


def path_of(route: Route[Any]) -> str:
    return re.sub("{.*?}", "i1", route.path)


class TestRateLimit:
    @pytest.fixture(autouse=True)
    def _used_up(self, harness: Harness) -> None:
        harness.services.rate_limits["orders"].admit("ann", 60)
        harness.services.rate_limits["reads"].admit("ann", 600)

    @pytest.mark.parametrize("route", ORDERS, ids=lambda route: route.key)
    def test_more_than_so_many_a_minute_are_refused(self, harness: Harness, route: Route[Any]) -> None:
        path = path_of(route)
        body = {"action": "create_tune"}  # looked at by the dispatcher only
        answer = harness.api(route.function, route.method, path, body)
        assert (refused(answer), answer.headers["Retry-After"]) == ((429, "too_many_requests"), "60")
        assert ("error" in answer.body) == path.startswith("/api/")
        assert ("message" in answer.body) != path.startswith("/api/")
        harness.clock.pass_by(seconds=60)
        assert harness.api(route.function, route.method, path, body).status != 429

    @pytest.mark.parametrize("route", READS, ids=lambda route: route.key)
    def test_a_look_is_refused_too_and_the_typescript_clients_is_not_held_back(
        self, harness: Harness, route: Route[Any]
    ) -> None:
        harness.accept_training()
        query = {"request_id": "i1", "action": "get_tune", "tune_id": "i1"} if route.for_typescript else {}

        def poll() -> Answer:
            return harness.api(
                route.function, "GET", path_of(route), query=query, headers={"prefer": "wait=8"}
            )

        answer = poll()
        if route.for_typescript:
            assert (answer.status, harness.slept) == (200, [])
        else:
            assert (refused(answer), answer.headers["Retry-After"]) == ((429, "too_many_requests"), "60")
        harness.clock.pass_by(seconds=60)
        assert poll().status != 429

    def test_all_but_what_is_open_or_static_is_counted(self) -> None:
        uncounted = {route.key for route in ROUTES if route.counted_as is None and not route.is_open}
        assert uncounted == {"GET /v1/providers"}

    def test_others_are_not_held_up(self, harness: Harness) -> None:
        body = {"name": "Sarah", "provider": "fal-lora"}
        path = f"{IDENTITIES}/estimate"
        assert harness.api("estimate_identity", "POST", path, body, owner="bob").status == 200
        assert harness.api("list_identities", "GET", IDENTITIES, owner="bob").status == 200


def test_tickets_count_by_their_files_too(api: Api) -> None:
    harness = Harness(api)

    def tickets(files: int) -> int:
        file = {"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 1}
        return harness.api("create_references", "POST", "/v1/references", {"files": [file] * files}).status

    assert [tickets(20) for _ in range(13)] == [201] * 12 + [429]
    harness.clock.pass_by(seconds=60)
    assert [tickets(4) for _ in range(61)] == [201] * 60 + [429]


@pytest.mark.parametrize(
    ("function", "path", "headers", "admitted"),
    [
        ("get_identity", f"{IDENTITIES}/i1", {}, 20),
        ("get_identity", f"{IDENTITIES}/i1", {"prefer": "wait=0"}, 20),
        ("get_identity", f"{IDENTITIES}/i1", {"prefer": "wait=20"}, 4),
        ("get_usage", "/v1/usage", {"prefer": "wait=20"}, 20),
        ("list_identities", IDENTITIES, {}, 4),
    ],
)
def test_a_list_and_an_answer_that_is_held_back_count_as_five_reads(
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    path: str,
    headers: dict[str, str],
    admitted: int,
) -> None:
    monkeypatch.setenv("READS_PER_MINUTE", "20")
    harness = Harness(api)
    answers = [harness.api(function, "GET", path, headers=headers).status for _ in range(25)]
    assert 429 not in answers[:admitted]
    assert set(answers[admitted:]) == {429}


def test_the_compat_client_is_told_of_its_budget_in_its_own_words_and_may_ask_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_SECRET_NAME", "FAL")
    boto3.client("secretsmanager").create_secret(Name="FAL", SecretString="a key")
    harness = Harness(api)
    images = [f"data:image/jpeg;base64,{b64encode(each).decode()}" for each in different_images(5)]

    def train() -> Answer:
        body = {"images_data_url": images, "trigger_word": "SARAH"}
        return api("proxy_fal_lora_train", "POST", "/api/fal-lora-training-proxy", body)

    harness.limit(1)
    for answer in (train(), train()):
        assert refused(answer) == (402, "budget_exceeded")
        assert "budget" in answer.body["error"]
    harness.limit(5)
    assert train().status == 200

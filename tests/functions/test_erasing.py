"""The handlers that erase and sweep: real events in, answers out, moto behind."""

import json
from datetime import timedelta
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.aws.keys import due
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from functions.sweep import handler as sweep
from tests.support.builders import (
    NO_LIMIT,
    a_generation,
    a_generation_job,
    a_job,
    a_training_identity,
    an_evaluation,
    an_evaluation_job,
    an_identity,
)
from tests.support.erasure_fakes import a_receipt
from tests.support.fakes import Clock
from tests.support.handlers import Answer, Api, Context

LIMIT = 100_000_000
PATH = "/v1/identities/i1"


@pytest.fixture(autouse=True)
def clock(api: Api, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is noon."""
    monkeypatch.setenv("REQUESTS_PER_MINUTE", "100")
    clock = Clock()
    wiring.services().now = clock
    return clock


def keys(api: Api) -> list[str]:
    """What lies in the bucket."""
    return sorted(each.key for each in api.bucket.objects.all())


def executions(name: str) -> list[str]:
    client = boto3.client("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    arn = next(machine["stateMachineArn"] for machine in machines if machine["name"] == name)
    return [execution["name"] for execution in client.list_executions(stateMachineArn=arn)["executions"]]


def generated(api: Api) -> None:
    """Ann's Sarah with a reference and a picture."""
    services = wiring.services()
    services.identity_table.add(an_identity())
    services.generation_table.add(a_generation(), a_generation_job(), LIMIT, NO_LIMIT)
    for key in ("references/i1/0001.jpg", "generations/i1/g1/01.jpg", "references/i2/0001.jpg"):
        api.bucket.put_object(Key=key, Body=b"picture")


class TestErasing:
    def test_an_identity_is_erased_and_receipted(self, api: Api) -> None:
        generated(api)
        answer = api("erase_identity", "DELETE", PATH)
        assert answer.status == 200
        assert answer.body["characterId"] == "i1"
        assert answer.body["removed"] == {
            **dict.fromkeys(("weights", "scores", "embeddings", "providerObjects"), 0),
            **dict.fromkeys(("references", "images", "generations"), 1),
        }
        assert answer.body["complete"] is False, "its generation has not ended"
        assert {"where", "what", "why", "until"} == answer.body["remaining"][0].keys()
        assert keys(api) == ["references/i2/0001.jpg"]
        for name, path in (("get_identity", PATH), ("get_generation", "/v1/generations/g1")):
            assert api(name, "GET", path).status == 404
        assert api("list_identities", "GET", "/v1/identities").body == {"identities": []}

    def test_again_it_answers_the_same_receipt(self, api: Api) -> None:
        generated(api)
        first = api("erase_identity", "DELETE", PATH)
        again = api("erase_identity", "DELETE", PATH)
        assert (again.status, again.body) == (200, first.body)

    @pytest.mark.parametrize("identity_id", ["nobodys", "bobs", "bobs-erased"])
    def test_an_unknown_identity_and_anothers_answer_alike(self, api: Api, identity_id: str) -> None:
        for each in ("bobs", "bobs-erased"):
            wiring.services().identity_table.add(an_identity(identity_id=each, owner="bob"))
        api("erase_identity", "DELETE", "/v1/identities/bobs-erased", owner="bob")
        answer = api("erase_identity", "DELETE", f"/v1/identities/{identity_id}")
        assert (answer.status, answer.body["code"]) == (404, "unknown_identity")
        assert answer.body["message"] == f"There is no identity {identity_id!r}."
        assert wiring.services().identity_table.get("bobs").owner == "bob"

    def test_nothing_more_is_ordered_of_it(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MONTHLY_BUDGET_USD", "100")
        monkeypatch.setenv("OPERATOR_BUDGET_USD", "100")
        generated(api)
        api("erase_identity", "DELETE", PATH)
        answer = api("create_generation", "POST", f"{PATH}/generations", {"prompt": "Sarah"})
        assert (answer.status, answer.body["code"]) == (404, "unknown_identity")

    def test_an_owner_who_sends_too_many_requests_waits(self, api: Api) -> None:
        answers = [api("erase_identity", "DELETE", PATH).status for _ in range(101)]
        assert answers == [404] * 100 + [429]


class TestErasingOneGeneration:
    ONE = "/v1/generations/g1"

    def test_it_is_erased_and_receipted_and_the_same_again(self, api: Api) -> None:
        generated(api)
        first = api("erase_generation", "DELETE", self.ONE)
        assert first.status == 200
        assert (first.body["characterId"], first.body["generationId"]) == ("i1", "g1")
        assert {name: n for name, n in first.body["removed"].items() if n} == {"images": 1, "generations": 1}
        assert keys(api) == ["references/i1/0001.jpg", "references/i2/0001.jpg"]
        assert api("get_generation", "GET", self.ONE).status == 404
        assert api("list_generations", "GET", f"{PATH}/generations").body == {"generations": []}
        assert api("get_identity", "GET", PATH).status == 200
        assert api("erase_generation", "DELETE", self.ONE).body == first.body

    @pytest.mark.parametrize("generation_id", ["nobodys", "g1", "no id"])
    def test_an_unknown_one_and_anothers_answer_alike(self, api: Api, generation_id: str) -> None:
        """Before and after it was erased."""
        generated(api)
        for _ in range(2):
            answer = api("erase_generation", "DELETE", f"/v1/generations/{generation_id}", owner="bob")
            assert (answer.status, answer.body["code"]) == (404, "unknown_generation")
            assert answer.body["message"] == f"There is no generation {generation_id!r}."
            api("erase_generation", "DELETE", self.ONE)

    def test_its_order_is_not_made_again_by_its_key(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MONTHLY_BUDGET_USD", "100")
        monkeypatch.setenv("OPERATOR_BUDGET_USD", "100")
        wiring.services().identity_table.add(an_identity())
        order = (f"{PATH}/generations", {"prompt": "Sarah runs"})
        made = api("create_generation", "POST", *order, headers={"idempotency-key": "k"})
        generation_id = made.body["generationId"]
        api("erase_generation", "DELETE", f"/v1/generations/{generation_id}")
        again = api("create_generation", "POST", *order, headers={"idempotency-key": "k"})
        assert (again.status, again.body["code"]) == (404, "unknown_generation")
        assert executions("GENERATE_IMAGES") == [generation_id]

    def test_an_identity_is_erased_after_it(self, api: Api) -> None:
        generated(api)
        api("erase_generation", "DELETE", self.ONE)
        assert api("erase_identity", "DELETE", PATH).body["removed"]["generations"] == 0
        assert api("erase_generation", "DELETE", self.ONE).body["generationId"] == "g1"


class TestErasingEvaluations:
    """What erasing does, and what kills it: tests/services/evaluations/test_erasing.py."""

    ONE = "/v1/evaluations/e1"

    @pytest.fixture(autouse=True)
    def ended(self, api: Api) -> None:
        """Ann's evaluation, with results and a copy of a reference."""
        paid = an_evaluation_job(money="committed")
        wiring.services().evaluation_table.add(an_evaluation(status="completed"), paid, LIMIT, NO_LIMIT)
        for key in ("evaluations/e1/results.csv", "evaluations/e11/order.json", "references/e1/0001.jpg"):
            api.bucket.put_object(Key=key, Body=b"rows")

    def test_it_is_erased_and_receipted_once(self, api: Api) -> None:
        answer = api("erase_evaluation", "DELETE", self.ONE)
        assert (answer.status, answer.body["evaluationId"], answer.body["complete"]) == (200, "e1", True)
        assert answer.body["removed"] == {"references": 1, "files": 1, "cells": 0, "scores": 0}
        assert keys(api) == ["evaluations/e11/order.json"]
        assert api("get_evaluation", "GET", self.ONE).body["code"] == "unknown_evaluation"
        assert api("get_evaluation_result", "GET", f"{self.ONE}/results.csv").status == 404
        assert api("list_evaluations", "GET", "/v1/evaluations").body["evaluations"] == []
        assert api("cancel_evaluation", "POST", f"{self.ONE}/cancel").status == 404
        again = api("erase_evaluation", "DELETE", self.ONE)
        assert (again.status, again.body) == (200, answer.body)

    def test_anothers_and_one_that_runs_are_not(self, api: Api) -> None:
        running = an_evaluation(evaluation_id="e2")
        job = an_evaluation_job(job_id="evaluation-e2", subject_id="e2")
        wiring.services().evaluation_table.add(running, job, LIMIT, NO_LIMIT)
        answers = [
            api("erase_evaluation", "DELETE", path, owner=owner)
            for path, owner in (
                (self.ONE, "bob"),
                ("/v1/evaluations/e9", "bob"),
                ("/v1/evaluations/e2", "ann"),
            )
        ]
        assert [(answer.status, answer.body["code"]) for answer in answers] == [
            (404, "unknown_evaluation"),
            (404, "unknown_evaluation"),
            (409, "evaluation_running"),
        ]
        assert api("get_evaluation", "GET", self.ONE).body["status"] == "completed"

    def test_its_key_orders_nothing_any_more(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("MONTHLY_BUDGET_USD", "OPERATOR_BUDGET_USD"):
            monkeypatch.setenv(name, "100")
        services = wiring.services()
        services.identity_table.add(an_identity())
        order = {"identities": {"fal-lora": "i1"}, "variations": 1}

        def ordered() -> Answer:
            headers = {"Idempotency-Key": "one"}
            return api("create_evaluation", "POST", "/v1/evaluations", order, headers=headers)

        evaluation_id = ordered().body["evaluationId"]
        job = services.ledger.get(f"evaluation-{evaluation_id}")
        assert job is not None
        services.evaluation_workflow.settle(job, Failure(code="interrupted", message="It was interrupted."))
        assert api("erase_evaluation", "DELETE", f"/v1/evaluations/{evaluation_id}").status == 200
        assert (ordered().status, ordered().body["code"]) == (404, "unknown_evaluation")

    def test_what_was_written_meanwhile_goes_with_the_sweep(self, api: Api, clock: Clock) -> None:
        api("erase_evaluation", "DELETE", self.ONE)
        api.bucket.put_object(Key="evaluations/e1/results.csv", Body=b"rows")
        clock.pass_by(minutes=2)
        sweep.lambda_handler({}, Context())
        assert keys(api) == ["evaluations/e11/order.json"]


class TestSweeping:
    def swept(self) -> None:
        sweep.lambda_handler({}, Context())

    def test_a_machine_that_was_never_started_is_started(self, api: Api, clock: Clock) -> None:
        wiring.services().identity_table.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        clock.pass_by(minutes=3)
        self.swept()
        assert executions("TRAIN_IDENTITY") == ["i1-2"]

    def test_its_figures_are_metrics(
        self, api: Api, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        wiring.services().identity_table.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        clock.pass_by(minutes=3)
        self.swept()
        (figures,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
        assert (figures["RowsSettled"], figures["RowsFailed"], figures["LongestWait"]) == ([1], [0], [60])
        assert {"level", "timestamp"} <= figures.keys(), "Lambda drops it where functions log from WARN on"

    def test_a_job_that_did_not_end_is_ended(self, api: Api, clock: Clock) -> None:
        wiring.services().identity_table.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        clock.pass_by(minutes=20)
        self.swept()
        shown = api("get_identity", "GET", PATH).body
        assert (shown["status"], shown["error"]["code"]) == ("failed", "not_ordered")
        event = Event.of_identity(wiring.services().identity_table.get("i1"))
        assert wiring.services().event_table.find(event.event_id) == event
        assert wiring.services().event_table.find_unpublished(event.event_id) is None, "it was published"

    def test_an_erasure_goes_on(self, api: Api, clock: Clock) -> None:
        self.tombstoned()
        api.bucket.put_object(Key="references/i1/0001.jpg", Body=b"picture")
        clock.pass_by(minutes=2)
        self.swept()
        assert keys(api) == []
        assert api("erase_identity", "DELETE", PATH).body["complete"] is True

    def test_an_erasure_of_a_generation_goes_on(self, api: Api, clock: Clock) -> None:
        generated(api)
        services = wiring.services()
        services.erasure_table.replace_with_tombstone(a_receipt(generation_id="g1"))
        clock.pass_by(minutes=2)
        self.swept()
        assert keys(api) == ["references/i1/0001.jpg", "references/i2/0001.jpg"]
        assert api("erase_generation", "DELETE", "/v1/generations/g1").body["complete"] is True

    def test_what_cannot_be_settled_raises_the_alarm(self, api: Api, clock: Clock) -> None:
        boto3.resource("dynamodb").Table("state").put_item(
            Item={"pk": "NEWER#1", "sk": "NEWER", **due(clock())}
        )
        with pytest.raises(sweep.WorkIsLeft):
            self.swept()

    def test_what_was_due_for_an_hour_raises_the_alarm(self, api: Api, clock: Clock) -> None:
        self.tombstoned()
        clock.pass_by(minutes=62)
        with pytest.raises(sweep.WorkIsLeft):
            self.swept()
        self.swept()

    def test_a_sweep_without_time_begins_nothing(self, api: Api, clock: Clock) -> None:
        class Short(Context):
            @staticmethod
            def get_remaining_time_in_millis() -> int:
                return 1000

        wiring.services().identity_table.add(a_training_identity(), None, a_job(), LIMIT, NO_LIMIT)
        clock.pass_by(minutes=20)
        sweep.lambda_handler({}, Short())
        assert wiring.services().identity_table.get("i1").status == "training"

    @staticmethod
    def tombstoned() -> None:
        """Ann's Sarah was erased at noon, and the first purge died."""
        services = wiring.services()
        services.identity_table.add(an_identity())
        services.erasure_table.replace_with_tombstone(
            a_receipt(), Event.of_erasure(an_identity(), a_receipt().erased_at)
        )


def test_the_longest_row_fits_into_a_sweep_and_a_claim_outlives_it() -> None:
    from character_identity.services.erasure import AT_PROVIDERS_FOR
    from character_identity.services.jobs.sweep import LEASE
    from infra import catalog

    entry: Any = next(entry for entry in catalog.FUNCTIONS if entry.name == "sweep")
    lasts = timedelta(seconds=entry.timeout_s)
    assert AT_PROVIDERS_FOR < sweep.LONGEST_ROW < lasts <= LEASE

"""Evaluations that are cancelled, or given up, at any moment: what is there has results, and says so."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from character_identity.api.evaluation_presenters import present_evaluation
from character_identity.domain.errors import Conflict, InvalidRequest
from character_identity.domain.evaluation import ENDS_WITHIN, RESULTS, STOPPED
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.job import EVALUATION
from character_identity.services.evaluations.cells import WAITED_WITHIN, CellState
from character_identity.services.evaluations.results import EvaluationResults
from character_identity.services.evaluations.workflow import LAST_SCORES_WITHIN, EvaluationState
from character_identity.services.jobs.settlement import settle_money
from character_identity.services.jobs.state import MOST_RUNS
from tests.services.evaluations.harness import ID, Harness
from tests.services.evaluations.test_workflow import SCORE
from tests.support.in_process.executions import Execution, Executions

PICTURES = 4
"""Two providers, two scenarios, one variation."""
TASKS = (
    *("plan", "make_identities", "check_identities", "check_identities"),
    *(["order"] * 4 + ["check_cell"] * 8),
    *("check_scores", "check_scores", "compile", "record"),
)
"""Of one that goes well."""


@dataclass
class Machine:
    """The state machine on the services: pictures are there when a cell is looked at for the second time.

    ``before`` is called with the number of each task, which what it raises ends.
    """

    harness: Harness
    before: Callable[[int], None] = lambda number: None
    scores: bool = True
    passed: list[str] = field(default_factory=list)

    def run(self) -> Execution:
        """Run all of it, from where a new execution begins."""
        harness = self.harness
        tasks = {
            "PlanEvaluation": self._task(harness.workflow.plan),
            "MakeIdentities": self._task(harness.workflow.make_identities),
            "CheckIdentities": self._task(self._check_identities),
            "OrderCell": self._task(harness.cell_service.order, CellState),
            "CheckCell": self._task(self._check_cell, CellState),
            "CheckScores": self._task(harness.workflow.check_scores),
            "WaitForCallback": lambda event: self._score(),
            "CompileEvaluation": self._task(harness.compile),
            "RecordEvaluation": self._task(harness.workflow.record),
        }
        executions = Executions(tasks, harness.clock, read=lambda bucket, key: harness.bucket.objects[key])
        started = {"job_id": harness.job.job_id, "state": "accepted"}
        execution = executions.begin(ID, "run_evaluation", started)
        while execution.status == "RUNNING":
            harness.clock.time = max(executions.next_due() or harness.clock(), harness.clock())
            executions.step(executions.due[0])
        return execution

    def _task(self, method: Callable[[Any], Any], model: Any = EvaluationState) -> Callable[[Any], Any]:
        def task(event: Any) -> Any:
            number = len(self.passed)
            self.passed.append(method.__name__.removeprefix("_"))
            self.before(number)
            return method(model.model_validate(event)).model_dump(mode="json")

        return task

    def _check_identities(self, state: EvaluationState) -> EvaluationState:
        if self.passed.count("check_identities") > 1:
            for identity_id in self.harness.evaluation.identities.values():
                self.harness.train(identity_id)
        return self.harness.workflow.check_identities(state)

    def _check_cell(self, state: CellState) -> CellState:
        generation = self.harness.generations.get(self.harness.evaluation.generation_id(state.cell))
        if state.polls > 1 and generation.settled_at is None:
            self.harness.draw(state)
        return self.harness.cell_service.check(state)

    def _score(self) -> None:
        for outcome in self.harness.evaluations.cell_outcomes(ID) if self.scores else ():
            if outcome.pictures:
                self.harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, SCORE)


def an_evaluation() -> Harness:
    harness = Harness()
    harness.create()
    return harness


def rows_of(harness: Harness) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(harness.result("results.csv")))]


def holds_together(harness: Harness, status: str) -> None:
    """Whatever happened: results of all that was planned, nothing paid twice, nothing set aside."""
    harness.settle_jobs()
    evaluation, rows = harness.evaluation, rows_of(harness)
    assert evaluation.status == status
    assert {name for name in RESULTS if f"evaluations/{ID}/{name}" in harness.bucket.objects} == {*RESULTS}
    assert len(rows) == PICTURES
    drawn = [each for each in harness.generations.stored.values() if each.status == "succeeded"]
    assert sum(row["outcome"] == "succeeded" for row in rows) == len(drawn)
    assert {row["outcome"] for row in rows} <= {"succeeded", "cancelled"}  # nobody failed
    counts = present_evaluation(harness.service.progress(evaluation)).counts
    assert (counts.cells.failed, counts.images.failed) == (0, 0)
    orders = [job.subject_id for job in harness.ledger.rows.values() if job.kind == "generation"]
    assert {row["generation_id"] for row in rows if row["generation_id"]} == {*orders}
    assert harness.money[0] == 0
    assert not harness.job.open
    summary = json.loads(harness.result("summary.json"))
    assert summary["status"] == status
    assert (summary["shortfall"] is None) == (status == "completed")
    for page in ("gallery.html", "report.html", "report.md"):
        assert ("PARTIAL" in harness.result(page)) == (status != "completed"), page
    assert evaluation.recommendation is not None
    assert evaluation.recommendation.provider is None
    told = [event.type for event in harness.events.stored.values() if event.subject_id == ID]
    assert told == ["EvaluationCompleted" if status == "completed" else "EvaluationFailed"]


def test_undisturbed_it_is_completed_and_no_results_are_partial() -> None:
    harness = an_evaluation()
    machine = Machine(harness)
    assert machine.run().path[-1] == "EvaluationCompleted"
    holds_together(harness, "completed")
    assert (*machine.passed,) == TASKS


@pytest.mark.parametrize("dies", [False, True], ids=["cancelled", "cancelled and killed"])
def test_cancelled_at_any_moment_it_has_results_of_what_is_there(dies: bool) -> None:
    """And if the machine is lost right then, another that the sweep starts comes to the same."""
    outcomes = set()
    for at in range(0, len(TASKS), 3 if dies else 1):
        harness = an_evaluation()

        def cancel(number: int, at: int = at, harness: Harness = harness) -> None:
            if number == at:
                for _ in range(2):
                    harness.service.cancel("ann", ID)
                if dies:
                    raise KeyboardInterrupt

        machine = Machine(harness, before=cancel)
        if dies:
            with pytest.raises(KeyboardInterrupt):
                machine.run()
        execution = machine.run()
        assert (execution.status, execution.path[-1]) == ("SUCCEEDED", "EvaluationCancelled"), at
        holds_together(harness, "cancelled")
        outcomes.add(tuple(sorted(row["outcome"] for row in rows_of(harness))))
    assert len(outcomes) > 2  # none was drawn, some were, all were


@pytest.mark.parametrize("fails", [False, True], ids=["completed", "failed"])
def test_cancelled_in_the_moment_in_which_another_outcome_is_stored(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    harness = an_evaluation()
    settle = harness.evaluations.settle

    def cancelled_first(*given: Any) -> Any:
        harness.service.cancel("ann", ID)
        return settle(*given)

    def fail(number: int) -> None:
        if fails and number == 3:
            raise InvalidRequest("a bug")

    monkeypatch.setattr(harness.evaluations, "settle", cancelled_first)
    assert Machine(harness, before=fail).run().path[-1] == "EvaluationCancelled"
    holds_together(harness, "cancelled")


def test_it_is_cancelled_though_no_machine_can_be_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """They look by themselves."""
    harness = Harness()
    harness.create()
    harness.workflow.make_identities(EvaluationState(job_id=harness.job.job_id, evaluation_id=ID))
    for job_id in harness.ledger.rows:
        harness.ledger.register_waiter(job_id, f"token of {job_id}")

    def refuse(token: str) -> None:
        raise ConnectionError("ThrottlingException")

    monkeypatch.setattr(harness.workflows, "wake", refuse)
    assert harness.service.cancel("ann", ID).status == "cancelling"
    trained = harness.identities.get(harness.evaluation.identities["fal-lora"])
    assert trained.error is not None
    assert trained.error.code == "cancelled"


def test_cancelled_before_all_is_scored_it_waits_for_scores_no_longer_than_they_take() -> None:
    harness = an_evaluation()
    cancelled_at: list[datetime] = []

    def cancel(number: int) -> None:
        if machine.passed[number] == "check_scores" and not cancelled_at:
            cancelled_at.append(harness.clock())
            harness.service.cancel("ann", ID)

    machine = Machine(harness, before=cancel, scores=False)
    machine.run()
    holds_together(harness, "cancelled")
    assert harness.clock() - cancelled_at[0] <= LAST_SCORES_WITHIN + timedelta(minutes=1)
    assert {row["error"] for row in rows_of(harness)} == {
        "The evaluation ended before the picture was scored."
    }


@pytest.mark.parametrize("at", [0, 1, 3, 16, 18], ids=lambda at: TASKS[at])
def test_one_that_fails_has_results_of_what_is_there(at: int) -> None:
    harness = an_evaluation()

    def fail(number: int) -> None:
        if number == at:
            raise InvalidRequest("a bug")

    execution = Machine(harness, before=fail).run()
    assert (execution.status, execution.error) == ("FAILED", "invalid_request")
    holds_together(harness, "failed")
    assert "The evaluation failed (a bug)" in harness.result("report.md")


@pytest.mark.parametrize("at", [2, 6, 13, 17], ids=lambda at: TASKS[at])
def test_one_that_reaches_its_deadline_ends_by_itself(at: int) -> None:
    """Before the sweep gives its job up."""
    harness = an_evaluation()

    def pass_by(number: int) -> None:
        if number == at:
            harness.clock.time = max(harness.clock(), harness.evaluation.created_at + ENDS_WITHIN)

    execution = Machine(harness, before=pass_by).run()
    assert (execution.status, execution.error) == ("FAILED", "deadline_exceeded")
    holds_together(harness, "failed")
    assert harness.clock() < harness.job.deadline_at


def test_one_whose_machines_all_died_has_its_results_from_one_more() -> None:
    harness = an_evaluation()
    harness.planned()
    harness.draw(harness.cell_service.order(harness.cells[0]))
    harness.cell_service.order(harness.cells[1])
    for _ in range(2):
        harness.workflow.settle(harness.job, Failure(code="interrupted", message="It was interrupted."))
    anew = [job.runs for job in harness.workflows.started if job.kind == EVALUATION]
    assert len(anew) == 2
    assert anew[1] > MOST_RUNS
    assert not harness.evaluation.has_results
    Machine(harness).run()
    holds_together(harness, "failed")
    assert harness.evaluation.has_results
    assert sorted(row["outcome"] for row in rows_of(harness)) == ["cancelled"] * 3 + ["succeeded"]


def test_results_that_cannot_be_written_keep_nothing_from_ending() -> None:
    harness = an_evaluation()

    def fail(number: int) -> None:
        if machine.passed[number] == "compile":
            raise InvalidRequest("a bug")

    machine = Machine(harness, before=fail)
    assert machine.run().error == "invalid_request"
    assert (harness.evaluation.status, harness.evaluation.has_results) == ("failed", False)
    assert machine.passed.count("compile") == 2


@pytest.mark.parametrize("task", ["check_identities", "check_scores"])
def test_a_task_that_fails_for_good_ends_its_machine_and_another_goes_on(task: str) -> None:
    harness = an_evaluation()

    def fail(number: int) -> None:
        if machine.passed[number] == task:
            raise RuntimeError("AWS is away")

    machine = Machine(harness, before=fail)
    execution = machine.run()
    assert (execution.status, execution.error) == ("FAILED", "internal_error")
    assert harness.evaluation.is_unsettled
    Machine(harness).run()
    holds_together(harness, "completed")


def test_a_task_that_fails_for_good_in_five_machines_fails_the_evaluation() -> None:
    harness = an_evaluation()
    harness.ledger.rows[harness.job.job_id] = harness.job.model_copy(update={"runs": MOST_RUNS})

    def fail(number: int) -> None:
        if machine.passed[number] == "check_scores":
            raise RuntimeError("a bug")

    machine = Machine(harness, before=fail)
    assert machine.run().error == "internal_error"
    holds_together(harness, "failed")
    assert "The evaluation failed (a bug)" in harness.result("report.md")


def test_a_later_run_that_cannot_write_results_raises_an_alarm_and_another_writes_them() -> None:
    harness = an_evaluation()
    Machine(harness).run()
    *_, erased = harness.evaluation.identities.values()
    harness.erasure.forget(erased)
    with pytest.raises(Conflict, match="made anew"):
        EvaluationResults(harness.bucket).get(harness.evaluation, "report.md")

    def fail(number: int) -> None:
        if machine.passed[number] == "compile":
            raise InvalidRequest("a bug")

    machine = Machine(harness, before=fail)
    execution = machine.run()
    assert (execution.status, execution.error) == ("FAILED", "invalid_request")
    assert harness.evaluation.status == "completed"
    assert Machine(harness).run().status == "SUCCEEDED"
    assert EvaluationResults(harness.bucket).get(harness.evaluation, "report.md").content


def test_results_that_tell_of_another_outcome_are_not_handed_out() -> None:
    """It was cancelled when its results were there, and they could not be written again."""
    harness = an_evaluation()

    def fail(number: int) -> None:
        if machine.passed[number] == "record" and machine.passed.count("record") == 1:
            harness.service.cancel("ann", ID)
        if machine.passed[number] == "compile" and machine.passed.count("compile") > 1:
            raise InvalidRequest("a bug")

    machine = Machine(harness, before=fail)
    execution = machine.run()
    assert (execution.path[-1], execution.error) == ("EvaluationFailed", "cancelled"), "it raises an alarm"
    assert json.loads(harness.result("summary.json"))["status"] == "completed"
    assert not harness.evaluation.has_results
    with pytest.raises(Conflict, match="is cancelled, and its results are not there"):
        EvaluationResults(harness.bucket).get(harness.evaluation, "report.md")
    harness.workflow.settle(harness.job, None)
    assert harness.workflows.started[-1].runs > MOST_RUNS
    Machine(harness).run()
    holds_together(harness, "cancelled")
    assert EvaluationResults(harness.bucket).get(harness.evaluation, "report.md").content


def test_who_ends_it_reads_no_more_of_what_had_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = an_evaluation()
    read: list[str] = []
    get = harness.generations.get

    def get_and_count(generation_id: str) -> Generation:
        read.append(generation_id)
        return get(generation_id)

    def count(number: int) -> None:
        if machine.passed[number] == "record" and not read:
            harness.service.cancel("ann", ID)
            monkeypatch.setattr(harness.generations, "get", get_and_count)

    machine = Machine(harness, before=count)
    machine.run()
    assert len(read) == PICTURES, "by the compilation, each once"
    holds_together(harness, "cancelled")


def test_what_no_provider_had_taken_costs_nothing() -> None:
    harness = an_evaluation()
    harness.planned()
    for cell in harness.cells:
        harness.cell_service.order(cell)
    jobs = [job for job in harness.ledger.rows.values() if job.kind == "generation"]
    assert {job.state for job in jobs} == {"accepted"}
    harness.service.cancel("ann", ID)
    harness.workflow.settle(harness.job, None)
    for job in jobs:
        settle_money(harness.ledger, job)
    training = [job for job in harness.ledger.rows.values() if job.kind == "training"]
    assert harness.money == (sum(job.reserved_microusd for job in training), 0)


def test_a_cell_that_nobody_looks_after_any_more_is_stopped_when_the_rest_is_completed() -> None:
    """Its task failed again and again while its picture was drawn: that may be billed, and is nobody's."""
    harness = an_evaluation()

    def fail(number: int) -> None:
        if number == TASKS.index("check_cell"):
            raise InvalidRequest("a bug")

    machine = Machine(harness, before=fail)
    assert machine.run().status == "SUCCEEDED"
    assert harness.evaluation.status == "completed"
    [stopped] = [each for each in harness.generations.stored.values() if each.status != "succeeded"]
    assert (stopped.settled_at, stopped.error) == (harness.evaluation.settled_at, STOPPED)
    [row] = [row for row in rows_of(harness) if row["outcome"] != "succeeded"]
    assert (row["outcome"], row["error"]) == ("cancelled", STOPPED.message)
    assert row["generation_id"] == stopped.generation_id


def test_what_is_parked_is_paid_and_stays_when_nobody_waits_for_it_any_more() -> None:
    harness = an_evaluation()
    harness.planned()
    state = harness.cell_service.order(harness.cells[0])
    harness.clock.time += WAITED_WITHIN
    assert harness.cell_service.check(state).state == "settled"
    harness.cell_service.stop(harness.evaluation)
    [generation] = harness.generations.stored.values()
    assert generation.settled_at is None

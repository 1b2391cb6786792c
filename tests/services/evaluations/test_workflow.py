import pytest

from character_identity.domain.errors import NotFound
from character_identity.domain.failure import Failure
from character_identity.domain.score import NotScored
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.domain.view import EncoderVersion
from character_identity.services.evaluations.cells import CellState
from character_identity.services.evaluations.workflow import EvaluationState
from character_identity.services.jobs.state import MOST_RUNS
from tests.services.evaluations.harness import ID, Harness
from tests.support.builders import a_score, an_identity

SCORE = a_score(EncoderVersion("tiny", "0f1e", "v1"), "0f1e", {"r": 0.5})
BLACK = NotScored(encoder="tiny", code="black_image", reason="It is black.")
REFUSED = Failure(code="generation_failed", message="The provider refused.")


def drawn(harness: Harness) -> EvaluationState:
    """An evaluation whose cells have all been drawn."""
    state = harness.planned()
    for cell in harness.cells:
        ordered = harness.cell_service.order(cell)
        harness.draw(ordered)
        assert harness.cell_service.check(ordered).state == "settled"
    return state


def test_it_goes_from_the_plan_to_the_outcome() -> None:
    harness = Harness()
    harness.create()
    state = drawn(harness)
    harness.settle_jobs()
    waiting = harness.workflow.check_scores(state)
    assert (waiting.state, harness.evaluation.phase) == ("scoring", "scores")
    for outcome in harness.evaluations.cell_outcomes(ID):
        harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, SCORE)
    scored = harness.workflow.check_scores(waiting)
    assert (scored.state, harness.evaluation.phase) == ("scored", "report")
    done = harness.workflow.record(harness.compile(scored))
    assert (done.state, harness.evaluation.status) == ("completed", "completed")
    assert harness.money == (0, 2_000_000 + 4 * 100_000)
    assert [event.type for event in harness.events.stored.values()][-1] == "EvaluationCompleted"
    progress = harness.service.progress(harness.evaluation)
    assert (progress.scored, progress.not_scored) == (4, 0)
    assert progress.cost_usd == pytest.approx(2.0 + 4 * 0.1)


def test_every_task_done_twice_pays_once() -> None:
    harness = Harness()
    harness.create()
    planned = harness.workflow.plan(harness.workflow.plan(harness.begun))
    state = harness.workflow.make_identities(harness.workflow.make_identities(planned))
    harness.train(harness.evaluation.identities["fal-lora"])
    state = harness.workflow.check_identities(state)
    for cell in harness.cells:
        again = harness.cell_service.order(harness.cell_service.order(cell))
        harness.draw(again)
        harness.cell_service.check(harness.cell_service.check(again))
    jobs = [job.job_id for job in harness.ledger.rows.values()]
    assert len(jobs) == len({*jobs}) == 1 + 1 + 4
    # All that was set aside for the evaluation has gone to its jobs, none of it twice.
    assert harness.job.reserved_microusd == 0
    assert harness.money == (4_000_000 + 4 * 200_000, 0)
    harness.settle_jobs()
    for _ in range(2):
        harness.workflow.record(state.model_copy(update={"state": "compiled"}))
    assert harness.money == (0, 2_000_000 + 4 * 100_000)
    assert [event.type for event in harness.events.stored.values()].count("EvaluationCompleted") == 1


def test_jobs_wait_behind_what_somebody_waits_for() -> None:
    harness = Harness()
    harness.create()
    drawn(harness)
    jobs = [job for job in harness.ledger.rows.values() if job.kind != "evaluation"]
    assert {(job.priority, job.evaluation_id) for job in jobs} == {("batch", ID)}


def test_an_identity_that_fails_leaves_the_other_providers_be() -> None:
    harness = Harness()
    harness.create()
    state = harness.workflow.make_identities(harness.workflow.plan(harness.begun))
    identity_id = harness.evaluation.identities["fal-lora"]
    failed = {"status": "failed", "settled_at": harness.clock(), "error": REFUSED}
    harness.identities.stored[identity_id] = harness.identities.get(identity_id).model_copy(update=failed)
    assert harness.workflow.check_identities(state).state == "made"
    assert harness.evaluation.failures == {"fal-lora": REFUSED}
    for cell in harness.cells:
        settled = harness.cell_service.order(cell).state == "settled"
        assert settled == (cell.cell.provider == "fal-lora")
    outcomes = harness.evaluations.cell_outcomes(ID)
    assert {each.error and each.error.code for each in outcomes} == {"no_identity"}


def test_references_that_a_provider_refuses_are_a_result() -> None:
    harness = Harness()
    harness.create()
    for key in harness.evaluation.references:
        harness.bucket.objects[key] = b"no picture"
    harness.workflow.make_identities(harness.workflow.plan(harness.begun))
    assert {failure.code for failure in harness.evaluation.failures.values()} == {"unreadable_image"}


def test_a_picture_that_fails_is_a_result() -> None:
    harness = Harness()
    harness.create()
    harness.planned()
    first = harness.cell_service.order(harness.cells[0])
    harness.draw(first, failure=REFUSED)
    assert harness.cell_service.check(first).state == "settled"
    (outcome,) = harness.evaluations.cell_outcomes(ID)
    assert (outcome.pictures, outcome.error, outcome.cost_usd) == (0, REFUSED, 0.1)


def test_an_order_that_cannot_be_paid_is_a_result() -> None:
    harness = Harness()
    harness.create()
    harness.planned()
    emptied = harness.job.model_copy(update={"reserved_microusd": 0})
    harness.ledger.rows[emptied.job_id] = emptied
    assert harness.cell_service.order(harness.cells[0]).state == "settled"
    (outcome,) = harness.evaluations.cell_outcomes(ID)
    assert outcome.error is not None and outcome.error.code == "budget_exceeded"


def test_what_is_not_there_in_time_is_waited_for_no_longer() -> None:
    harness = Harness()
    harness.create()
    state = harness.workflow.make_identities(harness.workflow.plan(harness.begun))
    assert harness.workflow.check_identities(state).state == "making"
    harness.clock.pass_by(days=2)
    assert harness.workflow.check_identities(state).state == "made"
    cell = next(each for each in harness.cells if each.cell.provider == "fal-instant")
    ordered = harness.cell_service.order(cell)
    harness.clock.pass_by(days=2)
    assert harness.cell_service.check(ordered).state == "settled"
    assert {each.error.code for each in harness.evaluations.cell_outcomes(ID) if each.error} == {
        "deadline_exceeded"
    }
    assert {*harness.evaluation.failures} == {"fal-lora"}


def test_scores_that_do_not_come_are_waited_for_two_hours() -> None:
    harness = Harness()
    harness.create()
    waiting = harness.workflow.check_scores(drawn(harness))
    harness.clock.time += SCORED_WITHIN
    assert harness.workflow.check_scores(waiting).state == "scored"


def test_a_picture_that_cannot_be_scored_is_not_waited_for() -> None:
    harness = Harness()
    harness.create()
    waiting = harness.workflow.check_scores(drawn(harness))
    for outcome in harness.evaluations.cell_outcomes(ID):
        harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, BLACK)
    assert harness.workflow.check_scores(waiting).state == "scored"


def test_cancelling_stops_what_runs_and_gives_the_money_back() -> None:
    harness = Harness()
    harness.create()
    state = harness.planned()
    first, second, *rest = harness.cells
    ordered = harness.cell_service.order(first)
    harness.draw(harness.cell_service.order(second))
    harness.ledger.register_waiter(harness.job.job_id, "token")
    assert harness.service.cancel("ann", ID).status == "cancelling"
    assert harness.workflows.woken == ["token"]
    assert harness.cell_service.check(ordered).state == "settled"
    generation = harness.generations.get(harness.evaluation.generation_id(first.cell))
    assert (generation.status, generation.error and generation.error.code) == ("failed", "cancelled")
    assert f"generation-{generation.generation_id}" in harness.ledger.pending  # its machine stops it there
    assert {harness.cell_service.order(cell).state for cell in rest} == {"settled"}
    state = harness.workflow.record(harness.compile(harness.workflow.check_scores(state)))
    assert (state.state, harness.evaluation.status) == ("cancelled", "cancelled")
    harness.settle_jobs()
    assert harness.money[0] == 0
    assert [event.type for event in harness.events.stored.values()][-1] == "EvaluationFailed"
    assert harness.service.cancel("ann", ID).status == "cancelled"


def test_cancelling_while_identities_are_trained_cancels_those_that_it_makes() -> None:
    harness = Harness(an_identity(identity_id="i1"))
    harness.create(identities={"fal-lora": "i1"})
    harness.workflow.make_identities(harness.workflow.plan(harness.begun))
    harness.service.cancel("ann", ID)
    assert harness.identities.get("i1").status == "ready"
    other = Harness()
    other.create()
    state = other.workflow.make_identities(other.workflow.plan(other.begun))
    other.service.cancel("ann", ID)
    made = other.identities.get(other.evaluation.identities["fal-lora"])
    assert made.error is not None and made.error.code == "cancelled"
    assert other.workflow.check_identities(state).state == "ended"


def test_one_that_fails_stops_what_runs() -> None:
    harness = Harness()
    harness.create()
    state = harness.planned()
    ordered = harness.cell_service.order(harness.cells[0])
    broken = {"error": {"Error": "States.Runtime", "Cause": "a bug"}}
    harness.ledger.rows[harness.job.job_id] = harness.job.model_copy(update={"runs": MOST_RUNS})
    stopped = harness.workflow.record(state.model_copy(update=broken))
    assert (stopped.state, harness.evaluation.status) == ("stopped", "running")
    done = harness.workflow.record(harness.compile(stopped))
    assert (done.state, harness.evaluation.status) == ("failed", "failed")
    generation = harness.generations.get(harness.evaluation.generation_id(ordered.cell))
    assert generation.error is not None and generation.error.code == "cancelled"
    assert harness.cell_service.check(ordered).state == "settled"
    assert harness.evaluation.error is not None and harness.evaluation.error.code == "internal_error"


def test_the_sweep_settles_one_whose_machine_died() -> None:
    harness = Harness()
    harness.create()
    assert harness.workflow.outcome_of(harness.job) is None
    unordered = Failure(code="not_ordered", message="nobody took it")
    outcome = harness.workflow.settle(harness.job, unordered)
    assert (outcome.status, outcome.error and outcome.error.code) == ("failed", "deadline_exceeded")
    assert harness.money == (0, 0)
    assert harness.workflow.outcome_of(harness.job) == outcome


def test_nothing_is_drawn_from_one_that_is_settled() -> None:
    harness = Harness()
    harness.create()
    harness.planned()
    harness.workflow.settle(harness.job, REFUSED)
    paid = len(harness.ledger.rows)
    assert {harness.cell_service.order(cell).state for cell in harness.cells} == {"settled"}
    assert len(harness.ledger.rows) == paid
    assert harness.workflow.plan(harness.begun).state == "scored"  # its results are made anew


def test_erasing_an_identity_takes_it_out_and_has_the_results_made_anew() -> None:
    harness = Harness()
    harness.create()
    state = drawn(harness)
    for outcome in harness.evaluations.cell_outcomes(ID):
        harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, SCORE)
    harness.workflow.record(state.model_copy(update={"state": "compiled"}))
    harness.bucket.write(f"evaluations/{ID}/results.csv", b"rows", "text/csv")
    harness.erasure.forget(harness.evaluation.identities["fal-lora"])
    assert f"evaluations/{ID}/results.csv" not in harness.bucket.objects
    assert harness.evaluation.providers == ["fal-instant"]
    assert {each.cell.provider for each in harness.evaluations.cell_outcomes(ID)} == {"fal-instant"}
    assert len(harness.evaluations.shared_scores(ID)) == 2
    again = harness.workflows.started[-1]
    assert again.subject_id == ID and again.runs > 1
    assert harness.workflow.plan(EvaluationState(job_id=again.job_id)).state == "scored"


def test_erasing_one_generation_leaves_a_row_that_says_so() -> None:
    harness = Harness()
    harness.create()
    state = drawn(harness)
    first, *others = harness.evaluations.cell_outcomes(ID)
    for outcome in (first, *others):
        harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, SCORE)
    harness.workflow.record(state.model_copy(update={"state": "compiled"}))
    harness.bucket.write(f"evaluations/{ID}/gallery.html", b"pictures", "text/html")
    before = len(harness.workflows.started)
    for _ in range(2):
        harness.erasure.forget_generation(first.generation_id or "")
    assert f"evaluations/{ID}/gallery.html" not in harness.bucket.objects
    erased = harness.evaluations.cell_outcomes(ID)[0]
    assert (erased.pictures, erased.error and erased.error.code) == (0, "erased")
    assert len(harness.evaluations.shared_scores(ID)) == len(others)
    assert len(harness.workflows.started) == before + 1
    harness.erasure.forget_generation("of-no-evaluation")


def test_erasing_the_last_identity_erases_the_evaluation() -> None:
    harness = Harness()
    harness.create()
    state = harness.planned()
    for identity_id in [*harness.evaluation.identities.values()]:
        harness.erasure.forget(identity_id)
        harness.erasure.forget(identity_id)
    with pytest.raises(NotFound):
        harness.service.get("ann", ID)
    assert [key for key in harness.bucket.objects if ID in key] == []
    assert harness.workflow.check_scores(state).state == "ended"
    harness.settle_jobs()
    assert harness.workflow.record(state.model_copy(update={"state": "ended"})).state == "cancelled"
    assert harness.money[0] == 0
    cell = {"provider": "fal-lora", "scenario": "beach", "variation": 1, "images": 1}
    gone = CellState.model_validate({"evaluation_id": ID, "cell": cell})
    assert harness.cell_service.order(gone).state == "settled"

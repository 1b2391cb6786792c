"""Evaluations as the API shows them."""

from typing import Any

from character_identity.api.evaluation_schemas import (
    EstimateEvaluationResponse,
    EvaluationCounts,
    EvaluationLinks,
    EvaluationReceiptResponse,
    EvaluationResponse,
    EvaluationSummary,
    IdentityCounts,
    ImageCounts,
    ProviderEstimateResponse,
    RecommendationResponse,
    RemovedOfEvaluationResponse,
)
from character_identity.api.presenters import present_budget
from character_identity.api.schemas import RetainedDataResponse
from character_identity.domain.budget import usd
from character_identity.domain.erasure import EvaluationReceipt
from character_identity.domain.evaluation import PHASES, Evaluation, EvaluationPhase
from character_identity.domain.evaluation_progress import EvaluationQuote, Progress

BEGINS_AT: dict[EvaluationPhase, int] = {
    "planning": 0,
    "identities": 2,
    "pictures": 30,
    "scores": 90,
    "report": 97,
}
"""Per cent at which a phase begins; within one, what is counted moves it on."""


def present_evaluation(progress: Progress) -> EvaluationResponse:
    """An evaluation and how far it is."""
    evaluation = progress.evaluation
    return EvaluationResponse(
        **_head(evaluation),
        class_name=evaluation.class_name,
        progress=_per_cent(progress),
        counts=_counts(progress),
        cost_usd=round(progress.cost_usd, 6),
        estimate_usd=usd(evaluation.estimate_microusd + evaluation.assumed_microusd),
        ceiling_usd=usd(evaluation.reserved_microusd),
        identities=evaluation.identities,
        failures=evaluation.failures,
        links=_links(evaluation) if evaluation.has_results else None,
    )


def summarise_evaluation(evaluation: Evaluation) -> EvaluationSummary:
    """An evaluation in a list."""
    return EvaluationSummary(**_head(evaluation))


def present_evaluation_receipt(receipt: EvaluationReceipt) -> EvaluationReceiptResponse:
    """Return what was erased with an evaluation, and what remains."""
    return EvaluationReceiptResponse(
        evaluation_id=receipt.evaluation_id,
        erased_at=receipt.erased_at,
        complete=receipt.complete,
        removed=RemovedOfEvaluationResponse(**dict(receipt.removed)),
        remaining=[RetainedDataResponse(**dict(retained)) for retained in receipt.kept],
    )


def present_evaluation_estimate(quoted: EvaluationQuote) -> EstimateEvaluationResponse:
    """Return what an evaluation would cost."""
    would_exceed = None if quoted.quote.affordable else "budget"
    return EstimateEvaluationResponse(
        cells=quoted.cells,
        images=quoted.images,
        estimate_usd=usd(quoted.estimate_microusd),
        assumed_usd=usd(quoted.assumed_microusd),
        ceiling_usd=usd(quoted.ceiling_microusd),
        max_cost_usd=quoted.max_cost_usd,
        would_exceed="maxCostUsd" if quoted.is_over_maximum else would_exceed,
        by_provider=[
            ProviderEstimateResponse(
                provider=each.provider,
                cells=each.cells,
                images=each.images,
                estimate_usd=None if each.estimate_microusd is None else usd(each.estimate_microusd),
                ceiling_usd=usd(each.ceiling_microusd),
            )
            for each in quoted.by_provider
        ],
        budget=present_budget(quoted.quote.budget),
    )


def _head(evaluation: Evaluation) -> dict[str, Any]:
    found = evaluation.recommendation
    return {
        "evaluation_id": evaluation.evaluation_id,
        "name": evaluation.name,
        "status": evaluation.status,
        "phase": evaluation.phase,
        "providers": evaluation.providers,
        "scenarios": evaluation.scenarios,
        "variations": evaluation.variations,
        "max_cost_usd": evaluation.max_cost_usd,
        "created_at": evaluation.created_at,
        "updated_at": evaluation.updated_at,
        "recommendation": RecommendationResponse(**dict(found)) if found else None,
        "error": evaluation.error,
    }


def _counts(progress: Progress) -> EvaluationCounts:
    evaluation, outcomes = progress.evaluation, progress.outcomes
    ready = sum(identity.status == "ready" for identity in progress.identities)
    ran = [each for each in outcomes if not (each.was_cancelled or each.was_erased)]
    failed_cells = [each for each in ran if each.error is not None]
    pictures = sum(each.pictures for each in ran)
    return EvaluationCounts(
        identities=IdentityCounts(
            total=len(evaluation.providers), done=ready, failed=len(evaluation.failures)
        ),
        cells=IdentityCounts(
            total=evaluation.cells, done=len(ran) - len(failed_cells), failed=len(failed_cells)
        ),
        images=ImageCounts(
            total=evaluation.images,
            done=pictures,
            failed=sum(each.cell.images for each in ran) - pictures,
            scored=progress.scored,
            not_scored=progress.not_scored,
        ),
    )


def _per_cent(progress: Progress) -> int:
    evaluation, outcomes = progress.evaluation, progress.outcomes
    if evaluation.status == "completed":
        return 100
    trained = [identity.progress / 100 for identity in progress.identities]
    wanted = sum(each.pictures for each in outcomes)
    shares: dict[EvaluationPhase, float] = {
        "identities": sum(trained) / len(evaluation.providers),
        "pictures": len(outcomes) / evaluation.cells,
        "scores": (progress.scored + progress.not_scored) / wanted if wanted else 1,
    }
    begin = BEGINS_AT[evaluation.phase]
    following = PHASES[PHASES.index(evaluation.phase) + 1 :]
    end = BEGINS_AT[following[0]] if following else 100
    return int(begin + (end - begin) * min(1.0, shares.get(evaluation.phase, 0)))


def _links(evaluation: Evaluation) -> EvaluationLinks:
    path = f"/v1/evaluations/{evaluation.evaluation_id}"
    return EvaluationLinks(
        results_csv=f"{path}/results.csv",
        gallery=f"{path}/gallery.html",
        report=f"{path}/report.html",
        report_markdown=f"{path}/report.md",
        summary=f"{path}/summary.json",
        manifest=f"{path}/evaluation.json",
        pictures=f"{path}/pictures.json",
    )

"""The operations of the API about evaluations, as steps."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from character_identity_client.calls import at, delete, get, order, pages, post, repeated
from character_identity_client.effects import Entries, Send, Steps
from character_identity_client.jobs import wait
from character_identity_client.models import (
    Evaluation,
    EvaluationEstimate,
    EvaluationOrder,
    EvaluationReceipt,
    EvaluationSummary,
)

LONGEST_DELAY_S = 3.0
"""Between two polls of an evaluation, which people watch."""


def estimate_evaluation(order: EvaluationOrder) -> Steps[EvaluationEstimate]:
    """Return the cost of an evaluation; free."""
    return post("/v1/evaluations/estimate", EvaluationEstimate, _body(order))


def create_evaluation(
    evaluation: EvaluationOrder, *, idempotency_key: str | None = None
) -> Steps[Evaluation]:
    """Have providers compared; identities and pictures are made, and paid, as by their own calls."""
    return order("/v1/evaluations", Evaluation, _body(evaluation), idempotency_key)


def get_evaluation(evaluation_id: str) -> Steps[Evaluation]:
    """An evaluation as it is now."""
    return get(at("evaluations", evaluation_id), Evaluation)


def list_evaluations(
    *, status: str | None = None, since: datetime | None = None
) -> Entries[EvaluationSummary]:
    """The evaluations, newest first; as ``list_identities``."""
    wanted = {"status": status, "since": since.isoformat() if since else None}
    return pages("/v1/evaluations", "evaluations", EvaluationSummary, wanted)


def cancel_evaluation(evaluation_id: str) -> Steps[Evaluation]:
    """Give an evaluation up; one that has ended stays as it is."""
    return post(at("evaluations", evaluation_id, "cancel"), Evaluation)


def erase_evaluation(evaluation_id: str) -> Steps[EvaluationReceipt]:
    """Erase an evaluation that has ended; its identities and generations stay, as the receipt says."""
    return delete(at("evaluations", evaluation_id), EvaluationReceipt)


def evaluation_result(evaluation_id: str, file: str) -> Steps[bytes]:
    """A result of an evaluation that has ended, such as ``results.csv``."""
    path = at("evaluations", evaluation_id, file)
    answer = yield from repeated(Send(method="GET", url=path, headers={"Accept": "*/*"}, leads_on=True))
    if answer.has_redirect_location:
        answer = yield from repeated(Send(method="GET", url=answer.headers["Location"]))
    return answer.content


def wait_until_evaluated(
    evaluation_id: str,
    *,
    timeout_s: float,
    on_progress: Callable[[Evaluation], None] | None = None,
) -> Steps[Evaluation]:
    """The evaluation once it has an outcome, whichever; ``on_progress`` sees every poll of it.

    Raises:
        DeadlinePassed: it is still running.
    """

    def poll() -> Steps[Evaluation | None]:
        evaluation = yield from get_evaluation(evaluation_id)
        if on_progress is not None:
            on_progress(evaluation)
        return evaluation if evaluation.settled else None

    return wait(poll, f"evaluation {evaluation_id} to end", timeout_s, LONGEST_DELAY_S)


def _body(order: EvaluationOrder) -> dict[str, Any]:
    return order.model_dump(mode="json", by_alias=True, exclude_none=True)

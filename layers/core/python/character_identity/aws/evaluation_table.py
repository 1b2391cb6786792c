"""Evaluations in DynamoDB."""

from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import datetime
from typing import Any

from character_identity.aws import keys
from character_identity.aws.budget_table import refusal
from character_identity.aws.event_table import put_of
from character_identity.aws.items import Item
from character_identity.aws.ledger_table import accepting
from character_identity.aws.pages import read_page
from character_identity.aws.rows import read_row
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import ERASED, NEW, NOT_ERASED, check, delete, put, update
from character_identity.domain.erasure import EvaluationReceipt, RemovedOfEvaluation
from character_identity.domain.errors import Conflict
from character_identity.domain.evaluation import (
    PHASES,
    CellOutcome,
    Evaluation,
    EvaluationPhase,
    Recommendation,
)
from character_identity.domain.event import Event
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import ProviderJob
from character_identity.domain.page import Page, Window

IS_RUNNING = "#status = :running"
IS_UNSETTLED = "#status IN (:running, :cancelling)"
STATUSES: dict[str, Any] = {"running": "running", "cancelling": "cancelling"}
OUTCOME = {"status", "settled_at", "updated_at", "error"}
PARTS = {"providers", "identities", "made", "failures", "recommendation"}
"""What an erasure changes."""


class EvaluationTable:
    """One item each, listed for its owner by time; once it is erased its receipt, ``status`` ``erased``.

    Beside it lies an item for each cell that has an outcome, and one for each scored picture; beside each
    identity that it is made of, an item that says so.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(
        self, evaluation: Evaluation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        evaluation_id = evaluation.evaluation_id
        uses = [
            put(keys.used_by(identity_id, evaluation_id)) for identity_id in evaluation.identities.values()
        ]
        new, taken_in = put(_item(evaluation), NEW), delete(keys.intake(evaluation_id))
        try:
            self._table.transact(
                [new, taken_in, *uses, *accepting(job, limit_microusd, operator_limit_microusd)]
            )
        except Refused as exc:
            if exc.refused[0]:
                raise Conflict(f"The evaluation {evaluation_id!r} exists.") from exc
            raise refusal(job, exc.refused) from exc

    def get(self, evaluation_id: str) -> Evaluation:
        row = read_row(self._table, keys.evaluation(evaluation_id), "evaluation", evaluation_id)
        return Evaluation.model_validate(row)

    def list(self, owner: str, window: Window) -> Page[Evaluation]:
        return read_page(
            self._table, keys.evaluations_of(owner), window, keys.evaluation, Evaluation.model_validate
        )

    def advance(self, evaluation_id: str, phase: EvaluationPhase, at: datetime, **changes: Any) -> bool:
        reached = PHASES[: PHASES.index(phase) + 1]
        places: dict[str, Any] = {f"phase_{number}": each for number, each in enumerate(reached)}
        before = ", ".join(f":{place}" for place in places)
        return self._table.write(
            update(
                keys.evaluation(evaluation_id),
                {"phase": phase, "updated_at": at.isoformat(), **changes},
                f"{IS_UNSETTLED} AND #phase IN ({before})",
                **STATUSES,
                **places,
            )
        )

    def cancel(self, evaluation_id: str, at: datetime) -> bool:
        changes = {"status": "cancelling", "updated_at": at.isoformat()}
        return self._table.write(
            update(keys.evaluation(evaluation_id), changes, IS_RUNNING, running="running")
        )

    def conclude(self, evaluation_id: str, found: Recommendation, at: datetime) -> None:
        changes = {"recommendation": found.model_dump(mode="json"), "updated_at": at.isoformat()}
        self._table.write(update(keys.evaluation(evaluation_id), changes, NOT_ERASED, erased=ERASED))

    def settle(self, evaluation: Evaluation, event: Event) -> Evaluation:
        outcome = evaluation.model_dump(mode="json", include=OUTCOME)
        key = keys.evaluation(evaluation.evaluation_id)
        is_cancelled = evaluation.status == "cancelled"
        when, statuses = (IS_UNSETTLED, STATUSES) if is_cancelled else (IS_RUNNING, {"running": "running"})
        with suppress(Refused):
            self._table.transact([update(key, outcome, when, **statuses), put_of(event)])
        return self.get(evaluation.evaluation_id)

    def put_cell(self, evaluation_id: str, outcome: CellOutcome) -> None:
        key = keys.cell(evaluation_id, outcome.cell.cell_id)
        there = check(keys.evaluation(evaluation_id), NOT_ERASED, erased=ERASED)
        with suppress(Refused):
            self._table.transact([there, put({**key, **outcome.model_dump(mode="json")})])

    def cell_outcomes(self, evaluation_id: str) -> Sequence[CellOutcome]:
        pk = keys.evaluation(evaluation_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :cell)", cell=keys.CELL)
        return [CellOutcome.model_validate(row) for row in rows]

    def used_by(self, identity_id: str) -> Sequence[str]:
        pk = keys.identity(identity_id)["pk"]
        rows = self._table.query(pk, "begins_with(sk, :use)", only="pk, sk", use=keys.USED_BY)
        return [row["sk"].removeprefix(keys.USED_BY) for row in rows]

    def without_identity(self, evaluation_id: str, identity_id: str) -> Evaluation | None:
        while (stored := get_or_none(self.get, evaluation_id)) is not None:
            left = stored.without_identity(identity_id)
            if left is None:
                return None
            changes = left.model_dump(mode="json", include=PARTS)
            as_read = "#providers = :as_read"  # else another identity was erased meanwhile
            if self._table.write(
                update(keys.evaluation(evaluation_id), changes, as_read, as_read=stored.providers)
            ):
                seen = self._embedded_references(evaluation_id) if left.compares_with(identity_id) else ()
                self._table.delete_all([*self._rows_but_of(left), *seen])
                return left
        return None

    def without_generation(self, evaluation_id: str, generation_id: str) -> Evaluation | None:
        stored = get_or_none(self.get, evaluation_id)
        if stored is None:
            return None
        for outcome in self.cell_outcomes(evaluation_id):
            if outcome.generation_id == generation_id:
                self.put_cell(evaluation_id, outcome.erased())
        self._table.delete_all(self._scores_of(evaluation_id, {generation_id}))
        return stored

    def forget_use(self, identity_id: str, evaluation_id: str) -> None:
        self._table.write(delete(keys.used_by(identity_id, evaluation_id)))

    def replace_with_tombstone(self, receipt: EvaluationReceipt) -> bool:
        item = _tombstone(receipt, receipt.next_purge_at(receipt.erased_at))
        return self._table.write(put(item, NOT_ERASED, erased=ERASED))

    def receipt(self, evaluation_id: str) -> EvaluationReceipt | None:
        item = self._table.get(keys.evaluation(evaluation_id))
        return None if item is None or item["status"] != ERASED else EvaluationReceipt.model_validate(item)

    def save_receipt(self, receipt: EvaluationReceipt, purge_at: datetime | None) -> None:
        self._table.write(put(_tombstone(receipt, purge_at)))

    def remove_rows(self, evaluation_id: str) -> RemovedOfEvaluation:
        own = keys.evaluation(evaluation_id)
        under = [key for key in self._table.keys_under(own["pk"]) if key["sk"] != own["sk"]]
        self._table.delete_all(
            [*under, *self._table.keys_under(keys.shared_references(evaluation_id, "")["pk"])]
        )
        return RemovedOfEvaluation(
            cells=sum(key["sk"].startswith(keys.CELL) for key in under),
            scores=sum(key["sk"].startswith(keys.SCORE) for key in under),
        )

    def _embedded_references(self, evaluation_id: str) -> Sequence[keys.Key]:
        """Return the keys of an evaluation's references as encoders see them."""
        under = self._table.keys_under(keys.shared_references(evaluation_id, "")["pk"])
        return [key for key in under if key["sk"].startswith(keys.EMBEDDING)]

    def _rows_but_of(self, evaluation: Evaluation) -> Sequence[keys.Key]:
        """Return the keys of cells and scores of providers that are no part of an evaluation.

        What leads to others comes after them: whoever deletes these and is interrupted finds the rest again.
        """
        outcomes = self.cell_outcomes(evaluation.evaluation_id)
        gone = [each for each in outcomes if each.cell.provider not in evaluation.providers]
        generations = {each.generation_id for each in gone if each.generation_id}
        scores = self._scores_of(evaluation.evaluation_id, generations)
        return [*scores, *(keys.cell(evaluation.evaluation_id, each.cell.cell_id) for each in gone)]

    def _scores_of(self, evaluation_id: str, generations: Set[str]) -> Sequence[keys.Key]:
        """Return the keys of what was seen of some generations' pictures, each before that of its score."""
        pk = keys.evaluation(evaluation_id)["pk"]
        only = "generation_id, image_index"
        scores = self._table.query(pk, "begins_with(sk, :score)", only=only, score=keys.SCORE)
        pictures = [(row["generation_id"], int(row["image_index"])) for row in scores]
        return [
            key
            for generation_id, index in pictures
            if generation_id in generations
            for key in (
                keys.shared_view(evaluation_id, generation_id, index),
                keys.shared_score(evaluation_id, generation_id, index),
            )
        ]


def _item(evaluation: Evaluation) -> Item:
    listed = keys.listed(keys.evaluations_of(evaluation.owner), evaluation.created_at)
    return {**keys.evaluation(evaluation.evaluation_id), **listed, **evaluation.model_dump(mode="json")}


def _tombstone(receipt: EvaluationReceipt, purge_at: datetime | None) -> Item:
    due = {} if purge_at is None else keys.due(purge_at)
    own = keys.evaluation(receipt.evaluation_id)
    return {**own, **receipt.model_dump(mode="json"), **due, "status": ERASED}

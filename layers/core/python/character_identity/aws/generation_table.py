"""Generations in DynamoDB."""

from collections.abc import Set
from contextlib import suppress

from character_identity.aws import keys
from character_identity.aws.budget_table import refusal
from character_identity.aws.event_table import put_of
from character_identity.aws.ledger_table import accepting
from character_identity.aws.pages import read_page
from character_identity.aws.rows import read_row
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import ERASED, NEW, NOT_ERASED, Write, check, put, update
from character_identity.domain.errors import Conflict
from character_identity.domain.event import Event
from character_identity.domain.generation import Generation
from character_identity.domain.job import ProviderJob
from character_identity.domain.page import Page, Window
from character_identity.domain.scored_generation import SCORED_WITHIN

UNSETTLED = "#status IN (:queued, :running)"
OUTCOME = frozenset(
    {"status", "settled_at", "images", "warnings", "cost_usd", "cost_is_implausible", "error"}
)


class GenerationTable:
    """One item each; its scores lie beside it, and the index lists an identity's generations by time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(
        self, generation: Generation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        key = keys.generation(generation.generation_id)
        listed = keys.listed(keys.generations_of(generation.identity_id), generation.created_at)
        new = put({**key, **listed, **generation.model_dump(mode="json")}, NEW)
        ready = check(keys.identity(generation.identity_id), "#status = :ready", ready="ready")
        try:
            self._table.transact([new, ready, *accepting(job, limit_microusd, operator_limit_microusd)])
        except Refused as exc:
            exists, not_ready, *_ = exc.refused
            if exists:
                raise Conflict(f"The generation {generation.generation_id!r} exists.") from exc
            if not_ready:
                raise Conflict(
                    f"The identity {generation.identity_id!r} is not ready.", code="identity_not_ready"
                ) from exc
            raise refusal(job, exc.refused) from exc

    def get(self, generation_id: str) -> Generation:
        row = read_row(self._table, keys.generation(generation_id), "generation", generation_id)
        return Generation.model_validate(row)

    def of_identity(self, identity_id: str, window: Window) -> Page[Generation]:
        listed = keys.generations_of(identity_id)
        return read_page(self._table, listed, window, keys.generation, Generation.model_validate)

    def save(self, generation: Generation, fields: Set[str]) -> bool:
        return self._table.write(_unsettled(generation, fields))

    def settle(self, generation: Generation, event: Event) -> Generation:
        """From then on there is a wait for scores, if there are pictures."""
        with suppress(Refused):
            self._table.transact(
                [_unsettled(generation, OUTCOME), put_of(event), *_waits_for_scores(generation)]
            )
        return self.get(generation.generation_id)

    def correct_cost(self, generation_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        changes = {"cost_usd": cost_usd, "cost_is_implausible": is_implausible}
        self._table.write(update(keys.generation(generation_id), changes, NOT_ERASED, erased=ERASED))


def unless_erased(generation_id: str) -> Write:
    """The condition that a generation was not erased; for a transaction that writes something of it.

    That its identity is there is another.
    """
    not_erased = "attribute_not_exists(#status) OR #status <> :erased"
    return check(keys.generation(generation_id), not_erased, erased=ERASED)


def _unsettled(generation: Generation, fields: Set[str]) -> Write:
    """Change these fields of a generation that is not settled."""
    changes = generation.model_dump(mode="json", include=set(fields))
    key = keys.generation(generation.generation_id)
    return update(key, changes, UNSETTLED, queued="queued", running="running")


def _waits_for_scores(generation: Generation) -> list[Write]:
    if generation.shown is None or generation.settled_at is None:
        return []
    due = keys.due(generation.settled_at + SCORED_WITHIN, keys.OPEN_MESSAGES)
    return [put({**keys.scoring(generation.generation_id), **due, "owner": generation.owner})]

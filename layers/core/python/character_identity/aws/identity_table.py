"""Identities in DynamoDB."""

from contextlib import suppress
from typing import Any

from character_identity.aws import keys
from character_identity.aws.budget_table import refusal
from character_identity.aws.event_table import put_of
from character_identity.aws.ledger_table import accepting
from character_identity.aws.pages import read_page
from character_identity.aws.rows import read_row
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import ERASED, NEW, NOT_ERASED, Write, check, delete, put, update
from character_identity.domain.errors import Conflict, TooManyIdentities
from character_identity.domain.event import Event
from character_identity.domain.identity import MOST_IDENTITIES, Identity, Phase
from character_identity.domain.job import ProviderJob
from character_identity.domain.page import Page, Window

TRAINING = "#status = :training"
OUTCOME = {"status", "phase", "progress", "settled_at", "cost_usd", "cost_is_implausible", "error"}


class IdentityTable:
    """One item each; the index lists an owner's by time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
        operator_limit_microusd: int = 0,
    ) -> None:
        key = keys.identity(identity.identity_id)
        listed = keys.listed(keys.identities_of(identity.owner), identity.created_at)
        writes = [put({**key, **listed, **identity.model_dump(mode="json")}, NEW), _counted(identity.owner)]
        writes.append(delete(keys.intake(identity.identity_id)))
        if event is not None:
            writes.append(put_of(event))
        if job is not None:
            writes += accepting(job, limit_microusd, operator_limit_microusd)
        try:
            self._table.transact(writes)
        except Refused as exc:
            exists, is_one_too_many, *_ = exc.refused
            if exists:
                raise Conflict(f"The identity {identity.identity_id!r} exists.") from exc
            if is_one_too_many or job is None:
                raise TooManyIdentities(MOST_IDENTITIES) from exc
            raise refusal(job, exc.refused) from exc

    def get(self, identity_id: str) -> Identity:
        row = read_row(self._table, keys.identity(identity_id), "identity", identity_id)
        return Identity.model_validate(row)

    def list(self, owner: str, window: Window) -> Page[Identity]:
        return read_page(
            self._table, keys.identities_of(owner), window, keys.identity, Identity.model_validate
        )

    def rename(self, renamed: Identity) -> bool:
        changes = {"name": renamed.name, "first_name": renamed.first_name}
        return self._table.write(
            update(keys.identity(renamed.identity_id), changes, NOT_ERASED, erased=ERASED)
        )

    def advance(self, identity_id: str, phase: Phase, progress: int, **changes: Any) -> None:
        key = keys.identity(identity_id)
        moved = self._table.write(
            update(
                key,
                {"phase": phase, "progress": progress, **changes},
                f"{TRAINING} AND #progress <= :progress",
                training="training",
                progress=progress,
            )
        )
        if changes and not moved:
            self._table.write(update(key, changes, TRAINING, training="training"))

    def settle(self, identity: Identity, event: Event) -> Identity:
        outcome = identity.model_dump(include=OUTCOME, exclude_none=True, mode="json")
        settling = update(keys.identity(identity.identity_id), outcome, TRAINING, training="training")
        with suppress(Refused):
            self._table.transact([settling, put_of(event)])
        return self.get(identity.identity_id)

    def correct_cost(self, identity_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        changes = {"cost_usd": cost_usd, "cost_is_implausible": is_implausible}
        self._table.write(update(keys.identity(identity_id), changes, NOT_ERASED, erased=ERASED))


def _counted(owner: str) -> Write:
    """One identity more of an owner's; those of before 0.2.0 are not counted."""
    return update(
        keys.stored(owner),
        {},
        "#identities < :most OR attribute_not_exists(#identities)",
        add={"identities": 1},
        most=MOST_IDENTITIES,
    )


def uncounted(owner: str) -> Write:
    """One identity less."""
    return update(keys.stored(owner), {}, add={"identities": -1})


def while_there(identity_id: str) -> Write:
    """The condition that there is such an identity; for a transaction that writes something of it.

    What was under way when the identity was erased can so bring nothing of it back.
    """
    return check(keys.identity(identity_id), NOT_ERASED, erased=ERASED)

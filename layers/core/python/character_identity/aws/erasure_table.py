"""Receipts of what was erased in DynamoDB, and the rows that go with it."""

from datetime import datetime

from character_identity.aws import keys
from character_identity.aws.event_table import put_of
from character_identity.aws.identity_table import uncounted
from character_identity.aws.items import Item
from character_identity.aws.table import Refused, Table
from character_identity.aws.writes import ERASED, NOT_ERASED, delete, put
from character_identity.domain.erasure import ErasureReceipt, Removed
from character_identity.domain.event import Event
from character_identity.domain.job import job_id_of, subject_of


class ErasureTable:
    """A receipt lies where its identity or generation was, with ``status`` ``erased``.

    It is among the open work until its last purge.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def replace_with_tombstone(self, receipt: ErasureReceipt, event: Event | None = None) -> bool:
        item = _item(receipt, receipt.next_purge_at(receipt.erased_at))
        told = [] if event is None else [put_of(event)]
        freed = [] if receipt.generation_id else [uncounted(receipt.owner)]
        try:
            self._table.transact([put(item, NOT_ERASED, erased=ERASED), *told, *freed])
        except Refused:
            return False
        return True

    def find(self, identity_id: str) -> ErasureReceipt | None:
        return self._receipt(keys.identity(identity_id))

    def find_of_generation(self, generation_id: str) -> ErasureReceipt | None:
        return self._receipt(keys.generation(generation_id))

    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        self._table.write(put(_item(receipt, purge_at)))

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        rows = self._table.listed(keys.generations_of(identity_id), limit=limit)
        return [job_id_of("generation", keys.id_of(row["pk"])) for row in rows]

    def remove(self, job_id: str) -> Removed:
        key = keys.generation(subject_of(job_id))
        removed = self._table.write(delete(key, NOT_ERASED, erased=ERASED))
        under = self._table.keys_under(key["pk"])
        scores = [each for each in under if each["sk"].startswith(keys.SCORE)]
        self._table.delete_all([*scores, *(each for each in under if each["sk"] == keys.SCORING)])
        return Removed(generations=int(removed), scores=len(scores))

    def remove_rows(self, identity_id: str) -> Removed:
        under = self._table.keys_under(keys.identity(identity_id)["pk"])
        embeddings = [key for key in under if key["sk"].startswith(keys.EMBEDDING)]
        weights = [key for key in under if key["sk"].startswith(keys.WEIGHTS)]
        for key in weights:  # unless the digest leads to another identity by now
            found_by = keys.trained_weights_at(key["sk"])
            self._table.write(delete(found_by, "#identity_id = :identity_id", identity_id=identity_id))
        self._table.delete_all([*embeddings, *weights])
        return Removed(embeddings=len(embeddings))

    def _receipt(self, key: keys.Key) -> ErasureReceipt | None:
        item = self._table.get(key)
        return ErasureReceipt.model_validate(item) if item is not None and item["status"] == ERASED else None


def _item(receipt: ErasureReceipt, purge_at: datetime | None) -> Item:
    due = {} if purge_at is None else keys.due(purge_at)
    key = (
        keys.generation(receipt.generation_id)
        if receipt.generation_id
        else keys.identity(receipt.identity_id)
    )
    return {**key, **receipt.model_dump(mode="json"), **due, "status": ERASED}

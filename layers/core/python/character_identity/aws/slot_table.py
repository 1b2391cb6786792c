"""The slots of the providers' accounts in DynamoDB."""

from collections.abc import Mapping

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import delete, put
from character_identity.domain.slots import UNLIMITED, Lease, Slots


class SlotTable:
    """One item for who has a slot, changed as a whole by whoever read it last, and one for each who waits.

    All are under one ``pk`` and are read together, as the last writes left them. What waits is forgotten by
    DynamoDB some time after its lease has run out.
    """

    def __init__(self, table: Table, limits: Mapping[str, int]) -> None:
        self._table = table
        self._limits = limits

    def is_limited(self, account: str) -> bool:
        return self._limits.get(account, UNLIMITED) != UNLIMITED

    def get(self, account: str) -> Slots:
        rows = self._table.query(keys.slots(account)["pk"])
        held = next((row for row in rows if row["sk"] == keys.SLOTS), {})
        waiting = [row for row in rows if row["sk"] != keys.SLOTS]
        return Slots.model_validate({**held, "limit": self._limits[account], "waiting": waiting})

    def replace(self, account: str, old: Slots, new: Slots) -> bool:
        item = {
            **keys.slots(account),
            "version": old.version + 1,
            "holders": [lease.model_dump(mode="json") for lease in new.holders],
            "lowered_to": new.lowered_to,
            "lowered_until": new.lowered_until.isoformat() if new.lowered_until else None,
        }
        when = "#version = :known" if old.version else "attribute_not_exists(pk)"
        return self._table.write(put(item, when, **({"known": old.version} if old.version else {})))

    def wait(self, account: str, lease: Lease) -> None:
        forgotten_at = {"expires_at": int(lease.until.timestamp())}
        waits = keys.waits_for_slot(account, lease.job_id)
        self._table.write(put({**waits, **lease.model_dump(mode="json"), **forgotten_at}))

    def leave(self, account: str, job_id: str) -> None:
        self._table.write(delete(keys.waits_for_slot(account, job_id)))

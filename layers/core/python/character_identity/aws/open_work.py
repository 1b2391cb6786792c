"""What somebody still has to see to: money and erasures, then what is to be told, each as it is due."""

from datetime import datetime

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import delete, put, update
from character_identity.ports.stores import OpenRow


class OpenWorkTable:
    """The rows that the index lists as open; ``due_at`` says since when they wait."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        return [
            OpenRow(
                *keys.kind_and_id(row),
                due_at=datetime.fromisoformat(row["due_at"]),
                owner=row.get("owner", ""),
                is_message=place == keys.OPEN_MESSAGES,
                key={"pk": row["pk"], "sk": row["sk"]},
            )
            for place in (keys.OPEN, keys.OPEN_MESSAGES)
            for row in self._table.listed(place, until=now.isoformat(), oldest_first=True, limit=limit)
        ]

    def add_intake(self, owner: str, subject_id: str, due_at: datetime) -> None:
        due = keys.due(due_at, keys.OPEN_MESSAGES)  # beside money and erasures, which it need not hold up
        self._table.write(put({**keys.intake(subject_id), **due, "owner": owner}))

    def remove_intake(self, subject_id: str) -> None:
        self._table.write(delete(keys.intake(subject_id)))

    def lease(self, row: OpenRow, until: datetime) -> bool:
        place = keys.OPEN_MESSAGES if row.is_message else keys.OPEN
        return self._table.write(
            update(row.key, keys.due(until, place), "#due_at = :as_listed", as_listed=row.due_at.isoformat())
        )

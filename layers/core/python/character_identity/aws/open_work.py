"""What somebody still has to see to, in the order in which it is due."""

from datetime import datetime

from character_identity.aws import keys
from character_identity.aws.table import Table
from character_identity.aws.writes import update
from character_identity.ports.stores import OpenRow


class OpenWorkTable:
    """The rows that the index lists as ``OPEN``; ``due_at`` says since when they wait."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, now: datetime, limit: int) -> list[OpenRow]:
        """Return rows that are due, the longest waiting first; read each again: the index lags."""
        rows = self._table.listed(keys.OPEN, until=now.isoformat(), oldest_first=True, limit=limit)
        return [OpenRow(row["pk"], row["sk"], datetime.fromisoformat(row["due_at"])) for row in rows]

    def lease(self, row: OpenRow, until: datetime) -> bool:
        """Make a row due later; False if it is not as listed: the index lags, or another sweep was faster."""
        key = {"pk": row.pk, "sk": row.sk}
        return self._table.write(
            update(key, keys.due(until), "#due_at = :as_listed", as_listed=row.due_at.isoformat())
        )

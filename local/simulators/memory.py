"""What the simulators know: until they end, or in a state file, where the next ones find it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.simulators.clock import Schedule
from local.state_file import StateFile

Json = dict[str, Any]


@dataclass(frozen=True)
class Memory:
    """Documents by collection and key, each with or without bytes; without a file, nothing is kept."""

    state: StateFile | None = None

    def keep(self, collection: str, key: object, document: Any, content: bytes | None = None) -> None:
        """Store a JSON document in place of the one before."""
        if self.state:
            self.state.put(collection, str(key), document, content)

    def forget(self, collection: str, key: object) -> None:
        """Remove a document if it is there."""
        if self.state:
            self.state.delete(collection, str(key))

    def clear(self, collection: str) -> None:
        """Remove all documents of a collection."""
        for key in self.kept(collection):
            self.forget(collection, key)

    def kept(self, collection: str) -> dict[str, Any]:
        """All documents of a collection by key, in the order in which each was stored last."""
        return self.state.documents(collection) if self.state else {}

    def content(self, collection: str, key: str) -> bytes:
        """The bytes of a document."""
        return self.state.content(collection, key) if self.state else b""


def without_files(fields: Json) -> Json:
    """Fields that were sent, without the bytes of uploaded files."""
    return {
        name: value
        for name, value in fields.items()
        if not isinstance(value, bytes)
        and not (isinstance(value, list) and any(isinstance(item, bytes) for item in value))
    }


def schedule_document(schedule: Schedule) -> list[str]:
    """A schedule as JSON."""
    return [schedule.starts_at.isoformat(), schedule.ends_at.isoformat()]


def schedule_of(document: list[str]) -> Schedule:
    """The schedule in a document."""
    return Schedule(*map(datetime.fromisoformat, document))

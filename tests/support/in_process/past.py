"""What a harness knew when nothing was left to do in it: others go on from there, each for itself."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from local.simulators.memory import Memory
from tests.support.in_process.executions import Execution


@dataclass(frozen=True)
class Notes(Memory):
    """What simulators know, as in a state file, but in this process."""

    documents: dict[str, dict[str, tuple[str, bytes]]] = field(default_factory=dict)

    def keep(self, collection: str, key: object, document: Any, content: bytes | None = None) -> None:
        notes = self.documents.setdefault(collection, {})
        notes.pop(str(key), None)
        notes[str(key)] = json.dumps(document), content or b""

    def forget(self, collection: str, key: object) -> None:
        self.documents.get(collection, {}).pop(str(key), None)

    def kept(self, collection: str) -> dict[str, Any]:
        return {key: json.loads(text) for key, (text, _) in self.documents.get(collection, {}).items()}

    def content(self, collection: str, key: str) -> bytes:
        return self.documents[collection][key][1]

    def copied(self) -> "Notes":
        """Return the same notes, for somebody who goes on writing."""
        return Notes(documents={collection: dict(notes) for collection, notes in self.documents.items()})


@dataclass(frozen=True)
class Past:
    """``stored`` is what AWS had; ids are drawn from the next ones on, of ours and of the simulators."""

    now: datetime
    swept_at: datetime
    stored: bytes
    notes: Notes
    posts: tuple[httpx.Request, ...]
    calls: tuple[str, ...]
    ended: tuple[Execution, ...]
    next_id: int
    simulators_next_id: int

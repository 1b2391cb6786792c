"""The fakes of the tests with their rows on disk, so that what grows in memory is what is looked at."""

import pickle
import sqlite3
from collections.abc import Iterator, MutableMapping
from threading import Lock
from typing import Any

from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.scoring_fakes import FakeScores

KEPT = {"stored", "rows", "holders", "known", "uses", "objects", "origins", "kept"}
"""Attributes of fakes that have a row, or more, for each order."""
LOCK = Lock()
"""One connection is for all threads, one at a time."""


class OnDisk(MutableMapping[Any, Any]):
    """A dictionary in a table of SQLite, for any thread. Keys are what pickles alike; values are copies.

    One table has several, each the ``part`` of its name.
    """

    def __init__(self, database: sqlite3.Connection, name: str, part: str = "") -> None:
        self._database = database
        self._name = f'"{name}"'
        self._part = part
        with LOCK:
            columns = "(part TEXT, key BLOB, value BLOB, PRIMARY KEY (part, key)) WITHOUT ROWID"
            database.execute(f"CREATE TABLE IF NOT EXISTS {self._name} {columns}")

    def __getitem__(self, key: Any) -> Any:
        rows = self._do("SELECT value FROM {} WHERE part = ? AND key = ?", _key(key))
        if not rows:
            raise KeyError(key)
        return pickle.loads(rows[0][0])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._do("INSERT OR REPLACE INTO {} VALUES (?, ?, ?)", _key(key), pickle.dumps(value, protocol=5))

    def __delitem__(self, key: Any) -> None:
        if key not in self:
            raise KeyError(key)
        self._do("DELETE FROM {} WHERE part = ? AND key = ?", _key(key))

    def __iter__(self) -> Iterator[Any]:
        return (pickle.loads(key) for (key,) in self._do("SELECT key FROM {} WHERE part = ?"))

    def __len__(self) -> int:
        return int(self._do("SELECT count(*) FROM {} WHERE part = ?")[0][0])

    def __contains__(self, key: object) -> bool:
        return bool(self._do("SELECT 1 FROM {} WHERE part = ? AND key = ?", _key(key)))

    def _do(self, statement: str, *values: bytes) -> list[Any]:
        with LOCK:
            return self._database.execute(statement.format(self._name), (self._part, *values)).fetchall()


class Parts:
    """A dictionary on disk for each key, there as soon as it is asked for; none is kept in memory."""

    def __init__(self, database: sqlite3.Connection, name: str) -> None:
        self._database = database
        self._name = name

    def setdefault(self, key: str, default: Any = None) -> OnDisk:
        return OnDisk(self._database, self._name, key)

    get = setdefault


def put_on_disk(database: sqlite3.Connection, *fakes: Any) -> None:
    """Keep the rows of fakes in a database; they have none yet."""
    for fake in fakes:
        kept = {name: value for name, value in vars(fake).items() if name in KEPT}
        for name in kept:
            setattr(fake, name, OnDisk(database, f"{type(fake).__name__}.{name}"))
        if isinstance(fake, FakeEvaluations):
            for name in ("outcomes", "scores", "embeddings"):
                setattr(fake, name, Parts(database, name))


class OwnScores(FakeScores):
    """Scores of pictures, each a row of its own."""

    def __init__(self, database: sqlite3.Connection) -> None:
        super().__init__()
        self._rows = OnDisk(database, "scores")
        embedded: Any = OnDisk(database, "embedded references")
        self.embedded = embedded

    def put_score(
        self,
        identity_id: str,
        generation_id: str,
        image_index: int,
        score: Any,
        references: Any = None,
        event: Any = None,
        earlier: Any = None,
    ) -> bool:
        found = self.scores_of(generation_id)
        self._rows[generation_id] = found | {image_index: [score]}
        if references:
            self.embedded[identity_id, score.version, score.face_version] = references
        return False

    def score_of(self, generation_id: str, image_index: int, encoder: str) -> Any:
        return next(iter(self.scores_of(generation_id).get(image_index, [])), None)

    def scores_of(self, generation_id: str) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = self._rows.get(generation_id, {})
        return found


def _key(key: Any) -> bytes:
    return pickle.dumps(key, protocol=5)

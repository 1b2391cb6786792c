"""Keeps documents on disk so that a killed process loses none that it has said it has."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.errors import CannotRun

FILE = "state.sqlite3"
WAIT_FOR_OTHER_S = 5  # a run that was killed a moment ago may still have the file open

TABLE = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, content BLOB,
    PRIMARY KEY (collection, key)
)
"""


class StateFile:
    """Documents by collection and key, each with or without binary content, in an SQLite database.

    What was put is there after the process was killed, and what was being put at that moment is there whole
    or not at all. It may be called from any thread.

    Raises:
        CannotRun: another process has the file open, or it is not one of ours.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            folder / FILE, timeout=WAIT_FOR_OTHER_S, isolation_level=None, check_same_thread=False
        )
        try:
            # The log of a write goes to the operating system before the write returns; that outlives the
            # process, though not a power cut, which may cost the last writes.
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                self._database.execute(f"PRAGMA {setting}")
            with self.together():
                self._database.execute(TABLE)
        except sqlite3.DatabaseError as error:
            self.close()
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise CannotRun(f"The state in {folder} is in use by another process.") from error
            raise CannotRun(
                f"The state in {folder} cannot be read ({error}); --fresh begins anew."
            ) from error

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the changes within as one; other threads wait meanwhile."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def put(self, collection: str, key: str, document: Any, content: bytes | None = None) -> None:
        """Store a JSON document in place of the one before."""
        row = (collection, key, json.dumps(document), content)
        with self.together():
            self._database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", row)

    def delete(self, collection: str, key: str) -> None:
        """Remove a document if it is there."""
        with self.together():
            self._database.execute(
                "DELETE FROM documents WHERE collection = ? AND key = ?", (collection, key)
            )

    def documents(self, collection: str) -> dict[str, Any]:
        """All documents of a collection by key."""
        query = "SELECT key, document FROM documents WHERE collection = ?"
        with self._lock:
            rows = self._database.execute(query, (collection,)).fetchall()
        return {key: json.loads(document) for key, document in rows}

    def content(self, collection: str, key: str) -> bytes:
        """The binary content of a document; empty if there is none."""
        query = "SELECT content FROM documents WHERE collection = ? AND key = ?"
        with self._lock:
            row = self._database.execute(query, (collection, key)).fetchone()
        return bytes(row[0]) if row and row[0] is not None else b""

    def close(self) -> None:
        """Let another process open the file."""
        self._database.close()

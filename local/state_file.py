"""Keeps documents on disk so that a killed process loses none that it has said it has."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.errors import CannotRun

FILE = "state.sqlite3"
WAIT_FOR_OTHER_S = 5  # a run that was killed a moment ago may still have the file open

IN_USE = "The state in {folder} is in use by another process."
NO_SPACE = "There is no space left for the state in {folder}; free some and start again."
NO_PERMISSION = "The state in {folder} may not be written; change its permissions, or name another folder."
DAMAGED = "The state in {folder} cannot be read ({error}); begin anew with --fresh, or without that folder."
SENTENCES = {
    sqlite3.SQLITE_BUSY: IN_USE,
    sqlite3.SQLITE_FULL: NO_SPACE,
    sqlite3.SQLITE_CANTOPEN: NO_PERMISSION,
    sqlite3.SQLITE_READONLY: NO_PERMISSION,
    sqlite3.SQLITE_PERM: NO_PERMISSION,
}

TABLE = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL, content BLOB,
    PRIMARY KEY (collection, key)
)
"""


def _raise(problem: CannotRun) -> None:
    raise problem


class StateFile:
    """Documents by collection and key, each with or without binary content, in an SQLite database.

    What was put is there after the process was killed, and what was being put at that moment is there whole
    or not at all. It may be called from any thread. Only its owner can read the file, which has secrets.

    ``on_failure`` is told when something cannot be stored or read any more; by default it is raised.

    Raises:
        CannotRun: another process has the file open, it is none of ours, or the disk refuses.
    """

    def __init__(self, folder: Path, *, on_failure: Callable[[CannotRun], None] = _raise) -> None:
        self._folder = folder
        self._on_failure: Callable[[CannotRun], None] = _raise
        self._lock = threading.RLock()
        _make_private(folder)
        self._database = sqlite3.connect(
            folder / FILE, timeout=WAIT_FOR_OTHER_S, isolation_level=None, check_same_thread=False
        )
        try:
            # The log of a write goes to the operating system before the write returns; that outlives the
            # process, though not a power cut, which may cost the last writes.
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                self._execute(f"PRAGMA {setting}")
            with self.together():
                self._execute(TABLE)
        except CannotRun:
            self.close()
            raise
        self._on_failure = on_failure

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the changes within as one; other threads wait meanwhile."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._execute("BEGIN IMMEDIATE")
            try:
                yield
                self._execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # a full disk has ended it already
                    self._database.execute("ROLLBACK")
                raise

    def put(self, collection: str, key: str, document: Any, content: bytes | None = None) -> None:
        """Store a JSON document in place of the one before."""
        with self.together():
            self._execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
                *(collection, key, json.dumps(document), content),
            )

    def delete(self, collection: str, key: str) -> None:
        """Remove a document if it is there."""
        with self.together():
            self._execute("DELETE FROM documents WHERE collection = ? AND key = ?", collection, key)

    def documents(self, collection: str) -> dict[str, Any]:
        """All documents of a collection by key."""
        query = "SELECT key, document FROM documents WHERE collection = ?"
        with self._lock:
            rows = self._execute(query, collection)
        return {key: json.loads(document) for key, document in rows}

    def content(self, collection: str, key: str) -> bytes:
        """The binary content of a document; empty if there is none."""
        query = "SELECT content FROM documents WHERE collection = ? AND key = ?"
        with self._lock:
            rows = self._execute(query, collection, key)
        return bytes(rows[0][0]) if rows and rows[0][0] is not None else b""

    def close(self) -> None:
        """Let another process open the file."""
        self._database.close()

    def _execute(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            sentence = SENTENCES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, DAMAGED)
            self._on_failure(CannotRun(sentence.format(folder=self._folder, error=error)))
            raise


def _make_private(folder: Path) -> None:
    """Make the folder and the file in it, so that nobody else can read what they hold."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600))
    for file in folder.glob(f"{FILE}*"):  # those of an earlier release too
        file.chmod(0o600)

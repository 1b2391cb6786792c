"""A document that was put is there whatever happens to the process, a transaction whole or not at all."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.errors import CannotRun
from local.packages import ROOT
from local.state_file import FILE, StateFile

DIES_HERE = "os.kill(os.getpid(), signal.SIGKILL)"

DIES_IN_A_TRANSACTION = f"""
import os, signal
from local.state_file import StateFile
state = StateFile(folder)
state.put("c", "before", 1, b"content")
with state.together():
    state.put("c", "first", 1)
    state.delete("c", "before")
    {DIES_HERE}
"""

DIES_IN_A_WRITE_OF_TWO_ITEMS = f"""
import json, os, signal
import ministack.services.dynamodb as dynamodb
from local.ministack_patches import state
from local.state_file import StateFile

def emit(table, event, old, new):
    if new["pk"] == {{"S": "2"}}:
        {DIES_HERE}

dynamodb._emit_stream_event = emit
state.install(StateFile(folder))
dynamodb._create_table({{
    "TableName": "Table", "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{{"AttributeName": "pk", "KeyType": "HASH"}}],
    "AttributeDefinitions": [{{"AttributeName": "pk", "AttributeType": "S"}}],
}})
items = [{{"pk": {{"S": pk}}}} for pk in ("1", "2")]
transaction = [{{"Put": {{"TableName": "Table", "Item": item}}}} for item in items]
batch = {{"Table": [{{"PutRequest": {{"Item": item}}}} for item in items]}}
if "transaction" in wanted:
    dynamodb._transact_write_items({{"TransactItems": transaction}})
if "batch" in wanted:
    dynamodb._batch_write_item({{"RequestItems": batch}})
for item in items:
    dynamodb._put_item({{"TableName": "Table", "Item": item}})
"""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    file = StateFile(tmp_path)
    yield file
    file.close()


def die(program: str, folder: Path, wanted: str = "") -> StateFile:
    """The state that a program leaves which kills itself."""
    head = f"from pathlib import Path\nfolder, wanted = Path({str(folder)!r}), {wanted!r}\n"
    died = subprocess.run(
        [sys.executable, "-c", head + program], cwd=ROOT, env={**os.environ, "PYTHONPATH": ""}
    )
    assert died.returncode == -signal.SIGKILL
    return StateFile(folder)


def test_a_document_is_replaced_and_removed(state: StateFile) -> None:
    state.put("c", "k", {"n": 1}, b"one")
    state.put("c", "k", {"n": 2}, b"two")
    state.put("other", "k", {"n": 3})
    assert state.documents("c") == {"k": {"n": 2}}
    assert (state.content("c", "k"), state.content("other", "k"), state.content("c", "?")) == (
        b"two",
        b"",
        b"",
    )
    state.delete("c", "k")
    state.delete("c", "never there")
    assert (state.documents("c"), state.documents("other")) == ({}, {"k": {"n": 3}})


def test_a_transaction_that_fails_changes_nothing(state: StateFile) -> None:
    state.put("c", "k", 1)
    with pytest.raises(ZeroDivisionError), state.together():
        state.put("c", "k", 2)
        with state.together():
            state.delete("c", "k")
        raise ZeroDivisionError
    assert state.documents("c") == {"k": 1}


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    earlier = StateFile(folder)
    (folder / FILE).chmod(0o644)  # as an earlier release made it
    earlier.close()
    state = StateFile(folder)
    state.put("secrets", "k", "v")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == dict.fromkeys(
        [FILE, f"{FILE}-wal"], 0o600
    )
    state.close()


def test_a_full_disk_is_said_and_loses_nothing_that_was_there(tmp_path: Path) -> None:
    said: list[str] = []
    state = StateFile(tmp_path, on_failure=lambda problem: said.append(str(problem)))
    state.put("c", "before", 1)
    (pages,) = state._execute("PRAGMA page_count")[0]
    state._execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError), state.together():
        state.put("c", "first", 2)
        state.put("c", "second", 3, bytes(100_000))
    assert said == [f"There is no space left for the state in {tmp_path}; free some and start again."]
    assert state.documents("c") == {"before": 1}
    state.close()


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_a_damaged_file_is_said_in_one_sentence(tmp_path: Path, damage: str) -> None:
    state = StateFile(tmp_path)
    for number in range(50):
        state.put("c", str(number), "x" * 1000)
    state.close()
    content = (tmp_path / FILE).read_bytes()
    bent = content[:6000] if damage == "cut" else content[:4096] + b"\xff" * (len(content) - 4096)
    (tmp_path / FILE).write_bytes(bent)
    sentence = r"^The state in .* cannot be read \(.*\); begin anew with --fresh"
    with pytest.raises(CannotRun, match=sentence), closing(StateFile(tmp_path)) as state:
        state.documents("c")


def test_threads_do_not_write_into_each_others_transactions(state: StateFile) -> None:
    inside, other = threading.Event(), threading.Thread(target=state.put, args=("c", "other", 1))
    with pytest.raises(ZeroDivisionError), state.together():
        other.start()
        inside.wait(0.05)  # time for the other to come in, if it could
        raise ZeroDivisionError
    other.join()
    assert state.documents("c") == {"other": 1}


@pytest.mark.processes
def test_a_process_that_dies_in_a_transaction_leaves_what_was_before(tmp_path: Path) -> None:
    state = die(DIES_IN_A_TRANSACTION, tmp_path)
    assert state.documents("c") == {"before": 1}
    assert state.content("c", "before") == b"content"
    state.close()


@pytest.mark.processes
@pytest.mark.parametrize(("wanted", "kept"), [("transaction", set()), ("batch", set()), ("two", {"1", "2"})])
def test_what_one_request_writes_is_kept_together(tmp_path: Path, wanted: str, kept: set[str]) -> None:
    state = die(DIES_IN_A_WRITE_OF_TWO_ITEMS, tmp_path, wanted)
    assert {item["pk"]["S"] for item in state.documents("table Table").values()} == kept
    state.close()

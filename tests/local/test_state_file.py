"""A document that was put is there whatever happens to the process, a transaction whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.packages import ROOT
from local.state_file import StateFile

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

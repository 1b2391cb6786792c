"""Orders of the command line on disk, by their keys."""

import argparse
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from character_identity_client.journal import KEPT_FOR, KNOWN_FOR, Journal, Refused, add_key

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ASKED = {"generation": ["i1", "A portrait"]}


def _nothing() -> list[str]:
    raise AssertionError("it was prepared before")


def test_a_key_is_refused_once_the_api_does_not_know_it_any_more(tmp_path: Path) -> None:
    assert Journal(tmp_path, lambda: NOON).once("k", ASKED, lambda: ["r"]) == ("k", ["r"])
    late = NOON + KNOWN_FOR
    assert Journal(tmp_path, lambda: late - timedelta(seconds=1)).once("k", ASKED, _nothing) == ("k", ["r"])
    with pytest.raises(Refused, match=r"of 2026-11-29 12:00 UTC, which the API would make once more"):
        Journal(tmp_path, lambda: late).once("k", ASKED, _nothing)


def test_orders_get_keys_of_their_own_and_do_not_stay_for_ever(tmp_path: Path) -> None:
    journal = Journal(tmp_path, lambda: NOON)
    first, second = (journal.once(None, ASKED, list)[0] for _ in range(2))
    assert first != second
    for file in tmp_path.iterdir():
        long_ago = (NOON - KEPT_FOR - timedelta(seconds=1)).timestamp()
        os.utime(file, (long_ago, long_ago))
    journal.once("k", ASKED, list)
    assert len([*tmp_path.iterdir()]) == 1


def test_what_cannot_be_noted_is_not_prepared(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Journal(tmp_path / "file").once("k", ASKED, _nothing)


@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "\u00e9", "a\n"])
def test_what_is_no_key_is_a_wrong_argument(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = argparse.ArgumentParser()
    add_key(one)
    with pytest.raises(SystemExit):
        one.parse_args([f"--key={key}"])
    assert "is no key of 1 to 255 visible ASCII characters" in capsys.readouterr().err

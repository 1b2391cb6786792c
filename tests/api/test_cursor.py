"""Cursors: what is written is read again, and nothing else is."""

import base64
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from character_identity.api.cursor import LONGEST_CURSOR, decode_cursor, encode_cursor
from character_identity.domain.errors import InvalidRequest
from character_identity.domain.page import Position
from tests.support.builders import NOON

PLACE = Position(NOON, "i1")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. \n"


def refused(cursor: str, scope: str = "ann's", since: datetime | None = None) -> bool:
    with pytest.raises(InvalidRequest) as caught:
        decode_cursor(cursor, scope, since)
    return caught.value.code == "invalid_cursor"


@pytest.mark.parametrize(
    "place",
    [
        PLACE,
        Position(NOON + timedelta(microseconds=1), "0123456789abcdef0123456789abcdef"),
        Position(datetime.min.replace(tzinfo=UTC), "-_"),
        Position(datetime.max.replace(tzinfo=UTC), "a" * 128),
    ],
)
def test_a_place_comes_back(place: Position) -> None:
    cursor = encode_cursor(place, "ann's")
    assert decode_cursor(cursor, "ann's") == place
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor), "it needs no escaping in a link"
    assert len(cursor) < LONGEST_CURSOR


def test_a_place_is_the_same_in_every_time_zone() -> None:
    elsewhere = Position(NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "i1")
    assert encode_cursor(elsewhere, "ann's") == encode_cursor(PLACE, "ann's")


def test_it_is_of_one_list_only() -> None:
    assert refused(encode_cursor(PLACE, "bob's"))


def test_a_letter_changed_lost_or_added_is_noticed() -> None:
    cursor = encode_cursor(PLACE, "ann's")
    for at in range(len(cursor)):
        assert refused(cursor[:at] + cursor[at + 1 :])
        for letter in LETTERS:
            assert letter == cursor[at] or refused(cursor[:at] + letter + cursor[at + 1 :])
    assert all(refused(cursor + letter) and refused(letter + cursor) for letter in LETTERS)
    assert all(refused(cursor[:end]) for end in range(len(cursor)))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "i1",
        "null",
        "A" * 10_000,
        "é",
        "\ud800",
        base64.urlsafe_b64encode(b"\xff" * 60).decode(),
        base64.urlsafe_b64encode(b"123456789" + f"{NOON.isoformat()} i1".encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(b"123456789" + b"0001-01-01T00:00:00+23:59 i1").decode().rstrip("="),
    ],
)
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    assert refused(cursor)


@pytest.mark.parametrize("entry_id", ["", "a" * 129, "a b", "a#b", "é"])
def test_no_place_is_made_of_an_id_that_no_row_has(entry_id: str) -> None:
    """Not even with the digest that belongs to it, which is no secret."""
    assert refused(encode_cursor(Position(NOON, entry_id), "ann's"))


def test_no_place_is_before_the_list() -> None:
    cursor = encode_cursor(PLACE, "ann's")
    assert decode_cursor(cursor, "ann's", NOON) == PLACE
    assert refused(cursor, since=NOON + timedelta(microseconds=1))

from collections.abc import Iterator
from contextvars import ContextVar
from threading import Event

import pytest

from character_identity.services.concurrency import map_concurrently
from tests.support.waiting import HANGS_AFTER_S

who: ContextVar[str] = ContextVar("who")


def test_results_come_in_order() -> None:
    second_done = Event()

    def do(number: int) -> int:
        if number == 1:
            assert second_done.wait(HANGS_AFTER_S)
        if number == 2:
            second_done.set()
        return number * number

    assert list(map_concurrently(do, [1, 2, 3])) == [1, 4, 9]


def test_no_more_wait_to_be_taken_than_are_done_at_once() -> None:
    begun: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            begun.append(number)
            yield number

    results = map_concurrently(lambda number: number, items(), at_once=3)
    assert next(results) == 0
    assert len(begun) == 4
    assert list(results) == list(range(1, 10))


def test_what_is_raised_comes_in_its_place_and_nothing_further_is_begun() -> None:
    begun: list[int] = []

    def do(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise KeyError(number)
        return number

    results = map_concurrently(do, range(10), at_once=1)
    assert next(results) == 0
    with pytest.raises(KeyError):
        next(results)
    assert begun == [0, 1]


def test_it_is_done_as_part_of_the_same_piece_of_work() -> None:
    token = who.set("the request")
    assert list(map_concurrently(lambda _: who.get(), [1, 2])) == ["the request", "the request"]
    who.reset(token)

"""The receipt of an erasure stays a row, however much there was."""

from datetime import timedelta

from character_identity.domain.erasure import MOST_KEPT, MOST_UNFINISHED, RetainedData
from character_identity.domain.text import LONGEST_MESSAGE
from tests.support.builders import NOON
from tests.support.erasure_fakes import a_receipt

ROW_BYTES = 400_000


def retained(number: int) -> RetainedData:
    return RetainedData(where="astria", what=f"generation {number}", why="\N{GRINNING FACE}" * 300)


def test_what_stays_is_named_once() -> None:
    receipt = a_receipt().keeping(retained(1), retained(2)).keeping(retained(2), retained(3))
    assert receipt.remaining == [retained(1), retained(2), retained(3)]


def test_of_three_thousand_that_were_not_deleted_some_are_named_and_the_others_counted() -> None:
    receipt = a_receipt(unfinished=[f"generation-{number:032}" for number in range(200)])
    for number in range(3000):
        receipt = receipt.keeping(retained(number))
    assert len(receipt.model_dump_json().encode()) < ROW_BYTES
    waiting, *named, others = receipt.remaining
    assert waiting.what == "200 of its jobs"
    assert named == [retained(number) for number in range(MOST_KEPT)]
    assert others.what == f"{3000 - MOST_KEPT} more of its jobs"


def test_a_reason_is_never_so_long_that_a_hundred_of_them_are_no_row() -> None:
    until = NOON + timedelta(days=1)
    longest = [
        RetainedData(where="astria", what=f"generation {n}", why="x" * LONGEST_MESSAGE, until=until)
        for n in range(MOST_KEPT)
    ]
    receipt = a_receipt(unfinished=[f"generation-{number:032}" for number in range(MOST_UNFINISHED)])
    assert len(receipt.keeping(*longest).model_dump_json().encode()) < ROW_BYTES

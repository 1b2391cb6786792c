"""What real providers will take is said before anything is ordered, and needs a yes."""

import pytest

from character_identity_client.models import ProviderEstimate
from local.errors import CannotRun
from local.spending import agree

FAL = [
    ProviderEstimate(provider="fal-instant", images=5, estimate_usd=0.5, ceiling_usd=1.0),
    ProviderEstimate(provider="fal-lora", images=5, estimate_usd=2.175, ceiling_usd=2.35),
]
ASTRIA = ProviderEstimate(provider="astria", images=20, estimate_usd=None, ceiling_usd=9.0)


def test_each_provider_and_the_amount_are_said_before_the_question() -> None:
    said: list[str] = []
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return " Y "

    agree([*FAL, ASTRIA], ask, said.append, yes=False)
    assert said == [
        "fal-instant: its identity and 5 pictures about $0.50, $1.00 at most.",
        "fal-lora: its identity and 5 pictures about $2.17, $2.35 at most.",
        "astria: its identity and 20 pictures at a price that is not published, $9.00 at most.",
    ]
    assert asked == [
        "This costs about $2.67 and what astria will take, which has no published price, $12.35 at most. "
        "Order it? [y/N] "
    ]


@pytest.mark.parametrize("answer", ["", "n", "no", "yes please", "1"])
def test_anything_but_a_yes_orders_nothing(answer: str) -> None:
    with pytest.raises(CannotRun, match=r"^Nothing was ordered\.$"):
        agree(FAL, lambda question: answer, lambda line: None, yes=False)


def test_where_nobody_can_be_asked_nothing_is_ordered_unless_it_was_agreed_to() -> None:
    said: list[str] = []
    with pytest.raises(
        CannotRun,
        match=r"^This costs about \$2\.67, \$3\.35 at most; YES=1 \(--yes\) agrees to it, nothing was",
    ):
        agree(FAL, None, said.append, yes=False)
    assert len(said) == 2
    agree(FAL, None, said.append, yes=True)
    assert said[-1] == "This costs about $2.67, $3.35 at most, which was agreed to."


def test_what_costs_an_unknown_amount_is_not_called_free() -> None:
    with pytest.raises(
        CannotRun,
        match=r"^This costs what astria will take, which has no published price, \$9\.00 at most; YES=1",
    ):
        agree([ASTRIA], None, lambda line: None, yes=False)

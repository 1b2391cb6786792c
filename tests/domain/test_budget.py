import pytest

from character_identity.domain.budget import settlement_of
from tests.support.builders import a_generation_job


@pytest.mark.parametrize(
    ("reported", "estimate", "implausible"),
    [
        (None, 100_000, False),
        (100_000, 100_000, False),
        (33_334, 100_000, False),
        (33_333, 100_000, True),
        (0, 100_000, True),
        (300_000, 100_000, False),
        (300_001, 100_000, True),
        (0, None, False),
        (900_000, None, False),
        (900_001, None, True),  # above what was set aside
        (900_001, 800_000, True),
        (3_500_000, 35_000, True),
    ],
)
def test_a_bill_far_from_the_estimate_is_committed_and_implausible(
    reported: int | None, estimate: int | None, implausible: bool
) -> None:
    job = a_generation_job(
        state="submitted", reserved_microusd=900_000, estimate_microusd=estimate, reported_microusd=reported
    )
    settlement = settlement_of(job)
    assert settlement.is_implausible == implausible
    assert settlement.committed_microusd == (estimate if reported is None else reported)

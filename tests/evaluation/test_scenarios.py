"""Scenarios and runs."""

from datetime import UTC, datetime

import pytest

from character_evaluation.scenarios import SCENARIOS, EvaluationRow, EvaluationRun


def run(*encoders: str | None) -> EvaluationRun:
    rows = [
        EvaluationRow(
            provider="astria",
            scenario="close-up",
            variation=1,
            prompt="p",
            outcome="succeeded",
            encoder=encoder,
        )
        for encoder in encoders
    ]
    return EvaluationRun(
        character="Eileen",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        references=[],
        scenarios=SCENARIOS,
        identities=[],
        rows=rows,
    )


def test_the_scenarios_are_those_of_the_specification() -> None:
    assert [scenario.expected_similarity for scenario in SCENARIOS] == [0.90, 0.85, 0.85, 0.80, 0.80]
    assert SCENARIOS[0].prompt("Sarah") == (
        "Close-up portrait of Sarah, soft studio lighting, neutral expression, looking at camera, "
        "professional photography, cinematic film still, shallow depth of field"
    )
    assert SCENARIOS[4].prompt("Sarah").startswith("Sarah running through corridor, motion blur")


def test_a_name_is_only_ever_a_name() -> None:
    assert "of {0.x} %s," in SCENARIOS[0].prompt("{0.x} %s")


def test_every_image_of_a_run_has_its_own_seed() -> None:
    seeds = [scenario.seed(variation) for scenario in SCENARIOS for variation in range(1, 21)]
    assert len(set(seeds)) == len(seeds)
    assert SCENARIOS[2].seed(2) == 3002


@pytest.mark.parametrize(
    ("encoders", "names", "with_clip"),
    [
        (["clip-vit-b32", None], ["clip-vit-b32"], True),
        (["efficientnet-lite0"], ["efficientnet-lite0"], False),
        (["clip-vit-b32", "efficientnet-lite0"], ["clip-vit-b32", "efficientnet-lite0"], False),
        ([None], [], False),
    ],
)
def test_a_run_knows_what_scored_it(encoders: list[str | None], names: list[str], with_clip: bool) -> None:
    assert run(*encoders).encoders == names
    assert run(*encoders).scored_with_clip is with_clip

from typing import Any

import pytest

from character_identity.domain.image_quality import ImageQuality, judge_quality

GOOD: dict[str, Any] = {
    "sharpness": 100,
    "brightest": 250,
    "bright": 180,
    "overexposed": 0.0,
    "overexposed_edge": 0.0,
}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"sharpness": 14.9}, ["blurred"]),
        ({"sharpness": 15}, []),
        ({"bright": 63}, ["too_dark"]),
        ({"bright": 64}, []),
        ({"overexposed": 0.4}, ["too_bright"]),
        ({"overexposed": 0.39}, []),
        ({"overexposed": 0.4, "overexposed_edge": 0.95}, []),  # a white backdrop
        ({"sharpness": 1, "bright": 9}, ["blurred", "too_dark"]),
        ({"brightest": 4, "sharpness": 0, "bright": 3}, ["black_image"]),
        ({"brightest": 5, "bright": 64}, []),
    ],
)
def test_an_image_is_judged_by_its_measures(changes: dict[str, Any], codes: list[str]) -> None:
    findings = list(judge_quality(ImageQuality(**GOOD | changes), 2))
    assert [finding.code for finding in findings] == codes
    assert {finding.reference for finding in findings} <= {2}

from typing import Any

import pytest

from character_identity.domain.picture_quality import PictureQuality, judge_quality

GOOD: dict[str, Any] = {"sharpness": 100, "brightest": 250, "bright": 180, "burnt": 0.0, "burnt_edge": 0.0}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"sharpness": 14.9}, ["blurred"]),
        ({"sharpness": 15}, []),
        ({"bright": 63}, ["too_dark"]),
        ({"bright": 64}, []),
        ({"burnt": 0.4}, ["too_bright"]),
        ({"burnt": 0.39}, []),
        ({"burnt": 0.4, "burnt_edge": 0.95}, []),  # a white backdrop
        ({"sharpness": 1, "bright": 9}, ["blurred", "too_dark"]),
        ({"brightest": 4, "sharpness": 0, "bright": 3}, ["black_image"]),
        ({"brightest": 5, "bright": 64}, []),
    ],
)
def test_a_picture_is_judged_by_its_measures(changes: dict[str, Any], codes: list[str]) -> None:
    findings = list(judge_quality(PictureQuality(**GOOD | changes), 2))
    assert [finding.code for finding in findings] == codes
    assert {finding.reference for finding in findings} <= {2}

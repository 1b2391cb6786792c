from pathlib import Path
from typing import get_args

import pytest

from character_identity.domain.finding import CHECKS, Finding, Severity

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_a_finding_says_what_is_wrong_how_bad_it_is_and_what_to_do() -> None:
    finding = Finding.of("image_too_small", "The picture has 10x10 pixels; 256 a side are needed.", 3)
    assert (finding.severity, finding.reference) == ("error", 3)
    assert finding.advice.startswith("Take a larger original")


def test_what_no_check_foresaw_is_an_error_with_advice_all_the_same() -> None:
    finding = Finding.of("something_new", "Something new.")
    assert (finding.severity, finding.reference, bool(finding.advice)) == ("error", None, True)


def test_findings_rank_by_their_severity_and_not_by_its_spelling() -> None:
    assert get_args(Severity) == ("error", "warning")
    findings = [Finding.of(code, "") for code in CHECKS]
    assert [finding.rank for finding in findings] == [
        {"error": 0, "warning": 1}[finding.severity] for finding in findings
    ]


@pytest.mark.parametrize("code", sorted(CHECKS))
def test_every_check_is_documented_with_its_severity(code: str) -> None:
    rows = [line.split(" | ") for line in API_PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row[1] for row in rows if f"`{code}`" in row[0]] == [CHECKS[code].severity]

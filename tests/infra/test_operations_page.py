"""The page that operators read names what the template has, and nothing else."""

import re
from pathlib import Path

import pytest

from tests.infra.template import Template

pytestmark = pytest.mark.processes

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def names_in_table(heading: str) -> list[str]:
    """Return the names in backquotes of the first column of the table with this heading, sorted."""
    _, _, rest = PAGE.partition(f"| {heading} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1]))


def test_the_alarms(template: Template) -> None:
    alarms = template.resources("AWS::CloudWatch::Alarm")
    assert names_in_table("alarm") == sorted(
        re.sub(r"^Alarms|[0-9A-F]{8}$", "", logical_id) for logical_id in alarms
    )


def test_the_parameters(template: Template) -> None:
    parameters = template.document["Parameters"].keys() - {"BootstrapVersion"}  # the CDK's own
    assert names_in_table("parameter") == sorted(parameters)

"""The emulator's table of limitations holds what our stack runs into, and nothing else."""

import pytest

from local.emulator_limitations import ALWAYS, LIMITATIONS, limitations_of
from tests.infra.template import Template

pytestmark = pytest.mark.processes


def test_our_stack_runs_into_every_limitation(local_template: Template) -> None:
    sentences = [limitation.sentence for limitation in LIMITATIONS]
    assert limitations_of(local_template.document) == [*sentences, ALWAYS]

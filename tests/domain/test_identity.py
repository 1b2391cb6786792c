import pytest

from character_identity.domain.identity import training_progress
from tests.support.builders import an_identity


def test_the_trigger_word_is_one_for_captions_and_prompts() -> None:
    assert an_identity(name="Jane Doe", identity_id="0a1b2c3d").trigger_word == "JANE_DOE_0A1B2C"


@pytest.mark.parametrize(("fraction", "progress"), [(-1, 20), (0, 20), (0.5, 55), (1, 90), (7, 90)])
def test_progress_stays_within_the_training_phase(fraction: float, progress: int) -> None:
    assert training_progress(fraction) == progress

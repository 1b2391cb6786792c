import pytest

from character_identity.domain.score import EncoderVersion, Score

CLIP = EncoderVersion("clip-vit-b32", "a6308213", "bicubic-224-crop-224-v1")


def test_a_score_has_the_mean_and_the_best_of_its_references() -> None:
    score = Score.of(CLIP, "0f1e", {"references/i/1.jpg": 0.9, "references/i/0.jpg": 0.6})

    assert (score.mean, score.best) == (0.75, 0.9)
    assert score.per_reference == (("references/i/0.jpg", 0.6), ("references/i/1.jpg", 0.9))
    assert (score.encoder, score.weights_sha256, score.preprocessing) == CLIP
    assert score.image_sha256 == "0f1e"


def test_digits_that_differ_between_processors_are_dropped() -> None:
    one = Score.of(CLIP, "0f1e", {"references/i/0.jpg": 0.81234561})
    other = Score.of(CLIP, "0f1e", {"references/i/0.jpg": 0.81234563})

    assert one == other


@pytest.mark.parametrize(("encoder", "is_clip"), [("clip-vit-b32", True), ("efficientnet-lite0", False)])
def test_only_clip_is_called_clip(encoder: str, is_clip: bool) -> None:
    score = Score.of(EncoderVersion(encoder, "57934424", "v1"), "0f1e", {"references/i/0.jpg": 0.5})

    assert score.is_clip is is_clip

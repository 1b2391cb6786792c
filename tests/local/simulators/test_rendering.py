"""The rendered images: of the character, as the prompt says, signed, always the same."""

import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageStat

from local.simulators.drawing.rendering import Shot, black_frame, render
from local.simulators.drawing.styles import Style, style_of
from local.simulators.drawing.subject import find_head
from tests.support.simulators import portrait, share_of_cloth

CLOSE_UP = "Close-up portrait of Sarah, soft studio lighting, cinematic film still, shallow depth of field"
WIDE = "Wide shot of Sarah standing in urban environment, golden hour, full-body view, 35mm lens"
PROFILE = "Profile view of Sarah, side angle, cinematic film noir style, black and white, high contrast"
DARK = "Sarah in dark warehouse, low-key lighting, dramatic chiaroscuro, Rembrandt lighting"
ACTION = "Sarah running through corridor, motion blur, dynamic pose, wide-angle lens, 24mm"
SCENARIOS = [CLOSE_UP, WIDE, PROFILE, DARK, ACTION]


def shot(prompt: str = CLOSE_UP, seed: int = 7, fidelity: float = 0.9) -> Shot:
    return Shot("fal flux-lora", prompt, 512, 512, seed, fidelity)


def rendered(what: Shot, photographs: list[Image.Image] | None = None) -> Image.Image:
    return Image.open(io.BytesIO(of_portrait(what) if photographs is None else render(what, photographs)))


@cache
def of_portrait(what: Shot) -> bytes:
    """Drawn once, for several tests look at the same."""
    return render(what, [portrait()])


def brightness(image: Image.Image) -> float:
    return float(ImageStat.Stat(image.convert("L")).mean[0])


def difference(one: Image.Image, other: Image.Image) -> float:
    arrays = [np.asarray(image.convert("RGB"), dtype=np.float32) for image in (one, other)]
    return float(np.abs(arrays[0] - arrays[1]).mean())


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        (CLOSE_UP, Style("close", "studio", profile=False, monochrome=False, dark=False, warm=False)),
        (WIDE, Style("wide", "city", profile=False, monochrome=False, dark=False, warm=True)),
        (PROFILE, Style("medium", "blinds", profile=True, monochrome=True, dark=False, warm=False)),
        (DARK, Style("medium", "warehouse", profile=False, monochrome=False, dark=True, warm=False)),
        (ACTION, Style("action", "corridor", profile=False, monochrome=False, dark=False, warm=False)),
        ("ethnicity", Style("medium", "hills", profile=False, monochrome=False, dark=False, warm=False)),
        ("a cup", Style("medium", "hills", profile=False, monochrome=False, dark=False, warm=False)),
    ],
)
def test_words_decide_the_style(prompt: str, style: Style) -> None:
    assert style_of(prompt) == style


@pytest.mark.parametrize("prompt", SCENARIOS)
def test_the_same_shot_gives_the_same_bytes(prompt: str) -> None:
    assert of_portrait(shot(prompt)) == render(shot(prompt), [portrait()])


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"prompt": "Close-up of Sarah"}, {"fidelity": 0.5}, {"provider": "astria"}]
)
def test_another_shot_gives_another_image(change: dict[str, str]) -> None:
    assert of_portrait(shot()) != of_portrait(replace(shot(), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", [prompt for prompt in SCENARIOS if prompt != PROFILE])
def test_the_character_is_in_the_image_when_known(prompt: str) -> None:
    assert share_of_cloth(rendered(shot(prompt))) > 0.02
    assert share_of_cloth(rendered(shot(prompt), [])) < 0.002


def test_another_character_gives_another_image() -> None:
    green = rendered(shot(), [portrait((20, 120, 40))])
    assert share_of_cloth(green) < 0.01
    assert difference(green, rendered(shot())) > 10


def test_a_close_up_shows_more_of_the_character_than_a_wide_shot() -> None:
    assert share_of_cloth(rendered(shot(CLOSE_UP))) > 2 * share_of_cloth(rendered(shot(WIDE)))


def test_noir_has_no_colour() -> None:
    channels = np.asarray(rendered(shot(PROFILE)).convert("RGB"), dtype=np.int16)
    assert np.ptp(channels, axis=2).max() <= 4
    assert np.ptp(np.asarray(rendered(shot(CLOSE_UP)), dtype=np.int16), axis=2).max() > 100


def test_low_key_is_darker_and_golden_hour_warmer() -> None:
    assert brightness(rendered(shot(DARK))) < 0.6 * brightness(rendered(shot("Sarah in warehouse")))
    red, _, blue = ImageStat.Stat(rendered(shot(WIDE), [])).mean
    cool_red, _, cool_blue = ImageStat.Stat(
        rendered(shot("Wide shot of Sarah in urban environment"), [])
    ).mean
    assert red / blue > 1.2 * cool_red / cool_blue


def test_fidelity_keeps_closer_to_the_photograph() -> None:
    def loss(fidelity: float) -> float:
        faithful = [rendered(shot(seed=seed, fidelity=1.0)) for seed in range(4)]
        recalled = [rendered(shot(seed=seed, fidelity=fidelity)) for seed in range(4)]
        return sum(
            abs(share_of_cloth(one) - share_of_cloth(other))
            for one, other in zip(faithful, recalled, strict=True)
        )

    assert loss(0.95) < loss(0.3)


@pytest.mark.parametrize("size", [(1024, 576), (576, 1024), (100, 40), (16, 16), (1, 1)])
def test_any_size_can_be_generated(size: tuple[int, int]) -> None:
    for prompt in SCENARIOS:
        assert rendered(Shot("astria", prompt, *size, seed=1, fidelity=0.9)).size == size


@pytest.mark.parametrize("size", [(64, 64), (1024, 70), (70, 1024)])
def test_any_photograph_can_be_generated_from(size: tuple[int, int]) -> None:
    photograph = Image.effect_noise(size, 80).convert("RGB")
    for prompt in SCENARIOS:
        assert rendered(shot(prompt), [photograph]).size == (512, 512)


def test_every_image_is_signed() -> None:
    for photographs in ([portrait()], []):
        band = rendered(shot(DARK), photographs).convert("L").crop((0, 488, 512, 512))
        lettering = sum(band.histogram()[160:])
        assert lettering > 150
        assert brightness(band) < 60


def test_the_signature_tells_prompts_and_seeds_apart() -> None:
    def band(what: Shot) -> Image.Image:
        return rendered(what).crop((0, 484, 512, 512))

    assert difference(band(shot(seed=7)), band(shot(seed=8))) > 0.1
    assert difference(band(shot()), band(shot("Close-up of someone else"))) > 0.5


def test_a_black_frame_is_black() -> None:
    image = Image.open(io.BytesIO(black_frame((64, 32), "png")))
    assert (image.size, image.getextrema()) == ((64, 32), ((0, 0),) * 3)


def test_the_head_is_found_where_the_skin_is() -> None:
    head = find_head(portrait())
    assert abs(head.x - 160) < 25 and abs(head.y - 140) < 35
    assert 110 < head.height < 220


def test_without_skin_the_head_is_taken_to_be_near_the_upper_middle() -> None:
    head = find_head(Image.new("RGB", (200, 300), (40, 80, 200)))
    assert (head.x, head.y, head.height) == (100, 114, 80)

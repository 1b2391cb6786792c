"""Whatever our API lets through, as hypothesis draws it."""

from functools import partial
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from character_identity.api.schemas import ClassName, CreateGenerationRequest, Name
from character_identity.domain.generation import DIMENSIONS, GenerationRequest
from character_identity.domain.identity import Identity, ProviderName
from character_identity.ports.providers import ReferenceImage
from tests.contracts.fault_injection import signed
from tests.support.builders import an_identity, some_weights

AWKWARD_NAMES = [
    "Sarah",
    "Mary  Ann",
    "O'Brien",
    'Anna "Ann" Lee',
    "A.*+?(x)",
    "[Zoë]^$",
    "\\d{3}",
    "{name}",
    "%s",
    "李小龙",
    "Ærøskøbing",
    "straße",
    "İpek",
    "<lora:1:1>",
    "ohwx woman",
    "a",
    "\N{MATHEMATICAL FRAKTUR CAPITAL S}arah",
]
LETTERS = st.characters(exclude_categories=["Cc", "Cs"])
WORDS = st.text(LETTERS, max_size=40)


def _allowed(kind: TypeAdapter[str], value: str) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _texts(kind: Any, drawn: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the texts that are left once our schema has read them."""
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    return drawn.map(lambda value: _allowed(adapter, value)).filter(lambda value: value is not None).map(str)


NAMES = _texts(Name, st.sampled_from(AWKWARD_NAMES) | st.text(LETTERS, min_size=1, max_size=80))
CLASS_NAMES = _texts(
    ClassName,
    st.sampled_from(["person", "woman", "man", "cat", "2 year old  girl"])
    | st.from_regex(r"[A-Za-z0-9 ]{1,40}", fullmatch=True),
)


@st.composite
def identities(draw: st.DrawFn, provider: ProviderName) -> Identity:
    """A ready identity of a provider."""
    return an_identity(
        provider=provider,
        name=draw(NAMES),
        class_name=draw(CLASS_NAMES),
        weights=some_weights() if provider == "fal-lora" else None,
        provider_model_id=str(draw(st.integers(1, 2**31))) if provider == "astria" else None,
    )


@st.composite
def requests(draw: st.DrawFn, name: str, max_images: int) -> GenerationRequest:
    """Generate requests that the API's own schema takes; the prompt may name the character."""
    called = draw(
        st.sampled_from([name, name.upper(), name.lower(), "<lora:1:1>", "< faceid : 2 : 0.5 >", ""])
    )
    body = {
        "prompt": draw(WORDS) + called + draw(WORDS) + ".",
        "negative_prompt": draw(st.none() | WORDS),
        "aspect_ratio": draw(st.sampled_from(sorted(DIMENSIONS))),
        "guidance_scale": draw(st.none() | st.floats(0, 35)),
        "num_inference_steps": draw(st.none() | st.integers(1, 100)),
        "seed": draw(st.sampled_from([0, 2**32 - 1]) | st.integers(0, 2**32 - 1)),
        "num_images": draw(st.integers(1, max_images)),
    }
    if draw(st.booleans()):
        sides = st.integers(256 // 8, 2048 // 8).map(lambda eighth: eighth * 8)
        body |= {"width": draw(sides), "height": draw(sides)}
    return GenerationRequest(**CreateGenerationRequest.model_validate(body).model_dump(exclude_none=True))


def references(minimum: int = 1, maximum: int = 20) -> st.SearchStrategy[list[ReferenceImage]]:
    """Stored pictures, as the services hand them on."""
    return st.integers(minimum, maximum).map(
        lambda count: [_reference(number) for number in range(1, count + 1)]
    )


def _reference(number: int) -> ReferenceImage:
    name = f"{number:04d}.jpg"
    return ReferenceImage(name, partial(signed, f"references/i1/{name}"), name.encode)
